import { describe, expect, it } from 'vitest';
import { streamFacts } from '../../../src/vault/recovery/runbook-streams.ts';

const facts = (type: string, settings: Record<string, unknown>) =>
  streamFacts({ name: 'db', type, settings });

describe('what a runbook says of a stream', () => {
  it.each([
    ['postgres', { database: 'shop' }, 'load', 'shop'],
    ['postgres', { format: 'globals' }, 'roles', undefined],
    ['mysql', { url: { env: 'DATABASE_URL' } }, 'load', undefined],
    ['sqlite', { file: 'data/app.db' }, 'load', 'data/app.db'],
    ['redis', { host: 'cache' }, 'load', 'dump.rdb'],
    ['command', { run: ['x'] }, 'by-hand', undefined],
    ['command', { run: ['x'], load: ['y', '{into}'] }, 'load', undefined],
  ])('of the kind %s with %j', (type, settings, way, into) => {
    expect(facts(type, settings)).toMatchObject({ way, into });
  });

  it('names its server, and where what opens it is, and never what that is', () => {
    const settings = {
      host: '/run/postgresql',
      port: 5433,
      user: 'app',
      password: { dotenv: '.env', key: 'DB_PASSWORD' },
      run: ['dump', '--token=s3cret'],
      env: { API_TOKEN: { file: '/etc/token' }, OTHER: { env: 'OTHER_TOKEN' } },
    };
    const found = facts('command', settings);
    expect(found).toMatchObject({ at: '/run/postgresql, port 5433', user: 'app' });
    expect(found.secrets).toEqual([
      ['password', 'DB_PASSWORD in .env'],
      ['API_TOKEN', '/etc/token'],
      ['OTHER', 'variable OTHER_TOKEN'],
    ]);
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  it('takes no variable of its environment for a setting', () => {
    // One of that name is a program's, and `env` as text is a setting of a secret, not a list of them.
    expect(facts('command', { run: ['x'], env: { user: { env: 'U' } } }).user).toBeUndefined();
  });
});
