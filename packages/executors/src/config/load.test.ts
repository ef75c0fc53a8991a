import { EngineError } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { defineEngineConfig, loadEngineConfig, parseEngineConfig } from './load.ts';

test('a configuration is read, with durations in milliseconds and sizes in bytes', () => {
  const config = parseEngineConfig(
    `
models:
  llama-3-8b:
    executor: openai
    endpoints: [http://gpu-1:8000/v1, http://gpu-2:8000/v1]
    upstreamModel: meta-llama/Meta-Llama-3-8B-Instruct
    timeout: 1.5m
    connectTimeout: 500ms
    maxResponse: 2MiB
  mock:
    executor: mock
    latency: { kind: uniform, min: 20ms, max: 1s }
servers:
  - url: http://127.0.0.1:11434/v1
    pool: laptop
`,
    'engine.yaml',
  );

  expect(config.models['llama-3-8b']).toMatchObject({
    endpoints: ['http://gpu-1:8000/v1', 'http://gpu-2:8000/v1'],
    timeout: 90_000,
    connectTimeout: 500,
    maxResponse: 2_097_152,
  });
  expect(config.models['mock']).toMatchObject({ latency: { kind: 'uniform', min: 20, max: 1000 } });
  expect(config.servers).toEqual([{ url: 'http://127.0.0.1:11434/v1', pool: 'laptop' }]);
});

test('an empty file is a configuration without models', () => {
  expect(parseEngineConfig('', 'engine.yaml')).toEqual({ models: {}, servers: [], mock: {} });
});

test('all problems are told at once, each with its file, line and path', () => {
  const problems = problemsOf(`model: {}
models:
  a: { executor: opnai }
  b:
    executor: openai
    endpoint: [http://gpu-1/v1]
    endpoints: ['ftp://gpu-1']
    timeout: 30
    zzzzzzzz: 1
  c:
    executor: mock
    latency: { kind: uniform, min: 2x }
    failureRates: { rate_limit: 0.1, timeout: -2 }
    trainable: maybe
  d: 5
  e: {}
servers:
  - {}
  - url: http://gpu-1
    apis: [chatt]
    concurrency: 0
    headers: { 'x-a': 1 }
`);

  expect(problems).toEqual([
    'engine.yaml has 17 problems:',
    "  engine.yaml:1: model: is no option here; did you mean 'models'?",
    "  engine.yaml:3: models.a.executor: must be one of openai, mock; did you mean 'openai'?",
    "  engine.yaml:6: models.b.endpoint: is no option here; did you mean 'endpoints'?",
    '  engine.yaml:7: models.b.endpoints[0]: must begin with http:// or https://',
    '  engine.yaml:8: models.b.timeout: must be a duration with its unit, such as 500ms, 30s, 5m or 1h',
    expect.stringMatching(/^ {2}engine\.yaml:9: models\.b\.zzzzzzzz: is no option here; the options are executor, /),
    '  engine.yaml:12: models.c.latency.min: must be a duration with its unit, such as 500ms, 30s, 5m or 1h',
    '  engine.yaml:12: models.c.latency.max: is missing; it must be a duration with its unit, such as 500ms, 30s, 5m or 1h',
    '  engine.yaml:13: models.c.failureRates.timeout: must be at least 0',
    "  engine.yaml:13: models.c.failureRates.rate_limit: is no option here; did you mean 'rate_limited'?",
    '  engine.yaml:14: models.c.trainable: must be true or false',
    '  engine.yaml:15: models.d: must be a mapping of options',
    '  engine.yaml:16: models.e.executor: is missing; it must be one of openai, mock',
    '  engine.yaml:18: servers[0].url: is missing; it must be a URL such as http://gpu-1:8000/v1',
    "  engine.yaml:20: servers[1].apis[0]: must be one of chat, completions, embeddings; did you mean 'chat'?",
    '  engine.yaml:21: servers[1].concurrency: must be more than 0',
    '  engine.yaml:22: servers[1].headers.x-a: must be a string; put numbers in quotes',
  ]);
});

test.for<[string, string]>([
  ['not a url', 'must be a URL'],
  ['http://user:key@gpu-1', 'name a key by apiKeyEnv'],
  ['http://gpu-1/v1?key=x', 'without ? or #'],
])('the server %s is refused: %s', ([url, why]) => {
  expect(problemsOf(`servers: [{ url: '${url}' }]`).join()).toContain(why);
});

test('failure rates are at most 1 in all', () => {
  const problems = problemsOf('models: { m: { executor: mock, failureRates: { timeout: 0.6, connection: 0.6 } } }');

  expect(problems[1]).toBe('  engine.yaml:1: models.m.failureRates: must be at most 1 in all');
});

test('text that is not YAML is told by its lines', () => {
  expect(problemsOf('a: 1\na: 2\nb: [1')).toEqual([
    'engine.yaml has 2 problems:',
    expect.stringContaining('engine.yaml:2: '),
    expect.stringContaining('engine.yaml:3: '),
  ]);
});

test('a configuration from code is checked like a file', () => {
  const config = defineEngineConfig({ models: { mock: { executor: 'mock' } } });

  expect(config.models).toEqual({ mock: { executor: 'mock' } });
  expect(() => defineEngineConfig({ servers: [{ url: 'nowhere' }] })).toThrow(
    'The model configuration: servers[0].url: must be a URL',
  );
});

test('a file that cannot be read is named', async () => {
  await expect(loadEngineConfig('/nowhere/engine.yaml')).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('/nowhere/engine.yaml'),
  });
});

function problemsOf(text: string): readonly string[] {
  try {
    parseEngineConfig(text, 'engine.yaml');
  } catch (error) {
    if (error instanceof EngineError && error.code === 'invalid_config') return error.message.split('\n');
    throw error;
  }
  return [];
}
