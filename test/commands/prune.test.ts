import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { tick } from '../support/vault.ts';
import { type Desk, deskWithVault } from './desk.ts';

const DAY = 86_400_000;

let at: Desk;
let ids: string[];
beforeEach(async () => {
  at = await deskWithVault();
  for (let i = 0; i < 4; i++) {
    await at.ok('backup');
    tick(at.clock, DAY);
  }
  ids = await left();
});

const left = async () => (await at.ok('list --json')).json().flatMap((s) => (s.id ? [s.id] : []));

describe('prune', () => {
  it('shows of each whether it stays, and why, and removes nothing with --dry-run', async () => {
    const said = await at.ok('prune --keep-last 1 --keep-daily 2 --dry-run');
    expect(said.out).toMatchInlineSnapshot(`
      "remove  ID-1  shop  web-1  no rule keeps it
      remove  ID-2  shop  web-1  no rule keeps it
      keep    ID-3  shop  web-1  daily 2025-03-03
      keep    ID-4  shop  web-1  newest, daily 2025-03-04
      would remove 2 snapshots (SIZE), kept 2
      "
    `);
    expect(said.err).toBe('');
    expect(await left()).toEqual(ids);
  });

  it('removes the rest, needs no key, and is silent under --quiet', async () => {
    const env = { STRONGROOM_IDENTITY_FILE: undefined };
    expect((await at.say('prune --keep-last 2 --yes', env)).out).toMatchInlineSnapshot(`
      "remove  ID-1  shop  web-1  no rule keeps it
      remove  ID-2  shop  web-1  no rule keeps it
      keep    ID-3  shop  web-1  last 2
      keep    ID-4  shop  web-1  last 2
      removed 2 snapshots (SIZE), kept 2
      "
    `);
    expect(await left()).toEqual(ids.slice(2));
    const said = await at.say('prune --keep-last 1 --yes --quiet', env);
    expect(said).toMatchObject({ code: 0, out: '', err: '' });
    expect(await left()).toEqual(ids.slice(3));
    await at.ok('verify');
  });

  it('tells programs', async () => {
    expect((await at.ok('prune --keep-within 1d --yes --json')).lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"remove","id":"ID-1","set":"shop","host":"web-1","time":"2025-03-01T06:00:12Z","bytes":"N","reasons":["no rule keeps it"],"dry_run":false}",
        "{"message_type":"remove","id":"ID-2","set":"shop","host":"web-1","time":"2025-03-02T06:01:12Z","bytes":"N","reasons":["no rule keeps it"],"dry_run":false}",
        "{"message_type":"remove","id":"ID-3","set":"shop","host":"web-1","time":"2025-03-03T06:02:12Z","bytes":"N","reasons":["no rule keeps it"],"dry_run":false}",
        "{"message_type":"keep","id":"ID-4","set":"shop","host":"web-1","time":"2025-03-04T06:03:12Z","bytes":"N","reasons":["within 1 day"],"dry_run":false}",
        "{"message_type":"summary","kept":1,"removed":3,"left_over":0,"orphans":0,"bytes":"N","damaged":0,"left_alone":[],"without_retention":[],"dry_run":false}",
      ]
    `);
  });

  it('goes by the retention of the set, which flags replace', async () => {
    at.write('strongroom.yaml', `${await configText()}    retention: { daily: 3, minimum: 2 }\n`);
    const kept = async (line: string) => (await at.ok(`${line} --dry-run --json`)).json().at(-1)!.kept;
    expect(await kept('prune')).toBe(3);
    expect(await kept('prune --set shop')).toBe(3);
    expect(await kept('prune --keep-daily 1')).toBe(1);
  });

  it.each([
    'prune',
    'prune --yes',
    'prune --set shop --yes',
    'prune --keep-minimum 3 --yes',
    'prune --keep-last 0 --yes',
  ])('without a rule that says what may go is refused: %s', async (line) => {
    const said = await at.say(line);
    expect([said.code, said.err]).toEqual([2, expect.stringContaining('nothing was removed')]);
    expect(await left()).toEqual(ids);
  });

  it.each([
    ['prune --keep-last x', 2],
    ['prune --keep-within 90', 2],
    ['prune --keep-tag release', 2],
    ['prune --keep-last 1 --set nope --yes', 10],
    ['prune --keep-last 1 --host nope --yes', 10],
  ])('%s: exit code %i', async (line, code) => {
    expect((await at.say(line)).code).toBe(code);
    expect(await left()).toEqual(ids);
  });

  it('removes nothing unless somebody says yes, who has seen what', async () => {
    const said = await at.say('prune --keep-last 1 --quiet');
    expect(said.code).toBe(2);
    expect(said.err).toContain('there is a question, and no terminal to ask it on');
    expect(said.out.match(/^remove/gm)).toHaveLength(3);
    expect(await left()).toEqual(ids);
  });

  it('keeps by tag, and what `keep` says', async () => {
    await at.ok('backup --tag release=v1');
    await at.ok(`keep ${ids[0]}`);
    await at.ok('backup');
    const all = await left();
    await at.ok('prune --keep-last 1 --keep-tag release=v1 --keep-tag release=v2 --yes');
    expect(await left()).toEqual([ids[0], all[4], all[5]]);
  });

  it('names what is damaged, however quiet, and does not remove it', async () => {
    rmSync(join(at.base, 'vault/data/shop', ids[3]!), { recursive: true });
    const said = await at.ok('prune --keep-last 1 --yes --quiet');
    expect(said.err).toMatchInlineSnapshot(`
      "strongroom: warning: not whole in the store: ID-4; what is damaged takes no place of a rule, and is not removed
      strongroom: hint: run \`strongroom verify\`; what nothing can save, remove with \`strongroom delete\`
      "
    `);
    expect(await left()).toEqual(ids.slice(2));
  });

  it('leaves alone what somebody removes snapshots from, and says so: done in part', async () => {
    rmSync(join(at.base, 'vault/snapshots/shop', `${ids[1]}.json`));
    const said = await at.say('prune --keep-last 1 --yes --quiet');
    expect(said.code).toBe(3);
    expect(said.err).toContain('nothing of web-1 in shop is removed');
    expect(await left()).toEqual([ids[0], ids[2], ids[3]]);
    await at.ok('prune --keep-last 1 --yes --despite-gaps');
    expect(await left()).toEqual([ids[3]]);
  });
});

async function configText(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return await readFile(join(at.work, 'strongroom.yaml'), 'utf8');
}
