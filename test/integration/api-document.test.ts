import { expect, test } from 'vitest';
import { TestProducer } from '../support/producer.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

async function documentOf(producer: TestProducer): Promise<Document> {
  const { status, body } = await producer.get('/openapi.json');
  expect(status).toBe(200);
  return body as Document;
}

test('the document holds no reference to a schema that it lacks, and names every path parameter', async () => {
  await using producer = await TestProducer.start();

  const document = await documentOf(producer);

  expect(document.openapi).toBe('3.1.0');
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(references));
  for (const [path, item] of Object.entries(document.paths)) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters = [] } of Object.values(item)) {
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(names);
    }
  }
});

test('the schemas are those that requests are checked with, under the names that they have over HTTP', async () => {
  await using producer = await TestProducer.start();

  const { components } = await documentOf(producer);

  const text = JSON.stringify(components.schemas['JobSubmission']);
  for (const name of ['delay_ms', 'timeout_ms', 'max_attempts', 'idempotency_key', 'validation_dataset']) {
    expect(text).toContain(`"${name}"`);
  }
  expect(text).not.toMatch(/delayMs|timeoutMs|maxAttempts|idempotencyKey|validationDataset/);
  expect(components.schemas['ChatCompletionRequest']).toMatchObject({ required: ['model', 'messages'] });
});

test('the page that shows it loads nothing from elsewhere', async () => {
  await using producer = await TestProducer.start();

  const page = await producer.get('/docs');
  const files = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
  const answers = await Promise.all(files.map((file) => producer.get(new URL(file, `${producer.url}/docs/`).pathname)));
  const shown = await producer.get('/docs/json');

  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(files.length).toBeGreaterThan(2);
  expect(files.filter((file) => /^(?:https?:)?\/\//.test(file))).toEqual([]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(shown.body).toEqual(await documentOf(producer));
});
