import { describe, expect, it } from 'vitest';
import { setsToBackUp } from '../../src/commands/backup/sets.ts';
import type { SetConfig, Settings } from '../../src/commands/context.ts';

const app: SetConfig = {
  name: 'app',
  root: '/srv/app',
  include: [],
  exclude: [],
  discover: undefined,
  outside: [],
  streams: [],
  compress: 'gzip',
  retention: undefined,
  objectives: {},
  drill: { streams: new Map(), commands: [], manual: [] },
  restore: { owner: undefined, modes: [] },
};
const settings: Settings = {
  location: '/mnt/vault',
  env: undefined,
  configFile: '/srv/app/strongroom.yaml',
  config: {
    location: '/mnt/vault',
    pin: undefined,
    sets: new Map([['app', app]]),
    objectives: {},
    drill: { manual: [] },
    s3: {},
    kms: [],
    replicas: [],
  },
  origins: new Map(),
};
const named = (paths: string[], set?: string, cwd = '/srv/app') =>
  setsToBackUp(paths, { set, exclude: [] }, settings, cwd).map((s) => s.set);

it('a set without an objective of its own may be as old as the whole', () => {
  const whole = { ...settings, config: { ...settings.config!, objectives: { rpo: 6 } } };
  const flags = { set: undefined, exclude: [] };
  expect(setsToBackUp([], flags, settings, '/srv/app').map((s) => s.rpo)).toEqual([undefined]);
  expect(setsToBackUp([], flags, whole, '/srv/app').map((s) => s.rpo)).toEqual([6]);
});

describe('some paths of a directory with a configured set', () => {
  it('never become the newest snapshot of that set by accident', () => {
    expect(named(['.env', 'certs'])).toEqual(['app-paths']);
    expect(named(['x'], undefined, '/srv/other')).toEqual(['other']);
    expect(named(['.env'], 'before-deploy')).toEqual(['before-deploy']);
    expect(() => named(['.env'], 'app')).toThrow(
      expect.objectContaining({ code: 'set-is-configured', exitCode: 2 }),
    );
    expect(() => named(['.'], 'app', '/srv')).toThrow(expect.objectContaining({ code: 'set-is-configured' }));
  });

  it('may be all of it, under its name', () => {
    expect(named(['.'], 'app')).toEqual(['app']);
    expect(named([])).toEqual(['app']);
  });
});
