import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const PROGRAM = `
  import { MockExecutor } from '@llm-engine/executors';
  const mock = new MockExecutor({ allowCrash: true });
  const body = { model: 'mock', messages: [], mock: { case: 'crash', afterChunks: 1 }, stream: true };
  const request = { jobId: 'job-1', endpoint: '/v1/chat/completions', body, priority: 'standard' };
  await mock.infer(request, {
    signal: new AbortController().signal,
    onChunk: () => process.stdout.write('chunk'),
  });
`;

test('the case crash kills the process on the spot, in the middle of a stream', async () => {
  const child = spawn(process.execPath, ['--conditions=@llm-engine/source', '--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => output.push(part));

  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];

  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
  expect(Buffer.concat(output).toString()).toBe('chunk');
});
