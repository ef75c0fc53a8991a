import { EngineError } from '@llm-engine/contracts';
import type { ModelInfo } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';

const FRESH_MS = 5_000;
/** Models stay known this long after their last worker, so that work can be accepted while no worker is up. */
const KEPT_MS = 24 * 3_600_000;

interface Announcement {
  readonly model: ModelInfo;
  /** Unix milliseconds. */
  readonly at: number;
}

/**
 * The models that an engine runs, kept in Redis: workers announce them, producers route by them.
 * A look-up is answered from memory; only an unknown or stale name costs a round trip.
 */
export class ModelCatalogue {
  readonly #connection: QueueConnection;
  #models: ReadonlyMap<string, ModelInfo> = new Map();
  #readAt = 0;

  constructor(connection: QueueConnection) {
    this.#connection = connection;
  }

  async announce(models: readonly ModelInfo[], now: number = Date.now()): Promise<void> {
    if (models.length === 0) return;
    const fields = models.flatMap((model) => [model.id, JSON.stringify({ model, at: now } satisfies Announcement)]);
    await this.#connection.redis.hset(this.#connection.keys.models, ...fields);
  }

  /** Throws `model_not_found`, naming the models that there are. */
  async require(id: string): Promise<ModelInfo> {
    const known = this.#models.get(id);
    if (known !== undefined && Date.now() - this.#readAt < FRESH_MS) return known;
    const models = await this.#read();
    const model = models.get(id);
    if (model !== undefined) return model;
    throw new EngineError('model_not_found', `The model '${id}' does not exist. ${advice([...models.keys()])}`, {
      param: 'model',
    });
  }

  async list(): Promise<readonly ModelInfo[]> {
    const models = await this.#read();
    return [...models.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #read(): Promise<ReadonlyMap<string, ModelInfo>> {
    const { redis, keys } = this.#connection;
    const announcements = Object.values(await redis.hgetall(keys.models)).map(
      (text) => JSON.parse(text) as Announcement,
    );
    const oldest = Date.now() - KEPT_MS;
    const gone = announcements.filter(({ at }) => at < oldest).map(({ model }) => model.id);
    if (gone.length > 0) await redis.hdel(keys.models, ...gone);
    this.#models = new Map(announcements.filter(({ at }) => at >= oldest).map(({ model }) => [model.id, model]));
    this.#readAt = Date.now();
    return this.#models;
  }
}

const NAMED = 10;

function advice(known: readonly string[]): string {
  if (known.length === 0) return 'No worker has announced a model yet: start one, or look at its log.';
  const more = known.length > NAMED ? `, and ${known.length - NAMED} more (GET /v1/models)` : '';
  return `Known models: ${known.toSorted().slice(0, NAMED).join(', ')}${more}.`;
}
