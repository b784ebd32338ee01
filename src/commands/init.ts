// `strongroom init`: makes a vault, and a strongroom.yaml beside the deployment with the pin in it.
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { initVault } from '../vault/init.ts';
import { checkName, nameFrom } from '../vault/names.ts';
import { pinText } from '../vault/pin.ts';
import { shortRecipient } from '../vault/short-recipient.ts';
import { isBelow } from './below.ts';
import { defineCommand, type Out } from './command.ts';
import type { Context } from './context.ts';
import { warnOfBucket } from './doctor/grave.ts';
import { configText, linesThere, reachedBy, writeConfig } from './init/config-text.ts';
import { chosenKeys, refusePrivateKeys } from './init/keys.ts';
import { type Proposal, propose } from './init/propose.ts';

export const command = defineCommand({
  description: [
    'Makes a vault and enrolls this machine as its first host. Choose at least one way to open it; two are better, one of them kept away from this machine.',
    'Without --location the vault is a directory below your data directory, named after this directory: the same disk as what it protects, so add another place soon.',
  ],
  needs: 'an empty place that can be written to',
  makesConfig: true,
  args: {},
  flags: {
    name: { value: 'NAME', summary: 'name of the vault, else that of this directory' },
    passphrase: { summary: 'open it with a passphrase; an empty answer makes up a strong one' },
    recipient: {
      value: 'AGE1…',
      repeat: true,
      summary: 'open it with the age identity of this recipient, or of each in a file',
    },
    kms: { value: 'ARN', repeat: true, summary: 'open it with this AWS KMS key, or the one behind an alias' },
    keys: { value: 'FILE', summary: 'ways to open it, one a line (see keys.example)' },
    postQuantum: { summary: 'encrypt against quantum computers too (age 1.3 to recover without strongroom)' },
  },
  examples: [
    ['init --passphrase', 'a vault for this directory, opened with a passphrase'],
    ['init --location /mnt/backup/shop --keys keys.txt', 'at another place, with the keys of a file'],
    ['init --passphrase --kms arn:aws:kms:…', 'opened by an AWS KMS key, or by a passphrase kept offline'],
  ],
  async run({ flags }, context) {
    refusePrivateKeys([flags.name, flags.keys, ...flags.recipient, ...flags.kms]);
    const settings = await context.settings();
    const world = await context.world();
    const name =
      flags.name === undefined ? nameFrom(basename(context.cwd), 'vault') : checkName(flags.name, 'vault');
    const location = settings.location ?? join(context.paths.data, name);
    const keys = await chosenKeys(flags, context);
    const hostName = world.hostName;
    const key = await world.signingKey(true);
    if (!key) throw new UsageError('no-signing-key', 'this machine has no signing key');
    const store = await world.openStore(location, settings, true);
    const base = { store, memory: world.memory, now: () => context.now(), signal: context.signal };
    // Before anything is written: the vault document stays the last.
    await warnOfBucket(context);
    const made = await initVault(base, {
      name,
      keys: keys.keys,
      postQuantum: flags.postQuantum,
      host: { name: hostName, publicKey: key.publicKey },
    });
    if (flags.postQuantum) {
      for (const [name, recipient] of keys.recipients) {
        if (recipient.startsWith('age1pq1')) continue;
        const message = `the vault is not post-quantum as long as the key ${name} (${shortRecipient(recipient)}) opens it`;
        const hint = 'give a recipient that begins with age1pq1 in its place (age-keygen -pq makes one)';
        context.warn('not-post-quantum', message, { object: name, hint });
      }
    }
    if (keys.madeUp !== undefined) {
      context.terminal.tell([
        'The passphrase of this vault, shown this once. Write it down and keep it away from this machine:',
        '',
        `    ${keys.madeUp}`,
        '',
      ]);
    }
    const path = configPath(context, settings.env);
    const proposal = await propose(context);
    const written = await writeConfig(
      path,
      configText({
        location: store.location,
        pin: made.pin,
        set: name,
        s3: store.remote ? reachedBy(context.env) : {},
        kms: [...new Set(made.document.slots.flatMap(({ arn }) => arn ?? []))],
        proposal,
      }),
    );
    return {
      ...made,
      location: store.location,
      isDefault: settings.location === undefined,
      inside: !store.remote && (store.location === context.cwd || isBelow(store.location, context.cwd)),
      config: {
        path,
        written,
        there: await linesThere(path),
        isSamePlace: settings.config?.location === store.location,
      },
      keys: keys.keys.map((k) => k.name),
      recipients: keys.recipients,
      host: hostName,
      proposal,
    };
  },
  human({ pin, document, location, isDefault, inside, config, keys, recipients, proposal }, out) {
    out.note(out.styled('green', `The vault ${document.name} is ready`), ` at ${location}`);
    const ways = keys.map((name) => {
      const recipient = recipients.get(name);
      const arn = document.slots.find((slot) => slot.name === name)?.arn;
      const which = recipient === undefined ? arn : shortRecipient(recipient);
      return which === undefined ? name : `${name} (${which})`;
    });
    out.note(
      `  opens with: ${ways.join(', ')}${keys.length === 1 ? ' (only one way in: think of a second)' : ''}`,
    );
    out.note(`  fingerprint: ${pin.authority}`);
    if (config.written) out.note(`  settings: ${config.path} (holds the pin and no secret: commit it)`);
    else {
      const { there, isSamePlace } = config;
      const isOther = (there.location && !isSamePlace) || there.pin;
      const which = isSamePlace
        ? ['line pin:', 'this one', 'this line']
        : ['lines location: and pin:', 'these two', 'these two lines'];
      out.line(
        isOther
          ? `  ${config.path} was there already and still names another vault. Replace its ${which[0]} by ${which[1]}:`
          : `  ${config.path} was there already and is unchanged. It needs ${which[2]}:`,
      );
      if (!isSamePlace) out.line(`location: ${JSON.stringify(location)}`);
      out.line(`pin: ${pinText(pin)}`);
    }
    if (isDefault)
      out.note(
        '  It is on the same disk as what it protects: copy it elsewhere, or make it with --location on another disk.',
      );
    if (inside)
      out.note(out.styled('yellow', '  It is inside this directory: see that git does not take it.'));
    if (config.written) showProposal(proposal, out);
    // With settings that name another vault the backup would not come here.
    if (config.written) out.note('Next: strongroom backup');
  },
  json({ pin, document, location, config, keys, host, proposal }) {
    return {
      vault: document.vault,
      name: document.name,
      location,
      fingerprint: pin.authority,
      pin: { ...pin },
      keys,
      host,
      config: config.path,
      config_written: config.written,
      discover: [...proposal.discover],
    };
  },
});

function showProposal({ discover, outside, missing }: Proposal, out: Out): void {
  if (discover.length > 0) out.note(`  found here: ${discover.join(', ')}; what they refer to is taken too`);
  const some = (paths: readonly string[]) => {
    const more = paths.length > 3 ? ` and ${paths.length - 3} more` : '';
    return `${paths.slice(0, 3).join(', ')}${more}`;
  };
  if (outside.length > 0)
    out.note(
      out.styled('yellow', `  beyond this directory, and not taken until you say so: ${some(outside)}`),
    );
  if (missing.length > 0) out.note(out.styled('yellow', `  referred to, and not there: ${some(missing)}`));
}

function configPath(context: Context, env: string | undefined): string {
  const given = context.options.config ?? context.env.STRONGROOM_CONFIG;
  return resolve(context.cwd, given || (env === undefined ? 'strongroom.yaml' : `strongroom.${env}.yaml`));
}
