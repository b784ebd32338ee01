import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Desk, desk } from './desk.ts';

let at: Desk;
let vault: string;
let copy: string;

beforeEach(async () => {
  at = await desk();
  vault = join(at.base, 'vault');
  copy = join(at.base, 'copy');
  await at.ok(`init --name shop --location ${vault} --recipient ${at.recipient} --yes`);
  await at.ok(`--location ${vault} backup . --set app`);
});

/** A part of the newest snapshot. */
function partIn(place: string): string {
  const at = join(place, 'data/app');
  const id = readdirSync(at).sort().at(-1)!;
  const [directory = ''] = readdirSync(join(at, id));
  return join(at, id, directory, 'files.tar.gz.age.00000');
}

describe('copy', () => {
  it('brings a vault to a directory, says what it did, and then has nothing to do', async () => {
    const planned = await at.ok(['copy', '--location', vault, '--to', copy, '--dry-run', '--json']);
    expect(planned.json().at(-1)).toMatchObject({ message_type: 'summary', snapshots: 1, dry_run: true });
    expect(existsSync(copy)).toBe(false);
    const first = await at.ok(['copy', '--location', vault, '--to', copy, '--json']);
    expect(first.json().map((row) => row.message_type)).toEqual(['copied', 'copy', 'summary']);
    expect(first.json().at(-1)).toMatchObject({ to: copy, snapshots: 1, there: 0, failed: 0, removed: 0 });
    const again = await at.ok(['copy', '--location', vault, '--to', copy]);
    expect(again.out).toBe('BASE/copy: up to date with 1 snapshot\n');
    const checked = await at.ok(['verify', '--location', copy]);
    expect(checked.out).toContain('is sound');
    await at.ok(['restore', 'latest', '--location', copy, '--set', 'app', '--target', 'out']);
  });

  it('takes a place relative to here, and refuses the vault itself and what is inside it', async () => {
    await at.ok(['copy', '--location', vault, '--to', 'kept/copy']);
    expect(existsSync(join(at.work, 'kept/copy/vault/1.json'))).toBe(true);
    for (const to of [vault, `${vault}/inside`, at.base]) {
      const said = await at.say(['copy', '--location', vault, '--to', to]);
      expect([to, said.code]).toEqual([to, 11]);
      expect(said.err).toContain('are not two places');
    }
  });

  it('exits with 13 and names what is damaged in the vault, and copies the rest', async () => {
    await at.ok(`--location ${vault} backup . --set app`);
    writeFileSync(partIn(vault), 'damaged');
    const said = await at.say(['copy', '--location', vault, '--to', copy]);
    expect(said.code).toBe(13);
    expect(said.err).toContain('is shorter than recorded');
    expect(said.out).toContain('copied 1 snapshot ');
  });

  it('mends a copy that is damaged', async () => {
    await at.ok(['copy', '--location', vault, '--to', copy]);
    writeFileSync(partIn(copy), 'damaged');
    const said = await at.ok(['copy', '--location', vault, '--to', copy]);
    expect(said.err).toContain('was damaged, and was replaced');
    await at.ok(['verify', '--location', copy]);
  });

  it('does not fill the mount point of a disk that is away', async () => {
    await at.ok(['copy', '--location', vault, '--to', copy]);
    rmSync(copy, { recursive: true });
    const said = await at.say(['copy', '--location', vault, '--to', copy]);
    expect(said.code).toBe(10);
    expect(said.err).toContain('--anew');
    expect(existsSync(copy)).toBe(false);
    await at.ok(['copy', '--location', vault, '--to', copy, '--anew']);
  });

  it('goes to every replica of the configuration, and one that is away keeps no other from it', async () => {
    at.write(
      'strongroom.yaml',
      `location: ${vault}\nreplicas: [${copy}, /proc/none/here]\nsets: { app: {} }\n`,
    );
    const said = await at.say(['copy']);
    expect(said.code).toBe(3);
    expect(said.err).toContain('nothing was copied to /proc/none/here');
    await at.ok(['verify', '--location', copy]);
  });

  it('needs somewhere to go', async () => {
    const said = await at.say(['copy', '--location', vault]);
    expect([said.code, said.err]).toEqual([2, expect.stringContaining('nothing says where')]);
  });
});

describe('backup, with replicas', () => {
  const replicas = (...places: string[]) =>
    at.write('strongroom.yaml', `location: ${vault}\nreplicas: [${places.join(', ')}]\nsets: { app: {} }\n`);

  it('lands in each of them, and says which is not there: exit 3, the others done', async () => {
    await at.ok(['copy', '--location', vault, '--to', copy]);
    replicas(copy, join(at.base, 'away'));
    const said = await at.say('backup --json');
    expect(said.code).toBe(3);
    expect(said.json().at(-1)).toMatchObject({ complete: true });
    expect(said.err).toContain('BASE/away');
    const { snapshot } = said.json().at(-1)!;
    expect((await at.ok(['list', '--location', copy])).out).toContain(at.tidy(snapshot));
    replicas(copy);
    expect((await at.ok('backup')).err).toBe('');
  });

  it('wants one copy first, and says so', async () => {
    replicas(copy);
    await at.ok(['copy']);
    rmSync(copy, { recursive: true });
    mkdirSync(copy);
    const said = await at.say('backup');
    expect(said.code).toBe(3);
    expect(said.err).toContain('holds no vault');
    expect(said.err).toContain('strongroom copy --to BASE/copy');
    expect(readdirSync(copy)).toEqual([]);
  });
});

describe('a place that is no place of its own', () => {
  const snapshots = (place: string) => readdirSync(join(place, 'snapshots/app')).length;
  const config = (...replicas: string[]) =>
    at.write(
      'strongroom.yaml',
      `location: ${vault}\nreplicas: [${replicas.join(', ')}]\nsets: { app: {} }\n`,
    );

  it.each([
    ['the vault itself', () => [vault]],
    ['a link to it', () => [link(vault)]],
    ['inside it', () => [join(vault, 'inside')]],
  ])('gets no backup as a replica: %s', async (_what, replicas) => {
    config(...replicas());
    for (const _ of [1, 2]) {
      const said = await at.say('backup');
      expect(said.code).toBe(3);
      expect(said.err).toContain('are not two places');
    }
    expect(snapshots(vault)).toBe(3);
    await at.ok(`verify --location ${vault}`);
    expect((await at.ok('verify --all-locations --json', 5)).json().at(-1)).toMatchObject({
      unreachable: 1,
      errors: 0,
    });
  });

  it('gets each backup once, however often it is named', async () => {
    await at.ok(['copy', '--location', vault, '--to', copy]);
    config(copy, link(copy), copy);
    for (const _ of [1, 2]) expect((await at.say('backup')).code).toBe(3);
    expect([snapshots(vault), snapshots(copy)]).toEqual([3, 3]);
    await at.ok(['verify', '--location', copy]);
  });

  it('may hold another vault that is away: its disk is not filled up', async () => {
    const disk = join(at.base, 'disk');
    await at.ok(`init --name other --location ${disk} --recipient ${at.recipient} --yes`);
    rmSync(disk, { recursive: true });
    const said = await at.say(['copy', '--location', vault, '--to', disk]);
    expect([said.code, existsSync(disk)]).toEqual([10, false]);
    expect(said.err).toContain('there was a vault at BASE/disk');
    await at.ok(['copy', '--location', vault, '--to', disk, '--anew']);
    // From here on it is a copy of this one.
    await at.ok(['list', '--location', disk]);
  });

  function link(to: string): string {
    const path = join(at.base, 'link');
    symlinkSync(to, path);
    return path;
  }
});

describe('after a change of keys or hosts', () => {
  beforeEach(async () => {
    at.write('strongroom.yaml', `location: ${vault}\nreplicas: [${copy}]\nsets: { app: {} }\n`);
    await at.ok('copy');
  });

  it('says that the replica does not know of it, and so does each backup, until a copy: exit 3', async () => {
    const rotated = await at.ok('keys rotate --yes');
    expect(rotated.err).toContain('the replica at BASE/copy does not know of this yet');
    const said = await at.say('backup --json');
    expect(said.code).toBe(3);
    expect(said.json().at(-1)).toMatchObject({ complete: true });
    expect(said.json()).toContainEqual(
      expect.objectContaining({ message_type: 'problem', kind: 'replica-behind' }),
    );
    expect(said.err).toContain('has not key number 2 yet');
    expect(said.err).toContain('strongroom copy --to BASE/copy');
    await at.ok('copy');
    expect((await at.ok('backup')).err).toBe('');
    rmSync(vault, { recursive: true });
    await at.ok('restore latest --set app --target ./out');
  });

  it('tells whoever is notified what it is', async () => {
    const to = join(at.base, 'told');
    at.write(
      'strongroom.yaml',
      `location: ${vault}\nreplicas: [${join(at.base, 'away')}]\nsets: { app: {} }\nnotify: [{ command: { run: [sh, -c, 'cat > ${to}'] } }]\n`,
    );
    expect((await at.say('backup')).code).toBe(3);
    expect(JSON.parse(readFileSync(to, 'utf8'))).toMatchObject({ codes: ['replica'], sets: ['app'] });
  });
});

describe('verify --all-locations', () => {
  const replicas = (...places: string[]) =>
    at.write('strongroom.yaml', `location: ${vault}\nreplicas: [${places.join(', ')}]\nsets: { app: {} }\n`);
  const last = (said: { json(): Record<string, unknown>[] }) => said.json().at(-1);

  it('is content where every place has every snapshot', async () => {
    replicas(copy);
    await at.ok('copy');
    await at.ok('backup');
    const said = await at.ok('verify --all-locations --read-data --json');
    expect(last(said)).toMatchObject({ sound: true, places: 2, missing: 0, errors: 0, unreachable: 0 });
  });

  it('says which snapshots a replica lacks, without taking that for an attack: exit 5, until a copy', async () => {
    replicas(copy);
    await at.ok('copy');
    // The replica is away, and then back.
    replicas();
    await at.ok('backup');
    replicas(copy);
    await at.ok('backup');
    expect((await at.ok(['verify', '--location', copy], 13)).out).toContain('names as its predecessor');
    const said = await at.ok('verify --all-locations --json', 5);
    expect(last(said)).toMatchObject({ sound: true, missing: 1, errors: 0 });
    expect(said.json().filter((row) => row.message_type === 'missing')).toHaveLength(1);
    expect((await at.ok('verify --all-locations', 5)).out).toContain('lacks 1, the newest of them');
    await at.ok('copy');
    await at.ok('verify --all-locations');
  });

  it('names damage at any place: exit 13', async () => {
    replicas(copy);
    await at.ok('copy');
    writeFileSync(partIn(copy), 'damaged');
    const said = await at.ok('verify --all-locations', 13);
    expect(said.out).toMatch(/error: BASE\/copy: .* is shorter than recorded/);
    expect(said.out).toContain('BASE/vault: sound');
  });

  it('goes on where the vault itself is gone', async () => {
    replicas(copy);
    await at.ok('copy');
    rmSync(vault, { recursive: true });
    const said = await at.ok('verify --all-locations --read-data', 5);
    expect(said.out).toContain('BASE/vault: not verified: there is no vault');
    expect(said.out).toContain('BASE/copy: sound, 1 snapshot');
  });

  it('says that a place is away', async () => {
    replicas(copy, join(at.base, 'away'));
    await at.ok(['copy', '--location', vault, '--to', copy]);
    expect((await at.ok('verify --all-locations', 5)).out).toContain('BASE/away: not verified');
  });
});

describe('reading, with replicas', () => {
  beforeEach(async () => {
    at.write('strongroom.yaml', `location: ${vault}\nreplicas: [${copy}]\nsets: { app: {} }\n`);
    await at.ok('copy');
    await at.ok('backup');
  });

  it('goes on from a replica when the vault is gone, and says so', async () => {
    rmSync(vault, { recursive: true });
    const listed = await at.ok('list');
    expect(listed.err).toContain('reading from the replica at BASE/copy: there is no vault at BASE/vault');
    const restored = await at.ok('restore latest --set app --target ./out');
    expect(restored.err).toContain('reading from the replica');
    expect(readdirSync(join(at.work, 'out')).sort()).toContain('.env');
  });

  it('takes a damaged piece from a replica, and says so once, and what brings it back', async () => {
    const part = partIn(vault);
    writeFileSync(part, Buffer.alloc(statSync(part).size));
    const said = await at.ok('restore latest --set app --target ./out');
    expect(said.err.match(/was read from BASE\/copy/g)).toHaveLength(1);
    // Elsewhere nothing is glossed over.
    expect((await at.say('verify')).code).toBe(13);
    expect(said.err).toContain('strongroom copy --location BASE/copy --to BASE/vault --recheck');
    await at.ok(`copy --location ${copy} --to ${vault} --recheck`);
    await at.ok('verify');
  });

  it('takes a record from a replica, on a machine that saw none of them too', async () => {
    const records = readdirSync(join(vault, 'snapshots/app')).sort();
    rmSync(join(vault, 'snapshots/app', records.at(-1)!));
    const [, newest = ''] = records.map((name) => name.replace('.json', ''));
    const restored = await at.ok('restore latest --set app --target ./out --json');
    expect(restored.json().at(-1)).toMatchObject({ snapshot: newest });
    expect(restored.err).toContain('is damaged or gone at BASE/vault, and was read from BASE/copy');
    rmSync(join(vault, 'snapshots'), { recursive: true });
    rmSync(at.state, { recursive: true });
    const listed = await at.ok('list --json');
    expect(listed.json().filter((row) => row.message_type === 'snapshot')).toHaveLength(2);
  });

  it('refuses to call old what a replica that is behind has as its newest', async () => {
    at.write('alone.yaml', `location: ${vault}\nsets: { app: {} }\n`);
    await at.ok('backup --config alone.yaml');
    rmSync(vault, { recursive: true });
    const said = await at.say('restore latest --set app --target ./out');
    expect(said.code).toBe(13);
    expect(said.err).toContain('which this machine saw, is gone');
  });

  it('does so only for the vault of the configuration, and never to write', async () => {
    rmSync(vault, { recursive: true });
    expect((await at.say(['list', '--location', join(at.base, 'other')])).code).toBe(10);
    expect((await at.say('backup')).code).not.toBe(0);
    expect((await at.say('delete latest --yes')).code).not.toBe(0);
    expect(readdirSync(join(copy, 'snapshots/app'))).toHaveLength(2);
  });
});
