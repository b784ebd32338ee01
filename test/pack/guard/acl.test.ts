// POSIX ACLs: they do not come back, and nobody gains by that. Written as the kernel takes them, by Python where there is
// one, as Node can set none.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { groupsByAcl, withoutAcl } from '../../../src/pack/guard/acl.ts';
import { freshDirectory } from '../place/scene.ts';
import { guardScene, taken } from './scenes.ts';

/** Source: acl(5) and the kernel's posix_acl_xattr.h: a version, then tag, bits and id of each entry. */
const SET = `
import os, struct, sys
entries = [(1, 6, -1), (2, int(sys.argv[2]), 33), (4, int(sys.argv[3]), -1), (16, int(sys.argv[2]), -1), (32, 0, -1)]
os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *e) for e in entries))
`;

function setAcl(path: string, user: number, group: number): boolean {
  return spawnSync('python3', ['-c', SET, path, `${user}`, `${group}`]).status === 0;
}

const canSet = (() => {
  const trial = join(tmpdir(), `strongroom-acl-${process.pid}`);
  writeFileSync(trial, '');
  try {
    return setAcl(trial, 4, 0) && groupsByAcl([trial]).size === 1;
  } finally {
    rmSync(trial);
  }
})();
/** What only `getfacl` tells. */
const group = existsSync('/usr/bin/getfacl') ? 1 : 0;

test('a mode without its ACL never lets a group do more', () => {
  expect(withoutAcl(0o2640, 0)).toBe(0o2600);
  expect(withoutAcl(0o770, 4)).toBe(0o740);
  expect(withoutAcl(0o640, 7)).toBe(0o640);
});

describe.runIf(canSet)('what has an ACL', () => {
  test('is known by it, whatever its name, and what has none is not', () => {
    const directory = freshDirectory(tmpdir());
    const names = ['plain', 'with blank', 'with\nline', 'b\\134', '-n', 'ä'];
    const paths = names.map((name) => join(directory, name));
    for (const path of paths) writeFileSync(path, '', { mode: 0o640 });
    for (const path of paths.slice(1)) setAcl(path, 4, group);
    const found = groupsByAcl([...paths, join(directory, 'gone')]);
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(paths.slice(1).map((path) => [path, group])),
    );
  });

  test('comes back without it and no wider for its group, and that is said', async () => {
    const place = guardScene({ '.env': 'old', d: { dir: true }, 'd/key': 'key' }, tmpdir());
    const at = (name: string) => join(place.target, name);
    for (const name of ['.env', 'd', 'd/key']) setAcl(at(name), 4, group);
    expect(lstatSync(at('.env')).mode & 0o777).toBe(0o640);
    const guard = await taken(place);
    writeFileSync(at('.env'), 'new');
    rmSync(at('d'), { recursive: true });
    mkdirSync(at('d'));
    const [done] = await guard.undo();
    expect(readFileSync(at('.env'), 'utf8')).toBe('old');
    for (const name of ['.env', 'd', 'd/key']) {
      expect(groupsByAcl([at(name)]).size, name).toBe(0);
      expect(lstatSync(at(name)).mode & 0o070, name).toBe(group * 8);
      expect(done!.warnings).toContainEqual(expect.stringContaining(`${at(name)}' had an ACL`));
    }
  });

  test('and is the root itself, likewise', async () => {
    const place = guardScene({ '.env': 'old' }, tmpdir());
    setAcl(place.target, 5, group);
    const guard = await taken(place);
    rmSync(place.target, { recursive: true });
    const [done] = await guard.undo();
    expect(lstatSync(place.target).mode & 0o777).toBe(0o600 | (group * 8));
    expect(done!.warnings).toContainEqual(expect.stringContaining('had an ACL'));
  });

  test('and is as it was, keeps it', async () => {
    const place = guardScene({ '.env': 'old', d: { dir: true }, 'd/key': 'key', x: 'old' }, tmpdir());
    const at = (name: string) => join(place.target, name);
    for (const name of ['.env', 'd', 'd/key']) setAcl(at(name), 4, group);
    const guard = await taken(place);
    writeFileSync(at('x'), 'new');
    chmodSync(at('d'), 0o700);
    writeFileSync(at('.env'), 'old');
    const [done] = await guard.undo();
    expect(done!.warnings).toEqual([]);
    for (const name of ['.env', 'd', 'd/key']) {
      expect(groupsByAcl([at(name)]).size, name).toBe(1);
      expect(lstatSync(at(name)).mode & 0o777, name).toBe(0o640);
    }
  });
});
