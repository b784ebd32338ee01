// What a plan takes because discovery found it: nothing that the set does not allow, whatever changed in between.
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { discover } from '../../../src/capture/discover/discover.ts';
import { type FileSources, planBackup } from '../../../src/vault/backup/plan.ts';
import { tree } from '../../pack/tree.ts';

const COMPOSE =
  'services: {web: {env_file: [../shared/own/a.env, {path: ../shared/b.env, required: false}]}}\n';

/** A deployment in `app`, with `shared` beside it, which is allowed; and a set of it. */
function deployment(more: Partial<FileSources> = {}) {
  const top = tree({
    'app/compose.yaml': COMPOSE,
    'shared/own/a.env': 'A=1\n',
    'shared/b.env': 'B=1\n',
    'secret/a.env': 'canary',
    'secret/deep/b.env': 'canary',
  });
  const root = join(top, 'app');
  const sources: FileSources = {
    root,
    include: [],
    exclude: [],
    discover: ['compose'],
    outside: ['../shared/**'],
  };
  return { top, root, sources: { ...sources, ...more } };
}

const files = (sources: readonly { path: string; type: string }[]) =>
  sources.filter(({ type }) => type !== 'dir').map(({ path }) => path);

describe('a path with variables', () => {
  it('is told as it is written where it leads to nothing, and is missed', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Compose has variables of the same form
    const compose = 'services: {web: {env_file: ["./${CREDS}", "../${CREDS}", "./${STAGE}.env"]}}\n';
    const root = join(tree({ 'app/compose.yaml': compose, 'app/prod.env': '' }), 'app');
    const sources: FileSources = { root, include: [], exclude: [], discover: ['compose'] };
    const plan = await planBackup(sources, new Date(), { env: { CREDS: 'Tr0ub4dor', STAGE: 'prod' } });
    expect(files(plan.sources)).toEqual(['compose.yaml', 'prod.env']);
    expect(plan.problems).toMatchObject([
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written
      { kind: 'missing', path: '${CREDS}', incomplete: true },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written
      { kind: 'not-taken', path: join(root, '../${CREDS}'), incomplete: false },
    ]);
    expect(JSON.stringify(plan)).not.toContain('Tr0ub4dor');
  });
});

describe('what discovery led to beyond the root', () => {
  it('is taken where the set allows it, with the way to it', async () => {
    const { top, sources } = deployment();
    const plan = await planBackup(sources, new Date());
    expect(files(plan.sources)).toEqual([
      `@outside${top}/shared/b.env`,
      `@outside${top}/shared/own/a.env`,
      'compose.yaml',
    ]);
    expect(plan.problems).toEqual([]);
  });

  it('is not taken where a link has taken its place since, and is named', async () => {
    const { top, root, sources } = deployment();
    const found = await discover({ root, kinds: ['compose'], outside: ['../shared/**'] });
    rmSync(join(top, 'shared/own'), { recursive: true });
    symlinkSync('../secret', join(top, 'shared/own'));
    const plan = await planBackup(sources, new Date(), { found });
    expect(files(plan.sources)).toEqual([`@outside${top}/shared/b.env`, 'compose.yaml']);
    expect(JSON.stringify(plan.sources)).not.toContain('secret');
    expect(JSON.stringify(plan.selection?.include)).not.toContain('own');
    expect(plan.problems).toEqual([
      {
        kind: 'not-taken',
        path: join(top, 'shared/own/a.env'),
        reason:
          'lies outside the root where the set does not allow it: it was not taken (env_file of web in compose.yaml)',
        incomplete: true,
      },
    ]);
  });

  it('is not taken through a link that goes up from behind another one', async () => {
    const { top, sources } = deployment();
    rmSync(join(top, 'shared/own'), { recursive: true });
    symlinkSync('../secret/deep', join(top, 'shared/b'));
    symlinkSync('b/..', join(top, 'shared/own'));
    const plan = await planBackup(sources, new Date());
    expect(files(plan.sources)).toEqual([`@outside${top}/shared/b.env`, 'compose.yaml']);
    expect(plan.problems).toMatchObject([{ kind: 'not-taken', path: join(top, 'shared/own/a.env') }]);
  });

  it('is taken wherever it lies when the set names it itself', async () => {
    const { top, sources } = deployment({ include: ['../secret/**', '../secret/deep'] });
    const plan = await planBackup(
      { ...sources, also: [join(top, 'shared/own/a.env')], outside: [] },
      new Date(),
    );
    expect(files(plan.sources)).toEqual([
      `@outside${top}/secret/a.env`,
      `@outside${top}/secret/deep/b.env`,
      `@outside${top}/shared/own/a.env`,
      'compose.yaml',
    ]);
  });
});
