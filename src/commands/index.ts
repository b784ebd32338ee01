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

export const registry: readonly Group[] = [
  {
    heading: 'Everyday',
    rows: [
      {
        name: 'init',
        summary: 'make a vault and a strongroom.yaml',
        load: async () => (await import('./init.ts')).command,
      },
      {
        name: 'backup',
        summary: 'take a snapshot of paths or of the configured sets',
        load: async () => (await import('./backup.ts')).command,
      },
      {
        name: 'list',
        summary: 'list snapshots',
        load: async () => (await import('./list.ts')).command,
      },
      {
        name: 'show',
        summary: 'show what is in a snapshot',
        load: async () => (await import('./show.ts')).command,
      },
      {
        name: 'cat',
        summary: 'write one file of a snapshot to stdout',
        load: async () => (await import('./cat.ts')).command,
      },
      {
        name: 'restore',
        summary: 'put files back',
        load: async () => (await import('./restore.ts')).command,
      },
    ],
  },
  {
    heading: 'Is it fine?',
    rows: [
      {
        name: 'verify',
        summary: 'check that what is stored is whole and genuine',
        load: async () => (await import('./verify.ts')).command,
      },
      {
        name: 'doctor',
        summary: 'check how the vault and this machine are set up',
        load: async () => (await import('./doctor.ts')).command,
      },
    ],
  },
  {
    heading: 'Upkeep',
    rows: [
      {
        name: 'delete',
        summary: 'remove snapshots',
        load: async () => (await import('./delete.ts')).command,
      },
      {
        name: 'keys',
        summary: 'what opens the vault',
        commands: [
          {
            name: 'list',
            summary: 'list the keys of the vault',
            load: async () => (await import('./keys/list.ts')).command,
          },
          {
            name: 'add',
            summary: 'let one more key open the vault',
            load: async () => (await import('./keys/add.ts')).command,
          },
          {
            name: 'remove',
            summary: 'let keys open the vault no longer',
            load: async () => (await import('./keys/remove.ts')).command,
          },
          {
            name: 'passwd',
            summary: 'change a passphrase',
            load: async () => (await import('./keys/passwd.ts')).command,
          },
          {
            name: 'test',
            summary: 'see whether a key opens the vault today',
            load: async () => (await import('./keys/test.ts')).command,
          },
          {
            name: 'apply',
            summary: 'make the keys those of a keys file',
            load: async () => (await import('./keys/apply.ts')).command,
          },
          {
            name: 'rotate',
            summary: 'give the vault a new key, and re-encrypt its snapshots to it',
            load: async () => (await import('./keys/rotate.ts')).command,
          },
          {
            name: 'exposure',
            summary: 'list what a leaked key could read, to revoke it',
            load: async () => (await import('./keys/exposure.ts')).command,
          },
        ],
      },
      {
        name: 'hosts',
        summary: 'who may write to the vault',
        commands: [
          {
            name: 'list',
            summary: 'list the hosts of the vault',
            load: async () => (await import('./hosts/list.ts')).command,
          },
          {
            name: 'enroll',
            summary: 'let a host write to the vault, or ask for it',
            load: async () => (await import('./hosts/enroll.ts')).command,
          },
          {
            name: 'remove',
            summary: 'take the right to write from a host',
            load: async () => (await import('./hosts/remove.ts')).command,
          },
        ],
      },
      {
        name: 'trust',
        summary: 'pin the vault that this machine trusts',
        load: async () => (await import('./trust.ts')).command,
      },
      {
        name: 'recovery',
        summary: 'a key of the vault on paper',
        commands: [
          {
            name: 'kit',
            summary: 'write a page that opens the vault, to be printed',
            load: async () => (await import('./recovery/kit.ts')).command,
          },
          {
            name: 'split',
            summary: 'write pages of which some together open the vault',
            load: async () => (await import('./recovery/split.ts')).command,
          },
          {
            name: 'join',
            summary: 'get the key back from pages',
            load: async () => (await import('./recovery/join.ts')).command,
          },
          {
            name: 'test',
            summary: 'prove that pages open the vault, and write nothing',
            load: async () => (await import('./recovery/test.ts')).command,
          },
        ],
      },
      {
        name: 'policy',
        summary: 'print the least IAM policy for a role, or the policy of the bucket',
        load: async () => (await import('./policy.ts')).command,
      },
      {
        name: 'config',
        summary: 'check and show the configuration',
        commands: [
          {
            name: 'validate',
            summary: 'check strongroom.yaml',
            load: async () => (await import('./config.ts')).validate,
          },
          {
            name: 'show',
            summary: 'show the settings in force and where each came from',
            load: async () => (await import('./config.ts')).show,
          },
          {
            name: 'schema',
            summary: 'print the JSON Schema of strongroom.yaml',
            load: async () => (await import('./config.ts')).schema,
          },
        ],
      },
      {
        name: 'completion',
        summary: 'print a completion script for a shell',
        load: async () => (await import('./completion.ts')).command,
      },
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
