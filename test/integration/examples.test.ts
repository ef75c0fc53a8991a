import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const DEMO = new URL('../../examples/controller-demo.ts', import.meta.url).pathname;

test('the demo of the controller submits a fine-tune, looks at it, finds the system healthy and waits for the end', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@llm-engine/source', DEMO], {
    env: { PATH: process.env['PATH'] },
  });

  const [submitted, health, ended] = stdout.split('\n');
  expect(submitted).toMatch(/^Job job_\w+: (?:queued|running)$/);
  expect(health).toBe('System health: true');
  expect(ended).toMatch(/^Job job_\w+: succeeded /);
});
