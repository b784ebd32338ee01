// The day on which somebody leaves with a key, and the day on which a machine is broken into: what to revoke.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Machine, type Message, machines } from '../support/program.ts';

const machine = machines();
let web: Machine;
let alice: { file: string; recipient: string };
/** The administrator's key. */
let admin: string;

/** No value may be in anything that is said; each begins so. */
const CANARY = 'cAnArY7x';
const tls = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

beforeEach(async () => {
  web = machine('web-1');
  const me = await web.identity('me.txt');
  alice = await web.identity('alice.txt');
  const vault = join(web.directory, 'vault');
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
  admin = me.file;
  web.write('.env', `DB_PASSWORD=${CANARY}1\nSMTP_PASSWORD="${CANARY}2"\nLOG_LEVEL=debug\n`);
  web.write('tls/site.key', tls);
  web.write('app.toml', `[db]\npassword = "${CANARY}5"\n`);
  web.write(
    'k8s.yaml',
    `apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { dsn: ${CANARY}6 }\n`,
  );
});

/** Runs a command with the administrator's key at hand. */
const asAdmin = (...args: string[]) => web.ok(args, { env: { STRONGROOM_IDENTITY_FILE: admin } });

/** Status by file and name, of what is likely a secret. */
function statuses(lines: Message[]): Record<string, string> {
  const secrets = lines.filter((line) => line.message_type === 'secret' && line.likely);
  return Object.fromEntries(secrets.map((line) => [`${line.path} ${line.name}`, line.status]));
}

/** Takes the pin that a rotation printed. */
function repin(said: string): void {
  const pin = /^pin: .*$/m.exec(said)![0];
  const settings = readFileSync(join(web.work, 'strongroom.yaml'), 'utf8');
  web.write('strongroom.yaml', settings.replace(/^pin:.*(?:\n[ \t].*)*$/m, pin));
}

describe('a colleague who leaves with a key', () => {
  it('could read what was written up to the rotation, and the list says what of it is still in use', async () => {
    await asAdmin('keys', 'add', '--recipient', alice.recipient, '--name', 'alice', '--yes');
    await web.ok(['backup']);
    repin((await asAdmin('keys', 'rotate', '--without', 'alice', '--yes')).stdout);
    web.write('.env', `DB_PASSWORD=${CANARY}3\nSMTP_PASSWORD='${CANARY}2'\nNEW_SECRET=${CANARY}4\n`);
    await web.ok(['backup']);

    const json = await asAdmin('keys', 'exposure', '--key', 'alice', '--json');
    expect(statuses(json.lines())).toEqual({
      '.env DB_PASSWORD': 'changed',
      '.env SMTP_PASSWORD': 'same',
      'app.toml db.password': 'same',
      'k8s.yaml stringData.dsn (Secret db)': 'same',
      'tls/site.key private key': 'same',
    });
    expect(json.summary()).toMatchObject({
      leak: { kind: 'key', key: 'alice', generation: 1 },
      snapshots: 1,
      of: 2,
      secrets: 5,
      in_use: 4,
    });
    const text = await asAdmin('keys', 'exposure', '--key', 'alice');
    expect(text.stdout).toMatch(/^the key alice could read 1 of 2 snapshots\n/);
    expect(text.stdout).toMatch(/^ {4}\[ \] DB_PASSWORD +changed since +in 1 snapshot, \d{4}-\d\d-\d\d$/m);
    expect(text.stdout).toMatch(/^ {4}\[ \] private key \(SHA256:[\w+/]{43}\) +same today /m);
    expect(text.stdout).not.toContain('NEW_SECRET');
    const csv = await asAdmin('keys', 'exposure', '--key', 'alice', '--csv');
    expect(csv.stdout).toMatch(/^"[\w-]+","web-1","\.env","DB_PASSWORD","value","yes","changed","1",/m);

    // Re-encrypted, what she may have copied is exposed as before.
    await asAdmin('keys', 'rotate', '--reencrypt', '--yes');
    const after = await asAdmin('keys', 'exposure', '--generation', '1', '--json');
    expect(statuses(after.lines())).toEqual(statuses(json.lines()));
    // Whoever held the second key, since rotated out too, could have hidden that she did: at the worst she read more.
    const worst = await asAdmin('keys', 'exposure', '--key', 'alice', '--json');
    expect(worst.summary()).toMatchObject({ leak: { generation: 2, known_generation: 1 }, snapshots: 2 });
    expect(worst.summary().assumed.join('\n')).toContain('--generation 1 lists less');
    for (const { stdout, stderr } of [json, text, csv, after, worst]) {
      expect(stdout + stderr).not.toContain(CANARY);
      expect(stdout + stderr).not.toContain(tls.split('\n')[1]);
    }
  });
});

describe('a machine that was broken into', () => {
  it('had what its own snapshots hold, from the last one before on', async () => {
    await web.ok(['backup']);
    web.write('.env', `DB_PASSWORD=${CANARY}5\n`);
    await web.ok(['backup']);
    const all = await asAdmin('keys', 'exposure', '--host', 'web-1', '--json');
    expect(statuses(all.lines())).toMatchObject({ '.env DB_PASSWORD': 'same', '.env SMTP_PASSWORD': 'gone' });
    const late = await asAdmin('keys', 'exposure', '--host', 'web-1', '--since', '2100-01-01', '--json');
    expect(Object.keys(statuses(late.lines()))).toContain('.env DB_PASSWORD');
    expect(statuses(late.lines())).not.toHaveProperty(['.env SMTP_PASSWORD']);
    expect(all.stdout + late.stdout).not.toContain(CANARY);
  });
});

it('what leaked must be known: a name that never was is refused with those that were', async () => {
  await web.ok(['backup']);
  for (const [flag, hint] of [
    ['--key', /it has had age$/],
    ['--host', /it has had web-1$/],
  ] as const) {
    const ran = await web.run(['keys', 'exposure', flag, 'nobody', '--json'], {
      env: { STRONGROOM_IDENTITY_FILE: admin },
    });
    expect([ran.code, ran.stdout]).toEqual([10, '']);
    expect(ran.failure().hint).toMatch(hint);
  }
});
