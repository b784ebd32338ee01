import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discover } from '../../../src/capture/discover/discover.ts';
import { type Disk, disk } from '../../../src/capture/discover/disk.ts';
import { DISCOVERERS } from '../../../src/capture/discover/reference.ts';
import { emptyDirectory, type Tree, tree } from '../../pack/tree.ts';
import { found } from './found.ts';

const isWithin = (path: string, directory: string) => path === directory || path.startsWith(`${directory}/`);

/** Where a path really leads, as far as it is there; its own link followed or not. */
function whereIs(path: string, isFollowed: boolean): string {
  try {
    return isFollowed ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** A disk that notes what is touched where it must not be. */
function watched(
  allowed: readonly string[],
  asked: readonly string[],
): { watching: Disk; trespasses: string[] } {
  const trespasses: string[] = [];
  const check = (what: string, path: string, isFollowed: boolean): void => {
    const place = whereIs(path, isFollowed);
    if (!allowed.some((directory) => isWithin(place, directory))) trespasses.push(`${what} ${path}`);
  };
  const watching: Disk = {
    // Of what the configuration names itself: the root, and where globs begin.
    realpath: (path) => {
      if (!asked.includes(path)) trespasses.push(`realpath ${path}`);
      return disk.realpath(path);
    },
    lstat: (path) => {
      check('lstat', path, false);
      return disk.lstat(path);
    },
    readlink: (path) => {
      check('readlink', path, false);
      return disk.readlink(path);
    },
    list: (path) => {
      check('list', path, true);
      return disk.list(path);
    },
    isReadable: (path) => {
      check('open', path, true);
      return disk.isReadable(path);
    },
    read: (path, atMost) => {
      check('read', path, true);
      return disk.read(path, atMost);
    },
  };
  return { watching, trespasses };
}

const DIRECTORIES = ['app', 'app/a', 'app/a/b', 'app/c'];
const NAMES = ['a', 'b', 'c', 'l', 'm', 'k.yaml', 'compose.yaml', 'kustomization.yaml', '.env', 'key.pem'];

/** Paths as somebody may write them; TOP is where the trees are. */
const written = fc.oneof(
  fc
    .array(fc.constantFrom('..', '.', '..', 'a', 'b', 'c', 'l', 'm', 'out', 'allowed', 'app', ...NAMES), {
      minLength: 1,
      maxLength: 6,
    })
    .map((parts) => parts.join('/')),
  fc.constantFrom(
    '/',
    '/etc/passwd',
    'TOP/out',
    'TOP/out/.env',
    'TOP/app/a',
    'TOP/allowed/l',
    '',
    '~',
    'x\\0y',
    '//',
  ),
);

const content = fc.oneof(
  fc.record({ refs: fc.array(written, { maxLength: 4 }) }).map(({ refs }) => {
    const list = JSON.stringify(refs);
    return [
      `resources: ${list}\nbases: ${list}\nsecretGenerator: [{ name: s, files: ${list} }]`,
      `include: ${list}`,
      `services: { web: { image: x, env_file: ${list}, volumes: ${list} } }`,
      `secrets: { ${refs.map((ref, i) => `s${i}: { file: ${JSON.stringify(ref)} }`).join(', ')} }`,
      `helmGlobals: { chartHome: ${JSON.stringify(refs[0] ?? 'x')} }`,
    ].join('\n');
  }),
  written.map((path) => `services: { web: { extends: { file: ${JSON.stringify(path)}, service: web } } }`),
  written.map((path) => `A_FILE=${path}\nCOMPOSE_FILE=${path}\n`),
  written.map(
    (path) => `apiVersion: v1\nkind: Pod\nvolumes: [{ hostPath: { path: ${JSON.stringify(path)} } }]`,
  ),
);

const things = fc.uniqueArray(
  fc.record({
    place: fc.constantFrom(...DIRECTORIES, 'allowed'),
    name: fc.constantFrom(...NAMES),
    what: fc.oneof(
      { weight: 3, arbitrary: content.map((text) => ({ text })) },
      { weight: 2, arbitrary: written.map((link) => ({ link })) },
    ),
  }),
  { minLength: 3, maxLength: 14, selector: ({ place, name }) => `${place}/${name}` },
);

const CANARY = {
  'compose.yaml': 'services: { CANARY: { image: x, env_file: CANARY.env } }',
  'kustomization.yaml': 'resources: [CANARY.yaml]',
  'k.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: { name: CANARY }\nvolumes: [{ hostPath: { path: /CANARY } }]',
  '.env': 'CANARY_FILE=./a\nCOMPOSE_FILE=CANARY.yaml',
  a: 'CANARY',
  'key.pem': 'CANARY',
};

function plant(
  top: string,
  content: readonly { place: string; name: string; what: { text: string } | { link: string } }[],
) {
  for (const directory of [...DIRECTORIES, 'allowed', 'out'])
    mkdirSync(join(top, directory), { recursive: true });
  for (const [name, text] of Object.entries(CANARY)) writeFileSync(join(top, 'out', name), text);
  for (const { place, name, what } of content) {
    const path = join(top, place, name);
    try {
      if ('text' in what) writeFileSync(path, what.text.replaceAll('TOP', top), { flag: 'wx' });
      else symlinkSync(what.link.replaceAll('TOP', top), path);
    } catch {
      // A directory is there already, or no link can lead to nothing at all.
    }
  }
}

describe('discovery', () => {
  it('never looks outside the root and what is allowed, whatever links and paths say, and comes to an end', async () => {
    let references = 0;
    await fc.assert(
      fc.asyncProperty(things, fc.boolean(), async (content, isAllowed) => {
        const top = emptyDirectory();
        plant(top, content);
        const root = join(top, 'app');
        const places = isAllowed ? [root, join(top, 'allowed')] : [root];
        const { watching, trespasses } = watched(places, [root, join(top, 'allowed'), top]);
        const found = await discover(
          { root, kinds: DISCOVERERS, outside: isAllowed ? ['../allowed/**'] : [] },
          watching,
        );
        expect(trespasses).toEqual([]);
        expect(JSON.stringify(found)).not.toContain('CANARY');
        references += found.references.length;
      }),
      { numRuns: 50 },
    );
    expect(references).toBeGreaterThan(50);
  });

  it('comes to an end where a link asks for itself, to go on above it', async () => {
    const root = tree({ '.env': { link: '.env/..' }, 'compose.yaml': 'services: { a: { env_file: .env } }' });
    const { references } = await discover({ kinds: DISCOVERERS, root });
    expect(references.map(({ path, state }) => [basename(path), state])).toContainEqual(['.env', 'missing']);
  });

  it('finds what it must not look at where that is allowed: the watch does watch', async () => {
    const top = emptyDirectory();
    plant(top, [{ place: 'app', name: 'kustomization.yaml', what: { text: 'resources: [../out]' } }]);
    const root = join(top, 'app');
    const { watching, trespasses } = watched([root], [root]);
    const found = await discover({ root, kinds: DISCOVERERS, outside: ['../out'] }, watching);
    expect(trespasses.length).toBeGreaterThan(0);
    expect(JSON.stringify(found)).toContain('CANARY');
  });

  it('never shows a value', async () => {
    const files = (value: string): Tree => ({
      '.env': `PASSWORD=${value}\nDB_FILE=${value}\nTLS_CERT="${value}"\nA_PATH=${value}\nPASS_WORD=./${value}\n${value}\n`,
      'broken.env': `A="${value}`,
      'compose.yaml': [
        'services:',
        '  web:',
        `    image: "${value}"`,
        `    environment: { PASSWORD: "${value}" }`,
        `    command: ["${value}"]`,
        `    labels: ["a=${value}"]`,
        'configs:',
        `  inline: { content: "${value}" }`,
        'secrets:',
        `  fromEnv: { environment: "${value}" }`,
      ].join('\n'),
      'sub/compose.yaml': `services: [ ${value}`,
      'kustomization.yaml': [
        `secretGenerator: [{ name: s, literals: ["a=${value}"] }]`,
        'patches:',
        `- patch: '${value}'`,
        'patchesStrategicMerge:',
        `- "{ data: ${value} }"`,
        `resources: ["https://user:${value}@example.com/x", "multi\\n${value}"]`,
      ].join('\n'),
      'sub/kustomization.yaml': `resources: [${value}`,
      'k.yaml': `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { "p": "${value}" }\n`,
      'broken.yaml': `apiVersion: v1\nkind: Secret\ndata: { ${value}`,
      'key.pem': `-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq${value}\n-----END PRIVATE KEY-----\n`,
      ...Object.fromEntries([...'abc'].map((name) => [`${name}.txt`, value])),
    });
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[A-Za-z0-9/+.-]{0,40}$/), async (end) => {
        const value = `MARK${end}`;
        const root = tree(files(value));
        const { references, warnings } = await discover({ root, kinds: DISCOVERERS, env: { TOKEN: value } });
        expect(JSON.stringify([references, warnings])).not.toContain('MARK');
        expect(references.length).toBeGreaterThan(5);
        expect(warnings.length).toBeGreaterThan(3);
      }),
      { numRuns: 30 },
    );
  });

  it('runs the kinds that are asked for, and no others', async () => {
    const content: Tree = {
      '.env': 'A=1',
      'compose.yaml': 'services: {}',
      'kustomization.yaml': 'resources: [x.yaml]',
      'x.yaml': 'apiVersion: v1\nkind: X\n',
      'age.txt': `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
    };
    expect(await found('dotenv', content)).toEqual(['.env: environment file']);
    expect(await found('pem', content)).toEqual(['age.txt: private key']);
    expect(await found('kubernetes', content)).toEqual(['x.yaml: manifest']);
    expect(
      await found('kustomize', content, { kinds: ['kustomize', 'pem', 'dotenv', 'kubernetes'] }),
    ).toEqual([
      '.env: environment file',
      'age.txt: private key',
      'kustomization.yaml: kustomization',
      'x.yaml: manifest',
      'x.yaml: resource (kustomization.yaml)',
    ]);
    expect(await found('pem', content, { kinds: [] })).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const root = tree({ '.env': '' });
    await expect(discover({ root, kinds: DISCOVERERS, signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ code: 'interrupted' }),
    );
  });
});

it.each<[string, Tree, string[]]>([
  ['a compose file that is none', { 'compose.yaml': 'services: [' }, ['broken is no sound YAML']],
  [
    'a service of any name without a path',
    { 'compose.yaml': 'services: { remote-listed: { env_file: [{ required: true }] } }\n' },
    ['broken has no path where one should be: env_file of remote-listed'],
  ],
  [
    'what lies on another machine',
    {
      'compose.yaml': 'include: ["https://example.com/compose.yaml"]\n',
      'kustomization.yaml': 'resources: ["https://example.com/base"]\n',
    },
    [
      'unread names what is not on this machine (example.com): include',
      'unread names something remote as resource, which is not backed up',
    ],
  ],
  [
    'paths with variables',
    {
      'compose.yaml': `services: { a: { env_file: ["~/a.env", "./$UNSET/b.env", "./$DB_PASSWORD/d.env", "./\${"] } }\n`,
      '.env': 'DB_PASSWORD=hunter2\n',
    },
    [
      'unread has a path in the home directory, and HOME is not set',
      'broken has a path that is no sound template',
      'broken has a path with the variable UNSET, which is not set',
      'unread has a path with the variable DB_PASSWORD, which looks secret: it was not followed',
    ],
  ],
  ['an environment file that is none', { '.env': 'A="b\n' }, ['broken has a quote that nothing closes']],
  [
    'what is more than is looked into',
    {
      '.env': 'A=1\n'.repeat(10_001),
      'compose.yaml': `x: ${'['.repeat(70)}${']'.repeat(70)}\nservices: {}\n`,
    },
    ['unread holds more than 10000 values', 'unread is nested deeper than 64 levels'],
  ],
])('says of what it warns whether it is broken, or not looked into: %s', async (_, content, kinds) => {
  const { warnings } = await discover({ kinds: DISCOVERERS, root: tree(content), env: {} });
  expect(warnings.map(({ kind, reason }) => `${kind} ${reason}`).sort()).toEqual([...kinds].sort());
});
