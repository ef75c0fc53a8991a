import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { validateBatchFile } from './validate.ts';
import type { ValidatedFile } from './validate.ts';

const CHAT = '/v1/chat/completions';
const BODY = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

function line(
  id: string,
  change: Readonly<Record<string, unknown>> = {},
  body: Readonly<Record<string, unknown>> = {},
) {
  return JSON.stringify({ custom_id: id, method: 'POST', url: CHAT, body: { ...BODY, ...body }, ...change });
}

function validate(content: string | Uint8Array, options: Parameters<typeof validateBatchFile>[1] = {}) {
  return validateBatchFile(Readable.from([Buffer.from(content)]), { endpoint: CHAT, ...options });
}

/** Code and line of each error. */
const faults = ({ errors }: ValidatedFile) => errors.map(({ code, line: number }) => [code, number]);

describe('a file that is right', () => {
  test('is cut into chunks that cover it', async () => {
    const content = `\uFEFF${line('a')}\r\n\n${line('b', {}, { stream: false })}\n${line('ü "c"', {}, { stream: null })}`;

    const file = await validate(content, { limits: { chunkLines: 2 } });

    expect(file).toMatchObject({ errors: [], total: 3, endpoint: CHAT, model: 'm', modelLine: 1 });
    const bytes = Buffer.from(content);
    expect(file.bytes).toBe(bytes.length);
    const texts = file.chunks.map(({ byteOffset, byteLength }) =>
      bytes.toString('utf8', byteOffset, byteOffset + byteLength),
    );
    expect(texts).toEqual([
      `${line('a')}\r\n\n${line('b', {}, { stream: false })}`,
      line('ü "c"', {}, { stream: null }),
    ]);
    expect(file.chunks.map(({ firstLine, lines }) => [firstLine, lines])).toEqual([
      [1, 2],
      [4, 1],
    ]);
  });

  test('names its endpoint itself where none is given', async () => {
    const { errors, endpoint } = await validateBatchFile(Readable.from([Buffer.from(line('a'))]));

    expect({ errors, endpoint }).toEqual({ errors: [], endpoint: CHAT });
  });

  test('tells how far it was read', async () => {
    const seen: number[] = [];

    await validateBatchFile(Readable.from([Buffer.from(line('a')), Buffer.from(`\n${line('b')}`)]), {
      onProgress: (bytes) => seen.push(bytes),
    });

    expect(seen).toEqual([line('a').length, 2 * line('a').length + 1]);
  });
});

describe('a file that is wrong', () => {
  test('has every line named that is', async () => {
    const content = [
      '{"custom_id":',
      line('a'),
      line('b', { url: '/v1/embeddings' }),
      '',
      line('a'),
      line('c', {}, { model: 'another' }),
      line('d', {}, { stream: true }),
      line('e'),
      line('f').slice(0, -20),
    ].join('\n');

    const file = await validate(content);

    expect(faults(file)).toEqual([
      ['invalid_json_line', 1],
      ['invalid_url', 3],
      ['duplicate_custom_id', 5],
      ['mismatched_model', 6],
      ['streaming_unsupported', 7],
      ['invalid_json_line', 9],
    ]);
    expect(file).toMatchObject({ total: 8, chunks: [] });
    expect(file.errors.map(({ param }) => param)).toEqual([
      null,
      'url',
      'custom_id',
      'body.model',
      'body.stream',
      null,
    ]);
    expect(file.errors[2]?.message).toContain('"a" is that of line 2 already');
    expect(file.errors[3]?.message).toContain('is "another", but line 2 asks "m"');
  });

  test.each(['', '\n\n  \n', '\uFEFF'])('and holds no request is empty (%j)', async (content) => {
    expect(faults(await validate(content))).toEqual([['empty_file', null]]);
  });

  test('and has more lines than are taken is read no further', async () => {
    const content = [line('a'), line('b'), line('c'), 'not JSON'].join('\n');

    const file = await validate(content, { limits: { maxLines: 2 } });

    expect(faults(file)).toEqual([['too_many_requests_in_file', 3]]);
    expect(file.errors[0]?.message).toContain('more than 2 requests');
  });

  test('and has a line that is too long, or is not UTF-8, says which', async () => {
    const content = Buffer.concat([
      Buffer.from(`${line('a')}\n${line('b', {}, { user: 'x'.repeat(200) })}\n`),
      Buffer.from([0xff, 0xfe, 0x0a]),
    ]);

    const file = await validate(content, { limits: { maxLineBytes: 200 } });

    expect(faults(file)).toEqual([
      ['line_too_long', 2],
      ['invalid_encoding', 3],
    ]);
  });

  test('a duplicate of a line that is wrong otherwise is told too', async () => {
    const file = await validate([line('a', { method: 'GET' }), line('a')].join('\n'));

    expect(faults(file)).toEqual([
      ['invalid_request', 1],
      ['duplicate_custom_id', 2],
    ]);
  });

  test('lists so many errors, and counts the others', async () => {
    const file = await validate(Array.from({ length: 5 }, () => 'x').join('\n'), { limits: { maxErrors: 2 } });

    expect(faults(file)).toEqual([
      ['invalid_json_line', 1],
      ['invalid_json_line', 2],
      ['invalid_request', null],
    ]);
    expect(file.errors[2]?.message).toContain('3 more errors');
  });

  test.each([
    ['lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['lists that do not end', '['.repeat(100_000)],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['a body', line('a', {}, { extra: 'EXTRA' }).replace('"EXTRA"', `${'['.repeat(50_000)}${']'.repeat(50_000)}`)],
  ])('and nests %s without end has an error on that line', async (_name, nested) => {
    const file = await validate(`${line('z')}\n${nested}`);

    expect(file.errors).toEqual([expect.objectContaining({ line: 2, code: expect.stringMatching(/^invalid_/) })]);
  });

  test('has errors that a database and a terminal take, whatever the file holds', async () => {
    const content = [
      line('a'),
      line('b', {}, { model: 'm\u0000\u001B[31m\ud800' }),
      line('c', { ['long'.repeat(1_000)]: 1 }),
      line('d', { 'nul\u0000': 1 }),
      '"\u0000',
    ].join('\n');

    const { errors } = await validate(content);

    expect(errors).toHaveLength(4);
    for (const { message, param } of errors) {
      for (const text of [message, param ?? '']) {
        expect(text).not.toMatch(/\p{Cc}/u);
        expect(text.isWellFormed()).toBe(true);
        expect(text.length).toBeLessThan(500);
      }
    }
  });
});

describe('the source', () => {
  test('may fail, and its error is the one that comes out', async () => {
    const failing = new PassThrough();
    failing.destroy(new Error('the disk is gone'));

    await expect(validateBatchFile(failing)).rejects.toThrow('the disk is gone');
  });

  test('that hangs is let go of when the signal aborts, with its reason', async () => {
    const hanging = new PassThrough();
    const stop = new AbortController();
    const validating = validateBatchFile(hanging, { signal: stop.signal });

    stop.abort(new Error('enough'));

    await expect(validating).rejects.toThrow('enough');
    expect(hanging.destroyed).toBe(true);
  });

  test('is closed when the file has too many lines', async () => {
    const endless = Readable.from(
      (function* () {
        for (let number = 0; ; number += 1) yield Buffer.from(`${line(`id-${number}`)}\n`);
      })(),
    );

    await validateBatchFile(endless, { limits: { maxLines: 10 } });

    expect(endless.destroyed).toBe(true);
  });
});
