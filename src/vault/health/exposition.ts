// The text exposition format that the node exporter's textfile collector reads, as far as we write it:
// https://prometheus.io/docs/instrumenting/exposition_formats/. By hand: a client library keeps a registry of what a living
// process counts, and this is a few lines. Pure.

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** An empty label is the same as none. */
  readonly labels: Labels;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** A sample as a file has it. */
export interface ReadSample extends Sample {
  /** Of its metric. */
  readonly name: string;
}

/** @param common labels of every sample: what tells this file from others that the same exporter reads */
export function render(metrics: readonly Metric[], common: Labels): string {
  return metrics
    .flatMap(({ name, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} gauge`,
      ...samples.map(({ labels, value }) => `${name}${labelText({ ...labels, ...common })} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== '');
  if (pairs.length === 0) return '';
  return `{${pairs.map(([key, value]) => `${key}="${escaped(value)}"`).join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

const LINE = /^([a-z_]+)(?:\{((?:[a-z]+="[a-z0-9._-]{1,63}",?){1,8})\})? ([0-9.e+]{1,24})$/;
const LABEL = /([a-z]+)="([^"]*)"/g;

/** The samples of a file whose labels are names, as ours are; whatever else is in it is passed over. */
export function readSamples(text: string): ReadSample[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', labels = '', digits = ''] = LINE.exec(line) ?? [];
    const value = Number(digits);
    if (name === '' || !Number.isFinite(value)) return [];
    const pairs = Array.from(labels.matchAll(LABEL), ([, key = '', of = '']) => [key, of] as const);
    return [{ name, labels: Object.fromEntries(pairs), value }];
  });
}
