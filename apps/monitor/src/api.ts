import type { QueueSnapshot, WorkerSeen } from '@llm-engine/queue';

interface List<Item> {
  readonly object: 'list';
  readonly data: readonly Item[];
}

/** The answer of `GET /api/queues`. */
export function queueList(
  queues: readonly QueueSnapshot[],
  workers: readonly WorkerSeen[],
  waitSloSeconds: (queue: string) => number,
): List<unknown> {
  const serving = workers.filter(({ alive, draining }) => alive && !draining);
  return list(
    queues.map(({ queue, counts, paused, oldestWaitingSeconds }) => ({
      object: 'queue',
      name: queue,
      counts,
      paused,
      oldest_waiting_seconds: oldestWaitingSeconds,
      wait_slo_seconds: waitSloSeconds(queue),
      workers: serving.filter((worker) => worker.queues.some((served) => served.queue === queue)).length,
    })),
  );
}

/** The answer of `GET /api/workers`. Times are Unix seconds. */
export function workerList(workers: readonly WorkerSeen[]): List<unknown> {
  return list(
    workers.map((worker) => ({
      object: 'worker',
      id: worker.id,
      host: worker.host,
      pid: worker.pid,
      version: worker.version,
      alive: worker.alive,
      draining: worker.draining,
      pools: worker.pools,
      queues: worker.queues,
      executors: worker.executors.map(({ executor, status, detail, slots, slotsInUse }) => ({
        name: executor,
        status,
        ...(detail !== undefined && { detail }),
        slots,
        slots_in_use: slotsInUse,
      })),
      memory_bytes: worker.memoryBytes,
      event_loop_lag_ms: worker.eventLoopLagMs,
      started_at: Math.floor(worker.startedAt / 1_000),
      last_beat_at: Math.floor(worker.beatAt / 1_000),
    })),
  );
}

function list<Item>(data: readonly Item[]): List<Item> {
  return { object: 'list', data };
}
