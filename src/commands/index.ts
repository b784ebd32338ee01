// The list of commands, in the order of the help. A row is a name, a summary and how to load the rest: running
// one command loads only that command's module.

import type { Args, Command, Flags } from './command.ts';

/** Any command, its own types forgotten. */
export type AnyCommand = Command<Args, Flags, unknown>;

/** A command that can be run. */
export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  load(): Promise<AnyCommand>;
}

/** A word that has commands below it: `keys list`. */
export interface FamilyRow {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandRow[];
}

export type Row = CommandRow | FamilyRow;

export interface Group {
  readonly heading: string;
  readonly rows: readonly Row[];
}

/** @param load a module that is loaded when its command is run */
function row(name: string, summary: string, load: CommandRow['load']): CommandRow {
  return { name, summary, load };
}

export const registry: readonly Group[] = [
  {
    heading: 'Everyday',
    rows: [
      row('init', 'make a vault and a strongroom.yaml', async () => (await import('./init.ts')).command),
      row(
        'backup',
        'take a snapshot of paths or of the configured sets',
        async () => (await import('./backup.ts')).command,
      ),
      row('list', 'list snapshots', async () => (await import('./list.ts')).command),
      row('show', 'show what is in a snapshot', async () => (await import('./show.ts')).command),
      row(
        'cat',
        'write one file or stream of a snapshot to stdout',
        async () => (await import('./cat.ts')).command,
      ),
      row('restore', 'put files back', async () => (await import('./restore.ts')).command),
      row(
        'diff',
        'show what changed between two snapshots, or on disk, by name',
        async () => (await import('./diff.ts')).command,
      ),
    ],
  },
  {
    heading: 'Is it fine?',
    rows: [
      row(
        'verify',
        'check that what is stored is whole and genuine',
        async () => (await import('./verify.ts')).command,
      ),
      row(
        'coverage',
        'check that the next backup would take what the deployment refers to',
        async () => (await import('./coverage.ts')).command,
      ),
      row(
        'health',
        'check that backups are there, recent and whole',
        async () => (await import('./health.ts')).command,
      ),
      row(
        'drill',
        'restore into a scratch directory, and check that everything works',
        async () => (await import('./drill.ts')).command,
      ),
      row(
        'doctor',
        'check how the vault and this machine are set up',
        async () => (await import('./doctor.ts')).command,
      ),
    ],
  },
  {
    heading: 'Upkeep',
    rows: [
      row(
        'prune',
        'remove the snapshots that the retention does not keep',
        async () => (await import('./prune.ts')).command,
      ),
      row(
        'guard',
        'run a command, and put the files back when it fails',
        async () => (await import('./guard.ts')).command,
      ),
      row(
        'copy',
        'mirror the vault to another place, without a key',
        async () => (await import('./copy.ts')).command,
      ),
      row('delete', 'remove snapshots', async () => (await import('./delete.ts')).command),
      row('keep', 'keep snapshots from being deleted', async () => (await import('./keep.ts')).command),
      {
        name: 'keys',
        summary: 'what opens the vault',
        commands: [
          row('list', 'list the keys of the vault', async () => (await import('./keys/list.ts')).command),
          row('add', 'let one more key open the vault', async () => (await import('./keys/add.ts')).command),
          row(
            'remove',
            'let keys open the vault no longer',
            async () => (await import('./keys/remove.ts')).command,
          ),
          row('passwd', 'change a passphrase', async () => (await import('./keys/passwd.ts')).command),
          row(
            'test',
            'see whether a key opens the vault today',
            async () => (await import('./keys/test.ts')).command,
          ),
          row(
            'apply',
            'make the keys those of a keys file',
            async () => (await import('./keys/apply.ts')).command,
          ),
          row(
            'rotate',
            'give the vault a new key, and re-encrypt its snapshots to it',
            async () => (await import('./keys/rotate.ts')).command,
          ),
          row(
            'exposure',
            'list what a leaked key could read, to revoke it',
            async () => (await import('./keys/exposure.ts')).command,
          ),
        ],
      },
      {
        name: 'hosts',
        summary: 'who may write to the vault',
        commands: [
          row('list', 'list the hosts of the vault', async () => (await import('./hosts/list.ts')).command),
          row(
            'enroll',
            'let a host write to the vault, or ask for it',
            async () => (await import('./hosts/enroll.ts')).command,
          ),
          row(
            'remove',
            'take the right to write from a host',
            async () => (await import('./hosts/remove.ts')).command,
          ),
        ],
      },
      row(
        'history',
        'show when a secret changed, and which are due to be rotated',
        async () => (await import('./history.ts')).command,
      ),
      row(
        'trust',
        'pin the vault that this machine trusts',
        async () => (await import('./trust.ts')).command,
      ),
      {
        name: 'recovery',
        summary: 'a key of the vault on paper, and the runbook for a disaster',
        commands: [
          row(
            'kit',
            'write a page that opens the vault, to be printed',
            async () => (await import('./recovery/kit.ts')).command,
          ),
          row(
            'split',
            'write pages of which some together open the vault',
            async () => (await import('./recovery/split.ts')).command,
          ),
          row(
            'join',
            'get the key back from pages',
            async () => (await import('./recovery/join.ts')).command,
          ),
          row(
            'test',
            'prove that pages open the vault, and write nothing',
            async () => (await import('./recovery/test.ts')).command,
          ),
          row(
            'runbook',
            'write the disaster-recovery document of this vault',
            async () => (await import('./recovery/runbook.ts')).command,
          ),
        ],
      },
      {
        name: 'schedule',
        summary: 'have backups run by themselves',
        commands: [
          row(
            'install',
            'have a command run at its times on this machine',
            async () => (await import('./schedule/install.ts')).command,
          ),
          row(
            'show',
            'list what is scheduled on this machine',
            async () => (await import('./schedule/show.ts')).command,
          ),
          row('remove', 'end schedules', async () => (await import('./schedule/remove.ts')).command),
          row(
            'print',
            'print a schedule for a scheduler elsewhere',
            async () => (await import('./schedule/print.ts')).command,
          ),
          row(
            'run',
            'keep the times in the foreground, for a container',
            async () => (await import('./schedule/run.ts')).command,
          ),
        ],
      },
      row(
        'policy',
        'print the least IAM policy for a role, or the policy of the bucket',
        async () => (await import('./policy.ts')).command,
      ),
      {
        name: 'notify',
        summary: 'who is told how backups and checks went',
        commands: [
          row(
            'test',
            'send a test message to each receiver',
            async () => (await import('./notify/test.ts')).command,
          ),
        ],
      },
      {
        name: 'config',
        summary: 'check and show the configuration',
        commands: [
          row('validate', 'check strongroom.yaml', async () => (await import('./config.ts')).validate),
          row(
            'show',
            'show the settings in force and where each came from',
            async () => (await import('./config.ts')).show,
          ),
          row(
            'schema',
            'print the JSON Schema of strongroom.yaml',
            async () => (await import('./config.ts')).schema,
          ),
        ],
      },
      row(
        'completion',
        'print a completion script for a shell',
        async () => (await import('./completion.ts')).command,
      ),
    ],
  },
];

/** Every command with the words that name it: `['keys', 'list']`. */
export function everyCommand(groups: readonly Group[] = registry): { path: string[]; row: CommandRow }[] {
  return groups
    .flatMap((group) => group.rows)
    .flatMap((row) =>
      'commands' in row
        ? row.commands.map((below) => ({ path: [row.name, below.name], row: below }))
        : [{ path: [row.name], row }],
    );
}

/** `dryRun` as `--dry-run` has it. */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
