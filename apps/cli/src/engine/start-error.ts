export type StartErrorCode =
  | 'home_in_use'
  | 'home_not_writable'
  | 'redis_missing'
  | 'redis_failed'
  | 'redis_unreachable'
  | 'postgres_missing'
  | 'postgres_failed'
  | 'postgres_version'
  | 'postgres_unreachable'
  | 'invalid_setting';

/** Why an engine could not start. The message names the thing and the next action. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
