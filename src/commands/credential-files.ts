// Which files on this machine open this vault or write to it, as far as the environment says.
import { resolve } from 'node:path';
import { newKeyPath } from '../host/new-key.ts';
import type { Context } from './context.ts';

/** @returns absolute paths; they need not be there */
export async function credentialFiles(context: Context): Promise<string[]> {
  const { env, cwd } = context;
  const { signingKeyPath } = await context.world();
  const files = [
    env.STRONGROOM_PASSPHRASE_FILE,
    env.STRONGROOM_NEW_PASSPHRASE_FILE,
    env.STRONGROOM_SSH_PASSPHRASE_FILE,
    env.STRONGROOM_SIGNING_KEY_FILE,
    ...(env.STRONGROOM_IDENTITY_FILE ?? '').split(':'),
    signingKeyPath,
    newKeyPath(signingKeyPath),
  ];
  return files.flatMap((file) => (file ? [resolve(cwd, file)] : []));
}
