// What changed, and how old it is: a deploy that touches secrets, as the program tells of it. No value is in anything
// that is said, unless somebody asks to see them.

import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Machine, type Message, machines, type Ran } from '../support/program.ts';

const machine = machines();
let web: Machine;
/** The administrator's key. */
let key: string;

/** Every planted value begins so. */
const CANARY = 'cAnArY7x';

beforeEach(async () => {
  web = machine('web-1');
  const me = await web.identity();
  key = me.file;
  const vault = join(web.directory, 'vault');
  await web.ok(['init', '--location', vault, '--name', 'shop', '--recipient', me.recipient]);
});

const asAdmin = (args: readonly string[], code = 0): Promise<Ran> =>
  web.ok(args, { env: { STRONGROOM_IDENTITY_FILE: key }, code });

/** A certificate for a new key, or for a key that is there already. */
function certify(name: string, days: number, existing = false): void {
  const at = (extension: string) => join(web.work, 'tls', `${name}.${extension}`);
  const one = ['-keyout', at('key'), '-out', at('crt'), '-days', `${days}`, '-subj', `/CN=${name}.example`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const old = ['-key', at('key'), '-out', at('crt'), '-days', `${days}`, '-subj', `/CN=${name}.example`];
  mkdirSync(join(web.work, 'tls'), { recursive: true });
  execFileSync('openssl', ['req', '-x509', ...(existing ? old : [...kind, ...one])], { stdio: 'ignore' });
}

const secretYaml = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: db, namespace: shop }\ndata:\n  user: ${b64('shop')}\n  password: ${b64(password)}\n`;
const b64 = (text: string): string => Buffer.from(text).toString('base64');

const valuesOf = (lines: Message[]): string[] =>
  lines
    .filter(({ message_type: type }) => type === 'value')
    .map(({ change, path, name, from, same_as: same }) => {
      const was = from ? ` < ${from.path} ${from.name}` : '';
      return `${change} ${path} ${name}${was}${same ? ` = ${same.path} ${same.name}` : ''}`;
    });
const filesOf = (lines: Message[]): string[] =>
  lines
    .filter(({ message_type: type }) => type === 'file')
    .map(({ change, path, from }) => `${change} ${path}${from ? ` < ${from}` : ''}`);

/** Nothing of this may hold a planted value, as it is or in base64. */
function expectNoValue(...all: Ran[]): void {
  for (const { stdout, stderr } of all)
    for (const secret of [CANARY, b64(CANARY).slice(0, 10)]) expect(stdout + stderr).not.toContain(secret);
}

describe('a deploy that touches secrets', () => {
  it('is told by name: on disk, then between the snapshots', async () => {
    web.write(
      '.env',
      `DB_PASSWORD=${CANARY}1\nAPI_TOKEN=${CANARY}2\nLOG_LEVEL=debug\nA_KEY=${CANARY}3\nB_KEY=${CANARY}4\n`,
    );
    web.write('k8s/secret.yaml', secretYaml(`${CANARY}5`));
    web.write('notes/moved.txt', `${CANARY}6 stands in a file that moves\n`);
    certify('site', 30);
    await web.ok(['backup']);
    expect((await asAdmin(['diff', '--exit-code'])).stdout).toMatch(/^No difference: /);

    web.write(
      '.env',
      `DB_PASSWORD=${CANARY}7\nAUTH_TOKEN=${CANARY}2\nLOG_LEVEL=info\nA_KEY=${CANARY}4\nB_KEY=${CANARY}3\n`,
    );
    web.write('k8s/secret.yaml', secretYaml(`${CANARY}7`));
    mkdirSync(join(web.work, 'docs'));
    renameSync(join(web.work, 'notes/moved.txt'), join(web.work, 'docs/moved.txt'));
    rmSync(join(web.work, 'notes'), { recursive: true });
    certify('site', 400);
    const expected = {
      files: [
        'changed .env',
        'moved docs/moved.txt < notes/moved.txt',
        'changed k8s/secret.yaml',
        'changed tls/site.crt',
        'changed tls/site.key',
      ],
      values: [
        'changed .env DB_PASSWORD = k8s/secret.yaml data.password (Secret shop/db)',
        'moved .env AUTH_TOKEN < .env API_TOKEN',
        'changed .env LOG_LEVEL',
        'changed .env A_KEY < .env B_KEY',
        'changed .env B_KEY < .env A_KEY',
        'changed k8s/secret.yaml data.password (Secret shop/db) = .env DB_PASSWORD',
        'changed tls/site.crt certificate',
        'changed tls/site.key private key',
      ],
    };
    const live = await asAdmin(['diff', '--exit-code', '--json'], 4);
    expect(filesOf(live.lines())).toEqual(expected.files);
    expect(valuesOf(live.lines())).toEqual(expected.values);
    expect(live.summary()).toMatchObject({
      after: { live: true },
      files: { changed: 4, moved: 1, added: 0, removed: 0, unknown: 0 },
      values: { changed: 7, moved: 1 },
      mismatched_keys: 0,
      differences: 5,
    });
    await web.ok(['backup']);
    const between = await asAdmin(['diff', 'latest~1', 'latest', '--json']);
    expect(filesOf(between.lines())).toEqual(expected.files);
    expect(valuesOf(between.lines())).toEqual(expected.values);
    const facts = between.lines().find(({ kind }) => kind === 'certificate')!;
    expect(facts.facts_before.subject).toBe('CN=site.example');
    expect(facts.facts.expires > facts.facts_before.expires).toBe(true);
    const text = await asAdmin(['diff', 'latest~1', 'latest']);
    expect(text.stdout).toMatch(/changed {2}certificate: CN=site\.example; expires \S+Z → \S+Z$/m);
    expect(text.stdout).toMatch(/^the private key tls\/site\.key fits tls\/site\.crt$/m);
    expectNoValue(live, between, text);
  });

  it('shows values only when it is asked to, and says so however quiet', async () => {
    web.write('.env', `DB_PASSWORD=${CANARY}1\nSTAYS_KEY=${CANARY}2\n`);
    await web.ok(['backup']);
    web.write('.env', `DB_PASSWORD=${CANARY}3\nSTAYS_KEY=${CANARY}2\n`);
    const quiet = await asAdmin(['diff', '--show-values', '--quiet']);
    expect(quiet.stderr).toMatch(/warning: secret values are in the output/);
    expect(quiet.stdout).toContain(`- ${CANARY}1\n`);
    expect(quiet.stdout).toContain(`+ ${CANARY}3\n`);
    expect(quiet.stdout).not.toContain(`${CANARY}2`);
    const json = await asAdmin(['diff', '--show-values', '--json']);
    expect(json.warnings().map(({ code }) => code)).toEqual(['values-shown']);
    expect(json.lines().find(({ name }) => name === 'DB_PASSWORD')).toMatchObject({
      value_before: `${CANARY}1`,
      value: `${CANARY}3`,
    });
  });
});

describe('a certificate', () => {
  it('that was rotated without its key, or its key without it, is a mismatch', async () => {
    certify('site', 30);
    certify('other', 30);
    await web.ok(['backup']);
    renameSync(join(web.work, 'tls/other.crt'), join(web.work, 'tls/site.crt'));
    rmSync(join(web.work, 'tls/other.key'));
    const ran = await asAdmin(['diff', '--json']);
    expect(ran.summary()).toMatchObject({ mismatched_keys: 1 });
    expect(ran.lines().find(({ message_type: type }) => type === 'key_pair')).toMatchObject({
      key: { path: 'tls/site.key' },
      certificate: { path: 'tls/site.crt' },
      matches: false,
    });
    expect((await asAdmin(['diff'])).stdout).toMatch(
      /^mismatch: the private key tls\/site\.key does not fit tls\/site\.crt$/m,
    );
  });

  it('that was renewed for the same key fits it', async () => {
    certify('site', 30);
    await web.ok(['backup']);
    certify('site', 400, true);
    const ran = await asAdmin(['diff', '--json']);
    expect(filesOf(ran.lines())).toEqual(['changed tls/site.crt']);
    expect(ran.lines().find(({ message_type: type }) => type === 'key_pair')).toMatchObject({
      matches: true,
    });
  });
});

describe('the age of a secret', () => {
  it('counts from the first snapshot that has it, and a rotation begins anew', async () => {
    web.write('.env', `DB_PASSWORD=${CANARY}1\nAPI_TOKEN=${CANARY}2\n`);
    await web.ok(['backup']);
    web.write('.env', `DB_PASSWORD=${CANARY}3\nNEW_TOKEN=${CANARY}2\n`);
    await web.ok(['backup']);
    const ran = await asAdmin(['history', '--json']);
    const known = ran.lines().filter(({ path }) => path === '.env');
    // Two snapshots of one second have no order of age.
    const ages = known.map(({ name, at_least: atLeast, since_as: as }) => [name, atLeast, as?.name]);
    expect(ages.sort()).toEqual([
      ['DB_PASSWORD', false, undefined],
      ['NEW_TOKEN', true, 'API_TOKEN'],
    ]);
    const one = await asAdmin(['history', '.env:DB_PASSWORD']);
    expect(one.stdout).toMatch(/ changed\n.* there, in the oldest snapshot\n$/);
    const due = await asAdmin(['history', '--older-than', '1h']);
    expect(due.stdout).toMatch(/^No secret is older than that/);
    expectNoValue(ran, one, due);
  });
});
