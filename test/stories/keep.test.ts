// A snapshot that the law wants kept, in a bucket with Object Lock: we do not delete it, and the bucket lets nobody else
// erase it, until it is released.

import { DeleteObjectCommand, HeadObjectCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Machine, machines } from '../support/program.ts';
import { type Bucket, type Credentials, ROLES, s3Ground, skipS3 } from '../support/s3.ts';

const machine = machines();

describe.skipIf(skipS3)('a snapshot that is kept in a bucket with Object Lock', () => {
  const bucket = s3Ground();
  let place: Bucket;
  let web: Machine;
  let env: Record<string, string>;
  let withoutHolds: Credentials;
  const ids: string[] = [];
  const lock = [...ROLES.maintain, { Action: 's3:PutObjectRetention', on: '/vault/*' }];

  beforeAll(async () => {
    place = await bucket({ lock: true });
    const holds = [...lock, { Action: 's3:PutObjectLegalHold', on: '/vault/*' }];
    const [user, other] = [await place.user(holds), await place.user(lock)];
    withoutHolds = other;
    web = machine('web-1');
    const me = await web.identity();
    env = { ...place.env(user), STRONGROOM_IDENTITY_FILE: me.file };
    web.write('.env', 'TOKEN=1\n');
    web.write(
      'strongroom.yaml',
      `location: ${place.location}\ns3: { objectLock: { mode: governance, days: 1 } }\n`,
    );
    await web.ok(['init', '--name', 'app', '--recipient', me.recipient], { env });
    for (let n = 0; n < 2; n++) {
      const ran = await web.ok(['backup', '.', '--set', 'app', '--json'], { env });
      ids.push(ran.summary().snapshot);
    }
  }, 240_000);

  const say = (...args: string[]) => web.run([...args, '--json'], { env });
  /** The objects of a snapshot, and the notes of who keeps what. */
  const objectsOf = async (id: string) => (await place.names()).filter((name) => name.includes(id));
  const isHeld = async (name: string) => {
    const head = await place.client.send(new HeadObjectCommand({ Bucket: place.name, Key: `vault/${name}` }));
    return head.ObjectLockLegalHoldStatus === 'ON';
  };
  const heldOf = async (id: string) => {
    const names = await objectsOf(id);
    return (await Promise.all(names.map(isHeld))).filter((held) => held).length;
  };
  /** Another client, who may do everything, erases what it can. @returns how each attempt ended */
  const eraseAll = async (below: string) => {
    const Prefix = `vault/${below}`;
    const { Versions = [] } = await place.client.send(
      new ListObjectVersionsCommand({ Bucket: place.name, Prefix }),
    );
    const erase = async (Key: string, VersionId: string) =>
      await place.client
        .send(
          new DeleteObjectCommand({ Bucket: place.name, Key, VersionId, BypassGovernanceRetention: true }),
        )
        .then(
          () => 'erased',
          (error) => error.name,
        );
    return await Promise.all(Versions.map(({ Key, VersionId }) => erase(Key!, VersionId!)));
  };

  it('is kept without a key, and the bucket holds each of its objects and the note itself', async () => {
    const kept = await web.ok(['keep', ids[0]!, '--json'], {
      env: { ...env, STRONGROOM_IDENTITY_FILE: undefined },
    });
    expect(kept.summary()).toMatchObject({ kept: 1, held: true, dry_run: false });
    expect(kept.stderr).toBe('');
    expect(await heldOf(ids[0]!)).toBe(3);
    expect(await heldOf(ids[1]!)).toBe(0);
    const [note = ''] = (await place.names()).filter((name) => name.startsWith('ledger/'));
    expect(await isHeld(note)).toBe(true);
    const listed = (await say('list')).lines();
    expect(listed.map(({ id, kept: is }) => [id, is])).toEqual([
      [ids[0], true],
      [ids[1], undefined],
      [undefined, undefined],
    ]);
  });

  it('is not deleted by us', async () => {
    const before = await place.names();
    const ran = await say('delete', ids[0]!, ids[1]!, '--yes');
    expect([ran.code, ran.failure().code]).toEqual([11, 'kept']);
    expect(await place.names()).toEqual(before);
  });

  it('is not erased by another client either, which may even go around a lock', async () => {
    expect(await eraseAll(`snapshots/app/${ids[0]}`)).toEqual(['AccessDenied']);
    expect(await eraseAll(`data/app/${ids[0]}/`)).toEqual(['AccessDenied', 'AccessDenied']);
    expect((await say('verify')).summary()).toMatchObject({ sound: true, errors: 0, warnings: 0 });
  });

  it('is held again under its new names when it is re-encrypted', async () => {
    const rotated = await say('keys', 'rotate', '--reencrypt', '--yes');
    expect(rotated.code, rotated.stderr).toBe(0);
    const now = await objectsOf(ids[0]!);
    expect(
      now.every((name) => /\.2\.json$|\/2-/.test(name)),
      now.join(),
    ).toBe(true);
    expect(await heldOf(ids[0]!)).toBe(3);
    expect(await heldOf(ids[1]!)).toBe(0);
  });

  it('is kept in the vault though the role may not hold, which is said, and done in part', async () => {
    const ran = await web.run(['keep', ids[1]!, '--json'], { env: { ...env, ...place.env(withoutHolds) } });
    expect(ran.code).toBe(3);
    expect(ran.summary()).toMatchObject({ kept: 1, held: false });
    const warning = ran.warnings().find(({ code }) => code === 'not-held');
    expect(warning?.hint).toMatch(/allow this role s3:PutObjectLegalHold on arn:aws:s3:::\S+\/vault\//);
    expect(await heldOf(ids[1]!)).toBe(0);
    expect((await say('delete', ids[1]!, '--yes')).code).toBe(11);
    // By whoever may, the same again.
    expect((await say('keep', ids[1]!)).code).toBe(0);
    expect(await heldOf(ids[1]!)).toBe(3);
  });

  it('is released, deleted, and then erased for good', async () => {
    const names = await objectsOf(ids[0]!);
    expect((await say('keep', '--release', ids[0]!)).summary()).toMatchObject({ released: 1, held: true });
    expect(await heldOf(ids[0]!)).toBe(0);
    expect(await heldOf(ids[1]!)).toBe(3);
    expect((await say('delete', ids[0]!, '--yes')).code).toBe(0);
    expect(await objectsOf(ids[0]!)).toEqual([]);
    for (const name of names) expect(new Set(await eraseAll(name)), name).toEqual(new Set(['erased']));
    const listed = (await say('list')).lines();
    expect(listed.flatMap(({ id }) => id ?? [])).toEqual([ids[1]]);
    expect((await say('verify')).summary()).toMatchObject({ sound: true, errors: 0 });
  });

  it('kept until a time is deleted after it, and no hold is left behind', async () => {
    const made = await web.ok(['backup', '.', '--set', 'app', '--json'], { env });
    const id = made.summary().snapshot;
    const until = new Date(Date.now() + 5000).toISOString().replace(/\.\d+/, '');
    const kept = await web.ok(['keep', id, '--until', until], { env });
    expect(kept.stdout).toContain('the bucket knows no date for a hold');
    const names = await objectsOf(id);
    expect(await heldOf(id)).toBe(3);
    await expect.poll(async () => (await say('delete', id, '--yes')).code, { timeout: 20_000 }).toBe(0);
    for (const name of names) expect(new Set(await eraseAll(name)), name).toEqual(new Set(['erased']));
    // What is still to be kept is not touched.
    expect(await heldOf(ids[1]!)).toBe(3);
  });
});
