// Reading with the help of the replicas of the configuration, and saying when it was needed.
import type { Store } from '../../store/store.ts';
import type { PlaceNews } from '../../vault/locations/anywhere.ts';
import type { VaultContext } from '../../vault/vault.ts';
import type { Context } from '../context.ts';
import { configuredPin } from '../open.ts';
import { openPlace } from './place.ts';
import { replicasOf } from './replicas.ts';

/** @returns the context as it is where the configuration names no replicas */
export async function readAnywhere(context: Context, base: VaultContext): Promise<VaultContext> {
  const locations = await replicasOf(context);
  if (locations.length === 0) return base;
  const { anywhere } = await import('../../vault/locations/anywhere.ts');
  const stores: Store[] = [];
  for (const location of locations) stores.push(await openPlace(context, location));
  const said = new Set<string>();
  return await anywhere(base, stores, await configuredPin(context), (news) => {
    const [message, object] = wordsOf(news);
    if (said.has(message)) return;
    said.add(message);
    context.warn(news.code, message, { object, hint: HINTS[news.code], severity: 'error' });
  });
}

const HINTS: Readonly<Record<PlaceNews['code'], string>> = {
  fallback: 'everything was verified as at the first place; find out what happened there',
  'older-document':
    'newer vault documents are gone: find out who removed them, then run `strongroom verify --all-locations`',
  'read-elsewhere':
    'run `strongroom verify` to see what is damaged, and `strongroom copy` to bring it back from there',
};

function wordsOf(news: PlaceNews): [message: string, object: string] {
  if (news.code === 'fallback')
    return [`reading from the replica at ${news.to}: ${news.error.message}`, news.from];
  if (news.code === 'older-document') {
    const { at, revision, newest } = news;
    return [
      `the vault at ${at} shows revision ${revision}, but its replica at ${newest.at} has ${newest.revision}`,
      at,
    ];
  }
  // Of each snapshot once, however many pieces it has.
  const what = news.object.replace(/\/[^/]*$/, '');
  return [`${what} is damaged or gone at ${news.from}, and was read from ${news.to}`, news.object];
}
