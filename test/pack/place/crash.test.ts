// Kills restores, and the recoveries of killed restores, at every single change that they make to the disk.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recoverPlacement } from '../../../src/pack/place/recover.ts';
import { openStaging } from '../../../src/pack/place/stage.ts';
import { bury, dieAfter, seen } from './crash.ts';
import {
  type Choices,
  childProgram,
  contentOf,
  journalsOf,
  planFor,
  plant,
  REAL_DISK,
  restore,
  type Scene,
  scene,
  survey,
  type Tree,
} from './scene.ts';

interface Story {
  readonly name: string;
  readonly old: Tree | undefined;
  readonly tree: Tree;
  readonly choices: Choices;
  readonly disk?: string;
}

const OLD: Tree = {
  '.env': 'old env',
  'certs/tls.key': { text: 'old key', mode: 0o640 },
  'certs/current': { link: 'tls.key' },
  'file-to-link': 'old file',
  'link-to-file': { link: 'certs' },
  kept: 'kept',
};
const NEW: Tree = {
  '.env': 'new env',
  'certs/tls.key': 'new key',
  'certs/current': { link: 'other' },
  'file-to-link': { link: '.env' },
  'link-to-file': 'new file',
  'new/dir/deep': 'deep',
  'new/link': { link: 'dir' },
  'new/run': { text: '#!', mode: 0o755 },
  another: 'another',
  'a link': { link: 'another' },
  more: 'more',
  kept: 'kept',
};
const RECORDED: Tree = {
  certs: { dir: true, mode: 0o750 },
  'certs/tls.key': { text: 'new key', mode: 0o440 },
  closed: { dir: true, mode: 0o500 },
  'closed/x': { text: 'x', mode: 0o400 },
  world: { dir: true, mode: 0o755 },
  'world/x': { text: 'x', mode: 0o644 },
};
const STORIES: Story[] = [
  { name: 'a new target', old: undefined, tree: NEW, choices: {} },
  { name: 'replace', old: OLD, tree: NEW, choices: { existing: 'replace' } },
  { name: 'replace, on a real disk', old: OLD, tree: NEW, choices: { existing: 'replace' }, disk: REAL_DISK },
  { name: 'bak', old: OLD, tree: NEW, choices: { existing: 'bak' } },
  { name: 'skip', old: OLD, tree: NEW, choices: { existing: 'skip' } },
  { name: 'as recorded', old: OLD, tree: RECORDED, choices: { existing: 'replace', asRecorded: true } },
  { name: 'one more file', old: OLD, tree: { more: 'more' }, choices: {} },
  {
    name: 'in place, with files outside',
    old: OLD,
    tree: { ...NEW, '@outside/etc/x.pem': 'new', '@outside/etc/y/z': 'new' },
    choices: { existing: 'replace', outside: 'world' },
  },
  {
    name: 'a new target, with files outside',
    old: undefined,
    tree: { x: 'x', '@outside/etc/x.pem': 'new', '@outside/etc/y/z': 'new' },
    choices: { existing: 'replace', outside: 'world' },
  },
];

function begin({ old, choices, disk }: Story): { place: Scene; choices: Choices } {
  const place = scene(old, disk);
  plant(place.directory, { 'world/etc/x.pem': 'old', 'world/etc/theirs': 'theirs' });
  const { outside, ...rest } = choices;
  return {
    place,
    choices: outside === undefined ? rest : { ...rest, outside: join(place.directory, outside) },
  };
}

test('a restore that fails, and dies while it takes back what it did, leaves what a neighbour put there', async () => {
  const tree: Tree = { ...NEW, 'z-last': { link: 'x' } };
  let isOver = false;
  for (let changes = 0; !isOver; changes++) {
    const place = scene(OLD);
    const plan = await planFor(place, tree, { existing: 'replace' });
    const staging = await openStaging(plan, place);
    for (const { entry } of plan.entries) {
      if (staging.wants(entry.path)) staging.file(entry, contentOf(tree, entry.path));
    }
    plant(place.target, { more: 'theirs', 'z-last': 'theirs' });
    const theirs = seen(place);
    isOver = (await dieAfter(changes, () => staging.commit())).ended;
    bury(place);
    await recoverPlacement(place.target, place);
    expect(seen(place), `after ${changes} changes`).toEqual(theirs);
    expectClean(place);
  }
});

describe.skipIf(process.getuid!() !== 0)('a restore by a user that dies (needs root, to become one)', () => {
  const program = childProgram();
  const user = ['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups'];
  // To its owner, unlike to root, a closed directory is closed.
  const tree: Tree = {
    closed: { dir: true, mode: 0o500 },
    'closed/in': { dir: true, mode: 0o000 },
    'closed/x': { text: 'x', mode: 0o000 },
    certs: { dir: true, mode: 0o000 },
    'certs/tls.key': 'new key',
  };

  test('is made whole by the same user, closed directories and all', () => {
    const outcomes = new Set<string>();
    // The last changes are those that close directories.
    for (let killAfter = 38; ; killAfter++) {
      const place = scene(OLD);
      const old = seen(place);
      const choices = { existing: 'replace', asRecorded: true, owner: { uid: 1234, gid: 1234 } } as const;
      execFileSync('chown', ['-R', '1234:1234', place.directory]);
      const run = (job: object) => {
        const [command, ...args] = [
          ...user,
          process.execPath,
          program(),
          JSON.stringify({ place, tree, choices, ...job }),
        ];
        return spawnSync(command!, args, { stdio: 'inherit' });
      };
      const { status } = run({ killAfter });
      expect(status).not.toBe(1);
      expect(run({ isRecovery: true }).status).toBe(0);
      const after = seen(place);
      outcomes.add(JSON.stringify(after) === JSON.stringify(old) ? 'old' : 'new');
      if (outcomes.has('new')) {
        expect(after).toMatchObject({
          'target/closed': 'dir 0500',
          'target/closed/in': 'dir 0000',
          'target/certs': 'dir 0000',
          'target/certs/tls.key': 'file 0644 new key',
        });
      }
      expectClean(place);
      if (status === 0) break;
    }
    expect([...outcomes]).toEqual(['old', 'new']);
  });
});

function openDescriptors(): number {
  return existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0;
}

function expectClean(place: Scene): void {
  expect(JSON.stringify(survey(place.directory))).not.toMatch(/\.strongroom-restore-/);
  expect(journalsOf(place).filter((name) => !name.endsWith('.part'))).toEqual([]);
}

describe.each(STORIES)('a restore that dies ($name)', (story) => {
  test('leaves each file whole at any time, and all of them after the next run', async () => {
    const whole = begin(story);
    const old = seen(whole.place);
    await restore(whole.place, story.tree, whole.choices);
    const done = seen(whole.place);
    const outcomes = new Set<string>();
    const descriptors = openDescriptors();
    let isOver = false;
    for (let changes = 0; !isOver; changes++) {
      const { place, choices } = begin(story);
      isOver = (await dieAfter(changes, () => restore(place, story.tree, choices))).ended;
      for (const [path, what] of Object.entries(seen(place))) {
        if (what.startsWith('dir')) continue;
        expect([old[path], done[path]], `${path} after ${changes} changes`).toContain(what);
      }
      bury(place);
      // The recovery dies too, once, at a point that moves along.
      if (changes % 2 === 1) {
        await dieAfter((changes * 5) % 61, () => recoverPlacement(place.target, place));
        bury(place);
      }
      const outcome = await recoverPlacement(place.target, place);
      const after = seen(place);
      expect([old, done], `after ${changes} changes`).toContainEqual(after);
      if (outcome !== 'nothing') expect(after, outcome).toEqual(outcome === 'undone' ? old : done);
      expectClean(place);
      expect(await recoverPlacement(place.target, place)).toBe('nothing');
      outcomes.add(outcome);
      rmSync(place.directory, { recursive: true, force: true });
    }
    expect(openDescriptors()).toBe(descriptors);
    expect([...outcomes].sort()).toEqual(['finished', 'nothing', 'undone']);
  });
});
