// The values themselves, for whoever asked to see them: the only place of a comparison that holds any. What a file
// holds without a name, and private keys, are not shown here either: `cat` writes whole files.
import { namedValues } from '../../compare/named-values.ts';
import type { Diff } from './diff.ts';
import type { Side } from './side.ts';
import type { ValueChange, ValuePlace } from './values.ts';

/** What a changed value was and is, as text. */
export interface RevealedValue {
  readonly before?: string;
  readonly after?: string;
}

/** Of one value, and of all. A larger one is data, and cut. */
const MAX_CHARACTERS = 4096;
const MAX_ALL_CHARACTERS = 4 * 2 ** 20;

const keyOf = ({ path, name }: ValuePlace): string => JSON.stringify([path, name]);

/** Reads them again. @returns by change; without those that are not shown */
export async function revealValues({ before, after, files }: Diff): Promise<Map<ValueChange, RevealedValue>> {
  const changes = files.flatMap((file) => file.values?.changes ?? []).filter(({ kind }) => kind === 'value');
  const places = (wanted: readonly ValueChange['change'][]) =>
    changes.filter(({ change }) => wanted.includes(change));
  const room = { left: MAX_ALL_CHARACTERS };
  const earlier = await textsOf(before, places(['changed', 'removed']), room);
  const later = await textsOf(after, places(['changed', 'added', 'moved']), room);
  return new Map(
    changes.map((change) => {
      const [was, is] = [earlier.get(keyOf(change)), later.get(keyOf(change))];
      return [
        change,
        {
          ...(was === undefined || change.change === 'added' ? {} : { before: was }),
          ...(is === undefined || change.change === 'removed' ? {} : { after: is }),
        },
      ];
    }),
  );
}

async function textsOf(
  side: Side,
  places: readonly ValuePlace[],
  room: { left: number },
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  if (places.length === 0) return texts;
  const wanted = new Set(places.map(keyOf));
  const paths = new Set(places.map(({ path }) => path));
  const entries = side.entries.filter(({ path, type }) => type === 'file' && paths.has(path));
  await side.read(new Set(entries), async ({ path }, content) => {
    for (const { name, reveal } of (await namedValues(path, content)).values) {
      const key = keyOf({ path, name });
      if (!wanted.has(key)) continue;
      const text = reveal().toString('utf8');
      const shown = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
      room.left -= shown.length;
      if (room.left >= 0) texts.set(key, shown);
    }
  });
  return texts;
}
