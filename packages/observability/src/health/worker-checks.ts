import type { HealthCheck, WorkerStatus } from '@llm-engine/contracts';
import { judge, withOutput } from './check.ts';
import type { Checks, Observation } from './check.ts';

/** A worker's last heartbeat, and whether it is recent enough to believe in. */
export type SeenWorker = WorkerStatus & { readonly alive: boolean };

/** How many jobs wait in a queue. */
export interface Waiting {
  readonly queue: string;
  readonly waiting: number;
}

/** Workers by their heartbeats, and whether every queue in which jobs wait has one. */
export function workerChecks(workers: readonly SeenWorker[], queues: readonly Waiting[], now: Date): Checks {
  const dated = (observation: Observation): HealthCheck => ({
    componentType: 'component',
    ...observation,
    time: now.toISOString(),
  });
  const serving = workers.filter(({ alive, draining }) => alive && !draining);
  return {
    'workers:running': [dated(runningCheck(serving.length))],
    'workers:heartbeat': workers.map((worker) => dated(heartbeatCheck(worker, now))),
    'queues:workers': queues.map((queue) => dated(queueCheck(queue, serving))),
  };
}

/** The check that stands in for all others about workers and queues when Redis would not tell of them. */
export function readingFailed(reason: string, now: Date): Checks {
  const output = `Queues and workers could not be read: ${reason} Look at the log of the monitor.`;
  return { 'queues:reading': [{ componentType: 'component', status: 'fail', output, time: now.toISOString() }] };
}

function runningCheck(running: number): Observation {
  return withOutput(
    { observedValue: running, observedUnit: 'workers', status: judge({ warn: running === 0 }) },
    'No worker runs, so that new jobs would only wait. Start one.',
  );
}

function heartbeatCheck({ id, host, alive, beatAt }: SeenWorker, now: Date): Observation {
  const seconds = Math.max(0, Math.round((now.getTime() - beatAt) / 1_000));
  return withOutput(
    { componentId: id, observedValue: seconds, observedUnit: 's', status: judge({ warn: !alive }) },
    `The worker ${id} on ${host} has not been heard of for ${seconds} s, and did not say that it stops. ` +
      'Others take its jobs. See whether its process was killed (out of memory?) or cannot reach Redis.',
  );
}

function queueCheck({ queue, waiting }: Waiting, serving: readonly SeenWorker[]): Observation {
  const workers = serving.filter(({ queues }) => queues.some((served) => served.queue === queue)).length;
  return withOutput(
    {
      componentId: queue,
      observedValue: workers,
      observedUnit: 'workers',
      status: judge({ fail: workers === 0 && waiting > 0 }),
    },
    `${waiting} ${waiting === 1 ? 'job waits' : 'jobs wait'} in ${queue}, which no worker serves. Start a worker for it.`,
  );
}
