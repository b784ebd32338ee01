// Lengths of time as they are typed: `36h`, `30d`, `8w`. Knows nothing of dates.

const DAY_MS = 24 * 60 * 60 * 1000;
const UNITS: Readonly<Record<string, number>> = { h: DAY_MS / 24, d: DAY_MS, w: 7 * DAY_MS };

/** How one looks. */
export const SPAN_FORM = 'a whole number and h, d or w, such as 36h, 30d or 8w';

/** `30d` in milliseconds; undefined when it is no length of time. */
export function parseSpan(text: string): number | undefined {
  const form = /^([1-9]\d{0,4})([hdw])$/.exec(text);
  return form ? Number(form[1]) * UNITS[form[2]!]! : undefined;
}

/** `30 days`, or `36 hours` where it is no whole number of days. @param span in milliseconds, of whole hours */
export function spanText(span: number): string {
  const isDays = span % DAY_MS === 0;
  const n = isDays ? span / DAY_MS : Math.round((span / DAY_MS) * 24);
  const unit = isDays ? 'day' : 'hour';
  return `${n} ${unit}${n === 1 ? '' : 's'}`;
}
