import type { BatchEvent, OnBatchEvent } from '@llm-engine/contracts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { troubleLog } from './trouble-log.ts';

/** Makes a log line and metrics of every transition of a batch. What it returns never throws. */
export function observeBatches(metrics: Metrics, logger: Logger): OnBatchEvent {
  const onTrouble = troubleLog(logger);
  // Asked for now, so that the counters are on the page before the first batch.
  void metrics.batches;
  return (event) => {
    try {
      observe(event, metrics, logger, onTrouble);
    } catch (err) {
      // A batch is worth more than its line in the log: what is wrong here must not end it.
      logger.error({ err, event: event.type }, 'an event could not be observed');
    }
  };
}

function observe(
  event: BatchEvent,
  { batches }: Metrics,
  logger: Logger,
  onTrouble: (source: string, error: Error) => void,
): void {
  switch (event.type) {
    case 'validated': {
      const { type: _type, ...fields } = event;
      logger.info(fields, 'batch validated');
      return;
    }
    case 'refused': {
      batches.ended('failed');
      logger.warn({ batchId: event.batchId, errors: event.errors, runMs: event.runMs }, 'batch refused');
      return;
    }
    case 'chunk-started': {
      const { type: _type, ...fields } = event;
      logger.info(fields, 'chunk started');
      return;
    }
    case 'lines-ended': {
      batches.linesEnded(event.model, event.completed, event.failed, event.tokens);
      return;
    }
    case 'chunk-sealed': {
      batches.chunkEnded('sealed');
      const { type: _type, ...fields } = event;
      logger.info(fields, 'chunk sealed');
      return;
    }
    case 'chunk-left': {
      batches.chunkEnded('left');
      const { type: _type, ...fields } = event;
      logger.info(fields, 'chunk left');
      return;
    }
    case 'ended': {
      batches.ended(event.status);
      const { type: _type, ...fields } = event;
      logger.info(fields, 'batch ended');
      return;
    }
    case 'group-ended': {
      batches.groupEnded(event.state);
      const { type: _type, ...fields } = event;
      logger.info(fields, 'group ended');
      return;
    }
    case 'webhook': {
      batches.told(event.outcome);
      const { type: _type, event: what, ...fields } = event;
      logger[event.outcome === 'delivered' ? 'info' : 'warn']({ ...fields, event: what }, `webhook ${event.outcome}`);
      return;
    }
    case 'trouble': {
      onTrouble(event.source, event.error);
      return;
    }
  }
}
