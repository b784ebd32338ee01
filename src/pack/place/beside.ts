// The names that something gets when its own is taken: `NAME.20261120T055812Z.bak`, with `-2` and so on after that.

import { encodeName } from '../names.ts';

/** @returns the time in a form for file names: `20261120T055812Z` */
export function stampOf(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+/g, '');
}

/**
 * @param ending such as `bak`
 * @param isFree says whether a name can be had
 * @returns a name beside `name`, cut where it would have more than the 255 bytes of a file name
 */
export function nameBeside(
  name: string,
  time: Date,
  ending: string,
  isFree: (name: string) => boolean,
): string {
  for (let attempt = 1; ; attempt++) {
    const suffix = `.${stampOf(time)}${attempt === 1 ? '' : `-${attempt}`}.${ending}`;
    const characters = [...name];
    while (encodeName(characters.join('') + suffix).length > 255) characters.pop();
    const beside = characters.join('') + suffix;
    if (isFree(beside)) return beside;
  }
}
