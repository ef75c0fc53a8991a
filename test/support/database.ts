import { randomUUID } from 'node:crypto';
import { Database } from '@llm-engine/storage';
import { inject } from 'vitest';

/** Has the engine's tables; databases of tests are copies of it. */
const TEMPLATE = 'migrated';

/** The same server, another database. */
function databaseAt(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Makes what the databases of tests are copied from. Once a server. */
export async function createTemplate(serverUrl: string): Promise<void> {
  await using admin = await Database.open({ url: serverUrl });
  await admin.pool.query(`CREATE DATABASE ${TEMPLATE}`);
  await using template = await Database.open({ url: databaseAt(serverUrl, TEMPLATE) });
  await template.check();
}

/** A database of a test's own with the engine's tables, on the shared server; dropped with whoever is connected to it. */
export class TestDatabase implements AsyncDisposable {
  readonly url: string;
  readonly #name: string;
  readonly #admin: Database;

  private constructor(url: string, name: string, admin: Database) {
    this.url = url;
    this.#name = name;
    this.#admin = admin;
  }

  /** `empty`: without the tables, as a first start finds it. */
  static async create({ empty = false } = {}): Promise<TestDatabase> {
    const serverUrl = inject('databaseUrl');
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    const admin = await Database.open({ url: serverUrl, maxConnections: 1 });
    await admin.pool.query(`CREATE DATABASE ${name} ${empty ? '' : `TEMPLATE ${TEMPLATE}`}`);
    return new TestDatabase(databaseAt(serverUrl, name), name, admin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.pool.query(`DROP DATABASE ${this.#name} WITH (FORCE)`);
    await this.#admin[Symbol.asyncDispose]();
  }
}
