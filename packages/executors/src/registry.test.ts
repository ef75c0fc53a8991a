import type { ExecutorHealth, ModelInfo } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { never } from './conformance/subject.ts';
import { MockExecutor } from './mock/mock-executor.ts';
import { ExecutorRegistry } from './registry.ts';

test('a model resolves to its executor after a refresh, and nothing resolves before', async () => {
  const mock = new MockExecutor();
  await using registry = new ExecutorRegistry([mock]);
  const before = registry.resolve('mock');

  await registry.refresh(never());

  expect(before).toBeUndefined();
  expect(registry.resolve('mock')).toMatchObject({ executor: mock, model: { id: 'mock', executor: 'mock' } });
  expect(registry.resolve('nobody')).toBeUndefined();
});

test('of two executors with a model of the same name the first one runs it', async () => {
  const first = new MockExecutor({ name: 'first' });
  const second = new MockExecutor({ name: 'second', models: [{ id: 'mock' }, { id: 'other' }] });
  await using registry = new ExecutorRegistry([first, second]);

  const models = await registry.models(never());

  expect(models.map(({ id, executor }) => [id, executor])).toEqual([
    ['mock', 'first'],
    ['other', 'second'],
  ]);
});

test('an executor that fails keeps the models that it had, and the others are refreshed', async () => {
  const broken = new BreakableExecutor({ name: 'breakable', models: [{ id: 'kept' }] });
  await using registry = new ExecutorRegistry([broken, new MockExecutor()]);
  await registry.refresh(never());
  broken.isBroken = true;

  const models = await registry.models(never());

  expect(models.map(({ id }) => id)).toEqual(['kept', 'mock']);
});

test('an aborted refresh rejects', async () => {
  await using registry = new ExecutorRegistry([new MockExecutor()]);

  await expect(registry.refresh(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});

test('a health check that fails is an executor that fails', async () => {
  const broken = new BreakableExecutor({ name: 'breakable' });
  broken.isBroken = true;
  await using registry = new ExecutorRegistry([new MockExecutor(), broken]);

  const health = await registry.health(never());

  expect(health).toMatchObject([
    { executor: 'mock', status: 'pass' },
    { executor: 'breakable', status: 'fail', detail: expect.stringContaining('broken') },
  ]);
});

class BreakableExecutor extends MockExecutor {
  isBroken = false;

  override async models(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    if (this.isBroken) throw new Error('broken');
    return super.models(signal);
  }

  override async healthCheck(signal: AbortSignal): Promise<ExecutorHealth> {
    if (this.isBroken) throw new Error('broken');
    return super.healthCheck(signal);
  }
}
