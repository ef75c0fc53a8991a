interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly samples: Sample[];
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;
const VALUE = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  untyped: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/**
 * Reads Prometheus's text format (0.0.4) more strictly than Prometheus does, and throws at the first line that breaks a rule:
 * one HELP and one TYPE a family, its samples together and after them, no label set twice, histograms that add up.
 */
export function parsePrometheusText(text: string): Map<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, MetricFamily>();
  const helped = new Set<string>();
  let current: MetricFamily | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('# HELP ')) {
      const name = line.split(' ')[2] ?? '';
      if (!METRIC_NAME.test(name) || helped.has(name)) throw new Error(`bad or repeated HELP: ${line}`);
      helped.add(name);
    } else if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = '', ...rest] = line.split(' ');
      if (!helped.has(name) || families.has(name) || rest.length > 0 || SUFFIXES[type] === undefined) {
        throw new Error(`bad or repeated TYPE: ${line}`);
      }
      current = { name, type, samples: [] };
      families.set(name, current);
    } else {
      const sample = parseSample(line);
      const family = current;
      if (family === undefined || !SUFFIXES[family.type]?.some((suffix) => sample.name === family.name + suffix)) {
        throw new Error(`a sample outside its family: ${line}`);
      }
      family.samples.push(sample);
    }
  }
  for (const family of families.values()) check(family);
  return families;
}

/** The value of one sample; undefined when there is none. */
export function valueOf(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = identity({ name, labels, value: 0 });
  return families.get(name)?.samples.find((sample) => identity(sample) === wanted)?.value;
}

function parseSample(line: string): Sample {
  const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? [];
  if (name === '' || !VALUE.test(value)) throw new Error(`not a sample: ${line}`);
  const labels = parseLabels(labelText, line);
  return { name, labels, value: value.endsWith('Inf') ? Number(value.replace('Inf', 'Infinity')) : Number(value) };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let read = 0;
  for (const [whole, label = '', quoted = ''] of text.matchAll(LABEL)) {
    if (label in labels) throw new Error(`a label twice: ${line}`);
    labels[label] = quoted.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    read += whole.length;
  }
  if (read !== text.length) throw new Error(`bad labels: ${line}`);
  return labels;
}

function identity({ name, labels }: Sample): string {
  return JSON.stringify([name, Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1))]);
}

function check({ name, type, samples }: MetricFamily): void {
  if (new Set(samples.map(identity)).size !== samples.length) throw new Error(`${name} has a label set twice`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts below 0`);
  if (type === 'histogram') checkHistogram(name, samples);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = Map.groupBy(samples, ({ labels }) =>
    identity({
      name,
      value: 0,
      labels: Object.fromEntries(Object.entries(labels).filter(([label]) => label !== 'le')),
    }),
  );
  for (const parts of series.values()) {
    const buckets = parts.filter((part) => part.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    const total = parts.find((part) => part.name === `${name}_count`)?.value;
    const rising = (numbers: readonly number[]): boolean =>
      numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? 0));
    if (!rising(bounds) || !rising(counts) || bounds.at(-1) !== Infinity || counts.at(-1) !== total) {
      throw new Error(`${name} has buckets that do not add up`);
    }
    if (!parts.some((part) => part.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
  }
}
