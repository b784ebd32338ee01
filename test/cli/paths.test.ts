import { expect, test } from 'vitest';
import { findPaths } from '../../src/cli/paths.ts';

test('a user has the XDG directories below home', () => {
  expect(findPaths({}, '/home/me', false)).toEqual({
    config: '/home/me/.config/strongroom',
    state: '/home/me/.local/state/strongroom',
    cache: '/home/me/.cache/strongroom',
    data: '/home/me/.local/share/strongroom',
  });
});

test('root has the directories of the system', () => {
  expect(findPaths({}, '/root', true)).toEqual({
    config: '/etc/strongroom',
    state: '/var/lib/strongroom',
    cache: '/var/cache/strongroom',
    data: '/var/lib/strongroom/vaults',
  });
});

test.each([false, true])(
  'an absolute XDG directory counts, for root too (%s); a relative or empty one does not',
  (isRoot) => {
    const plain = findPaths({}, '/home/me', isRoot);
    const env = {
      XDG_STATE_HOME: '/x/state',
      XDG_CACHE_HOME: 'cache',
      XDG_CONFIG_HOME: '',
      XDG_DATA_HOME: './data',
    };
    expect(findPaths(env, '/home/me', isRoot)).toEqual({ ...plain, state: '/x/state/strongroom' });
  },
);

test("systemd's state directory is ours as it is, and the first of several", () => {
  const state = (STATE_DIRECTORY: string) =>
    findPaths({ STATE_DIRECTORY, XDG_STATE_HOME: '/x' }, '/home/me', false).state;
  expect(state('/var/lib/backup')).toBe('/var/lib/backup');
  expect(state('/var/lib/backup:/var/lib/other')).toBe('/var/lib/backup');
  expect(state('relative')).toBe('/x/strongroom');
});
