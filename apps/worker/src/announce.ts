import type { ExecutorRegistry } from '@llm-engine/executors';
import type { ModelCatalogue } from '@llm-engine/queue';

/** Asks the model servers what they serve, and announces it: producers route by it. */
export async function announceModels(
  executors: Pick<ExecutorRegistry, 'models'>,
  catalogue: Pick<ModelCatalogue, 'announce'>,
  signal: AbortSignal,
): Promise<void> {
  await catalogue.announce(await executors.models(signal));
}
