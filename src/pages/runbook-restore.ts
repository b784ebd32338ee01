// The steps of a runbook that bring the configuration and the files back, and compare them with the vault.
import type { Runbook, RunbookSet } from '../vault/recovery/runbook.ts';
import { shellWord } from './kit.ts';
import { minuteText } from './numbers.ts';
import { chosen, groupsOf } from './runbook-dumps.ts';
import { type Block, code, commands, firstOf, heading, say, strong, type Words, words } from './sheet.ts';

const MOST = 100;

/** The set that the configuration comes back from: the one whose place it is in, where there is such a one. */
function holderOf({ sets, local: { configFile = '' } }: Runbook) {
  const there = sets.flatMap((set) => {
    const [group] = groupsOf(set);
    return set.local && group ? [{ set, group, root: set.local.root }] : [];
  });
  const found = there.find(({ root }) => configFile.startsWith(`${root}/`)) ?? there[0];
  if (!found || configFile === '') return undefined;
  const { root } = found;
  const path = configFile.startsWith(`${root}/`)
    ? configFile.slice(root.length + 1)
    : `@outside${configFile}`;
  return { ...found, path, configFile };
}

export function configuration(runbook: Runbook): Block[] {
  const holder = holderOf(runbook);
  if (!holder) {
    return [
      words(
        say`No configuration was at hand when this page was written, so it does not know where things belong. ${code('strongroom show latest --set SET')} lists what is in a snapshot; a strongroom.yaml among it says the rest.`,
      ),
    ];
  }
  const { set, group, path, configFile } = holder;
  const at = configFile.lastIndexOf('/');
  const [directory, name] = [configFile.slice(0, at) || '/', configFile.slice(at + 1)];
  return [
    words(
      say`It goes into every snapshot, holds no secret, and says where everything belongs. If it was excluded, take it from your repository.`,
    ),
    commands(
      // The directories above it are for others to pass.
      `mkdir -p -m 700 ${shellWord(directory)} && cd ${shellWord(directory)}`,
      'umask 077',
      `strongroom cat ${chosen(set, group)} ${shellWord(path)} > ${shellWord(`${name}.new`)} && mv ${shellWord(`${name}.new`)} ${shellWord(name)}`,
      `export STRONGROOM_CONFIG=${shellWord(configFile)}`,
    ),
    words(
      say`The places below are those of ${code(configFile)} on ${code(runbook.local.host)}. Where this machine has others, change the file first.`,
    ),
  ];
}

export function restore(runbook: Runbook): Block[] {
  if (runbook.sets.length === 0) return [];
  return [
    words(
      say`Files come back 0600, programs and directories 0700, but for what is said of a set. If the deployment needs the modes and owners that were recorded, add ${code('--as-recorded')}.`,
    ),
    ...runbook.sets.flatMap((set) => restoreSet(set, runbook)),
  ];
}

function restoreSet(set: RunbookSet, runbook: Runbook): Block[] {
  const { name, local } = set;
  const groups = groupsOf(set);
  const title = (more: Words) => heading(4, say`${code(name)}${more}`);
  if (groups.length === 0) {
    return [title([]), words(say`${strong('It has no good snapshot')}, so nothing of it can be restored.`)];
  }
  if (local?.isStreamsOnly) return [title([]), words(say`It consists of dumps alone: see below.`)];
  const isHome = local !== undefined && holderOf(runbook) !== undefined;
  return [
    title(isHome ? say`, to ${code(local.root)}` : []),
    ...(groups.length > 1
      ? [words(say`Several machines write it: restore that of the machine which this one replaces.`)]
      : []),
    commands(
      ...groups.map((group) => {
        // Not below what was restored before: the next backup would take it in.
        const to = isHome ? '--in-place' : `--target ~/restored/${shellWord(name)}`;
        const of = group.newest ? `  # of ${minuteText(new Date(group.newest.time))}` : '';
        return `strongroom restore ${chosen(set, group)} ${to}${of}`;
      }),
    ),
    ...rights(local),
  ];
}

/** Modes and owners that the configuration gives. */
function rights(local: RunbookSet['local']): Block[] {
  const { owner, modes = [] } = local?.restore ?? {};
  const wider = firstOf(modes, MOST).shown.map(
    ({ glob, mode }) => say`${code(glob)} as ${mode.toString(8).padStart(4, '0')}`,
  );
  const parts: Words[] = [
    ...wider,
    ...(owner ? [say`all of it belongs to ${owner.uid}:${owner.gid}, which only root can give`] : []),
  ];
  const joined = parts.flatMap((part, i) => (i === 0 ? part : [', ', ...part]));
  return joined.length === 0 ? [] : [words(['Comes back: ', ...joined, '.'])];
}

export function compare(runbook: Runbook): Block[] {
  if (!holderOf(runbook)) return [];
  const files = runbook.sets.filter(({ local }) => local && !local.isStreamsOnly);
  const lines = files.flatMap((set) => {
    const groups = groupsOf(set);
    const [first] = groups;
    return first
      ? [
          `strongroom diff latest live --set ${shellWord(set.name)} --host ${shellWord(first.host)} --exit-code${groups.length > 1 ? '  # or the host that you restored' : ''}`,
        ]
      : [];
  });
  const tried = runbook.sets.flatMap(({ local }) =>
    (local?.drill.commands ?? []).map(
      ({ run }) =>
        `(cd ${shellWord(local!.root)} && STRONGROOM_DRILL_ROOT="$PWD" ${run.map(shellWord).join(' ')})`,
    ),
  );
  return [
    commands(...lines, 'strongroom coverage  # is everything there that the deployment refers to?'),
    ...(tried.length === 0 ? [] : [words(say`What a drill tries:`), commands(...firstOf(tried, MOST).shown)]),
  ];
}
