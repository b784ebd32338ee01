// `strongroom hosts enroll`: lists a host in the vault where that can be opened; elsewhere it prints the line with which
// whoever keeps the vault does so.
import { StoreError, StrongroomError, UnlockError } from '../../errors.ts';
import { checkEnrollment, enrollHost } from '../../vault/hosts/enroll.ts';
import { type Applicant, approveCommand } from '../../vault/hosts/line.ts';
import { keyFingerprint, requireProven, type UnlockedVault, type Vault } from '../../vault/vault.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { namedKmsKeys } from '../kms-keys.ts';
import { openLocked, openUnlocked, warnFindings } from '../open.ts';
import { type KeptKey, whoAsks } from './applicant.ts';
import { takeUpListed } from './take-up.ts';

export const command = defineCommand({
  description: [
    'On a host that is not listed yet: makes its signing key, and lists it at once where the vault can be opened. Elsewhere it prints one line for whoever keeps the vault, who adds the host with --approve after comparing the fingerprint.',
    'A host may write the sets of the configuration here unless --sets says otherwise, and nothing but write unless --may does. Neither is changed later: the host is removed, and enrolled again with --new-key. That makes a key which waits beside the old one until the vault lists it under the name of this machine; the next backup then takes it up.',
    'For CI, --key-file makes a key for the store of secrets there, to be given in STRONGROOM_SIGNING_KEY beside STRONGROOM_HOST. An SSH host key serves too, through STRONGROOM_SIGNING_KEY_FILE.',
  ],
  needs:
    'to list a host: read, create and delete access and one way to open the vault; nothing to ask for it',
  args: {
    name: {
      value: 'NAME',
      optional: true,
      summary: 'name of the host, else STRONGROOM_HOST or that of this machine',
    },
  },
  flags: {
    sets: { value: 'GLOB', repeat: true, summary: 'sets that it may write, such as app or "web-*"' },
    may: {
      value: 'WHAT',
      summary: 'write, maintain, or both with a comma',
      offers: ['write', 'maintain', 'write,maintain'],
      parse: (text: string) => text.split(',').map((word) => word.trim()),
    },
    approve: { value: 'LINE', summary: 'add the host whose line this is' },
    keyFile: { value: 'FILE', summary: 'make a key for another machine, in this new file' },
    newKey: { summary: 'make a new key for this machine, which takes over once the vault lists it' },
    dryRun: { summary: 'check it, and change nothing' },
  },
  examples: [
    ['hosts enroll', 'enroll this machine for the sets of strongroom.yaml'],
    [
      "hosts enroll --approve 'web-2 ssh-ed25519 AAAA… sets=app may=write'",
      'what whoever keeps the vault types',
    ],
    ['hosts enroll ci --key-file ci.key --sets app', 'a key for CI'],
  ],
  async run({ args, flags }, context) {
    const { applicant, from, isNewKey, keep, takeUp } = await whoAsks(args.name, flags, context);
    const isApproval = from === 'line';
    const locked = await lookAt(context);
    if (locked && flags.newKey && !flags.dryRun) await takeUpListed(context, locked);
    if (locked) checkEnrollment(locked.document, applicant);
    const known = {
      applicant,
      from,
      isNewKey,
      kept: {} as KeptKey,
      hostName: (await context.world()).hostName,
    };
    if (flags.dryRun) return { ...known, state: 'planned' as const };
    const vault = isApproval ? await openUnlocked(context) : await openHere(context, locked);
    if (!vault) {
      const kept = await keep();
      context.notice(
        `${applicant.name} is not a host of the vault yet: send this line to whoever keeps it, and read out the fingerprint ${keyFingerprint(applicant.key)} to them another way`,
      );
      return { ...known, kept, state: 'asked' as const };
    }
    // Before a key is made for nothing.
    requireProven(vault);
    if (!(await context.terminal.confirm(questionFor(vault, applicant, isApproval)))) {
      throw new StrongroomError('not-confirmed', `${applicant.name} was not enrolled`, {
        hint: 'answer yes, or add --yes',
      });
    }
    // Before it is listed: a host that is listed and has lost its key can only be removed.
    const kept = await keep();
    const { findings } = await enrollHost(vault, applicant);
    warnFindings(context, findings);
    // After it: the old key may be the only one that is listed until then.
    return { ...known, kept: takeUp ? await takeUp() : kept, state: 'enrolled' as const };
  },
  human({ applicant, from, isNewKey, kept, hostName, state }, out) {
    const { name } = applicant;
    if (state === 'asked') out.line(approveCommand(applicant));
    else if (state === 'planned') {
      const key = isNewKey ? 'with a new key' : keyFingerprint(applicant.key);
      out.line(`would enroll ${name} (${key}): it ${scopeOf(applicant)}`);
    } else {
      out.note(out.styled('green', `${name} is a host of the vault now`), `: it ${scopeOf(applicant)}`);
      out.note(`  fingerprint: ${keyFingerprint(applicant.key)}`);
    }
    if (kept.old !== undefined) out.note(`  the old key is kept as ${kept.old}`);
    if (kept.inUse !== undefined) {
      out.note(
        `  the new key waits in ${kept.path}: until the vault lists it, this machine goes on with the one in ${kept.inUse}`,
      );
    }
    if (from === 'key-file' && kept.path !== undefined) {
      out.note(
        `  its key is in ${kept.path}: give what it holds to that machine as STRONGROOM_SIGNING_KEY, beside STRONGROOM_HOST=${name}, and remove the file`,
      );
    } else if (from === 'here' && name !== hostName) {
      out.note(`  set STRONGROOM_HOST=${name} on this machine: else it writes as ${hostName}`);
    }
  },
  json({ applicant, isNewKey, kept, state }) {
    const { name, key, sets, may } = applicant;
    const isThere = !isNewKey || state !== 'planned';
    return {
      host: name,
      fingerprint: isThere ? keyFingerprint(key) : undefined,
      sets,
      may,
      enrolled: state === 'enrolled',
      dry_run: state === 'planned',
      approve: state === 'asked' ? approveCommand(applicant) : undefined,
      key_file: kept.path,
      old_key: kept.old,
    };
  },
});

function scopeOf({ sets, may }: Applicant): string {
  const which = sets.includes('*')
    ? 'every set'
    : `the ${sets.length === 1 ? 'set' : 'sets'} ${sets.join(', ')}`;
  return `may ${may.join(' and ')} ${which}`;
}

function questionFor({ document }: Vault, applicant: Applicant, isApproval: boolean): string {
  const { name, key } = applicant;
  const compare = isApproval ? ' Is that the fingerprint that it showed?' : '';
  return `Make ${name} (${keyFingerprint(key)}) a host of the vault ${document.name}, which ${scopeOf(applicant)}?${compare}`;
}

/** The vault where it can be read: what is wrong is better said before a key is made. */
async function lookAt(context: Context): Promise<Vault | undefined> {
  if ((await context.settings()).location === undefined) return undefined;
  try {
    return await openLocked(context);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-denied') return undefined;
    throw error;
  }
}

/** The vault, opened with what is at hand here; undefined where nothing is, or nobody wants to. */
async function openHere(context: Context, locked: Vault | undefined): Promise<UnlockedVault | undefined> {
  if (!locked) return undefined;
  const { secrets, terminal } = context;
  if (secrets.passphraseGiven || secrets.identitiesGiven) return await openUnlocked(context);
  if (terminal.interactive) {
    const question = `Open the vault ${locked.document.name} here, to enroll this host at once? If not, a line for whoever keeps it is printed.`;
    return (await terminal.confirm(question)) ? await openUnlocked(context) : undefined;
  }
  if ((await namedKmsKeys(context)).length === 0) return undefined;
  try {
    return await openUnlocked(context);
  } catch (error) {
    // The settings name KMS keys on every host, and most may not decrypt with them.
    if (error instanceof UnlockError) return undefined;
    throw error;
  }
}
