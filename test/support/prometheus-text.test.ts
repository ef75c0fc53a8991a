import { expect, test } from 'vitest';
import { parsePrometheusText, valueOf } from './prometheus-text.ts';

const HEAD = '# HELP jobs_total Jobs.\n# TYPE jobs_total counter\n';
const HISTOGRAM = '# HELP t Time.\n# TYPE t histogram\n';

test('names, labels with escapes, and values are read', () => {
  const families = parsePrometheusText(`${HEAD}jobs_total{queue="a\\"b\\\\c\\nd",kind="x"} 1.5e3\n`);

  expect(families.get('jobs_total')?.type).toBe('counter');
  expect(valueOf(families, 'jobs_total', { kind: 'x', queue: 'a"b\\c\nd' })).toBe(1_500);
});

test.each([
  ['a last line that does not end', `${HEAD}jobs_total 1`],
  ['a HELP twice', `${HEAD}jobs_total 1\n${HEAD}`],
  ['a TYPE without a HELP', '# TYPE jobs_total counter\njobs_total 1\n'],
  ['a type that does not exist', '# HELP a A.\n# TYPE a count\na 1\n'],
  ['a sample of another family', `${HEAD}others_total 1\n`],
  ['a label set twice', `${HEAD}jobs_total{a="1",b="2"} 1\njobs_total{b="2",a="1"} 1\n`],
  ['a label that is not quoted', `${HEAD}jobs_total{a=1} 1\n`],
  ['a value that is none', `${HEAD}jobs_total Nan\n`],
  ['a counter below 0', `${HEAD}jobs_total -1\n`],
  ['buckets that fall', `${HISTOGRAM}t_bucket{le="1"} 2\nt_bucket{le="+Inf"} 1\nt_sum 1\nt_count 1\n`],
  ['buckets without an end', `${HISTOGRAM}t_bucket{le="1"} 1\nt_sum 1\nt_count 1\n`],
  ['a count that is not that of the last bucket', `${HISTOGRAM}t_bucket{le="+Inf"} 1\nt_sum 1\nt_count 2\n`],
])('%s is refused', (_what, text) => {
  expect(() => parsePrometheusText(text)).toThrow(Error);
});
