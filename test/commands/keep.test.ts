import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, deskWithVault } from './desk.ts';

let at: Desk;
let ids: string[];
beforeEach(async () => {
  at = await deskWithVault();
  for (let i = 0; i < 2; i++) await at.ok('backup');
  ids = (await at.ok('list --json')).json().flatMap((s) => (s.id ? [s.id] : []));
});

const listed = async () =>
  (await at.ok('list --json')).json().flatMap((s) => (s.id ? [[s.kept, s.kept_until]] : []));
const last = (text: string) => text.split('\n').map((line) => line.split('  ').at(-1)?.trim());

describe('keep', () => {
  it('keeps what it is told to, and needs no key', async () => {
    const said = await at.say(`keep ${ids[0]}`, { STRONGROOM_IDENTITY_FILE: undefined });
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(said.out).toMatchInlineSnapshot(`
      "kept ID-1 of shop
      "
    `);
    expect(await listed()).toEqual([
      [true, undefined],
      [undefined, undefined],
    ]);
  });

  it('until a time is shown by list and show, and over then', async () => {
    const said = await at.ok(`keep ${ids[0]} latest --until 2026-12-31T00:00:00Z`);
    expect(said.out).toMatchInlineSnapshot(`
      "kept ID-1 of shop until 2026-12-31 00:00:00 UTC
      kept ID-2 of shop until 2026-12-31 00:00:00 UTC
      "
    `);
    expect(last((await at.ok('list')).out).slice(1, 3)).toEqual([
      'kept until 2026-12-31',
      'kept until 2026-12-31',
    ]);
    expect((await at.ok(`show ${ids[0]}`)).out).toContain('\nkept until 2026-12-31\n');
    expect((await at.ok(`show ${ids[0]} --json`)).json().at(-1)).toMatchObject({
      kept: true,
      kept_until: '2026-12-31T00:00:00Z',
    });
    expect((await at.ok(`delete ${ids[0]} --yes`, 11)).err).toMatchInlineSnapshot(`
      "strongroom: error: ID-1 of shop is kept until 2026-12-31T00:00:00Z
      strongroom: hint: if it may go all the same, run \`strongroom keep --release ID-1\` first
      "
    `);
    expect((await at.ok(`delete ${ids[0]} --dry-run`, 11)).out).toBe('');
    at.clock.now = new Date('2026-12-31T00:00:00Z');
    expect(await listed()).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect((await at.ok(`show ${ids[0]}`)).out).not.toContain('kept');
    await at.ok(`delete ${ids[0]} --yes`);
  });

  it('tells programs', async () => {
    await at.ok(`keep ${ids[0]}`);
    const said = await at.ok(`keep ${ids[0]} ${ids[1]} --until 2026-12-31T00:00:00Z --json`);
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"keep","id":"ID-1","set":"shop","what":"kept-already","dry_run":false}",
        "{"message_type":"keep","id":"ID-2","set":"shop","what":"kept","until":"2026-12-31T00:00:00Z","dry_run":false}",
        "{"message_type":"summary","kept":1,"released":0,"lapsed":0,"dry_run":false}",
      ]
    `);
    const released = await at.ok(`keep --release ${ids[0]} --json`);
    expect(released.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"keep","id":"ID-1","set":"shop","what":"released","dry_run":false}",
        "{"message_type":"summary","kept":0,"released":1,"lapsed":0,"dry_run":false}",
      ]
    `);
  });

  it('with --dry-run says what it would do, however quiet, and does nothing', async () => {
    expect((await at.ok(`keep ${ids[0]} --dry-run --quiet`)).out).toBe(
      at.tidy(`would keep ${ids[0]} of shop\n`),
    );
    expect((await at.ok(`keep --release ${ids[0]}`, 10)).err).toMatchInlineSnapshot(`
      "strongroom: error: ID-1 of shop is not kept
      strongroom: hint: see which are with \`strongroom list\`
      "
    `);
    await at.ok(`keep ${ids[0]}`);
    expect((await at.ok(`keep --release ${ids[0]} --dry-run`)).out).toBe(
      at.tidy(`would release ${ids[0]} of shop\n`),
    );
    expect((await at.ok(`keep ${ids[1]} --dry-run --json`)).json().at(-1)).toMatchObject({
      kept: 1,
      dry_run: true,
    });
    expect(await listed()).toEqual([
      [true, undefined],
      [undefined, undefined],
    ]);
  });

  it('--release lets a snapshot go like any other', async () => {
    await at.ok(`keep ${ids[0]} ${ids[1]}`);
    expect((await at.ok(`keep --release ${ids[0]}`)).out).toBe(at.tidy(`released ${ids[0]} of shop\n`));
    expect((await at.ok(`keep --release ${ids[0]}`)).out).toBe(
      at.tidy(`${ids[0]} of shop was released already\n`),
    );
    await at.ok(`delete ${ids[1]} --yes`, 11);
    await at.ok(`delete ${ids[0]} --yes`);
    expect((await at.ok('verify --json')).json().at(-1)).toMatchObject({ sound: true, warnings: 0 });
  });

  it.each<[string, string, number]>([
    ['--until 2025-01-01', 'bad-time', 2],
    ['--until soon', 'bad-time', 2],
    ['--until 2036-01-01 --release', 'until-and-release', 2],
    ['--set nope', 'no-snapshot', 10],
  ])('refuses %s: %s', async (flags, code, exit) => {
    const said = await at.say(`keep ${ids[0]} ${flags} --json`);
    expect(said.code).toBe(exit);
    expect(JSON.parse(said.err)).toMatchObject({ code });
    expect(await listed()).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('is not for a machine without a signing key', async () => {
    const said = await at.say(`keep ${ids[0]}`, { XDG_STATE_HOME: `${at.base}/other` });
    expect(said.code).toBe(2);
    expect(said.err).toContain('has no signing key');
  });
});
