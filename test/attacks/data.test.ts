// Data that is not what was backed up. Whoever writes to the store can replace parts: the record's hashes find that.
// A host that is listed can sign what it likes, so what it says is held to itself: contents to the record, the tar to
// contents, and no name in either leads out of a target.

import { beforeEach, describe, expect, it } from 'vitest';
import { encryptBytes } from '../../src/crypt/age.ts';
import { generateIdentity, recipientOf } from '../../src/crypt/identity.ts';
import type { Entry } from '../../src/pack/entry.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';
import { artifactComment, CONTENTS_ARTIFACT, FILES_ARTIFACT } from '../../src/vault/layout.ts';
import { loadFiles } from '../../src/vault/load.ts';
import { chooseSnapshot } from '../../src/vault/select.ts';
import { readSnapshots, type Snapshot } from '../../src/vault/snapshots.ts';
import {
  dirEntry,
  type Forgery,
  fileEntry,
  forge,
  get,
  gzipOf,
  linkEntry,
  memberOf,
  put,
  tarOf,
} from '../support/forge.ts';
import { briefly, deepFaultsOf, failureOf, faultsOf, refusedRestore, restored } from '../support/refusals.ts';
import { makeVault, openLocked, openUnlocked, type TestVault, tick } from '../support/vault.ts';

let vault: TestVault;
beforeEach(async () => {
  vault = await makeVault();
});

describe('a part that was replaced in the store', () => {
  let snapshots: readonly Snapshot[];
  beforeEach(async () => {
    await vault.backup({ '.env': 'HONEST=1\n' });
    await vault.backup({ '.env': 'HONEST=2\n' });
    snapshots = (await readSnapshots(await openLocked(vault))).snapshots;
  });
  const partsOf = (snapshot: Snapshot) => snapshot.artifacts.map((a) => a.parts[0]!.object);

  async function isNamed(code: string, object: string): Promise<void> {
    expect(briefly(await faultsOf(vault))).toEqual([`${code} ${object}`]);
    expect(briefly(await deepFaultsOf(vault))).toEqual([`${code} ${object}`]);
    expect(await refusedRestore(vault, { set: 'app' })).toBe(code);
    // The other snapshot is as good as before.
    expect(await restored(vault, { selector: snapshots[0]!.id })).toMatchObject({ '.env': '600:HONEST=1\n' });
  }

  it.each([0, 1])('by an age file to the same recipient, artifact %i', async (i) => {
    const object = partsOf(snapshots[1]!)[i]!;
    await put(vault.store, object, await encryptBytes(Buffer.from('FORGED=1\n'), [vault.pin.recipient]));
    await isNamed('part-differs', object);
  });

  it.each([0, 1])('by that of an older snapshot, artifact %i', async (i) => {
    const object = partsOf(snapshots[1]!)[i]!;
    await put(vault.store, object, await get(vault.store, partsOf(snapshots[0]!)[i]!));
    await isNamed('part-differs', object);
  });

  it('by the other artifact of the snapshot, both ways', async () => {
    const [files = '', contents = ''] = partsOf(snapshots[1]!);
    const bytes = await get(vault.store, files);
    await put(vault.store, files, await get(vault.store, contents));
    await put(vault.store, contents, bytes);
    const faults = ['part-differs', 'part-differs'].map((code, i) => `${code} ${[files, contents][i]}`);
    expect(briefly(await faultsOf(vault))).toEqual(faults);
    expect(await refusedRestore(vault, { set: 'app' })).toBe('part-differs');
  });

  it.each([0, 1])('by something enormous, artifact %i: it is not read', async (i) => {
    const object = partsOf(snapshots[1]!)[i]!;
    await put(vault.store, object, Buffer.alloc(48 * 1024 * 1024));
    await isNamed('part-differs', object);
  });

  it.each([0, 1])('by nothing, artifact %i', async (i) => {
    const object = partsOf(snapshots[1]!)[i]!;
    await vault.store.remove([object]);
    await isNamed('missing-part', object);
  });

  it('or added is an orphan, and read by nobody', async () => {
    const object = partsOf(snapshots[1]!)[0]!.replace('.00000', '.00001');
    await put(vault.store, object, 'more');
    expect(await faultsOf(vault)).toEqual([]);
    expect(await restored(vault)).toMatchObject({ '.env': '600:HONEST=2\n' });
  });
});

/** Holds a forged snapshot to count as signed, to be named when it is read, and to restore nothing. */
async function isRefused(forgery: Forgery, code: string): Promise<void> {
  await vault.backup({ '.env': 'HONEST=1\n' });
  tick(vault.clock);
  const { object, id } = await forge(vault, forgery);
  // A check without a key cannot see it: it is signed by a host that is listed.
  expect(briefly(await faultsOf(vault))).toEqual([]);
  const faults = await deepFaultsOf(vault);
  expect(briefly(faults)).toEqual([`${code} ${object}`]);
  expect(faults[0]!.message).toContain(id);
  // One line that a terminal can bear.
  expect(faults[0]!.message).toMatch(/^[ -~’…]+$/);
  expect(await refusedRestore(vault, { set: 'app' })).toBe(code);
  const unlocked = await openUnlocked(vault);
  const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), { selector: id });
  expect((await failureOf(loadFiles(unlocked, snapshot))).code).toBe(code);
}

describe('a path that leads out of the target', () => {
  /** Contents that list what no tar of ours can hold; the tar is an honest one. */
  const listing = (entries: Entry[]): Forgery => ({
    contents: () => ({ entries }),
    record: () => ({ entries: entries.length }),
  });

  it.each([
    ['..', '../evil'],
    ['.. below', 'a/../../evil'],
    ['.', './evil'],
    ['absolute', '/etc/cron.d/evil'],
    ['empty', ''],
    ['with an empty segment', 'a//evil'],
    ['with a slash at its end', 'evil/'],
    ['with a NUL', 'evil\0.txt'],
    ['with a segment too long', 'e'.repeat(256)],
    ['too long', `${'evil/'.repeat(900)}x`],
    ['with a terminal escape in it and ..', '../\u001b[2Jevil'],
  ])('%s', async (_, path) => {
    await isRefused(listing([fileEntry(path, 'FORGED=1\n')]), 'bad-path');
  });

  it('that no bytes spell', async () => {
    await isRefused(listing([fileEntry('evil\ud800', 'x')]), 'bad-name');
    vault = await makeVault();
    await isRefused(listing([fileEntry('evil\udcc3\udca9', 'x')]), 'bad-name');
  });

  it.each([
    ['below a symbolic link', [linkEntry('a', '/etc'), fileEntry('a/passwd', 'x')]],
    ['below a file', [fileEntry('a', 'x'), fileEntry('a/b', 'x')]],
    ['twice', [fileEntry('.env', 'x'), fileEntry('.env', 'y')]],
    ['as a link and then as a file', [linkEntry('.env', '/etc/passwd'), fileEntry('.env', 'x')]],
    ['below a link that comes later', [fileEntry('a/b', 'x'), linkEntry('a', '/etc')]],
  ])('an entry %s', async (_, entries) => {
    await isRefused(listing(entries), 'bad-entry');
  });

  it.each(['char-device', 'fifo', 'hardlink', 'socket', '__proto__', 'stream'])(
    'an entry of type %s',
    async (type) => {
      const entries = [{ ...fileEntry('.env', 'x'), type } as unknown as Entry];
      await isRefused(listing(entries), 'bad-document');
    },
  );

  it.each([
    ['without a target', ''],
    ['with a NUL in its target', 'a\0b'],
  ])('a symbolic link %s', async (_, target) => {
    await isRefused(listing([linkEntry('a', target)]), 'bad-document');
  });
});

describe('a tar that is not what contents list', () => {
  const files = { '.env': 'FORGED=1\n', 'b.txt': 'two\n' };
  const entries = Object.entries(files).map(([path, content]) => fileEntry(path, content));
  const [first, second] = entries as [Entry, Entry];

  it.each<[string, Buffer]>([
    ['other content of the same size', tarOf(entries, { ...files, '.env': 'FORGED=2\n' })],
    ['an entry missing', tarOf([first], files)],
    ['an entry more', tarOf([...entries, fileEntry('evil', 'x')], { ...files, evil: 'x' })],
    ['an entry twice', tarOf([first, first, second], files)],
    ['another order', tarOf([second, first], files)],
    ['another name', tarOf([{ ...first, path: 'evil' }, second], { ...files, evil: files['.env'] })],
    ['another mode', tarOf([{ ...first, mode: 0o4755 }, second], files)],
    ['another owner', tarOf([{ ...first, uid: 1000 }, second], files)],
    ['a link in the place of a file', tarOf([linkEntry('.env', '/etc/passwd'), second], files)],
    ['a directory in the place of a file', tarOf([dirEntry('.env'), second], files)],
    ['a device in the place of a file', withType(tarOf(entries, files), '3')],
    ['a hard link in the place of a file', withType(tarOf(entries, files), '1')],
    ['a sparse file of the GNU kind', withType(tarOf(entries, files), 'S')],
    ['a PAX header that renames', Buffer.concat([paxPath('../evil'), tarOf(entries, files)])],
    [
      'something after its end',
      Buffer.concat([tarOf(entries, files), tarOf([fileEntry('evil', 'x')], { evil: 'x' })]),
    ],
    ['something in its padding', padded()],
    ['nothing at all', Buffer.alloc(0)],
    ['only its end', tarEnd()],
    ['its end missing', tarOf(entries, files).subarray(0, -1024)],
    ['a file cut short', tarOf(entries, files).subarray(0, 515)],
  ])('%s', async (_, tar) => {
    await isRefused({ entries, files, tar }, 'archive-differs');
  });

  function withType(tar: Buffer, type: string): Buffer {
    const copy = Buffer.from(tar);
    copy.write(type, 156, 'latin1');
    // With a checksum that is right for it.
    copy.fill(' ', 148, 156);
    const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return copy;
  }

  function paxPath(path: string): Buffer {
    // Our own writer's, for a path that needs one, with the name changed to one as long.
    const long = `${'x'.repeat(120 - path.length)}${path}`;
    return tarHeader(fileEntry(long, '')).subarray(0, 1024);
  }

  function padded(): Buffer {
    const tar = Buffer.from(tarOf(entries, files));
    expect(tarPadding(first.size)).toBeGreaterThan(0);
    tar[512 + first.size + 5] = 1;
    return tar;
  }
});

describe('contents that are not those of the snapshot', () => {
  it.each([
    ['set', 'db'],
    ['id', '20261120T055812Z-000000'],
    ['host', 'db-1'],
    ['vault', '0'.repeat(26)],
  ])('with another %s', async (key, value) => {
    await isRefused({ contents: () => ({ [key]: value }) }, 'contents-differ');
  });

  it('with other bytes than the record signs', async () => {
    await isRefused({ record: () => ({ contents: '0'.repeat(64) }) }, 'artifact-differs');
  });

  it('with another number of entries than the record says', async () => {
    await isRefused({ record: () => ({ entries: 7 }) }, 'contents-differ');
  });

  it('with another hash of the files', async () => {
    await isRefused(
      { contents: ({ artifacts }) => ({ artifacts: [{ ...artifacts[0], sha256: '0'.repeat(64) }] }) },
      'artifact-differs',
    );
  });

  it('with another size of the files', async () => {
    await isRefused(
      { contents: ({ artifacts }) => ({ artifacts: [{ ...artifacts[0], size: 1 }] }) },
      'artifact-differs',
    );
  });

  it('that do not list the files', async () => {
    await isRefused({ contents: () => ({ artifacts: [] }) }, 'contents-differ');
  });

  it('that repeat a key', async () => {
    await isRefused(
      { contentsJson: (json) => json.replace('"path"', '"path":"evil","path"') },
      'bad-document',
    );
  });

  it.each<[string, (json: string) => string]>([
    ['are no JSON', () => '{'],
    ['are a list', () => '[]'],
    [
      'are nested deeply',
      (json) => json.replace('"entries":[', `"x":${'['.repeat(50)}${']'.repeat(50)},"entries":[`),
    ],
    ['are of a newer format', (json) => json.replace('"format":1', '"format":2')],
    ['are of another type', (json) => json.replace('"type":"contents"', '"type":"record"')],
    ['have a mode that there is not', (json) => json.replace('"mode":"0600"', '"mode":"70000"')],
    ['have a mode of the wrong form', (json) => json.replace('"mode":"0600"', '"mode":"rw"')],
    ['have a hash of the wrong form', (json) => json.replace(/"sha256":"[0-9a-f]{8}/g, '"sha256":"')],
    ['have a size below nothing', (json) => json.replace(/"size":9,"sha256"/, '"size":-9,"sha256"')],
  ])('that %s', async (_, change) => {
    await isRefused({ contentsJson: change }, 'bad-document');
  });
});

describe('an artifact that says it is another', () => {
  it('its files are those of another snapshot', async () => {
    const filesComment = artifactComment(vault.pin.vault, 'app', '20261120T055812Z-000000', FILES_ARTIFACT);
    await isRefused({ filesComment }, 'wrong-artifact');
  });

  it('its contents are those of another set', async () => {
    const contentsComment = artifactComment(
      vault.pin.vault,
      'db',
      '20261120T055812Z-000000',
      CONTENTS_ARTIFACT,
    );
    await isRefused({ contentsComment }, 'wrong-artifact');
  });

  it('its files have no comment', async () => {
    await isRefused({ filesGzip: memberOf(Buffer.from('FORGED=1\n')) }, 'wrong-artifact');
  });

  it('is encrypted to somebody else', async () => {
    const recipient = await recipientOf(await generateIdentity('x25519'));
    await isRefused({ recipient }, 'no-identity-matches');
  });
});

describe('a bomb', () => {
  const id = '20261120T060112Z-b0b0b0';
  const comment = (artifact: string) => artifactComment(vault.pin.vault, 'app', id, artifact);
  const zeros = memberOf(Buffer.alloc(1024 * 1024));

  it.each([
    ['of more than 512 MiB', 512],
    ['of less, and yet more than a string can hold', 511],
  ])('in contents, %s, is refused', async (_, members) => {
    const rest = memberOf(Buffer.alloc(1024 * 1024 - 2));
    const contentsGzip = Buffer.concat([
      gzipOf(comment(CONTENTS_ARTIFACT), Buffer.from('{')),
      ...Array(members).fill(zeros),
      rest,
    ]);
    expect(contentsGzip.length).toBeLessThan(1024 * 1024);
    const { object } = await forge(vault, { id, contentsGzip });
    expect(briefly(await deepFaultsOf(vault))).toEqual([`too-large ${object}`]);
  });

  it('in the files stops at the entry that it is not', async () => {
    const filesGzip = Buffer.concat([
      gzipOf(comment(FILES_ARTIFACT), Buffer.alloc(0)),
      ...Array(4096).fill(zeros),
    ]);
    await isRefused({ id, filesGzip }, 'archive-differs');
  });

  it('in the files stops after the last entry', async () => {
    const tar = tarOf([fileEntry('.env', 'FORGED=1\n')], { '.env': 'FORGED=1\n' });
    const filesGzip = Buffer.concat([gzipOf(comment(FILES_ARTIFACT), tar), ...Array(4096).fill(zeros)]);
    await isRefused({ id, filesGzip }, 'archive-differs');
  });

  it('in a member that says it is small stops there', async () => {
    const member = Buffer.from(zeros);
    member.writeUInt32LE(16, member.length - 4);
    const filesGzip = Buffer.concat([gzipOf(comment(FILES_ARTIFACT), Buffer.alloc(0)), member]);
    await isRefused({ id, filesGzip }, 'bad-gzip');
  });

  it('in a member that says it is huge is not begun', async () => {
    const member = Buffer.from(zeros);
    member.writeUInt32LE(0xffffffff, member.length - 4);
    const filesGzip = Buffer.concat([gzipOf(comment(FILES_ARTIFACT), Buffer.alloc(0)), member]);
    await isRefused({ id, filesGzip }, 'bad-gzip');
  });

  it('of a size that the tar does not have', async () => {
    const large = fileEntry('.env', 'FORGED=1\n', { size: 3 * 1024 * 1024 });
    await isRefused(
      { entries: [large], tar: Buffer.concat([tarHeader(large), Buffer.alloc(4096)]) },
      'archive-differs',
    );
  });

  it('of a size that no disk has is refused before anything is staged', async () => {
    const huge = fileEntry('.env', 'FORGED=1\n', { size: 2 ** 50 });
    await forge(vault, { entries: [huge], tar: Buffer.concat([tarHeader(huge), Buffer.alloc(4096)]) });
    expect(await refusedRestore(vault, { set: 'app' })).toBe('disk-full');
    const unlocked = await openUnlocked(vault);
    const { snapshot } = chooseSnapshot(await readSnapshots(unlocked), {});
    expect((await failureOf(loadFiles(unlocked, snapshot))).code).toBe('too-large-for-memory');
  });

  it('after the zeros that pad an artifact', async () => {
    const tar = tarOf([fileEntry('.env', 'FORGED=1\n')], { '.env': 'FORGED=1\n' });
    const filesGzip = Buffer.concat([
      gzipOf(comment(FILES_ARTIFACT), tar),
      Buffer.alloc(1000),
      memberOf(Buffer.from('x')),
    ]);
    await isRefused({ id, filesGzip }, 'bad-gzip');
  });
});
