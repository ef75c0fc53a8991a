import type { StorageSettings } from '@llm-engine/contracts';
import { AppProcess } from './app-process.ts';

interface ProducerProcessOptions {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly storage: StorageSettings;
  /** Default: any free one. */
  readonly port?: number;
}

/** A real producer process. */
export class ProducerProcess extends AppProcess {
  /** Resolves when it listens. */
  static async start({ redisUrl, prefix, storage, port = 0 }: ProducerProcessOptions): Promise<ProducerProcess> {
    const producer = new ProducerProcess('producer', {
      REDIS_URL: redisUrl,
      LLM_ENGINE_PREFIX: prefix,
      DATABASE_URL: storage.databaseUrl,
      STORAGE_URL: storage.storageUrl,
      PRODUCER_PORT: String(port),
    });
    await producer.logged(({ msg }) => msg === 'producer listens');
    return producer;
  }

  /** Where it listens. */
  get url(): string {
    return String(this.log.find(({ msg }) => msg === 'producer listens')?.['url']);
  }
}
