// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of the same form
// Compose files that somebody made to make trouble, and random ones: discovery ends, stays where it may look, and says
// nothing of what env files hold.
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discoverCompose } from '../../../src/capture/discover/compose.ts';
import { type Disk, disk } from '../../../src/capture/discover/disk.ts';
import { openGround } from '../../../src/capture/discover/ground.ts';
import { type Tree, tree } from '../../pack/tree.ts';
import { found, mentioned } from './compose-case.ts';

const many = (count: number, of: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => of(i)).join('');

describe('a hostile Compose file', () => {
  it('with ten thousand services is looked into whole', { timeout: 20_000 }, async () => {
    const { references, warnings } = await found({
      'compose.yaml': `services:\n${many(10_000, (i) => `  s${i}: {env_file: a}\n`)}`,
    });
    expect(mentioned(references)).toHaveLength(10_000);
    expect(warnings).toEqual([]);
  });

  it('that says much with little ends, and is named', { timeout: 60_000 }, async () => {
    const { references, warnings } = await found({
      'compose.yaml': `x: &v\n${many(1000, (i) => `  - ./${i}:/${i}\n`)}services:\n${many(1000, (i) => `  s${i}: {volumes: *v}\n`)}`,
    });
    expect(references.length).toBeGreaterThan(90_000);
    expect(warnings).toEqual([
      'compose.yaml is not looked into, nor is what comes after: there is more than any deployment has',
    ]);
  });

  it.each(['include: [NEXT]', 'services: {s: {extends: {file: NEXT, service: s}}}'])(
    'that begins a chain of a thousand (%s) is followed a while, and named',
    async (text) => {
      const files: Tree = { 'compose.yaml': text.replace('NEXT', 'f0.yaml') };
      for (let i = 0; i < 1000; i += 1) files[`f${i}.yaml`] = text.replace('NEXT', `f${i + 1}.yaml`);
      const { references, warnings } = await found(files);
      expect(references.length).toBeGreaterThan(50);
      expect(references.length).toBeLessThan(200);
      expect(warnings).toEqual([
        expect.stringMatching(/^f\d\d\.yaml is not looked into: more than 50 files lead to each other$/),
      ]);
    },
  );

  it('that brings the same files by ever more ways ends, and is named', { timeout: 20_000 }, async () => {
    const env = many(2000, (i) => `V${i}=$V${i - 1}x\n`);
    const files: Tree = { 'a.env': env, 'b.env': env };
    for (let i = 0; i < 40; i += 1) {
      const way = (envFile: string): string =>
        `  - {path: f${i + 1}.yaml, project_directory: ., env_file: ${envFile}}\n`;
      files[i === 0 ? 'compose.yaml' : `f${i}.yaml`] = `include:\n${way('a.env')}${way('b.env')}`;
    }
    const { references, warnings } = await found(files);
    expect(mentioned(references)).toContain('f2.yaml: include (by f1.yaml)');
    expect(warnings).toEqual([
      expect.stringMatching(
        / is not looked into, nor is what comes after: there is more than any deployment has$/,
      ),
    ]);
  });

  describe('with env files that grow by what they name', () => {
    /** Four files that include each other, 46 times each, with sixty env files of which none is short. */
    const grown = (): Tree => {
      const files: Tree = { 'compose.yaml': 'include: [f0.yaml]\n' };
      for (let i = 0; i < 60; i += 1)
        files[`e${i}.env`] =
          `Z=\nZ${i}=x\n${many(19, (n) => `V${n}=${'$Z'.repeat(8000)}\nW${n}=${'$V0'.repeat(1000)}\n`)}`;
      for (let i = 0; i < 4; i += 1)
        files[`f${i}.yaml`] =
          `include:\n${many(46, (n) => `  - {path: f${(i + 1 + (n % 3)) % 4}.yaml, project_directory: ., env_file: e${n}.env}\n`)}services:\n${many(20, (n) => `  s${n}: {env_file: ["$V${n % 19}", "$W${n % 19}/x"]}\n`)}`;
      return files;
    };

    it('fills in what a path asks for, ends soon, and is named', { timeout: 20_000 }, async () => {
      const { warnings } = await found(grown());
      expect(warnings.filter((warning) => / is not looked into, nor is/.test(warning))).toHaveLength(1);
      expect(warnings.length).toBeLessThan(40);
    });

    it('stops when it is told to', { timeout: 20_000 }, async () => {
      const began = performance.now();
      await expect(found(grown(), { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
        code: 'interrupted',
      });
      expect(performance.now() - began).toBeLessThan(3000);
    });
  });

  it('that is there a thousand times, and large, is parsed for a while, and named', {
    timeout: 60_000,
  }, async () => {
    const files: Tree = {};
    const text = `services:\n${many(7900, (i) => `  s${i}: {}\n`)}`;
    for (let i = 0; i < 420; i += 1) files[`d${i}/compose.yaml`] = text;
    const before = process.memoryUsage().rss;
    const { references, warnings } = await found(files);
    expect(references.filter((line) => line.includes(': compose file'))).toHaveLength(420);
    expect(warnings).toEqual([expect.stringMatching(/^d\d+\/compose.yaml is not looked into, nor is/)]);
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 2 ** 20);
  });

  it('with names that would write on a terminal shows none of them as they are', async () => {
    const { references, warnings } = await found({
      'compose.yaml':
        'services:\n  "a\\e[2Jb\\nc": {env_file: [x, [y]]}\n  ghp_0123456789abcdefghij: {env_file: x}\n',
    });
    expect(mentioned(references)).toEqual([
      'x: env_file of (a key of 24 characters) (by compose.yaml) missing',
      'x: env_file of a [2Jb c (by compose.yaml) missing',
    ]);
    expect(warnings).toEqual(['compose.yaml has no path where one should be: env_file of a [2Jb c']);
  });

  it('of a root that is a fifo, a directory or a link into the open is no trouble', async () => {
    const { references, warnings } = await found({
      'compose.yaml': { link: '/etc/passwd' },
      'docker-compose.yml': null,
      'a/compose.yaml': 'include: [../compose.yaml, ../docker-compose.yml]\n',
    });
    expect(mentioned(references)).toEqual([
      'compose.yaml: include (by a/compose.yaml) outside',
      'docker-compose.yml: include (by a/compose.yaml) directory',
    ]);
    expect(warnings).toEqual([]);
  });
});

/** A value that stands nowhere but in env files: of any form, so that no rule for secrets hides it. */
const CANARY = 'zzcanary';
/** One that stands there for a secret: no path may hold it either. */
const SECRET = 'zzsecret';
const NAMES = ['A', 'DB_PASSWORD', 'B', 'COMPOSE_PROFILES'];
const DIRECTORIES = ['app', 'app/sub', 'app/sub/deep', 'beside', 'allowed'];
const FILES = ['compose.yaml', 'x.yaml', 'compose.prod.yaml', 'docker-compose.yml'];

const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', './', '../', '../../', 'sub/', '../beside/', '../allowed/'),
        fc.constantFrom(...FILES),
      )
      .map((parts) => parts.join('')),
  },
  fc.constantFrom(
    '.',
    '..',
    '/etc/hostname',
    '~/x',
    '${GONE:-x.yaml}',
    '${A:+x.yaml}',
    '$GONE',
    '',
    'link.yaml',
  ),
  fc.constantFrom(
    '$A',
    '${B}/x.yaml',
    '$DB_PASSWORD',
    '${DB_PASSWORD:-x.yaml}',
    './${B:?}',
    '${COMPOSE_PROFILES}',
  ),
  fc.constantFrom('https://t0ken@example.org/x.git', 'a\u0000b', '[x]', '{a: b}'),
);
const quoted = path.map((text) => (/^[[{]/.test(text) ? text : JSON.stringify(text)));
const list = fc.array(quoted, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`);
const service = fc.constantFrom('a', 'b');
const include = fc.oneof(
  quoted,
  fc
    .tuple(list, quoted, list)
    .map(
      ([files, directory, envFiles]) =>
        `{path: ${files}, project_directory: ${directory}, env_file: ${envFiles}}`,
    ),
);
const composeFile = fc
  .record({
    includes: fc.array(include, { maxLength: 3 }),
    services: fc.dictionary(service, fc.tuple(quoted, service, list, quoted), { maxKeys: 2 }),
  })
  .map(
    ({ includes, services }) =>
      `include: [${includes.join(', ')}]\nservices:\n${Object.entries(services)
        .map(
          ([name, [file, base, envFiles, mount]]) =>
            `  ${name}: {extends: {file: ${file}, service: ${base}}, env_file: ${envFiles}, volumes: [{type: bind, source: ${mount}}]}\n`,
        )
        .join('')}`,
  );
const envFile = fc
  .array(
    fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('', '"', "'"), fc.integer({ min: 0, max: 99 })),
    { maxLength: 4 },
  )
  .map((lines) =>
    lines
      .map(
        ([name, quote, n]) =>
          `${name}=${quote}${name === 'DB_PASSWORD' ? SECRET : CANARY}${n}${quote}\n${n % 9 === 0 ? 'B=$DB_PASSWORD\n' : ''}`,
      )
      .join(''),
  );
const deployment = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...DIRECTORIES), fc.constantFrom(...FILES), composeFile), {
      maxLength: 10,
    }),
    fc.array(fc.tuple(fc.constantFrom(...DIRECTORIES), envFile), { maxLength: 3 }),
  )
  .map(([files, envFiles]) => {
    const content: Tree = {
      'app/compose.yaml': 'services: {}\n',
      'app/link.yaml': { link: '../beside/x.yaml' },
      'app/sub/loop': { link: '..' },
    };
    for (const [directory, name, text] of files) content[`${directory}/${name}`] = text;
    for (const [directory, text] of envFiles) content[`${directory}/.env`] = text;
    return content;
  });

describe('any deployment', () => {
  it('is looked into to an end, where it may be, and nothing says what is in it', {
    timeout: 60_000,
  }, async () => {
    const seen = { texts: 0, references: 0 };
    await fc.assert(
      fc.asyncProperty(deployment, async (content) => {
        const top = tree(content);
        const root = join(top, 'app');
        const may = (touched: string): boolean =>
          [root, join(top, 'allowed')].some((area) => touched === area || touched.startsWith(`${area}/`));
        const read: string[] = [];
        const spy: Disk = {
          ...disk,
          read: (file, atMost) => {
            read.push(file);
            return disk.read(file, atMost);
          },
        };
        const { ground, result } = openGround(
          { root, kinds: ['compose'], outside: ['../allowed/**'], env: { HOME: top } },
          spy,
        );
        const asked: string[] = [];
        await discoverCompose({
          ...ground,
          text: (file) => {
            asked.push(file);
            return ground.text(file);
          },
        });
        const { references, warnings } = result();
        seen.texts += asked.length;
        seen.references += references.length;
        expect(asked.filter((file) => !may(file))).toEqual([]);
        expect(read.filter((file) => !may(file))).toEqual([]);
        expect(references.filter(({ path: file, state }) => !may(file) && state !== 'outside')).toEqual([]);
        const said = JSON.stringify([warnings.map(({ reason }) => reason), references.map(({ as }) => as)]);
        expect(JSON.stringify([warnings, references])).not.toContain(SECRET);
        // Nothing that is there is called so.
        expect(JSON.stringify([warnings, references])).not.toContain(CANARY);
        expect(said).not.toContain('t0ken');
      }),
      { numRuns: 100 },
    );
    expect(Math.min(seen.texts, seen.references)).toBeGreaterThan(200);
  });
});
