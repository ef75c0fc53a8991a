import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { table } from './table.ts';
import { Terminal } from './terminal.ts';
import { formatDuration, parseDuration } from './time.ts';

class FakeStream extends EventEmitter {
  readonly isTTY: boolean;
  text = '';

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

describe('Terminal', () => {
  test('colours appear on a terminal, and not in a pipe', () => {
    const onTerminal = new Terminal({ stdout: new FakeStream(true), stderr: new FakeStream(true), env: {} });
    const inPipe = new Terminal({ stdout: new FakeStream(false), stderr: new FakeStream(true), env: {} });

    expect(onTerminal.paint.red('x')).not.toBe('x');
    expect(inPipe.paint.red('x')).toBe('x');
    expect(inPipe.paintNote.red('x')).not.toBe('x');
  });

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('%o switches colours off', (env) => {
    const terminal = new Terminal({ stdout: new FakeStream(true), stderr: new FakeStream(true), env });

    expect(terminal.paint.red('x')).toBe('x');
  });

  test('answers and remarks go to different streams', () => {
    const [stdout, stderr] = [new FakeStream(false), new FakeStream(false)];
    const terminal = new Terminal({ stdout, stderr, env: {} });

    terminal.json({ id: 'a' });
    terminal.note('a remark');

    expect(stdout.text).toBe('{"id":"a"}\n');
    expect(stderr.text).toBe('a remark\n');
  });

  test('a status is replaced by the next one, and appears on a terminal only', () => {
    const [shown, piped] = [new FakeStream(true), new FakeStream(false)];

    for (const stderr of [shown, piped]) {
      const terminal = new Terminal({ stdout: new FakeStream(false), stderr, env: {} });
      terminal.status('half');
      terminal.status('');
    }

    expect(shown.text).toBe('\r\u001B[2Khalf\r\u001B[2K');
    expect(piped.text).toBe('');
  });

  test('a remark goes above the status, which stays', () => {
    const stderr = new FakeStream(true);
    const terminal = new Terminal({ stdout: new FakeStream(false), stderr, env: {} });

    terminal.status('half');
    terminal.note('a remark');
    terminal.status('');
    terminal.note('the end');

    expect(stderr.text).toBe('\r\u001B[2Khalf\r\u001B[2Ka remark\nhalf\r\u001B[2Kthe end\n');
  });

  test('an answer of any size waits for its reader', async () => {
    const stdout = new FakeStream(false);
    stdout.write = (text) => {
      stdout.text += text;
      return false;
    };
    const asked: string[] = [];
    async function* answer(): AsyncGenerator<Uint8Array> {
      for (const piece of ['one ', 'two ', 'three']) {
        asked.push(piece);
        yield Buffer.from(piece);
      }
    }
    const terminal = new Terminal({ stdout, stderr: new FakeStream(false), env: {} });

    const pouring = terminal.pour(answer());
    await new Promise(setImmediate);
    const early = [...asked];
    stdout.emit('drain');
    await new Promise(setImmediate);
    stdout.emit('error', new Error('write EPIPE'));
    await pouring;

    expect(early).toEqual(['one ']);
    expect(stdout.text).toBe('one two ');
  });

  test('a reader that goes away ends the writing without an error', () => {
    const stdout = new FakeStream(false);
    const terminal = new Terminal({ stdout, stderr: new FakeStream(false), env: {} });

    stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    terminal.print('more');

    expect(terminal.readerGone.aborted).toBe(true);
    expect(stdout.text).toBe('');
  });
});

describe('table', () => {
  test('columns line up, and colours take no room', () => {
    const lines = table([
      ['ID', 'STATE'],
      ['a', '\u001B[32mrunning\u001B[39m'],
      ['longer', 'x'],
    ]);

    expect(lines).toEqual(['ID      STATE', 'a       \u001B[32mrunning\u001B[39m', 'longer  x']);
  });
});

describe('durations', () => {
  test.each([
    [0, '0 ms'],
    [850.4, '850 ms'],
    [1_240, '1.24 s'],
    [42_000, '42.0 s'],
    [200_000, '3 m 20 s'],
    [7_500_000, '2 h 5 m'],
    [86_400_000, '1 d'],
  ])('%d ms reads as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['5', undefined],
    ['soon', undefined],
  ])('%s is %s ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});
