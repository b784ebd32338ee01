// npm run bench: the local rows of the speed table, as ratios against public tools in one run on one machine.
//   npm run bench                    every row
//   npm run bench -- --only small    rows whose name contains a word
//   npm run bench -- --runs 3        fewer or more runs (medians of 5 unless given)
// Needs tar, gzip, openssl and age; restic and borg are compared with where they are installed.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compare, has, time } from './measure.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const only = option('--only') ?? '';
const runs = Number(option('--runs') ?? 5);

execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), '--no-types'], { stdio: 'inherit' });
for (const needed of ['tar', 'gzip', 'openssl', 'age']) {
  if (!has(needed)) throw new Error(`${needed} is not installed (on Debian: bash scripts/install-debian.sh)`);
}
const restic = has('restic');
const borg = has('borg');

const work = mkdtempSync(join(tmpdir(), 'strongroom-bench-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
const node = process.execPath;
const program = `${node} ${join(root, 'dist/main.cjs')}`;
const at = (name) => join(work, name);
writeFileSync(at('pass'), 'a passphrase of the benchmark only\n', { mode: 0o600 });
const agePublic = makeAgeKey();

const env = {
  XDG_STATE_HOME: at('state'),
  XDG_CACHE_HOME: at('cache'),
  XDG_CONFIG_HOME: at('config'),
  STRONGROOM_PASSPHRASE_FILE: at('pass'),
  RESTIC_PASSWORD_FILE: at('pass'),
  RESTIC_CACHE_DIR: at('restic-cache'),
  BORG_PASSPHRASE: 'x',
  BORG_BASE_DIR: at('borg-base'),
};

function makeAgeKey() {
  execFileSync('age-keygen', ['-o', at('age.key')], { stdio: 'ignore' });
  return execFileSync('age-keygen', ['-y', at('age.key')])
    .toString()
    .trim();
}

// Text that compresses as configuration does, never the same twice.
const WORDS =
  'server port host password database cache queue worker replica timeout retry secret token region bucket'.split(
    ' ',
  );
function textOf(bytes) {
  let text = '';
  while (text.length < bytes) {
    text += `${WORDS[(Math.random() * WORDS.length) | 0].toUpperCase()}_${(Math.random() * 1000) | 0}=${randomBytes(9).toString('base64url')}\n`;
  }
  return text.slice(0, bytes);
}

function makeTree(name, files, bytes) {
  for (let i = 0; i < files; i++) {
    const directory = join(at(name), `d${(i / 100) | 0}`);
    if (i % 100 === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${i}.env`), textOf(bytes));
  }
}

/** A Compose project of 33 files: one of services, environment files, a secret and a mounted directory. */
function makeProject(directory) {
  mkdirSync(join(directory, 'conf'), { recursive: true });
  const services = ['web', 'db', 'worker'].map(
    (n) => `  ${n}:\n    image: x\n    env_file: [.env, ${n}.env]\n`,
  );
  const mounts = '    volumes: ["./conf:/etc/x:ro"]\nsecrets:\n  db: { file: ./db.txt }\n';
  writeFileSync(join(directory, 'compose.yaml'), `services:\n${services.join('')}${mounts}`);
  for (const name of ['.env', 'web.env', 'db.env', 'worker.env'])
    writeFileSync(join(directory, name), textOf(1000));
  writeFileSync(join(directory, 'db.txt'), `${randomBytes(18).toString('base64url')}\n`);
  for (let i = 0; i < 27; i++) {
    const name = join(directory, 'conf', i % 3 ? `f${i}.conf` : `f${i}.yaml`);
    writeFileSync(name, 'server_name: example.org\nlisten: 80\n'.repeat(50));
  }
}

function makeHalfRandom(name, mebibytes) {
  mkdirSync(at(name), { recursive: true });
  const file = openSync(join(at(name), 'dump.bin'), 'w');
  for (let i = 0; i < mebibytes; i++)
    writeSync(file, i % 2 ? randomBytes(1 << 20) : Buffer.from(textOf(1 << 20)));
  closeSync(file);
}

function makeVault(name) {
  const vault = at(`${name}.vault`);
  mkdirSync(at('cwd'), { recursive: true });
  time(
    `cd ${at('cwd')} && rm -f strongroom.yaml && ${program} init --name bench --passphrase --yes -q && rm strongroom.yaml`,
    { ...env, STRONGROOM_LOCATION: vault },
  );
  return vault;
}

/** The ways to back up one tree, each a whole process or pipeline. */
function backups(tree) {
  const vault = makeVault(tree);
  const out = at('out');
  const ways = {
    strongroom: {
      command: `cd ${at(tree)} && ${program} backup . --set app -q`,
      env: { ...env, STRONGROOM_LOCATION: vault },
    },
    openssl: {
      command: `cd ${at(tree)} && tar -czf - . | openssl enc -aes-256-cbc -pbkdf2 -pass file:${at('pass')} -out ${out}.enc`,
    },
    age: { command: `cd ${at(tree)} && tar -cz . | age -r ${agePublic} -o ${out}.age` },
  };
  if (restic) {
    const repo = at(`${tree}.restic`);
    ways.restic = {
      before: `rm -rf ${repo} ${at('restic-cache')} && restic init -q -r ${repo}`,
      command: `cd ${at(tree)} && restic backup -q -r ${repo} .`,
      env,
    };
  }
  if (borg) {
    const repo = at(`${tree}.borg`);
    ways.borg = {
      before: `rm -rf ${repo} ${at('borg-base')} && borg init -e repokey ${repo}`,
      command: `cd ${at(tree)} && borg create ${repo}::a .`,
      env,
    };
  }
  return ways;
}

const seconds = (n) => (n < 1 ? `${Math.round(n * 1000)} ms` : `${n.toFixed(2)} s`);
const results = [];
/** @param bars list of [name of the other, most that ours may take as a ratio of it] */
function report(row, measured, bars, note = '') {
  const ours = measured.get('strongroom');
  const parts = [...measured].map(([name, m]) => `${name} ${seconds(m.seconds)}`);
  const verdicts = bars
    .filter(([other]) => measured.has(other))
    .map(([other, bar]) => {
      const ratio = ours.seconds / measured.get(other).seconds;
      return { text: `${ratio.toFixed(2)} × ${other} (bar ${bar})`, met: ratio <= bar };
    });
  console.log(`\n${row}${note}\n  ${parts.join(' · ')}`);
  for (const { text, met } of verdicts) console.log(`  ${met ? 'met   ' : 'MISSED'} ${text}`);
  if (ours.kib) console.log(`  peak memory ${(ours.kib / 1024).toFixed(0)} MiB`);
  results.push({ row, measured, verdicts, kib: ours.kib });
}

/** @param bar seconds */
function reportTime(row, measured, bar) {
  const ours = measured.get('strongroom');
  const verdict = { text: `${seconds(ours.seconds)} (bar ${seconds(bar)})`, met: ours.seconds <= bar };
  console.log(`\n${row}\n  ${verdict.met ? 'met   ' : 'MISSED'} ${verdict.text}`);
  // A service on the same machine takes its share of the time, and none of this.
  if (ours.kib) console.log(`  CPU ${seconds(ours.cpu)} · peak memory ${(ours.kib / 1024).toFixed(0)} MiB`);
  results.push({ row, measured, verdicts: [verdict], kib: ours.kib });
}

/** A vault in a bucket of the gateway that the tests use; nothing where that is not installed. */
function startS3() {
  if (!has('radosgw') || !has('aws')) {
    console.log('\nthe rows for a bucket need Ceph and awscli (scripts/install-debian.sh)');
    return undefined;
  }
  const text = execFileSync('bash', [join(root, 'scripts/s3-server.sh'), 'start']).toString();
  const found = Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const bucket = `bench-${randomBytes(4).toString('hex')}`;
  const location = `s3://${bucket}/vault`;
  const config = at(`${bucket}.yaml`);
  const own = {
    ...env,
    AWS_ENDPOINT_URL: found.S3_ENDPOINT,
    AWS_REGION: found.S3_REGION,
    AWS_ACCESS_KEY_ID: found.AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY: found.AWS_SECRET_ACCESS_KEY,
  };
  // Debian's aws does not know that variable yet.
  mkdirSync(at('bin'), { recursive: true });
  writeFileSync(at('bin/aws'), `#!/bin/sh\nexec /usr/bin/aws --endpoint-url ${found.S3_ENDPOINT} "$@"\n`, {
    mode: 0o755,
  });
  own.PATH = `${at('bin')}:${process.env.PATH}`;
  time(`aws s3 mb s3://${bucket}`, own);
  mkdirSync(at('cwd'), { recursive: true });
  time(
    `cd ${at('cwd')} && ${program} init --name bench --passphrase --yes -q --location ${location} --config ${config}`,
    own,
  );
  const [, vault] = /vault: (\w+)/.exec(readFileSync(config, 'utf8'));
  const document = execFileSync('aws', ['s3', 'cp', `${location}/vault/1.json`, '-'], {
    env: { ...process.env, ...own },
  });
  const { hosts } = JSON.parse(document.toString().split('-----BEGIN SSH')[0]);
  return { bucket, location, config, env: own, vault, host: hosts[0].name };
}

const rows = {
  'small: back up 30 files'() {
    makeTree('t30', 30, 2000);
    const ways = { node: { command: `${node} -e 0` }, ...backups('t30') };
    report('back up 30 files, whole process', compare(ways, runs * 2, at('t30')), [
      ['node', 2.5],
      ['restic', 0.2],
    ]);
  },
  'files10k: back up and restore 10,000 files of 2 KB'() {
    makeTree('t10k', 10_000, 2000);
    const ways = backups('t10k');
    report('back up 10,000 files', compare(ways, runs, at('t10k')), [['openssl', 1]]);
    const target = at('target');
    const restores = {
      strongroom: {
        before: `rm -rf ${target}`,
        command: `${program} restore latest --set app --target ${target} -q`,
        env: { ...env, STRONGROOM_LOCATION: at('t10k.vault') },
      },
      age: {
        before: `rm -rf ${target} && mkdir ${target}`,
        command: `age -d -i ${at('age.key')} ${at('out')}.age | tar -xz -C ${target}`,
      },
    };
    if (restic) {
      restores.restic = {
        before: `rm -rf ${target}`,
        command: `restic restore -q latest -r ${at('t10k.restic')} --target ${target}`,
        env,
      };
    }
    // Opening with a passphrase costs scrypt's own second, by design; an age identity shows the work itself.
    restores.strongroom.env = withIdentity('t10k', restores.strongroom.env);
    report('restore 10,000 files, every hash verified', compare(restores, runs), [
      ['age', 1.5],
      ['restic', 0.5],
    ]);
  },
  'files100k: back up 100,000 files of 1 KB'() {
    makeTree('t100k', 100_000, 1000);
    report('back up 100,000 files', compare(backups('t100k'), Math.min(runs, 3), at('t100k')), [
      ['age', 1],
      ['restic', 0.5],
      ['borg', 0.2],
    ]);
  },
  'stream: 512 MiB, half random'() {
    makeHalfRandom('big', 512);
    report('512 MiB, half random', compare(backups('big'), Math.min(runs, 3), at('big')), [
      ['openssl', 0.4],
      ['restic', 1],
    ]);
  },
  'list: 10,000 snapshots'() {
    const vault = makeVault('list');
    execFileSync(node, [
      records,
      vault,
      join(at('state'), 'strongroom/host-key'),
      vaultId(vault),
      hostName(vault),
      '10000',
    ]);
    const location = { ...env, STRONGROOM_LOCATION: vault };
    const list = `${program} list -q`;
    const cold = { strongroom: { before: `rm -rf ${at('cache')}`, command: list, env: location } };
    reportTime('list 10,000 snapshots, cold', compare(cold, runs), 1);
    const warm = { strongroom: { command: list, env: location } };
    reportTime('list 10,000 snapshots, warm', compare(warm, runs), 0.4);
  },
  'diff: two snapshots of 10,000 files'() {
    makeTree('tdiff', 10_000, 2000);
    const location = withIdentity('tdiff', env);
    for (let i = 0; i < 10_000; i += 100)
      writeFileSync(join(at('tdiff'), `d${(i / 100) | 0}/f${i}.env`), textOf(2000));
    time(`cd ${at('tdiff')} && ${program} backup . --set app -q`, location);
    const look = { command: `cd ${at('cwd')} && ${program} diff latest~1 latest --set app`, env: location };
    reportTime('diff of two snapshots of 10,000 files', compare({ strongroom: look }, runs), 2);
  },
  'coverage: 10,000 files, 300 of them compose files'() {
    for (let i = 0; i < 300; i++) makeProject(join(at('projects'), `p${i}`));
    writeFileSync(join(at('projects'), 'strongroom.yaml'), 'sets:\n  app: { discover: [compose, dotenv] }\n');
    const look = { command: `cd ${at('projects')} && ${program} coverage --snapshot none -q`, env };
    reportTime('coverage of 10,000 files, 300 compose files', compare({ strongroom: look }, runs), 2);
  },
  'prune: 10,000 snapshots to 60'() {
    const vault = makeVault('prune');
    const filled = at('prune.filled');
    const hostKey = join(at('state'), 'strongroom/host-key');
    cpSync(vault, filled, { recursive: true });
    execFileSync(node, [records, filled, hostKey, vaultId(vault), hostName(vault), '10000', '60', 'data']);
    const prune = `${program} prune --keep-hourly 15 --keep-daily 30 --keep-weekly 12 --keep-monthly 12 --yes -q`;
    const way = {
      // A copy whose files are on the disk already: what is measured is their removal.
      before: `rm -rf ${vault} ${at('cache')} && cp -r ${filled} ${vault} && chmod -R go= ${vault} && sync`,
      command: prune,
      env: { ...env, STRONGROOM_LOCATION: vault },
    };
    reportTime('prune 10,000 snapshots to 60, cold', compare({ strongroom: way }, Math.min(runs, 3)), 5);
  },
  's3 small: back up 30 files to a bucket'() {
    const s3 = startS3();
    if (!s3) return;
    makeTree('s30', 30, 2000);
    const ways = {
      strongroom: {
        command: `cd ${at('s30')} && ${program} backup . --set app --config ${s3.config} -q`,
        env: s3.env,
      },
      aws: {
        command: `cd ${at('s30')} && tar -czf - . | openssl enc -aes-256-cbc -pbkdf2 -pass file:${at('pass')} | aws s3 cp - s3://${s3.bucket}/shell --sse --quiet`,
        env: s3.env,
      },
    };
    report('back up 30 files to a bucket, whole process', compare(ways, runs, at('s30')), [['aws', 0.5]]);
  },
  's3 big: back up one file of 1 GiB to a bucket'() {
    const s3 = startS3();
    if (!s3) return;
    makeHalfRandom('sbig', 1024);
    const ways = {
      strongroom: {
        command: `cd ${at('sbig')} && ${program} backup . --set big --config ${s3.config} -q`,
        env: s3.env,
      },
    };
    report('back up 1 GiB to a bucket', compare(ways, 1, at('sbig')), []);
    rmSync(at('sbig'), { recursive: true });
  },
  's3 list: 10,000 snapshots in a bucket'() {
    const s3 = startS3();
    if (!s3) return;
    const { location, env: theirs } = s3;
    const copy = at('s3-records');
    mkdirSync(copy);
    execFileSync(node, [records, copy, join(at('state'), 'strongroom/host-key'), s3.vault, s3.host, '10000']);
    execFileSync('aws', ['s3', 'cp', '--recursive', '--quiet', copy, location], {
      env: { ...process.env, ...theirs, AWS_MAX_ATTEMPTS: '10' },
    });
    const list = `${program} list -q --config ${s3.config}`;
    const cold = { strongroom: { before: `rm -rf ${at('cache')}`, command: list, env: theirs } };
    reportTime('list 10,000 snapshots in a bucket, cold', compare(cold, Math.min(runs, 3)), 10);
    const warm = { strongroom: { command: list, env: theirs } };
    reportTime('list 10,000 snapshots in a bucket, warm', compare(warm, runs), 0.6);
  },
  'encrypt: the encryption stage alone'() {
    mkdirSync(at('enc'), { recursive: true });
    const file = at('enc/1g');
    const out = openSync(file, 'w');
    for (let i = 0; i < 1024; i++) writeSync(out, randomBytes(1 << 20));
    closeSync(out);
    const ways = {
      strongroom: { command: `${node} ${encryptStage} ${file} ${agePublic}` },
      age: { command: `age -r ${agePublic} -o /dev/null ${file}` },
    };
    report('encryption stage alone, 1 GiB', compare(ways, runs), [['age', 0.5]]);
    rmSync(file);
  },
};

function documentOf(vault) {
  const text = execFileSync('sh', ['-c', `sed '/^-----BEGIN SSH/,$d' ${vault}/vault/1.json`]).toString();
  return JSON.parse(text);
}
const vaultId = (vault) => documentOf(vault).vault;
const hostName = (vault) => documentOf(vault).hosts[0].name;

/** A copy of the vault that an age identity opens: the bench then measures restoring, not scrypt. */
function withIdentity(tree, base) {
  const vault = at(`${tree}-age.vault`);
  const location = { ...env, STRONGROOM_LOCATION: vault, STRONGROOM_IDENTITY_FILE: at('age.key') };
  mkdirSync(at('cwd'), { recursive: true });
  delete location.STRONGROOM_PASSPHRASE_FILE;
  time(
    `cd ${at('cwd')} && rm -f strongroom.yaml && ${program} init --name bench --recipient ${agePublic} --yes -q && rm strongroom.yaml`,
    location,
  );
  time(`cd ${at(tree)} && ${program} backup . --set app -q`, location);
  return { ...base, ...location, STRONGROOM_PASSPHRASE_FILE: '' };
}

const records = at('bundles/records.js');
const encryptStage = at('bundles/encrypt-stage.js');
await build({
  entryPoints: [join(root, 'bench/records.ts'), join(root, 'bench/encrypt-stage.ts')],
  outdir: at('bundles'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
  logLevel: 'warning',
});
if (!existsSync(at('bundles/package.json'))) cpSync(join(root, 'package.json'), at('bundles/package.json'));

console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}; medians`,
);
for (const [name, row] of Object.entries(rows)) if (name.includes(only)) row();
const missed = results.flatMap((r) => r.verdicts.filter((v) => !v.met).map((v) => `${r.row}: ${v.text}`));
const peak = Math.max(...results.map((r) => r.kib || 0));
console.log(`\npeak memory over all rows: ${(peak / 1024).toFixed(0)} MiB (bar 200)`);
console.log(missed.length === 0 ? 'every bar met' : `bars missed:\n  ${missed.join('\n  ')}`);
