// The last steps of a runbook: what only a person can see, and how the machine becomes one that backs up again.
import type { Runbook } from '../vault/recovery/runbook.ts';
import { type Block, code, commands, firstOf, listed, say, words } from './sheet.ts';

const MOST = 100;

export function manual({ local, sets }: Runbook): Block[] {
  const all = [...local.manual, ...sets.flatMap((set) => set.local?.drill.manual ?? [])];
  const items = all.length > 0 ? all : ['The application answers', 'Somebody can log in'];
  return [{ kind: 'ticks', items: firstOf(items, MOST).shown.map((task) => [task]) }];
}

export function afterwards({ hosts, keys, local, sets }: Runbook): Block[] {
  const names = firstOf(hosts, MOST).shown.map(({ name }) => code(name));
  // The page is written on the machine that it is about.
  const lost = hosts.find(({ name }) => name === local.host) ?? (hosts.length === 1 ? hosts[0] : undefined);
  // Else nobody may prune once the lost one is removed.
  const may = lost?.may.includes('maintain') ? ` --may ${lost.may.join(',')}` : '';
  const isIn = (method: string) => keys.some((key) => key.method === method);
  const rpos = sets.flatMap(({ local: set }) => set?.objectives.rpo ?? local.objectives.rpo ?? []);
  const [place] = local.places;
  return [
    words(
      say`This machine has to be a host of the vault before it can back up. It gets a signing key of its own, and needs a name that no host has (now ${listed(names)}; ${code('export STRONGROOM_HOST=NAME')} gives it one), or the old host of its name removed first.`,
    ),
    ...(place
      ? [
          words(
            say`If ${code(place.location)} is gone, make a new place first: ${code('strongroom copy --to PLACE')}, then PLACE as ${code('location')} into strongroom.yaml.`,
          ),
        ]
      : []),
    commands(
      // A schedule would keep the variable, and go by it when the configuration says otherwise.
      ...(local.isLocated ? ['unset STRONGROOM_LOCATION  # strongroom.yaml says it'] : []),
      `strongroom hosts enroll${may}  # asks whether you mean it`,
      ...(local.places.length > 1 ? ['strongroom copy  # so that the other places know the new host'] : []),
      'strongroom backup',
      'strongroom health',
    ),
    {
      kind: 'ticks',
      items: [
        say`Backups run by themselves: ${code(`strongroom schedule install --every ${everyText(rpos)}`)}.`,
        say`The machine that is lost is no host any more: ${code(`strongroom hosts remove ${lost?.name ?? 'HOST'}`)}. If somebody else may have it, add ${code("--since 'TIME'")}: what it sent later then counts no more.`,
        say`What was on it is changed at its source, if somebody else may have read it: ${code(`strongroom keys exposure --host ${lost?.name ?? 'HOST'}`)} lists it.`,
        say`A key that leaked opens nothing new: ${code(`strongroom keys rotate --compromised --without KEY`)}.`,
        ...(isIn('age')
          ? [
              say`The file with the key is gone from this machine: ${code('rm "$key_file"')}, in the same shell.`,
            ]
          : []),
        ...(isIn('ssh') ? [say`An SSH key that was brought here is gone from it.`] : []),
        say`A drill passes, on another machine: ${code('strongroom drill')}.`,
        say`This page is written anew, and the old one destroyed.`,
      ],
    },
  ];
}

/** Twice as often as the least that may be lost. */
function everyText(rpos: readonly number[]): string {
  const minutes = Math.min(24 * 60, ...rpos.map((rpo) => rpo / 2 / 60_000));
  if (minutes >= 24 * 60) return 'daily';
  return minutes >= 60 ? `${Math.floor(minutes / 60)}h` : `${Math.max(5, Math.floor(minutes))}m`;
}
