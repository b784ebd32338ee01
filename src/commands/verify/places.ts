// `verify --all-locations`: the vault's own place and each replica of the configuration.
import { UsageError } from '../../errors.ts';
import type { VerifiedPlace } from '../../vault/locations/verify-places.ts';
import type { Fields, Out, ResultCode } from '../command.ts';
import type { Context } from '../context.ts';
import { openPlace } from '../copy/place.ts';
import { replicasOf } from '../copy/replicas.ts';
import { configuredPin, openUnlocked, sayTrust, vaultContext } from '../open.ts';

/** @throws UsageError `no-replicas`; as `verifyPlaces` */
export async function checkPlaces(
  context: Context,
  flags: { readonly set: string | undefined; readonly readData: boolean; readonly trustNew: boolean },
): Promise<readonly VerifiedPlace[]> {
  const replicas = await replicasOf(context);
  if (replicas.length === 0) {
    throw new UsageError('no-replicas', 'the configuration names no replicas of this vault', {
      hint: 'name them under replicas in strongroom.yaml, or verify a copy with its --location',
    });
  }
  const { verifyPlaces } = await import('../../vault/locations/verify-places.ts');
  const stores = await Promise.all(replicas.map(({ location }) => openPlace(context, location)));
  // What opens it may stand at a replica alone.
  const { set, readData, trustNew } = flags;
  const unlocked = readData ? await openUnlocked(context, { trustNew, anywhere: true }) : undefined;
  const pin = await configuredPin(context);
  const { vault, places } = await verifyPlaces(await vaultContext(context), stores, {
    ...(pin ? { pin } : {}),
    ...(unlocked ? { unlocked } : {}),
    ...(set === undefined ? {} : { set }),
    trustOlder: trustNew,
    onProgress: ({ snapshots, of }) =>
      context.progress.update({ phase: 'verifying', done: snapshots, total: of, unit: 'snapshots' }),
  });
  sayTrust(context, vault);
  return places;
}

export function showPlaces(places: readonly VerifiedPlace[], out: Out): void {
  for (const { location, error, checked, findings, lacks } of places) {
    for (const f of findings) {
      const word = f.severity === 'error' ? out.styled('red', 'error: ') : out.styled('yellow', 'warning: ');
      out.line(word, `${location}: ${f.message}`);
    }
    const faults = findings.filter((f) => f.severity === 'error').length;
    if (error) {
      out.line(`${location}: `, out.styled('red', 'not verified'), `: ${error.message}`);
      continue;
    }
    const state = faults > 0 ? out.count(faults, 'fault') : 'sound';
    const what = `${location}: ${state}, ${out.count(checked?.snapshots.length ?? 0, 'snapshot')}`;
    if (lacks.length > 0)
      out.line(
        `${what}, `,
        out.styled('red', `lacks ${lacks.length}`),
        `, the newest of them ${lacks.at(-1)!.id}: run \`strongroom copy\``,
      );
    else out.note(what);
  }
}

export function placesJson(
  places: readonly VerifiedPlace[],
  line: (messageType: string, fields: Fields) => void,
): Fields {
  for (const { location, error, checked, revision, findings, lacks } of places) {
    for (const f of findings) line('finding', { location, ...f });
    for (const s of lacks) line('missing', { location, id: s.id, set: s.set, host: s.host });
    line('place', {
      location,
      sound: error === undefined && !findings.some((f) => f.severity === 'error'),
      snapshots: checked?.snapshots.length,
      revision: error ? undefined : revision,
      missing: lacks.length,
      code: error?.code,
      message: error?.message,
    });
  }
  const faults = places.flatMap((p) => p.findings).filter((f) => f.severity === 'error');
  return {
    sound: faults.length === 0 && places.every((p) => !p.error),
    places: places.length,
    errors: faults.length,
    missing: places.reduce((sum, p) => sum + p.lacks.length, 0),
    unreachable: places.filter((p) => p.error).length,
  };
}

/** Damage outranks what is only not there yet. */
export function placesCode(places: readonly VerifiedPlace[]): ResultCode {
  const isDamaged = (p: VerifiedPlace) =>
    p.error?.exitCode === 13 || p.findings.some((f) => f.severity === 'error');
  if (places.some(isDamaged)) return 13;
  const isPart = (p: VerifiedPlace) =>
    p.error || p.lacks.length > 0 || p.findings.some((f) => f.code === 'older-document');
  return places.some(isPart) ? 5 : 0;
}
