// Takes up the new key of this machine once the vault lists it; until then the old one stays in use.
import { InterruptedError, StoreError, StrongroomError } from '../../errors.ts';
import { dropNewKey, readNewKey, takeUpNewKey } from '../../host/new-key.ts';
import { isOfPin, type Vault } from '../../vault/vault.ts';
import type { Context } from '../context.ts';

/**
 * As `takeUpListed`, before this machine signs. A backup goes on with the old key whatever is wrong with the new one.
 * @param open the vault; asked for only while a key waits
 */
export async function takeUpBeforeUse(context: Context, open: () => Promise<Vault>): Promise<void> {
  try {
    if (await newKeyWaits(context)) await takeUpListed(context, await open());
  } catch (error) {
    if (!(error instanceof StrongroomError) || error instanceof InterruptedError) throw error;
    // What is wrong with the store says whatever is done next.
    if (error instanceof StoreError) return;
    context.warn(error.code, `the new key of this machine is not in use yet: ${error.message}`, {
      ...(error.object === undefined ? {} : { object: error.object }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** None does for a machine whose key the environment gives. */
async function newKeyWaits(context: Context): Promise<boolean> {
  if (await context.secrets.signingKey()) return false;
  return (await readNewKey((await context.world()).signingKeyPath)) !== undefined;
}

/**
 * Puts the key that waits into use if the vault lists it as this machine, and drops it if it was removed since: it never
 * counts again. Only on the word of a vault that a pin vouches for: anybody can list a key in another, and whoever held an
 * older key in a rotation of his own.
 * @throws as `takeUpNewKey`
 */
export async function takeUpListed(context: Context, vault: Vault): Promise<void> {
  const { hostName, signingKeyPath: path } = await context.world();
  if (!(await isOfPin(vault)) || !(await newKeyWaits(context))) return;
  const key = (await readNewKey(path))?.publicKey;
  const listed = vault.document.hosts.find((host) => host.key === key);
  if (listed?.removed !== undefined) {
    const old = await dropNewKey(path);
    context.notice(
      `${listed.name} was removed from the vault: its key, which waited here, is kept as ${old}`,
    );
  } else if (listed?.name === hostName) {
    const old = await takeUpNewKey(path);
    if (old !== undefined)
      context.notice(
        `the vault lists the new key of ${hostName}, which is in use now: the old one is kept as ${old}`,
      );
  }
}
