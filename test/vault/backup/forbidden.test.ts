import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { shareText } from '../../../src/kit/read.ts';
import { splitIdentity, wholeShare } from '../../../src/kit/shamir.ts';
import { type Share, shareLines } from '../../../src/kit/share.ts';
import { type KitPage, kitPage } from '../../../src/pages/kit.ts';
import { formatPrivateKey } from '../../../src/sign/openssh.ts';
import { type BackupOptions, backup } from '../../../src/vault/backup/backup.ts';
import { keysOf, watchKeys } from '../../../src/vault/backup/forbidden.ts';
import { client, makeVault, newHost, openUnlocked, PASSPHRASE, scratch, tick } from '../../support/vault.ts';
import { putOnly, watched } from '../stores.ts';

const vault = await makeVault();
const { identity } = await openUnlocked(vault);
const hostKey = formatPrivateKey(vault.host.key, 'web-1');
const MiB = 1024 * 1024;

const base64 = (text: string) => Buffer.from(text).toString('base64');
const lines = (text: string) => base64(text).replace(/.{76}/g, '$&\r\n');
const secretOf = (text: string) => `kind: Secret\ndata:\n  a: ${base64('nothing')}\n  key: ${base64(text)}\n`;

/** Backs up files, in a directory or from memory, and says what came of it and what was written. */
async function tried(
  files: Record<string, string | Buffer>,
  more: Partial<BackupOptions> = {},
  putsOnly = false,
) {
  const root = scratch();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content, { mode: 0o600 });
  }
  tick(vault.clock);
  const store = putsOnly ? putOnly(vault.store) : watched(vault.store);
  const options = {
    set: 'app',
    sources: { root, include: [], exclude: [] },
    host: vault.host,
    pin: vault.pin,
    ...more,
  };
  const error = await backup(client({ ...vault, store }), options as BackupOptions).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, writes: store.writes, root };
}

/** Holds a backup to be refused for this file, with nothing written. */
async function isRefused(path: string, what: string, ...args: Parameters<typeof tried>): Promise<void> {
  const { error, writes } = await tried(...args);
  expect(error).toMatchObject({
    code: 'key-in-backup',
    exitCode: 2,
    object: path,
    message: `${path} ${what}`,
    hint: 'nothing was backed up: keep that key elsewhere, or exclude the file',
  });
  expect(writes).toEqual([]);
}

const OPENS = 'holds a key that opens this vault';
const WRITES = 'is a private key that opens this vault or writes to it';
const NAMED = 'is a credential that the configuration names for this vault';

describe('a backup of what opens or writes this very vault is refused', () => {
  it.each<[string, () => string, string]>([
    ['an age identity of one of its keys', () => `# created: now\n${vault.key}\n`, OPENS],
    ['the vault’s own identity', () => identity, OPENS],
    ['an identity within other text', () => `BACKUP_KEY="${vault.key}"\nOTHER=1\n`, OPENS],
    [
      'the second of two identities',
      () => `${identity.replace(/.{10}$/, 'QQQQQQQQQQ')}\n${vault.key}`,
      OPENS,
    ],
    ['the signing key of this host', () => hostKey, WRITES],
    ['that key as the second of a bundle', () => formatPrivateKey(newHost('x').key, 'x') + hostKey, WRITES],
    ['an identity in a Kubernetes Secret', () => secretOf(`# created: now\n${vault.key}\n`), OPENS],
    ['that key in a Kubernetes Secret', () => secretOf(hostKey), WRITES],
    [
      'that key as the second in such a Secret',
      () => secretOf(`x${identity.toLowerCase()}\n${hostKey}`),
      WRITES,
    ],
    ['an identity in the base64 of a mail', () => lines(`Hello,\nthis is it: ${vault.key}`), OPENS],
    ['an identity in a file of a mebibyte', () => `${'x'.repeat(MiB - 100)}\n${vault.key}\n`, OPENS],
    ['that key in a file of 70 kB', () => `${'# a comment\n'.repeat(6000)}${hostKey}`, WRITES],
    ['that key in a manifest', () => `data:\n  key: |\n${hostKey.replace(/^/gm, '    ')}`, WRITES],
  ])('%s', async (_, content, what) => {
    await isRefused('deep/secret.txt', what, { '.env': 'A=1\n', 'deep/secret.txt': content() });
  });

  it('from memory too', async () => {
    await isRefused('secret.txt', OPENS, {}, { sources: { memory: { 'secret.txt': vault.key } } });
    await isRefused('secret.json', OPENS, {}, { sources: { memory: { 'secret.json': { key: vault.key } } } });
  });

  it('in a set of many parts, of which it is the last file', async () => {
    await isRefused('z', OPENS, { 'a.bin': randomBytes(40 * MiB), z: vault.key });
    await isRefused('z', WRITES, { 'a.bin': randomBytes(40 * MiB), z: hostKey });
  });

  it('by a role that may only put: the pin and the host’s own key are known to it', async () => {
    await isRefused('a', OPENS, { a: identity }, {}, true);
    await isRefused('a', WRITES, { a: hostKey }, {}, true);
  });

  it('in an escaped name', async () => {
    const name = 'a\u001b[2J';
    const { error } = await tried({ [name]: vault.key });
    expect(error).toMatchObject({ message: `a\\x1b[2J ${OPENS}` });
  });
});

const other = await generateIdentity('x25519');
const printing = { generation: 1, fingerprint: vault.pin.authority };
const [share, second] = (await splitIdentity(other, { ...printing, count: 3, threshold: 2 })) as [
  Share,
  Share,
];
const whole = await wholeShare(vault.key, printing);

/** A page of the recovery kit, as the commands print it. */
function page(of: Share, identity?: string): string {
  const { index, threshold, count, set } = of;
  const known = { name: 'shop', id: vault.pin.vault, location: '/vault', fingerprint: vault.pin.authority };
  const entry = { pin: '', keyNumber: 1, sets: ['app'], key: 'kit', object: 'keys/1/kit-x.age' };
  return kitPage({
    vault: { ...known, ...entry, postQuantum: false },
    share: { index, threshold, count, set, lines: shareLines(of), qr: [[true]] },
    printed: '2026-11-20 05:58 UTC',
    tool: 'strongroom',
    stockTools: '',
    ...(identity === undefined ? {} : { identity }),
  } satisfies KitPage);
}
const withoutShare = (html: string) => html.replace(/<pre class="lines"[\s\S]*?<\/pre>/, '');
const inGroups = (identity: string, gap: string) =>
  identity.replace(/^(.*-1)(.*)$/, (_, head, rest: string) => [head, ...rest.match(/.{1,5}/g)!].join(gap));
const bare = (of: Share) => shareLines(of).map((line, i) => `${i + 1}  ${line}`);
const SHARE = 'holds a share of a recovery key';

describe('a backup of a recovery key is refused', () => {
  it.each<[string, () => string]>([
    ['the key of a page, in spans', () => withoutShare(page(whole, vault.key))],
    ['copied from the page with gaps', () => `the key: ${inGroups(vault.key, ' ')}\n`],
    ['broken into lines', () => inGroups(vault.key, '\r\n    ')],
    ['with escaped line breaks', () => JSON.stringify({ key: inGroups(vault.key, '\n') })],
    ['in a page saved for mail', () => inGroups(vault.key, '=\r\n</span><span class=3D"mono">')],
    ['with gaps that do not break', () => inGroups(vault.key, '\u00a0')],
    ['in lower case', () => `key: ${vault.key.toLowerCase()}`],
    ['in lower case, with gaps', () => inGroups(vault.key.toLowerCase(), ' ')],
    ['in a Secret, with gaps', () => secretOf(inGroups(vault.key, ' '))],
    ['in a Secret, in lower case', () => secretOf(`the key ${vault.key.toLowerCase()}`)],
    ['after something that only begins so', () => `AGE-SECRET-KEY-1 AGE-SECRET-KEY-1${vault.key}`],
  ])('%s', async (_, content) => {
    await isRefused('kit', OPENS, { kit: content() });
  });

  it('of the post-quantum kind, with gaps', async () => {
    const identity = await generateIdentity('hybrid');
    const watch = watchKeys(new Set([await recipientOf(identity)]), new Set());
    watch.inspect('kit', Buffer.from(inGroups(identity, ' ')));
    await expect(watch.settle()).rejects.toMatchObject({ code: 'key-in-backup' });
  });
});

describe('a backup of a share of a recovery key is refused', () => {
  const hint =
    'nothing was backed up: shares belong on paper and with other people; move the file away, or exclude it, also where it is a share for another vault';
  const refused = async (content: string, putsOnly = false) => {
    const { error, writes } = await tried({ 'x/share': content }, {}, putsOnly);
    expect(error).toMatchObject({
      code: 'key-in-backup',
      exitCode: 2,
      object: 'x/share',
      message: `x/share ${SHARE}`,
      hint,
    });
    expect(writes).toEqual([]);
  };
  const title = 'STRONGROOM SHARE 1 OF 3';

  it.each<[string, () => string]>([
    ['a page', () => page(share)],
    ['the page of a whole kit', () => page(whole)],
    ['text', () => shareText(shareLines(share), title, '\n')],
    ['what its QR code holds', () => shareText(shareLines(share), title, '/')],
    [
      'with line breaks of another system',
      () => shareText(shareLines(share), title, '\n').replaceAll('\n', '\r\n'),
    ],
    ['in lower case', () => shareText(shareLines(share), title, '\n').toLowerCase()],
    ['in capitals, without its title', () => bare(share).join('\n')],
    ['in small letters, without its title', () => bare(share).join('\n').toLowerCase()],
    ['without gaps, numbers and title', () => shareLines(share).join('\n').replaceAll(' ', '')],
    ['of a post-quantum kit, without its title', () => bare({ ...share, kind: 'hybrid' }).join('\n')],
    ['in a manifest', () => `data:\n  share: |\n${bare(share).join('\n').replace(/^/gm, '    ')}`],
    ['quoted in JSON', () => JSON.stringify({ share: bare(share).join('\n') })],
    ['in a list', () => JSON.stringify(bare(share))],
    ['in a Kubernetes Secret', () => secretOf(shareText(shareLines(share), title, '\n'))],
    ['a page in a Kubernetes Secret', () => secretOf(page(share))],
    ['after another that is torn', () => [...bare(second).slice(0, 3), ...bare(share)].join('\n')],
    [
      'beside another',
      () =>
        bare(share)
          .map((line, i) => `${line} | ${bare(second)[i]}`)
          .join('\n'),
    ],
    ['of another vault', () => page({ ...share, anchor: '00'.repeat(20) })],
  ])('%s', async (_, content) => {
    await refused(content());
  });

  it('by a role that may only put, which does not know whose it is', async () => {
    await refused(page(share), true);
  });

  it('and not what only looks like one', async () => {
    const wrong = bare(share)
      .join('\n')
      .replace(/.$/, (letter) => (letter === 'Q' ? 'P' : 'Q'));
    const files = {
      wrong,
      four: bare(share).slice(0, 4).join('\n'),
      'read.md': '`<pre data-strongroom-share>` begins STRONGROOM SHARE 1 OF 5\n'.repeat(20),
    };
    expect((await tried(files)).error).toBeUndefined();
  });

  it('and it can be excluded', async () => {
    const { root } = await tried({ a: 'A' });
    writeFileSync(join(root, 'strongroom-kit.html'), page(whole, vault.key));
    const sources = { root, include: [], exclude: ['strongroom-kit.html'] };
    expect((await tried({}, { sources })).error).toBeUndefined();
  });

  it('is looked for in linear time', () => {
    const watch = watchKeys(new Set(), new Set());
    const line = `${bare(share)[0]}\n`;
    const hostile = [
      line.repeat(MiB / line.length),
      `STRONGROOM SHARE ${'ABCDE '.repeat(MiB / 6 - 10)}`,
      `STRONGROOM SHARE ${'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq/'.repeat(MiB / 31 - 10)}`,
      'AGE-SECRET-KEY-1 '.repeat(MiB / 17),
      `AGE-SECRET-KEY-1${' '.repeat(MiB - 20)}`,
      'AGE-SECRET-KEY-1<'.repeat(MiB / 17),
      `AGE-SECRET-KEY-1${'<a '.repeat(MiB / 3 - 10)}`,
    ];
    for (const content of hostile) {
      const started = performance.now();
      watch.inspect('x', Buffer.from(content));
      expect(performance.now() - started, content.slice(0, 40)).toBeLessThan(2000);
    }
  });
});

describe('a file that the configuration names as a credential is refused', () => {
  const named = (root: string, path: string) => ({
    credentialPaths: [join(root, path)],
    sources: { root, include: [], exclude: [] },
  });

  it('by its path', async () => {
    const { root } = await tried({ 'conf/pass': PASSPHRASE });
    await isRefused('conf/pass', NAMED, {}, named(root, 'conf/pass'));
  });

  it('by whatever path leads to it', async () => {
    const { root } = await tried({ 'conf/pass': PASSPHRASE });
    const link = join(scratch(), 'link');
    symlinkSync(root, link);
    await isRefused(
      'conf/pass',
      NAMED,
      {},
      { ...named(root, ''), credentialPaths: [join(link, 'conf/pass')] },
    );
    await isRefused(
      'conf/pass',
      NAMED,
      {},
      { ...named(link, ''), credentialPaths: [join(root, 'conf/pass')] },
    );
  });

  it('as another hard link', async () => {
    const { root } = await tried({ 'conf/pass': PASSPHRASE });
    const outside = scratch();
    linkSync(join(root, 'conf/pass'), join(outside, 'pass'));
    await isRefused('conf/pass', NAMED, {}, { ...named(root, ''), credentialPaths: [join(outside, 'pass')] });
  });

  it('as a link’s target, where the link is what is named', async () => {
    const { root } = await tried({ 'conf/pass': PASSPHRASE });
    const outside = scratch();
    symlinkSync(join(root, 'conf/pass'), join(outside, 'pass'));
    await isRefused('conf/pass', NAMED, {}, { ...named(root, ''), credentialPaths: [join(outside, 'pass')] });
  });

  it('outside the root', async () => {
    const outside = scratch();
    const path = join(outside, 'pass');
    writeFileSync(path, PASSPHRASE);
    const { root } = await tried({ a: 'A' });
    await isRefused(
      `@outside${path}`,
      NAMED,
      {},
      { credentialPaths: [path], sources: { root, include: ['.', path], exclude: [] } },
    );
  });
});

describe('a backup is not refused', () => {
  it('when the file is excluded', async () => {
    const { root } = await tried({ 'a.txt': 'A' });
    writeFileSync(join(root, 'key.txt'), vault.key);
    const sources = { root, include: [], exclude: ['key.txt'] };
    expect((await tried({}, { sources, credentialPaths: [join(root, 'key.txt')] })).error).toBeUndefined();
  });

  it('for the keys of others, and what only looks like a key', async () => {
    const other = await generateIdentity('x25519');
    const { error } = await tried({
      'other.txt': other,
      'their-host-key': formatPrivateKey(newHost('x').key, 'x'),
      'recipient.txt': await recipientOf(vault.key),
      'broken.txt': vault.key.replace(/.{6}$/, 'QQQQQQ'),
      'host.pub': vault.host.key.publicKey,
      'secret.yaml': secretOf(`${other}\n${formatPrivateKey(newHost('x').key, 'x')}`),
    });
    expect(error).toBeUndefined();
  });

  it('for a credential that is not there, or not in the set', async () => {
    expect(
      (await tried({ a: 'A' }, { credentialPaths: ['/nowhere/pass', '/etc/hostname'] })).error,
    ).toBeUndefined();
  });
});

describe('a watch', () => {
  it('knows the recipients and keys of a vault document', () => {
    const known = keysOf(vault.document);
    expect(known.recipients).toHaveLength(2);
    expect(known.recipients).toContain(vault.pin.recipient);
    expect(known.publicKeys).toEqual([vault.host.key.publicKey]);
  });

  it('lets nobody go on while an identity is undecided, whoever found it', async () => {
    const watch = watchKeys(new Set([await recipientOf(vault.key)]), new Set());
    watch.inspect('a', Buffer.from(vault.key));
    const [first, second] = [watch.settle(), watch.settle()];
    await expect(second).rejects.toMatchObject({ code: 'key-in-backup', object: 'a' });
    await expect(first).rejects.toMatchObject({ code: 'key-in-backup' });
    await expect(watch.settle()).rejects.toMatchObject({ code: 'key-in-backup' });
  });
});
