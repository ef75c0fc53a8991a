import { describe, expect, test } from 'vitest';
import { parseRequestLine, requestId, resultId, resultLine } from './request-line.ts';

const LINE = { id: resultId('batch_abc', 4, 17), customId: 'q "1" ü\u0000' };

describe('parseRequestLine', () => {
  test('gives what the run needs', () => {
    const bytes = Buffer.from(
      '{"custom_id":"ä","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"x"}}',
    );

    expect(parseRequestLine(bytes)).toEqual({ customId: 'ä', body: { model: 'm', input: 'x' } });
  });

  test.each(['', '{"custom_id":', 'null', '[]', '{"custom_id":1,"body":{"model":"m"}}', '{"custom_id":"a","body":[]}'])(
    '%s was never found valid, so the file was changed',
    (text) => {
      expect(() => parseRequestLine(Buffer.from(text))).toThrow(
        expect.objectContaining({ code: 'object_missing', message: expect.stringContaining('changed') }),
      );
    },
  );
});

describe('resultLine', () => {
  test('an answer is written as its object', () => {
    const text = resultLine(LINE, {
      kind: 'answered',
      status: 200,
      requestId: 'req_1',
      body: { choices: ['line\nend'] },
    });

    expect(text.indexOf('\n')).toBe(text.length - 1);
    expect(JSON.parse(text)).toEqual({
      id: 'batch_req_abc_4_17',
      custom_id: LINE.customId,
      response: { status_code: 200, request_id: 'req_1', body: { choices: ['line\nend'] } },
      error: null,
    });
  });

  test('a request that was refused keeps status and body, and has no error of the batch', () => {
    const body = { error: { message: 'No.', type: 'invalid_request_error', param: null, code: null } };

    const text = resultLine(LINE, { kind: 'answered', status: 400, requestId: 'req_1', body });

    expect(JSON.parse(text)).toMatchObject({ response: { status_code: 400, body }, error: null });
  });

  test.each(['batch_expired', 'batch_cancelled'])('a line without an answer says why: %s', (code) => {
    const text = resultLine(LINE, { kind: 'unanswered', error: { code, message: 'It never ran.' } });

    expect(JSON.parse(text)).toEqual({
      id: 'batch_req_abc_4_17',
      custom_id: LINE.customId,
      response: null,
      error: { code, message: 'It never ran.' },
    });
  });
});

test('the ids of a line are the same in each run of it', () => {
  expect(requestId(resultId('batch_abc', 0, 1))).toBe('req_abc_0_1');
});
