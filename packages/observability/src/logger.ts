import { hostname } from 'node:os';
import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { pretty } from './pretty.ts';
import { mayNeedRedaction, redact } from './redact.ts';
import { serializeError } from './serialize-error.ts';

export type Logger = PinoLogger;
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** Which process speaks: `producer`, `worker`, `monitor`. */
  readonly service: string;
  readonly version?: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
  /** Lines for a person instead of JSON. Default false. */
  readonly pretty?: boolean;
}

/** A logger of JSON lines with ISO times. Whatever is logged, prompts and keys are not in the line. */
export function createLogger(options: LoggerOptions): Logger {
  const { service, version, level = 'info', destination } = options;
  const settings = {
    level,
    base: { service, ...(version !== undefined && { version }), pid: process.pid, host: hostname() },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: serializeError, error: serializeError },
    // The finished line is the only place that all of a record passes: message, fields, and bindings of child loggers.
    hooks: { streamWrite: (line: string) => rewrite(line, options.pretty ?? false) },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
}

function rewrite(line: string, forPerson: boolean): string {
  if (!forPerson && !mayNeedRedaction(line)) return line;
  const record = redact(JSON.parse(line)) as Record<string, unknown>;
  return forPerson ? pretty(record) : `${JSON.stringify(record)}\n`;
}
