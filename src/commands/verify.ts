// `strongroom verify`: is what is stored what was backed up?
import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { streamOfArtifact } from '../vault/layout.ts';
import type { Snapshot } from '../vault/snapshots.ts';
import { checkDirectory, compareTree } from '../vault/verify/against.ts';
import { verify, verifySnapshot } from '../vault/verify/verify.ts';
import { choiceFlags, chooseOne } from './choose.ts';
import { defineCommand } from './command.ts';
import type { Context } from './context.ts';
import { namingOlder } from './older.ts';
import { openLocked, openUnlocked, trustNew } from './open.ts';
import { checkPlaces, placesCode, placesJson, showPlaces } from './verify/places.ts';

export const command = defineCommand({
  description: [
    'Checks every signature, that no snapshot is missing, and every stored byte against what was signed. Needs no key.',
    'With --read-data it also decrypts every snapshot and checks every entry. With SNAPSHOT it checks that one alone.',
    'With --against it compares one snapshot with a directory, by content; where that is the root of its set in strongroom.yaml, what lies outside the root is looked for in its own place. Streams are not compared.',
  ],
  needs: 'read access; --read-data and --against also one way to open the vault',
  args: {
    snapshot: {
      value: 'SNAPSHOT',
      optional: true,
      summary: 'only this one; with --against the newest unless it is given',
    },
  },
  flags: {
    readData: { summary: 'decrypt too, and check every entry' },
    against: {
      value: 'DIR',
      summary: 'compare a snapshot with a restored or live tree; exit 4 when they differ',
    },
    allLocations: {
      summary: 'also every replica of strongroom.yaml; exit 5 when one lacks snapshots',
    },
    ...choiceFlags,
    trustNew,
  },
  examples: [
    ['verify', 'check the whole vault without a key'],
    ['verify --read-data', 'decrypt everything too'],
    ['verify latest --read-data', 'only the newest: would it come back?'],
    ['verify --all-locations', 'the replicas too'],
    ['verify latest --set app --against /srv/app', 'compare with what is there now'],
  ],
  async run({ args, flags }, context) {
    if (flags.against !== undefined) {
      const directory = resolve(context.cwd, flags.against);
      await checkDirectory(directory);
      const vault = await openUnlocked(context, flags);
      const snapshot = await chooseOne(context, vault, args.snapshot, flags);
      const where = (await isLive(directory, snapshot, context)) ? { outside: '/' } : {};
      const differences = await namingOlder(vault, snapshot, () =>
        compareTree(vault, snapshot, directory, context.paths.state, where),
      );
      return { kind: 'against' as const, snapshot, differences };
    }
    if (args.snapshot === undefined && (flags.host !== undefined || flags.at !== undefined)) {
      throw new UsageError('needs-snapshot', 'without SNAPSHOT verify checks every one of every host', {
        hint: 'leave out --host and --at (--set limits it to one set), or name one, such as latest',
      });
    }
    if (args.snapshot !== undefined && flags.allLocations) {
      throw new UsageError('too-much', '--all-locations checks every snapshot, and SNAPSHOT is one', {
        hint: 'leave out one of the two, or give the place of the replica as --location',
      });
    }
    if (flags.allLocations) return { kind: 'places' as const, places: await checkPlaces(context, flags) };
    const unlocked = flags.readData ? await openUnlocked(context, flags) : undefined;
    const vault = unlocked ?? (await openLocked(context, flags));
    if (args.snapshot !== undefined) {
      const snapshot = await chooseOne(context, vault, args.snapshot, flags);
      return {
        kind: 'vault' as const,
        vault,
        one: snapshot,
        checked: await verifySnapshot(vault, snapshot, unlocked),
      };
    }
    const checked = await verify(vault, {
      ...(unlocked ? { unlocked } : {}),
      ...(flags.set === undefined ? {} : { set: flags.set }),
      onProgress: ({ snapshots, of }) =>
        context.progress.update({ phase: 'verifying', done: snapshots, total: of, unit: 'snapshots' }),
    });
    return { kind: 'vault' as const, vault, one: undefined, checked };
  },
  human(result, out) {
    if (result.kind === 'places') {
      showPlaces(result.places, out);
      return;
    }
    if (result.kind === 'against') {
      for (const { path, how, reason } of result.differences)
        out.line(`${how}: `, path, reason ? ` (${reason})` : '');
      if (result.differences.length === 0)
        out.note(`Everything in ${result.snapshot.id} is there, unchanged.`);
      const streams = streamsOf(result.snapshot);
      if (streams.length > 0)
        out.note(`Not compared: ${out.count(streams.length, 'stream')}, ${streams.join(', ')}.`);
      return;
    }
    const { checked, vault, one } = result;
    for (const f of checked.findings) {
      out.line(
        f.severity === 'error' ? out.styled('red', 'error: ') : out.styled('yellow', 'warning: '),
        f.message,
      );
    }
    const how = checked.readData
      ? 'every entry was decrypted and compared'
      : 'every stored byte was compared';
    const incomplete = checked.snapshots.filter((s) => !s.complete).length;
    const some = incomplete > 0 ? ` (${incomplete} incomplete)` : '';
    const name = one ? `snapshot ${one.id} of ${one.set} by ${one.host}` : `vault ${vault.document.name}`;
    const all = one ? '' : `${out.count(checked.snapshots.length, 'snapshot')}${some}, `;
    const what = `${all}${out.count(checked.objects, 'object')}, ${out.size(checked.bytes)}: ${how}`;
    const faults = checked.findings.filter((f) => f.severity === 'error').length;
    if (faults === 0) out.note(`The ${name} is sound. ${what}.`);
    else out.line(`The ${name} has ${out.count(faults, 'fault')}. ${what}.`);
  },
  json(result, line) {
    if (result.kind === 'places') return placesJson(result.places, line);
    if (result.kind === 'against') {
      for (const d of result.differences) line('difference', { ...d });
      return {
        snapshot: result.snapshot.id,
        set: result.snapshot.set,
        differences: result.differences.length,
        streams_not_compared: streamsOf(result.snapshot).length,
      };
    }
    const { checked } = result;
    for (const f of checked.findings) line('finding', { ...f });
    const errors = checked.findings.filter((f) => f.severity === 'error').length;
    return {
      sound: errors === 0,
      snapshots: checked.snapshots.length,
      bad: [...checked.bad],
      errors,
      warnings: checked.findings.length - errors,
      objects: checked.objects,
      bytes: checked.bytes,
      read_data: checked.readData,
    };
  },
  exitCode(result) {
    if (result.kind === 'places') return placesCode(result.places);
    if (result.kind === 'against') return result.differences.length > 0 ? 4 : 0;
    return result.checked.findings.some((f) => f.severity === 'error') ? 13 : 0;
  },
});

const streamsOf = ({ artifacts }: Snapshot): string[] =>
  artifacts.flatMap(({ name }) => streamOfArtifact(name) ?? []);

/** Whether a directory is where the set of a snapshot belongs, so that what is outside its root is there too. */
async function isLive(directory: string, { set }: Snapshot, context: Context): Promise<boolean> {
  const root = (await context.settings()).config?.sets.get(set)?.root;
  if (root === undefined) return false;
  // A root that is not there is not the directory, which is.
  return (await realpath(root).catch(() => undefined)) === (await realpath(directory));
}
