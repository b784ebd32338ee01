// Every way to open a vault is a file that the `age` program opens by itself, before and after a rotation; and what `age`
// made for SSH keys opens here.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import { sshCredential } from '../../src/keys/ssh.ts';
import type { Slot, VaultDocument } from '../../src/vault/documents/vault-document.ts';
import { bodyOf } from '../support/forge.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';
import { missingTools, recover, recoveredTree } from '../support/recovery.ts';

const TERMINAL = join(import.meta.dirname, '../crypt/age-with-passphrase.py');
const SSH_PASSPHRASE = 'correct horse battery staple';
const KINDS = [
  ['ed25519', ['-t', 'ed25519'], ''],
  ['rsa', ['-t', 'rsa', '-b', '2048'], ''],
  ['ed25519-locked', ['-t', 'ed25519'], SSH_PASSPHRASE],
  ['rsa-locked', ['-t', 'rsa', '-b', '2048'], SSH_PASSPHRASE],
] as const;
const kinds = KINDS.map(([name]) => name);
/** Whether the `age` at hand knows post-quantum keys (1.3). */
const knowsHybrid =
  missingTools.length === 0 &&
  /age1pq1/.test(spawnSync('age-keygen', ['-pq'], { encoding: 'utf8' }).stdout ?? '');

const machine = machines();

const LONG = process.env.STRONGROOM_LONG === '1';

describe.skipIf(missingTools.length > 0)('the age program opens', () => {
  let web: Machine;
  let key: { file: string; recipient: string };
  const at = (name: string) => join(web.directory, 'ssh', name);

  /** A vault with one snapshot, as it was made and as it is after a rotation. */
  interface Kept {
    readonly vault: string;
    readonly document: VaultDocument;
    readonly id: string;
  }
  const kept = new Map<string, Kept>();
  const EPOCHS = ['before a rotation', 'after it'] as const;

  beforeAll(async () => {
    web = machine('web-1');
    key = await web.identity();
    mkdirSync(join(web.directory, 'ssh'), { mode: 0o700 });
    for (const [name, args, passphrase] of KINDS)
      execFileSync('ssh-keygen', ['-q', '-a', '1', '-N', passphrase, '-C', name, '-f', at(name), ...args]);
    web.write('.env', 'TOKEN=4711\n');
    const lines = kinds.map((name) => readFileSync(at(`${name}.pub`), 'utf8')).join('');
    web.write('../keys.txt', lines);
    const vault = join(web.directory, 'vault');
    const env = { STRONGROOM_PASSPHRASE_FILE: web.passphrase(), STRONGROOM_IDENTITY_FILE: key.file };
    const keys = ['--passphrase', '--recipient', key.recipient, '--keys', '../keys.txt'];
    await web.ok(['init', '--name', 'shop', '--location', vault, ...keys], { env });
    const { snapshot: id } = (await web.ok(['backup', '--json'])).summary() as { snapshot: string };
    const keep = (epoch: string, revision: number) => {
      const place = join(web.directory, epoch.replaceAll(' ', '-'));
      execFileSync('cp', ['-R', vault, place]);
      const document = bodyOf(readFileSync(join(place, `vault/${revision}.json`)));
      kept.set(epoch, { vault: place, document: document as unknown as VaultDocument, id });
    };
    keep(EPOCHS[0], 1);
    await web.ok(['keys', 'rotate', '--yes'], { env });
    keep(EPOCHS[1], 2);
  });

  const slotOf = ({ document }: Kept, is: (slot: Slot) => boolean): Slot => {
    const [slot, ...more] = document.slots.filter(is);
    expect(more).toEqual([]);
    return slot!;
  };
  const sshSlot = (vault: Kept, name: string): Slot => {
    const [type, wire] = readFileSync(at(`${name}.pub`), 'utf8').split(' ');
    return slotOf(vault, ({ recipient }) => recipient === `${type} ${wire}`);
  };

  /** Has `age` open a slot, answering whatever it asks for. @returns the plaintext */
  function age(vault: Kept, { object }: Slot, args: readonly string[], passphrase = ''): string {
    const out = join(web.directory, 'opened.txt');
    const command = ['age', '-d', ...args, '-o', out, join(vault.vault, object)];
    execFileSync('python3', [TERMINAL, passphrase, ...command]);
    return readFileSync(out, 'utf8');
  }

  /** The plaintext must be the vault's own identity, and it must open the snapshot's bytes or the identity before it. */
  function expectIdentity(plain: string, { vault, document, id }: Kept): void {
    const { generation, generations } = document;
    const { recipient, previous } = generations[generation - 1]!;
    expect(plain.split('\n').slice(0, 2)).toEqual([
      `# strongroom vault=${document.vault} generation=${generation}`,
      `# recipient: ${recipient}`,
    ]);
    const file = join(web.directory, 'identity.txt');
    writeFileSync(file, plain, { mode: 0o600 });
    expect(execFileSync('age-keygen', ['-y', file], { encoding: 'utf8' })).toBe(`${recipient}\n`);
    if (previous) {
      const older = execFileSync('age', ['-d', '-i', file, join(vault, previous.object)], {
        encoding: 'utf8',
      });
      expect(older).toContain(`# recipient: ${generations[generation - 2]!.recipient}\n`);
      writeFileSync(file, older, { mode: 0o600 });
    }
    const data = join(vault, 'data/shop', id);
    const part = join(data, readdirSync(data)[0]!, 'files.tar.gz.age.00000');
    const tar = spawnSync('sh', ['-c', `age -d -i '${file}' '${part}' | gzip -dc | tar -xO .env`]);
    expect([String(tar.stdout), String(tar.stderr)]).toEqual(['TOKEN=4711\n', '']);
  }

  // Before a rotation too in the long mode.
  describe.each(LONG ? EPOCHS : EPOCHS.slice(-1))('%s', (epoch) => {
    const of = () => kept.get(epoch)!;

    it('the key for an age identity', () => {
      const slot = slotOf(of(), ({ method }) => method === 'age');
      expectIdentity(age(of(), slot, ['-i', key.file]), of());
    });

    it('the key for a passphrase', () => {
      const slot = slotOf(of(), ({ method }) => method === 'passphrase');
      expectIdentity(age(of(), slot, [], PASSPHRASE), of());
    });

    it.each(kinds)('the key for an SSH key: %s', (name) => {
      const slot = sshSlot(of(), name);
      expect(slot.method).toBe('ssh');
      expectIdentity(age(of(), slot, ['-i', at(name)], SSH_PASSPHRASE), of());
    });

    it('none with a key that is another’s', () => {
      const others = ['-i', at('ed25519'), '-i', at('rsa')];
      for (const slot of of().document.slots.filter(({ method }) => method === 'age'))
        expect(() => age(of(), slot, others)).toThrow();
      const slot = sshSlot(of(), 'ed25519');
      expect(() => age(of(), slot, ['-i', key.file, '-i', at('rsa')])).toThrow();
    });

    it.each([...kinds.map((name) => [name, 'bash'] as const), ['ed25519', 'sh'] as const])(
      'the whole vault, by RECOVERY.md: %s, in %s',
      (name, shell) => {
        const { vault, id } = of();
        const how = { set: 'shop', id, identity: at(name), passphrase: SSH_PASSPHRASE, shell };
        const { out, said } = recover(vault, web.directory, how);
        expect(recoveredTree(out)['.env'], said).toBe('600 TOKEN=4711\n');
      },
    );

    it.each(kinds)('and makes one itself, for %s, that opens here', async (name) => {
      const slot = sshSlot(of(), name);
      const text = age(of(), slot, ['-i', at(name)], SSH_PASSPHRASE);
      const bytes = execFileSync('age', ['-R', at(`${name}.pub`)], { input: text });
      const credential = await sshCredential(
        readFileSync(at(name), 'utf8'),
        name,
        async () => SSH_PASSPHRASE,
      );
      expect((await credential.unwrap(bytes, slot))?.toString()).toBe(text);
    });
  });

  it.skipIf(!knowsHybrid)('post-quantum keys (needs age 1.3)', async () => {
    const host = machine('pq');
    const identity = await generateIdentity('hybrid');
    const file = host.write('../keys/pq.txt', `${identity}\n`);
    const vault = join(host.directory, 'vault');
    host.write('.env', 'TOKEN=4711\n');
    const recipient = await recipientOf(identity);
    await host.ok([
      'init',
      '--name',
      'shop',
      '--location',
      vault,
      '--post-quantum',
      '--recipient',
      recipient,
    ]);
    const { snapshot: id } = (await host.ok(['backup', '--json'])).summary() as { snapshot: string };
    for (const rotates of [false, true]) {
      const env = { STRONGROOM_IDENTITY_FILE: file };
      if (rotates) await host.ok(['keys', 'rotate', '--reencrypt', '--yes'], { env });
      expect(existsSync(join(vault, `snapshots/shop/${id}${rotates ? '.2' : ''}.json`))).toBe(true);
      const { out, said } = recover(vault, host.directory, { set: 'shop', id, identity: file });
      expect(recoveredTree(out)['.env'], said).toBe('600 TOKEN=4711\n');
    }
  });
});
