import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Bucket, s3Ground, skipS3 } from '../support/s3.ts';
import { type Desk, desk, deskWithVault, type Said } from './desk.ts';

let at: Desk;
let ids: string[];
beforeEach(async () => {
  at = await deskWithVault();
  for (let i = 0; i < 3; i++) await at.ok('backup');
  ids = (await at.ok('list --json')).json().flatMap((s) => (s.id ? [s.id] : []));
});

const left = async () => (await at.ok('list --json')).json().flatMap((s) => (s.id ? [s.id] : []));

describe('delete', () => {
  it('removes what it is told to, and needs no key', async () => {
    const said = await at.say(`delete ${ids[0]} ${ids[2]} --yes`, { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "removed ID-1 of shop
      removed ID-3 of shop
      6 objects, SIZE
      "
    `);
    expect(await left()).toEqual([ids[1]]);
    await at.ok('verify');
  });

  it('tells programs', async () => {
    expect((await at.ok(`delete ${ids[0]} --yes --json`)).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"removed","id":"ID-1","set":"shop","dry_run":false}",
        "{"message_type":"summary","removed":1,"objects":3,"bytes":"N","dry_run":false}",
      ]
    `);
  });

  it('with --dry-run says what would go, however quiet', async () => {
    const said = await at.ok(`delete ${ids[0]} ${ids[0]} --dry-run --quiet`);
    expect(said.out).toBe(at.tidy(`would remove ${ids[0]} of shop\n`));
    expect((await at.ok(`delete ${ids[0]} --dry-run --json`)).json().at(-1)).toMatchObject({
      removed: 1,
      dry_run: true,
    });
    expect(await left()).toEqual(ids);
  });

  it('removes nothing unless somebody says yes', async () => {
    const said = await at.say(`delete ${ids[0]}`);
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: there is a question, and no terminal to ask it on
      strongroom: hint: look at it with --dry-run where there is one, and answer it with --yes
      "
    `);
    expect(await left()).toEqual(ids);
  });

  it.each(['latest', 'latest~1'])(
    'refuses %s, which means another one after the next backup',
    async (moving) => {
      const said = await at.say(`delete ${ids[0]} ${moving} --yes --json`);
      expect(JSON.parse(said.err)).toMatchObject({ code: 'name-it', exit_code: 2 });
      expect(await left()).toEqual(ids);
    },
  );

  it('removes nothing when one of several is not there', async () => {
    expect((await at.say(`delete ${ids[0]} 1999 --yes`)).code).toBe(10);
    expect(await left()).toEqual(ids);
  });

  it('is not for a machine without a signing key', async () => {
    const said = await at.say(`delete ${ids[0]} --yes`, { XDG_STATE_HOME: `${at.base}/other` });
    expect(said.code).toBe(2);
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: error: this machine, web-1, has no signing key
      strongroom: hint: ask to be a host of the vault: \`strongroom hosts enroll\`; or give the key of an enrolled host in STRONGROOM_SIGNING_KEY_FILE
      "
    `);
    expect(await left()).toEqual(ids);
  });
});

describe('a delete that was cut off', () => {
  const at0 = (...path: string[]) => join(at.base, 'vault', ...path);
  const record = () => at0('snapshots/shop', `${ids[0]}.json`);
  const data = () => at0('data/shop', ids[0]!);
  // The ledger says that it is gone; what follows did not come to be.
  beforeEach(async () => {
    cpSync(at0(), join(at.base, 'kept'), { recursive: true });
    await at.ok(`delete ${ids[0]} --yes`);
    cpSync(join(at.base, 'kept'), at0(), { recursive: true });
    // The place is to have received the entry after the data, as it did.
    for (const entry of readdirSync(at0('ledger'))) {
      const bytes = readFileSync(at0('ledger', entry));
      rmSync(at0('ledger', entry));
      writeFileSync(at0('ledger', entry), bytes);
    }
    rmSync(join(at.base, 'kept'), { recursive: true });
  });

  it('is named by verify, and finished by naming the snapshot again', async () => {
    expect(await left()).toEqual(ids.slice(1));
    expect((await at.ok('verify')).out).toContain(at.tidy(`delete ${ids[0]} again`));
    const dry = await at.ok(`delete ${ids[0]} --dry-run`);
    expect(dry.out).toContain(at.tidy(`would remove what is left of ${ids[0]} of shop\n`));
    expect(existsSync(record())).toBe(true);
    expect((await at.say(`delete ${ids[0]}`)).code).toBe(2);
    const said = await at.ok(`delete ${ids[0]} --yes --json`);
    expect(said.json().at(-1)).toMatchObject({ removed: 1, objects: 3 });
    expect([existsSync(record()), existsSync(data())]).toEqual([false, false]);
    expect((await at.ok('verify --json')).json().filter((l) => l.message_type !== 'summary')).toEqual([]);
    expect((await at.say(`delete ${ids[0]} --yes`)).code).toBe(10);
    expect(await left()).toEqual(ids.slice(1));
  });

  it('is finished when only data is left, together with others', async () => {
    rmSync(record());
    const said = await at.ok(`delete ${ids[0]} ${ids[1]} --yes`);
    expect(said.out).toContain(at.tidy(`removed what is left of ${ids[0]} of shop\n`));
    expect(existsSync(data())).toBe(false);
    expect(await left()).toEqual(ids.slice(2));
  });

  it('is not looked for in another set', async () => {
    expect((await at.say(`delete ${ids[0]} --set other --yes`)).code).toBe(10);
    expect(existsSync(data())).toBe(true);
  });
});

describe.skipIf(skipS3)('delete, in a bucket', () => {
  const ground = s3Ground();

  /** What is said when the one snapshot of a vault there is deleted. */
  async function deleted(bucket: Bucket, settings = '', ...flags: string[]): Promise<Said> {
    const here = await desk();
    Object.assign(here.env, bucket.env());
    await here.ok(['init', '--location', bucket.location, '--recipient', here.recipient]);
    const file = join(here.work, 'strongroom.yaml');
    here.write('strongroom.yaml', readFileSync(file, 'utf8').replace(/^s3: \{/m, `s3: { ${settings}`));
    const [{ snapshot = '' } = {}] = (await here.ok('backup --json')).json().slice(-1);
    return await here.ok(['delete', snapshot, '--yes', ...flags]);
  }

  it('says that nothing stays where there are no versions', async () => {
    expect((await deleted(await ground())).out).not.toContain('version');
    const summary = (await deleted(await ground(), '', '--json')).json().at(-1);
    expect(summary).not.toHaveProperty('old_versions');
  });

  it('says that old versions stay, and until when they are locked', async () => {
    const said = await deleted(await ground({ versioned: true }));
    expect(said.out).toContain(
      'old versions stay in the bucket until a lifecycle rule, or whoever may, removes them\n',
    );
    const locked = await deleted(
      await ground({ lock: true }),
      'objectLock: { mode: governance, days: 2 },',
      '--json',
    );
    const { old_versions, locked_until } = locked.json().at(-1)!;
    expect(old_versions).toBe(true);
    expect((Date.parse(locked_until) - Date.now()) / 86_400_000).toBeCloseTo(2, 2);
  });
});
