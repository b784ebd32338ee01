// The day strongroom is not to be had: a vault opens with age, ssh-keygen, gzip and tar alone, by the commands of
// its own RECOVERY.md, run as they stand there. What was tampered with comes out as nothing.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { NAMESPACES } from '../../src/sign/authority.ts';
import { generateSigningKey } from '../../src/sign/key.ts';
import { signArmored } from '../../src/sign/sshsig.ts';
import { type Machine, machines, PASSPHRASE } from '../support/program.ts';
import { isRoot, missingTools, NOBODY, recoveredTree, recover as recoverVault } from '../support/recovery.ts';

const machine = machines();

describe.skipIf(missingTools.length > 0)('a vault recovered with stock tools alone', () => {
  let web: Machine;
  let vault: string;
  let set: string;
  let id: string;
  let older: string;
  let fingerprint: string;
  let key: string;

  beforeAll(async () => {
    web = machine('web-1');
    vault = join(web.directory, 'vault');
    const me = await web.identity();
    key = me.file;
    web.write('.env', 'TOKEN=old\n');
    const env = { STRONGROOM_PASSPHRASE_FILE: web.passphrase() };
    const made = await web.ok(
      ['init', '--name', 'shop', '--location', vault, '--passphrase', '--recipient', me.recipient, '--json'],
      { env },
    );
    fingerprint = made.summary().fingerprint;
    older = (await web.ok(['backup', '--json'])).summary().snapshot;
    web.write('.env', 'TOKEN=4711\n');
    web.write('compose.yaml', 'services: {}\n', 0o644);
    web.write('bin/deploy', '#!/bin/sh\n', 0o755);
    web.write('secrets/with space\nand line.txt', 'one\n', 0o640);
    web.write('secrets/-rf', 'two\n');
    web.write(`long/${'n'.repeat(120)}.pem`, 'three\n');
    web.write('empty', '');
    symlinkSync('compose.yaml', join(web.work, 'link'));
    if (isRoot) {
      web.write('bin/su', 'set-id\n');
      chmodSync(join(web.work, 'bin/su'), 0o4755);
    }
    ({ set, snapshot: id } = (await web.ok(['backup', '--json'])).summary() as {
      set: string;
      snapshot: string;
    });
  });

  const recordOf = (place: string, snapshot = id) => join(place, `snapshots/${set}/${snapshot}.json`);
  const partOf = (place: string, artifact: string, snapshot = id) => {
    const data = join(place, `data/${set}/${snapshot}`);
    return join(data, readdirSync(data)[0]!, `${artifact}.00000`);
  };
  const change = (path: string, how: (text: Buffer) => Buffer | string) => {
    const bytes = how(readFileSync(path));
    rmSync(path);
    writeFileSync(path, bytes);
  };
  const flip = (bytes: Buffer): Buffer => {
    bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  };
  const bodyOf = (text: Buffer) => text.toString().split('-----BEGIN SSH SIGNATURE-----\n')[0]!;

  /** What somebody could encrypt to the vault's recipient, which is public: a tar of some MiB with an `.env` first. */
  function forgedFiles(place: string): Buffer {
    const [, recipient] = /"recipient": "(age1[a-z0-9]+)"/.exec(
      readFileSync(join(place, 'vault/1.json'), 'utf8'),
    )!;
    const directory = mkdtempSync(join(web.directory, 'forged-'));
    writeFileSync(join(directory, '.env'), 'TOKEN=forged\n');
    writeFileSync(join(directory, 'padding'), randomBytes(2 ** 21));
    const command = `tar -c .env padding | gzip -1 | age -r ${recipient}`;
    return spawnSync('sh', ['-c', command], { cwd: directory, maxBuffer: 2 ** 26 }).stdout;
  }

  interface Recovery {
    readonly by: 'passphrase' | 'identity';
    readonly user?: 'nobody';
    readonly shell?: string;
    /** What happened to the vault before. */
    readonly tamper?: (vault: string) => void;
    readonly snapshot?: string;
  }

  const recover = ({ by, snapshot = id, ...more }: Recovery) =>
    recoverVault(vault, web.directory, {
      set,
      id: snapshot,
      ...(by === 'identity' ? { identity: key } : { passphrase: PASSPHRASE }),
      ...more,
    });

  const expected = () => ({
    '.env': '600 TOKEN=4711\n',
    'compose.yaml': '600 services: {}\n',
    'bin/': '700',
    'bin/deploy': '700 #!/bin/sh\n',
    ...(isRoot ? { 'bin/su': '700 set-id\n' } : {}),
    'secrets/': '700',
    'secrets/with space\nand line.txt': '600 one\n',
    'secrets/-rf': '600 two\n',
    'long/': '700',
    [`long/${'n'.repeat(120)}.pem`]: '600 three\n',
    empty: '600 ',
    link: '-> compose.yaml',
    'strongroom.yaml': `600 ${readFileSync(join(web.work, 'strongroom.yaml'), 'utf8')}`,
  });

  const WAYS: [string, Recovery][] = [
    ['with the passphrase', { by: 'passphrase' }],
    ['with an age identity', { by: 'identity' }],
    ['with an age identity, in sh', { by: 'identity', shell: 'sh' }],
  ];

  it.each(WAYS)('%s', (_, how) => {
    const { out, said, place, left } = recover(how);
    expect(recoveredTree(out), said).toEqual(expected());
    expect(said).toContain('Good "strongroom-vault-v1" signature');
    expect(said).toContain('Good "strongroom-record-v1" signature');
    expect(said).toContain(fingerprint);
    expect(said).toContain(`# strongroom vault=`);
    // Contents were shown, and what was unwrapped is gone.
    expect(said).toContain('"type":"contents"');
    expect(left).toEqual([]);
    // Neither the key nor what came out lies in the vault.
    expect(readdirSync(place).sort()).toEqual([...readdirSync(vault), 'recovery.sh'].sort());
  });

  it.runIf(isRoot).each(WAYS.slice(0, 2))('%s, by a user who is not root', (_, how) => {
    const { out, said } = recover({ ...how, user: 'nobody' });
    expect(recoveredTree(out), said).toEqual(expected());
    expect(lstatSync(join(out, '.env')).uid).toBe(NOBODY);
  });

  it('gives an older snapshot by its id', () => {
    const { out, said } = recover({ by: 'identity', snapshot: older });
    expect(recoveredTree(out)['.env'], said).toBe('600 TOKEN=old\n');
  });

  describe('gives nothing, and says why, when', () => {
    const attacks: [string, RegExp, (place: string) => void][] = [
      ['a byte of the record differs', /Could not verify signature/, (p) => change(recordOf(p), flip)],
      [
        'the record says that it is another host’s',
        /Could not verify signature/,
        (p) => change(recordOf(p), (text) => text.toString().replace('"host": "web-1"', '"host": "web-2"')),
      ],
      [
        'the record is signed by somebody else',
        /Could not verify signature/,
        (p) =>
          change(
            recordOf(p),
            (text) =>
              bodyOf(text) + signArmored(generateSigningKey(), NAMESPACES.record, Buffer.from(bodyOf(text))),
          ),
      ],
      [
        'the record names a host that is not there',
        /./,
        (p) =>
          change(recordOf(p), (text) => {
            const body = bodyOf(text).replace('"host": "web-1"', '"host": "*"');
            return body + signArmored(generateSigningKey(), NAMESPACES.record, Buffer.from(body));
          }),
      ],
      ['the record is a copy of an older one', /BAD/, (p) => cpSync(recordOf(p, older), recordOf(p))],
      [
        'a byte of a part differs',
        /files\.tar\.gz\.age\.00000: FAILED/,
        (p) => change(partOf(p, 'files.tar.gz.age'), flip),
      ],
      [
        'a byte of the contents differs',
        /contents\.json\.gz\.age\.00000: FAILED/,
        (p) => change(partOf(p, 'contents.json.gz.age'), flip),
      ],
      ['a part is gone', /No such file/, (p) => rmSync(partOf(p, 'files.tar.gz.age'))],
      [
        'a part is an age file of somebody else’s',
        /files\.tar\.gz\.age\.00000: FAILED/,
        (p) => change(partOf(p, 'files.tar.gz.age'), () => forgedFiles(p)),
      ],
      [
        'a byte of the record differs, and what nothing should read lies in its place',
        /Could not verify signature/,
        (p) => {
          // Once a failed proof left a name that a file can have.
          const record = readFileSync(recordOf(p));
          change(recordOf(p), flip);
          writeFileSync(join(p, 'BAD'), record);
          mkdirSync(join(p, 'dev/null'), { recursive: true });
          writeFileSync(join(p, 'dev/null/BAD'), record);
        },
      ],
      [
        'the vault document was changed',
        /Could not verify signature/,
        (p) =>
          change(join(p, 'vault/1.json'), (text) =>
            text.toString().replace('"name": "web-1"', '"name": "web-9"'),
          ),
      ],
    ];

    it.each(attacks)('%s', (_, says, tamper) => {
      const { out, said } = recover({ by: 'identity', tamper });
      expect(said).toMatch(says);
      expect(readdirSync(out), said).toEqual([]);
    });

    it.each<[string, (place: string) => void]>([
      ['a copy of the vault document', (p) => cpSync(join(p, 'vault/1.json'), join(p, 'vault/7.json'))],
      ['garbage', (p) => writeFileSync(join(p, 'vault/7.json'), 'garbage\n')],
    ])('%s stands under a higher number', (_, tamper) => {
      const { out, said } = recover({ by: 'identity', tamper });
      expect(said).toContain('BAD');
      expect(readdirSync(out)).toEqual([]);
    });

    it('somebody’s own vault document claims the known fingerprint too', () => {
      // Two keys in one text: what is compared by eye must be what is verified.
      const thief = generateSigningKey();
      const sneak = (separator: string) => (p: string) =>
        change(join(p, 'vault/1.json'), (text) => {
          const body = bodyOf(text).replace(
            /("authority": "ssh-ed25519 [^"]+)"/,
            `$1${separator}authority ${thief.publicKey}"`,
          );
          return body + signArmored(thief, NAMESPACES.vault, Buffer.from(body));
        });
      for (const separator of ['\\n', ' ', '"\\n']) {
        for (const shell of ['bash', 'sh']) {
          const { out, said } = recover({ by: 'identity', shell, tamper: sneak(separator) });
          expect(said).not.toContain('Good "strongroom-vault-v1"');
          expect(readdirSync(out)).toEqual([]);
        }
      }
    });

    it('somebody’s own vault document writes over the fingerprint that is shown', () => {
      const thief = generateSigningKey();
      const { said } = recover({
        by: 'identity',
        tamper: (p) =>
          change(join(p, 'vault/1.json'), (text) => {
            const body = bodyOf(text)
              .replace(/"authority": "[^"]+"/, `"authority": "${thief.publicKey}"`)
              .replace('"shop"', `"\u001b[2J\u001b[H${fingerprint}\u009b2J"`);
            return body + signArmored(thief, NAMESPACES.vault, Buffer.from(body));
          }),
      });
      expect(said).toContain('Good "strongroom-vault-v1"');
      expect(said).toContain(`"[2J[H${fingerprint}2J"`);
      expect(said).not.toMatch(/[\u001b\u009b]/);
    });

    it('a document tries to run commands', () => {
      const run = (place: string) => {
        for (const path of [join(place, 'vault/1.json'), recordOf(place)]) {
          change(path, (text) =>
            text
              .toString()
              .replace(
                /"(host|authority|data|object|name)": "[^"]*"/g,
                '"$1": "$(touch owned)`touch owned`;touch owned|touch owned"',
              ),
          );
        }
      };
      for (const shell of ['bash', 'sh']) {
        const { place, out } = recover({ by: 'identity', shell, tamper: run });
        expect(readdirSync(place)).not.toContain('owned');
        expect(readdirSync(out)).toEqual([]);
      }
    });
  });

  it('is not moved by parts that somebody added beside the proven ones', () => {
    // A glob would put `.0` first: an age file to the vault's recipient, whose chunks open until its end.
    const { out, said } = recover({
      by: 'identity',
      tamper: (place) => {
        const forged = forgedFiles(place);
        for (const ending of ['0', '00001'])
          writeFileSync(partOf(place, 'files.tar.gz.age').replace('00000', ending), forged);
      },
    });
    expect(recoveredTree(out), said).toEqual(expected());
  });
});
