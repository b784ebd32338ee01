// Short times as they are typed: `500ms`, `10s`, `2m`.

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `10s` in milliseconds; undefined when it is no such time. */
export function parseDuration(text: string): number | undefined {
  const form = /^(\d{1,6})(ms|s|m|h)$/.exec(text);
  return form ? Number(form[1]) * UNITS[form[2]!]! : undefined;
}

/** `1.5 s`. @param ms milliseconds */
export function durationText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 100) / 10} s`;
}
