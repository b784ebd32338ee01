// From a recovery key that was just added to its pages: gathers what they say of the vault and writes them.
import { basename } from 'node:path';
import { StrongroomError } from '../../errors.ts';
import { qrGrid } from '../../kit/qr.ts';
import { shareText } from '../../kit/read.ts';
import { type Share, shareLines } from '../../kit/share.ts';
import { type KitPage, kitPage } from '../../pages/kit.ts';
import { documentTime } from '../../vault/names.ts';
import { pinOf, pinText } from '../../vault/pin.ts';
import { type AddedKit, addKit, checkKit } from '../../vault/recovery/add-kit.ts';
import { setNames } from '../../vault/recovery/set-names.ts';
import { RECOVERY_TEXT } from '../../vault/recovery-text.ts';
import type { UnlockedVault } from '../../vault/vault.ts';
import { TOOL } from '../../version.ts';
import type { FlagSpec } from '../command.ts';
import type { Context } from '../context.ts';
import { type NewFile, newFile, syncDirectory } from './new-file.ts';

export const KIT = 'kit';

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
  /** What each page holds. @param identity the new key */
  shares(added: AddedKit): Promise<Share[]>;
  /** Whether the page holds the whole identity. */
  readonly isWhole: boolean;
}

/** Asks before a key is replaced, and refuses what cannot be before any file is made. */
export async function mayMakeKit(
  vault: UnlockedVault,
  context: Context,
  name: string,
  replace: boolean,
): Promise<boolean> {
  checkKit(vault, name, replace);
  if (!replace) return true;
  return await context.terminal.confirm(
    `Replace the key ${name} of the vault ${vault.document.name}? Pages that were printed for it open nothing then.`,
  );
}

/** Adds a recovery key and writes its pages, whose files are made first: nothing is added that could not be written. */
export async function printKit(vault: UnlockedVault, context: Context, printing: Printing): Promise<Printed> {
  const { name, replace, paths, directory, isWhole } = printing;
  const { methods, hostName } = await context.world();
  const sets = await setNames(vault);
  const files: NewFile[] = [];
  let added: AddedKit;
  try {
    for (const path of paths) files.push(await newFile(path));
    const toKey = (recipient: string) => methods.newRecipient(name, recipient);
    added = await addKit(vault, { name, by: hostName, replace, toKey });
  } catch (error) {
    for (const file of files) await file.remove();
    throw error;
  }
  try {
    const shares = await printing.shares(added);
    for (const [i, share] of shares.entries()) {
      await files[i]!.write(kitPage(await pageOf(added, share, sets, isWhole, context.now())));
    }
  } catch (error) {
    for (const file of files) await file.remove();
    throw notWritten(error, name);
  }
  await syncDirectory(directory);
  return { added, paths };
}

/** A key that nobody holds is in the vault. It opens it for nobody, but it stands in the list of keys. */
function notWritten(error: unknown, name: string): unknown {
  if (!(error instanceof StrongroomError)) return error;
  const { code, message, cause } = error;
  return new StrongroomError(code, `${message}; the key ${name} was added, and is now on no page`, {
    object: name,
    hint: `see to that, and run it again with --replace; or \`strongroom keys remove ${name}\``,
    cause,
  });
}

async function pageOf(
  { vault, identity, slot }: AddedKit,
  share: Share,
  sets: readonly string[],
  isWhole: boolean,
  now: Date,
): Promise<KitPage> {
  const { document, store } = vault;
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
      revision: document.revision,
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

/** What to do with the pages, for people. */
export function afterwards(printed: Printed): string {
  const [first] = printed.paths;
  const files = printed.paths.length === 1 ? basename(first ?? '') : 'the files';
  return `Print ${printed.paths.length === 1 ? 'it' : 'them'} on a printer that keeps nothing, prove the paper with \`strongroom recovery test\`, and remove ${files}.`;
}
