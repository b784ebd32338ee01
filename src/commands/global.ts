// The flags that every command has. `--dry-run` is not among them: the commands that change things declare it.

import type { Flags } from './command.ts';

export const globalFlags = {
  location: {
    value: 'LOC',
    summary: 'the vault: a directory or s3://…',
    env: 'STRONGROOM_LOCATION',
  },
  config: {
    value: 'FILE',
    summary: 'the config file, else strongroom.yaml here or above; `none`: do without',
    env: 'STRONGROOM_CONFIG',
  },
  env: { value: 'NAME', summary: 'use strongroom.NAME.yaml' },
  json: { summary: 'write JSON Lines' },
  quiet: { short: 'q', summary: 'say nothing on success' },
  verbose: { short: 'v', summary: 'say more' },
  yes: { summary: 'answer every question with yes' },
  help: { short: 'h', summary: 'show this help' },
  version: { short: 'V', summary: 'show the version' },
} as const satisfies Flags;
