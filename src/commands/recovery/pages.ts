// From a recovery key to its pages: gathers what they say of the vault, and has them on the disk before the vault is told
// of the key. So nothing is added that could not be written, and no older page is made worthless for it.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StrongroomError, UsageError } from '../../errors.ts';
import { qrGrid } from '../../kit/qr.ts';
import { shareText } from '../../kit/read.ts';
import { type Share, shareLines } from '../../kit/share.ts';
import { type KitPage, kitPage, shellWord } from '../../pages/kit.ts';
import { documentTime } from '../../vault/names.ts';
import { pinOf, pinText } from '../../vault/pin.ts';
import { type AddedKit, addKit, checkKit, type MadeKit } from '../../vault/recovery/add-kit.ts';
import { setNames } from '../../vault/recovery/set-names.ts';
import { RECOVERY_TEXT } from '../../vault/recovery-text.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import { TOOL } from '../../version.ts';
import type { FlagSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { privateDirectory, syncDirectory, writeNewFile } from './new-file.ts';

export const KIT = 'kit';

/** As help says it. */
export const PAGES_PLACE = '~/.local/state/strongroom/kits (root: /var/lib/strongroom/kits)';

/** Flags of both commands that make pages. */
export const kitFlags = {
  name: { value: 'NAME', summary: `name of the key in the vault, else ${KIT}` },
  replace: { summary: 'take the place of the recovery key of that name, which then opens nothing any more' },
} as const satisfies Record<string, FlagSpec>;

export interface Printed {
  readonly added: AddedKit;
  readonly paths: readonly string[];
}

export interface Printing {
  readonly name: string;
  readonly replace: boolean;
  /** Absolute paths of the pages; none is there yet. */
  readonly paths: readonly string[];
  /** Directory that holds them. */
  readonly directory: string;
  /** What each page holds. */
  shares(kit: MadeKit): Promise<Share[]>;
  /** Whether the page holds the whole identity. */
  readonly isWhole: boolean;
}

/**
 * Where pages go unless somebody says: outside of every deployment, since a backup refuses one that holds them, and git
 * does not.
 * @returns an absolute path @throws StrongroomError `file-not-written`
 */
export async function pagesPath(context: Context, output: string | undefined, name: string): Promise<string> {
  if (output !== undefined) return resolve(context.cwd, output);
  const directory = join(context.paths.state, 'kits');
  await privateDirectory(directory);
  return join(directory, name);
}

/**
 * Refuses what cannot be, and asks before a key is replaced. Nothing is written.
 * @throws as `checkKit`; StrongroomError `not-confirmed`; UsageError `no-terminal`
 */
export async function mayMakeKit(
  vault: UnlockedVault,
  context: Context,
  name: string,
  replace: boolean,
): Promise<void> {
  checkKit(vault, name, replace);
  if (!replace) return;
  const question = `Replace the key ${name} of the vault ${vault.document.name}?`;
  if (vault.document.slots.some((slot) => slot.name === name && slot.kit))
    return await agreed(context, `${question} Pages that were printed for it open nothing then.`);
  context.warn('not-a-kit', `the key ${name} was not made by \`strongroom recovery\``, {
    object: name,
    hint: 'it may be the key of a person: give another --name to add a kit beside it',
  });
  await agreed(context, `${question} WHOEVER HOLDS IT OPENS THE VAULT WITH IT NO LONGER.`);
}

async function agreed({ options, terminal }: Context, question: string): Promise<void> {
  if (!options.yes && !terminal.interactive) {
    throw new UsageError('no-terminal', 'there is a question, and no terminal to ask it on', {
      hint: 'answer it with --yes',
    });
  }
  if (await terminal.confirm(question)) return;
  throw new StrongroomError('not-confirmed', 'nothing was changed', { hint: 'answer yes, or add --yes' });
}

/** Makes a recovery key, writes its pages, and adds it to the vault. */
export async function printKit(vault: UnlockedVault, context: Context, printing: Printing): Promise<Printed> {
  const { name, replace, paths, directory, isWhole } = printing;
  const { methods, hostName } = await context.world();
  const sets = await setNames(vault);
  const written: string[] = [];
  const remove = async (): Promise<void> => {
    // The reason why they go is what is said.
    for (const path of written.splice(0)) await rm(path, { force: true }).catch(() => {});
  };
  const added = await addKit(vault, {
    name,
    by: hostName,
    replace,
    toKey: (recipient) => methods.newRecipient(name, recipient),
    async keep(kit) {
      // Those of a try that came too late name an object that is gone.
      await remove();
      for (const [i, share] of (await printing.shares(kit)).entries()) {
        const path = paths[i]!;
        await writeNewFile(path, kitPage(await pageOf(kit, share, sets, isWhole, context.now())));
        written.push(path);
      }
      await syncDirectory(directory);
    },
    async failed(mayOpen) {
      if (!mayOpen) return await remove();
      const all = replace ? 'keep them and the old pages' : 'keep them';
      context.warn('pages-kept', `whether these pages open the vault is not known: ${written.join(', ')}`, {
        object: name,
        severity: 'error',
        hint: `${all} until \`strongroom recovery test\` has told`,
      });
    },
  });
  return { added, paths };
}

async function pageOf(
  { vault, identity, slot }: MadeKit,
  share: Share,
  sets: readonly string[],
  isWhole: boolean,
  now: Date,
): Promise<KitPage> {
  const { document, store } = vault;
  // Of the revision before the key, which is the newest that is sure to be.
  const pin = pinOf(document);
  const lines = shareLines(share);
  const title = `STRONGROOM SHARE ${share.index} OF ${share.count}`;
  const { index, threshold, count, set } = share;
  return {
    vault: {
      name: document.name,
      id: document.vault,
      location: store.location,
      fingerprint: pin.authority,
      pin: pinText(pin),
      keyNumber: document.generation,
      sets,
      key: slot.name,
      object: slot.object,
      postQuantum: pin.recipient.startsWith('age1pq1'),
    },
    share: {
      index,
      threshold,
      count,
      set: setText(set),
      lines,
      // Upper case keeps the code small, so that its squares are large.
      qr: await qrGrid(isWhole ? identity : shareText(lines, title, '/')),
    },
    ...(isWhole ? { identity } : {}),
    printed: `${documentTime(now).slice(0, 16).replace('T', ' ')} UTC`,
    tool: TOOL,
    stockTools: RECOVERY_TEXT,
  };
}

/** Which set of shares, as people compare it. @param set hex */
export function setText(set: string): string {
  return (set.slice(0, 12).match(/.{4}/g) ?? []).join('-');
}

/** What to do with the pages, for people. @param path what holds them all, and has to go */
export function afterwards({ paths }: Printed, path: string): string {
  const [them, they] = paths.length === 1 ? ['it', 'it'] : ['them', 'they'];
  return `Print ${them} on a printer that keeps nothing, prove the paper with \`strongroom recovery test\`, and remove ${them}: ${they} must not stay on this machine, in a backup or in git. \`rm -r ${shellWord(path)}\``;
}
