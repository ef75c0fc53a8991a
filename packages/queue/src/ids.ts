import { newId } from '@llm-engine/contracts';

/** A job id that sorts by the time of its submission. */
export function newJobId(now?: number): string {
  return newId('job_', now);
}

const ID = /^job_[0-9a-z]{12}[0-9a-f]{16}(?:-\d{1,4})?$/;

/** Whether text has the form of a job id: anything else is answered "not found" without a look-up. */
export function isJobId(text: string): boolean {
  return ID.test(text);
}

/** The id under which a finished job is tried again. Deterministic, so that retrying twice makes one job. */
export function retryId(id: string): string {
  const [base = id, life = '1'] = id.split('-');
  return `${base}-${Number(life) + 1}`;
}
