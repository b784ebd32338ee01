// `strongroom verify`: is what is stored what was backed up?
import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { checkDirectory, compareTree } from '../vault/verify/against.ts';
import { verify } from '../vault/verify/verify.ts';
import { choiceFlags, chooseOne } from './choose.ts';
import { defineCommand } from './command.ts';
import { openLocked, openUnlocked, trustNew } from './open.ts';
import { checkPlaces, placesCode, placesJson, showPlaces } from './verify/places.ts';

export const command = defineCommand({
  description: [
    'Checks every signature, that no snapshot is missing, and every stored byte against what was signed. Needs no key.',
    'With --read-data it also decrypts every snapshot and checks every entry. With --against it compares one snapshot with a directory, by content.',
  ],
  needs: 'read access; --read-data and --against also one way to open the vault',
  args: {
    snapshot: {
      value: 'SNAPSHOT',
      optional: true,
      summary: 'with --against: which snapshot, else the newest',
    },
  },
  flags: {
    readData: { summary: 'decrypt every snapshot and check every entry' },
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
    ['verify --all-locations', 'the replicas too'],
    ['verify latest --set app --against /srv/app', 'compare with what is there now'],
  ],
  async run({ args, flags }, context) {
    if (flags.against !== undefined) {
      const directory = resolve(context.cwd, flags.against);
      await checkDirectory(directory);
      const vault = await openUnlocked(context, flags);
      const snapshot = await chooseOne(context, vault, args.snapshot, flags);
      const stateDirectory = context.paths.state;
      const differences = await compareTree(vault, snapshot, directory, stateDirectory);
      return { kind: 'against' as const, snapshot, differences };
    }
    if (args.snapshot !== undefined || flags.host !== undefined || flags.at !== undefined) {
      throw new UsageError('needs-against', 'verify checks every snapshot; only --against chooses one', {
        hint: 'leave out SNAPSHOT, --host and --at (--set limits it to one set), or add --against DIR',
      });
    }
    const unlocked = flags.readData ? await openUnlocked(context, flags) : undefined;
    const vault = unlocked ?? (await openLocked(context, flags));
    if (flags.allLocations) {
      const { set } = flags;
      const places = await checkPlaces(context, vault, {
        ...(unlocked ? { unlocked } : {}),
        ...(set === undefined ? {} : { set }),
      });
      return { kind: 'places' as const, places };
    }
    const checked = await verify(vault, {
      ...(unlocked ? { unlocked } : {}),
      ...(flags.set === undefined ? {} : { set: flags.set }),
      onProgress: ({ snapshots, of }) =>
        context.progress.update({ phase: 'verifying', done: snapshots, total: of, unit: 'snapshots' }),
    });
    return { kind: 'vault' as const, vault, checked };
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
      return;
    }
    const { checked, vault } = result;
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
    const what = `${out.count(checked.snapshots.length, 'snapshot')}${some}, ${out.count(checked.objects, 'object')}, ${out.size(checked.bytes)}: ${how}`;
    const faults = checked.findings.filter((f) => f.severity === 'error').length;
    if (faults === 0) out.note(`The vault ${vault.document.name} is sound. ${what}.`);
    else out.line(`The vault ${vault.document.name} has ${out.count(faults, 'fault')}. ${what}.`);
  },
  json(result, line) {
    if (result.kind === 'places') return placesJson(result.places, line);
    if (result.kind === 'against') {
      for (const d of result.differences) line('difference', { ...d });
      return {
        snapshot: result.snapshot.id,
        set: result.snapshot.set,
        differences: result.differences.length,
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
