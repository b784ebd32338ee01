// `key=value`, as --tag takes it.

/** How one looks. */
export const TAG_FORM = 'a name, an equals sign and a value, such as release=yes';

/** @returns undefined when the text is no tag */
export function parseTag(text: string): readonly [key: string, value: string] | undefined {
  const at = text.indexOf('=');
  return at > 0 ? [text.slice(0, at), text.slice(at + 1)] : undefined;
}
