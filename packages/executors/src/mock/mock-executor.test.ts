import { describeTrainingExecutor } from '../conformance/describe-conformance.ts';
import { MockExecutor } from './mock-executor.ts';

describeTrainingExecutor('the mock executor', async () => {
  const executor = new MockExecutor();
  return {
    executor,
    model: 'mock',
    cases: {
      hang: { mock: { case: 'hang' } },
      hangAfterOneChunk: { mock: { case: 'hang', afterChunks: 1 } },
      rateLimited: { mock: { case: 'fail', class: 'rate_limited', retryAfterMs: 2000 } },
      badRequest: { mock: { case: 'fail', class: 'bad_request' } },
      interruptedAfterOneChunk: { mock: { case: 'fail', class: 'stream_interrupted', afterChunks: 1 } },
    },
    arrived: () => Promise.resolve(),
    training: {
      short: { mock_steps: 3, mock_step_ms: 1 },
      failing: { mock_steps: 3, mock_step_ms: 1, mock_fail_at_step: 2 },
      long: { mock_steps: 1000, mock_step_ms: 1000 },
    },
    [Symbol.asyncDispose]: () => executor[Symbol.asyncDispose](),
  };
});
