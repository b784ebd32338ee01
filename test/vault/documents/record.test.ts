import { expect, it } from 'vitest';
import { namesOwnData, readRecord } from '../../../src/vault/documents/record.ts';
import { bodyOf, namesOf } from '../../support/forge.ts';
import { makeVault } from '../../support/vault.ts';
import { changed, type Json, neverCrashes } from './damage.ts';

const vault = await makeVault();
const { snapshot: id } = await vault.backup(
  { '.env': 'TOKEN=1\n', 'certs/site.pem': Buffer.alloc(300) },
  { label: 'before-deploy', tags: { release: '42' }, description: 'for your eyes' },
);
await vault.backup({ '.env': 'TOKEN=2\n' });
const object = `snapshots/app/${id}.json`;
const stored = (await vault.store.get(object))!;
const body = bodyOf(stored);
const read = (json: unknown, name = object) => readRecord(json, name, vault.pin.vault);
const [files, contents] = body.artifacts as { name: string; parts: Json[] }[];
const part = files!.parts[0]!;
const full = { ...part, size: 16 * 1024 * 1024 };
const withFiles = (artifact: unknown, more = 0) => ({
  ...body,
  artifacts: [artifact, contents],
  stored: (body.stored as number) + more,
});

it('is read back as the backup wrote it', () => {
  expect(read(body)).toEqual(Object.fromEntries(Object.entries(body)));
  expect(read(body)).toMatchObject({
    set: 'app',
    id,
    host: 'web-1',
    complete: true,
    entries: 3,
    label: 'before-deploy',
    tags: { release: '42' },
    previous: null,
  });
  expect(namesOwnData(read(body))).toBe(true);
});

it('names the one before it', async () => {
  const [first, second] = await namesOf(vault.store, 'snapshots/');
  const later = read(bodyOf((await vault.store.get(second!))!), second!);
  expect(first).toBe(object);
  expect(later.previous).toMatchObject({ id });
});

it('tells nobody file names, descriptions or values', () => {
  expect(stored.toString()).not.toMatch(/env|certs|site|eyes|TOKEN/);
});

it.each<[string, unknown]>([
  ['fields of a later version', { ...body, later: 1 }],
  ['neither label nor tags', { ...body, label: undefined, tags: undefined }],
  [
    'two parts, the first one full',
    withFiles(
      { ...files, parts: [full, { ...part, object: `${body.data}/files.tar.gz.age.00001` }] },
      full.size,
    ),
  ],
  [
    'a stream',
    {
      ...body,
      artifacts: [
        files,
        { name: 'stream-db.gz.age', parts: [{ ...part, object: `${body.data}/stream-db.gz.age.00000` }] },
        contents,
      ],
      stored: (body.stored as number) + (part.size as number),
    },
  ],
])('may hold %s', (_, json) => {
  expect(() => read(json)).not.toThrow();
});

it.each<[string, string, unknown, string]>([
  ['of another type', 'misplaced', changed(body, ['type'], 'vault'), 'is a document of another kind'],
  [
    'of another set',
    'misplaced',
    changed(body, ['set'], 'db'),
    'is a copy of a snapshot that belongs elsewhere',
  ],
  [
    'with another id',
    'misplaced',
    changed(
      body,
      ['id'],
      id.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ),
    'is a copy of a snapshot that belongs elsewhere',
  ],
  [
    'under another name',
    'misplaced',
    changed(body, ['object'], 'snapshots/app/x.json'),
    'is a copy of a snapshot that belongs elsewhere',
  ],
  ['of another vault', 'foreign-vault', changed(body, ['vault'], '0'.repeat(26)), 'belongs to another vault'],
  ['with a path as its set', 'bad-document', changed(body, ['set'], '../x'), 'set is not a name'],
  [
    'at another time than its id says',
    'bad-document',
    changed(body, ['time'], '2026-01-01T00:00:00Z'),
    'time is not the time of its id',
  ],
  [
    'with a label that is no name',
    'bad-document',
    changed(body, ['label'], 'Before Deploy'),
    'label is not a name',
  ],
  [
    'with a tag that is no name',
    'bad-document',
    changed(body, ['tags'], { '\u001b[2J': 'x' }),
    'tags is not an object of names',
  ],
  [
    'with an endless tag',
    'bad-document',
    changed(body, ['tags'], { release: 'x'.repeat(257) }),
    'tags.release is not the text it should be',
  ],
  [
    'without a word on whether it is complete',
    'bad-document',
    changed(body, ['complete'], 'yes'),
    'complete is not true or false',
  ],
  [
    'with other sizes than it sums up',
    'bad-document',
    changed(body, ['stored'], 1),
    'stored is not the sum of its sizes',
  ],
  [
    'with an unknown artifact',
    'bad-document',
    withFiles({ ...files, name: 'extra.gz.age' }),
    'artifacts is not a list of what this version knows',
  ],
  [
    'with an artifact twice',
    'bad-document',
    { ...body, artifacts: [files, files, contents], stored: (body.stored as number) + (part.size as number) },
    'artifacts is not a list without doubles',
  ],
  [
    'without contents',
    'bad-document',
    { ...body, artifacts: [files] },
    'artifacts is not a list that ends in its index',
  ],
  [
    'with contents that are not the last',
    'bad-document',
    { ...body, artifacts: [contents, files] },
    'artifacts is not a list that ends in its index',
  ],
  [
    'with an artifact of no parts',
    'bad-document',
    withFiles({ ...files, parts: [] }),
    'artifacts is not a list of what has bytes',
  ],
  [
    'with an empty part',
    'bad-document',
    withFiles({ ...files, parts: [{ ...part, size: 0 }] }),
    'artifacts[0].parts[0].size is not a whole number in its range',
  ],
  [
    'with a part over 16 MiB',
    'bad-document',
    withFiles({ ...files, parts: [{ ...part, size: full.size + 1 }] }),
    'artifacts[0].parts[0].size is not a whole number in its range',
  ],
  [
    'with a short part before the last',
    'bad-document',
    withFiles({ ...files, parts: [part, part] }),
    'artifacts is not a list of full pieces',
  ],
  [
    'with a predecessor that is half there',
    'bad-document',
    changed(body, ['previous'], { id }),
    'previous.sha256 is not a SHA-256',
  ],
])('%s is refused: %s', (_, code, json, message) => {
  expect(() => read(json)).toThrow(
    expect.objectContaining({ code, exitCode: 13, object, message: expect.stringContaining(message) }),
  );
});

it('of a host is refused under the name of a re-encrypted one', () => {
  const name = `snapshots/app/${id}.2.json`;
  expect(() => read({ ...body, object: name }, name)).toThrow(expect.objectContaining({ code: 'misplaced' }));
});

it('with anything in any place is read or refused, and never crashes a reader', () => {
  neverCrashes({ ...body, previous: { id, sha256: '0'.repeat(64) }, critical: [] }, object, (json) =>
    namesOwnData(read(json)),
  );
});
