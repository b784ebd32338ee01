// `strongroom diff`: what changed between two snapshots, or between a snapshot and the files on disk. Names, not values.
import { type Diff, diff } from '../vault/diff/diff.ts';
import { type RevealedValue, revealValues } from '../vault/diff/reveal.ts';
import { liveSide, type Side, snapshotSide } from '../vault/diff/side.ts';
import type { ValueChange } from '../vault/diff/values.ts';
import { readSnapshots } from '../vault/snapshots.ts';
import { chooseFrom } from './choose.ts';
import { defineCommand } from './command.ts';
import { diffLines, diffSummary } from './diff/json.ts';
import { LIVE, liveSources, selectorsOf, setMeant } from './diff/sides.ts';
import { showDiff } from './diff/text.ts';
import { openUnlocked, pastFlag, trustNew } from './open.ts';

export interface DiffResult {
  readonly diff: Diff;
  /** By change; undefined unless they were asked for. */
  readonly revealed: ReadonlyMap<ValueChange, RevealedValue> | undefined;
  readonly exitCode: boolean;
}

/** Whether the two sides differ. That a dump is another one says nothing: most hold the time when they were made. */
export function differs({ files, streams }: Diff): boolean {
  return (
    files.some(({ change }) => change !== 'unknown') || streams.some(({ change }) => change !== 'changed')
  );
}

export const command = defineCommand({
  description: [
    'Compares two snapshots, or a snapshot with the files on disk, which are called live: `latest live` unless other ones are named. Of env files, JSON, YAML (Kubernetes Secrets decoded), TOML, INI and PEM it says which names were added, removed, changed or moved, and where the same secret is under another name; of certificates subject and expiry, and whether the private key still fits; of any other file that it changed. Databases and other streams are compared between snapshots, as a whole, and never with live: only a dump could tell.',
    'No value is shown, unless --show-values asks for it. On disk, content and type count; between snapshots modes and owners do, too. A secret is known again under another name when it looks like one and has 6 bytes or more, among the files that differ.',
  ],
  needs: 'read access and one way to open the vault',
  args: {
    before: {
      value: 'BEFORE',
      optional: true,
      summary: 'a snapshot: id, unique beginning of one, latest, latest~2 or @label; or live',
    },
    after: { value: 'AFTER', optional: true, summary: 'another one, or live, the files on disk now' },
    paths: {
      value: 'PATH',
      repeat: true,
      optional: true,
      summary: 'only these paths or globs, relative to the root of the set',
    },
  },
  flags: {
    set: { value: 'SET', summary: 'the set' },
    host: { value: 'HOST', summary: 'the host that made the snapshots' },
    exitCode: { summary: 'end with code 4 when there are differences' },
    showValues: { summary: 'show the values that changed: whoever sees the output can use them' },
    ...pastFlag,
    trustNew,
  },
  examples: [
    ['diff', 'what changed on disk since the newest snapshot'],
    ['diff latest~1 latest --set app', 'what the newest snapshot brought'],
    ['diff @before-deploy live config', 'what a deploy changed below config'],
  ],
  async run({ args, flags }, context): Promise<DiffResult> {
    const selectors = selectorsOf(args.before, args.after);
    const set = await setMeant(selectors, flags.set, context);
    const vault = await openUnlocked(context, { ...flags, anywhere: true });
    const read = await readSnapshots(vault, set === undefined ? {} : { set });
    const sides: Side[] = [];
    const choice = { set, host: flags.host, at: undefined };
    const snapshots = await Promise.all(
      selectors.map((s) => (s === LIVE ? undefined : chooseFrom(context, vault, read, s, choice))),
    );
    for (const [i, snapshot] of snapshots.entries()) {
      if (snapshot) {
        sides.push(await snapshotSide(vault, snapshot));
        continue;
      }
      const other = snapshots[1 - i]!;
      sides.push(
        await liveSide(await liveSources(vault, other, context), context.now(), {
          signal: context.signal,
          env: context.env,
          onProgress: ({ bytes }) =>
            context.progress.update({ phase: 'reading', done: bytes, unit: 'bytes' }),
        }),
      );
    }
    const [before, after] = sides as [Side, Side];
    const found = await diff(before, after, { paths: args.paths });
    for (const { path, change, reason = '' } of found.files) {
      if (change === 'unknown')
        context.warn('not-compared', `${path} was not compared: ${reason}`, { object: path });
    }
    if (flags.showValues) {
      // However quiet: it is on a screen, and may be in a log.
      context.warn('values-shown', 'secret values are in the output: whoever sees it can use them', {
        hint: 'leave out --show-values to see names only',
        severity: 'error',
      });
    }
    const revealed = flags.showValues ? await revealValues(found) : undefined;
    return { diff: found, revealed, exitCode: flags.exitCode };
  },
  human: showDiff,
  json(result, line) {
    for (const { type, fields } of diffLines(result)) line(type, fields);
    return diffSummary(result);
  },
  exitCode({ diff: found, exitCode }) {
    if (found.files.some(({ change }) => change === 'unknown')) return 3;
    return exitCode && differs(found) ? 4 : 0;
  },
});
