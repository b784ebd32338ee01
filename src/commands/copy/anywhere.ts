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
  const replicas = await replicasOf(context);
  if (replicas.length === 0) return base;
  const { anywhere } = await import('../../vault/locations/anywhere.ts');
  const stores: Store[] = [];
  for (const { location } of replicas) stores.push(await openPlace(context, location));
  const said = new Set<string>();
  return await anywhere(base, stores, await configuredPin(context), (news) => {
    const [message, object] = wordsOf(news);
    if (said.has(message)) return;
    said.add(message);
    const code = news.code === 'disputed' ? news.error.code : news.code;
    context.warn(code, message, { object, hint: hintOf(news), severity: 'error' });
  });
}

function hintOf(news: PlaceNews): string {
  switch (news.code) {
    case 'fallback':
      return 'everything was verified as at the first place; find out what happened there';
    case 'older-document':
      return 'newer vault documents are gone: find out who removed them, then run `strongroom verify --all-locations`';
    case 'disputed':
      return news.error.hint ?? 'run `strongroom verify --all-locations`';
    default: {
      const { from, to } = news;
      return `find out what happened; \`strongroom copy --location ${to} --to ${from} --recheck\` brings it back from there`;
    }
  }
}

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
  if (news.code === 'disputed')
    return [
      `what ${news.at} shows counts, and a replica shows something else: ${news.error.message}`,
      news.at,
    ];
  if (news.code === 'records-elsewhere') {
    const { count, newest, from, to } = news;
    const what =
      count === 1
        ? `${newest.id} of ${newest.set} is`
        : `${count} snapshots, such as ${newest.id} of ${newest.set}, are`;
    return [
      `${what} damaged or gone at ${from}, and ${count === 1 ? 'was' : 'were'} read from ${to}`,
      newest.object,
    ];
  }
  // Of each snapshot once, however many pieces it has.
  const what = news.object.replace(/\/[^/]*$/, '');
  return [`${what} is damaged or gone at ${news.from}, and was read from ${news.to}`, news.object];
}
