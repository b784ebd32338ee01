// The command as it was typed, for a hint that can be pasted: what is missing goes behind it.
import { shellWord } from '../../pages/kit.ts';
import type { Context } from '../context.ts';

/** Values and switches by the names of their flags, in the order in which they are shown. */
export type Typed = readonly (readonly [flag: string, value: string | boolean | undefined])[];

/**
 * @param words of the command and its arguments
 * @param flags those that were not given are left out
 */
export async function typedCommand(
  words: readonly string[],
  flags: Typed,
  context: Context,
): Promise<string> {
  const { options } = context;
  const { location, origins } = await context.settings();
  const all: Typed = [
    ...flags,
    ['--yes', options.yes],
    ['--config', options.config],
    ['--location', origins.get('location') === '--location' ? location : undefined],
  ];
  const given = all.flatMap(([flag, value]) =>
    typeof value === 'string' ? [flag, shellWord(value)] : value === true ? [flag] : [],
  );
  return ['strongroom', ...words.map(shellWord), ...given].join(' ');
}
