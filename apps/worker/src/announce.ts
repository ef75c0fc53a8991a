import type { ExecutorRegistry } from '@llm-engine/executors';
import { ModelCatalogue } from '@llm-engine/queue';
import type { QueueConnection } from '@llm-engine/queue';

/** Asks the model servers what they serve, and announces it: producers route by it. */
export async function announceModels(
  connection: QueueConnection,
  executors: Pick<ExecutorRegistry, 'refresh' | 'models'>,
  signal: AbortSignal,
): Promise<void> {
  await executors.refresh(signal);
  const models = await executors.models(signal);
  if (connection.ready) await new ModelCatalogue(connection).announce(models);
}
