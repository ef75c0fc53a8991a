import { expect, test } from 'vitest';
import { TestBatches, chatLine, chatLines } from '../support/batches.ts';
import { batchWorker, idsOf, servedBy } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';

const MB = 1024 * 1024;

/** How a batch of this file ends, through a real worker. */
async function endOf(content: string | Uint8Array) {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = servedBy(server);
  await using engine = await TestBatches.start();
  await using _worker = await batchWorker(engine, executors);
  const { id } = await engine.create(bytesOf(content));
  const batch = await engine.ended(id);
  const errors = batch.errors?.data.map(({ code, line }) => [code, line]) ?? [];
  return { batch, errors, output: await engine.lines(batch.output_file_id), requests: server.requests };
}

async function* bytesOf(content: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

function withBody(body: string): string {
  return `{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":${body}}\n`;
}

const GOOD = chatLine('good');
const LONG = chatLine('long', { user: 'x'.repeat(10 * MB) });
const NESTED = withBody(`{"model":"m","messages":[],"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`);

const BAD_FILES: Readonly<
  Record<string, [content: string | Uint8Array, errors: [code: string, line: number | null][]]>
> = {
  'that is empty': ['', [['empty_file', null]]],
  'of blank lines': ['\n \r\n\n', [['empty_file', null]]],
  'with a line that is not UTF-8': [
    Buffer.concat([Buffer.from(GOOD), Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]), Buffer.from(chatLine('b'))]),
    [['invalid_encoding', 2]],
  ],
  'in UTF-16': [
    Buffer.from(`\uFEFF${GOOD}`, 'utf16le'),
    [
      ['invalid_encoding', 1],
      ['invalid_json_line', 2],
    ],
  ],
  'with a line of 10 MB': [GOOD + LONG + chatLine('b'), [['line_too_long', 2]]],
  'with an id twice': [GOOD + chatLine('b') + GOOD, [['duplicate_custom_id', 3]]],
  'for two models': [GOOD + chatLine('b', { model: 'other' }), [['mismatched_model', 2]]],
  'of 50,001 lines': [chatLines(50_001), [['too_many_requests_in_file', 50_001]]],
  'with garbage that is nested deep': [GOOD + NESTED, [['invalid_request', 2]]],
  'whose last line is cut off': [GOOD + chatLine('b').slice(0, -20), [['invalid_json_line', 2]]],
  'with a line that streams': [GOOD + chatLine('b', { stream: true }), [['streaming_unsupported', 2]]],
  'with lines that are no requests': [
    `${GOOD}[]\nnull\n"text"\n7\n`,
    [2, 3, 4, 5].map((line) => ['invalid_request', line]),
  ],
};

test.for(Object.entries(BAD_FILES))(
  'a file %s is refused, at its line, and nothing of it runs',
  async ([, [content, expected]]) => {
    const { batch, errors, requests } = await endOf(content);

    expect(batch).toMatchObject({ status: 'failed', output_file_id: null, error_file_id: null });
    expect(errors).toEqual(expected);
    expect(requests).toEqual([]);
  },
);

test('a byte order mark, Windows line ends, blank lines and a missing last line end are no mistakes', async () => {
  const lines = Array.from({ length: 450 }, (_, index) => chatLine(`line-${index}`).trimEnd());

  const { batch, output, requests } = await endOf(`\uFEFF${lines.join('\r\n\r\n')}`);

  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 450, completed: 450 } });
  expect(idsOf(output)).toEqual(lines.map((_, index) => `line-${index}`));
  expect(requests).toHaveLength(450);
});

test('ids and texts of every kind come back as they were', async () => {
  const ids = ['Ω≈ç√∫', '"quoted"', 'back\\slash', 'tab\there', '🦓', '\u2028', '__proto__', ' '];

  const { batch, output } = await endOf(ids.map((id) => chatLine(id)).join(''));

  expect(batch.request_counts).toEqual({ total: ids.length, completed: ids.length, failed: 0 });
  expect(idsOf(output)).toEqual(ids);
});
