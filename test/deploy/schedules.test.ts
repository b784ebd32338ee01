// The schedules in deploy/ are what `strongroom schedule print` makes, for a machine as it is set up most often.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { githubWorkflow } from '../../src/host/schedule/github-actions.ts';
import { kubernetesCronJob } from '../../src/host/schedule/kubernetes.ts';
import { systemdUnits } from '../../src/host/schedule/systemd.ts';
import { hasProgram, planOf, verifyUnits } from '../support/schedule.ts';
import { scratch } from '../support/vault.ts';
import { type Complaints, complaints } from '../support/workflows.ts';

const directory = resolve(import.meta.dirname, '../../deploy');
const file = (name: string): string => readFileSync(`${directory}/${name}`, 'utf8');

const CONFIG = '/etc/strongroom/strongroom.yaml';
const plan = planOf(
  {
    name: 'backup',
    title: 'backup',
    jitter: 15,
    program: ['/usr/bin/node', '/usr/local/bin/strongroom'],
    runs: [{ command: 'backup', args: ['--quiet', '--config', CONFIG] }],
    needs: { ...planOf().needs, reads: ['/srv/app'] },
  },
  '6h',
);

describe('the units', () => {
  const units = systemdUnits(plan, '/etc/systemd/system');

  it('are as they are printed', async () => {
    await expect(units[0].text).toMatchFileSnapshot(`${directory}/systemd/strongroom-backup.service`);
    await expect(units[1].text).toMatchFileSnapshot(`${directory}/systemd/strongroom-backup.timer`);
  });

  it.skipIf(!hasProgram('systemd-analyze'))('are units', () => {
    const here = units.map((unit) => ({
      ...unit,
      text: unit.text.replace('"/usr/bin/node"', JSON.stringify(process.execPath)),
    }));
    expect(verifyUnits(here)).toEqual({ code: 0, said: '' });
  });
});

/** A CronJob against the schema that Kubernetes publishes; the containers of its pod. */
function podOf(text: string) {
  const job = new CronJob(parse(text));
  job.validate();
  return job.spec!.jobTemplate.spec!.template.spec!;
}

describe('the CronJob', () => {
  const inPod = { ...plan, program: [], host: 'shop' };
  const options = {
    image: 'registry.example.com/strongroom:0.1.0',
    timeZone: 'Etc/UTC',
    volumes: [{ name: 'app', path: '/srv/app' }],
  };

  it('is as it is printed, and what Kubernetes takes', async () => {
    const text = kubernetesCronJob({ ...inPod, jitter: 0 }, options);
    await expect(text).toMatchFileSnapshot(`${directory}/kubernetes/cronjob.yaml`);
    expect(() => podOf(text)).not.toThrow();
    expect(() => podOf(text.replace('  schedule:', '  shedule:'))).toThrow();
    expect(() => podOf(text.replace('runAsUser: 65532', 'runAsUser: nobody'))).toThrow();
  });

  it('of a drill has what opens the vault, no host’s key, and memory to restore into', () => {
    const runs = [{ command: 'drill', args: ['--quiet', '--config', CONFIG] }];
    const text = kubernetesCronJob({ ...inPod, jitter: 0, runs }, { ...options, volumes: [] });
    expect(text).not.toMatch(/signing-key|SIGNING_KEY/);
    const { containers, volumes } = podOf(text);
    expect(containers[0]?.env).toContainEqual({
      name: 'STRONGROOM_IDENTITY_FILE',
      value: '/run/secrets/strongroom/identity',
    });
    expect(containers[0]?.volumeMounts).toContainEqual({ name: 'scratch', mountPath: '/dev/shm' });
    expect(volumes).toContainEqual({ name: 'scratch', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } });
  });

  it('and the workflow of a drill likewise', () => {
    const runs = [{ command: 'drill', args: ['--quiet'] }];
    const text = githubWorkflow({ ...inPod, jitter: 0, runs }, '0.1.0');
    expect(text).toMatch(/ STRONGROOM_PASSPHRASE: \$\{\{ secrets\.STRONGROOM_PASSPHRASE \}\}$/m);
    expect(text).not.toContain('SIGNING_KEY');
  });

  it('has no right that a backup goes without', () => {
    const pod = podOf(file('kubernetes/cronjob.yaml'));
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of pod.containers) {
      expect(container).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        resources: { limits: { memory: expect.any(String) } },
      });
      const writable = container.volumeMounts!.filter(({ readOnly }) => !readOnly);
      expect(writable.map(({ name }) => name)).toEqual(['state']);
      // Secrets are files: nothing with a value of one, or a way to it, in the environment.
      expect(container.env!.filter(({ valueFrom, name }) => valueFrom || /KEY$|PASS/.test(name))).toEqual([]);
    }
  });

  it('runs what comes after a backup only when that ended well', () => {
    const runs = [...inPod.runs, { command: 'health', args: ['--quiet', '--config', CONFIG] }];
    const pod = podOf(kubernetesCronJob({ ...inPod, runs }, options));
    expect(pod.initContainers!.map(({ name }) => name)).toEqual(['backup']);
    expect(pod.containers.map(({ args }) => args)).toEqual([['health', '--quiet', '--config', CONFIG]]);
  });

  it('gives the signing key to nothing that does not sign', () => {
    const runs = [...inPod.runs, { command: 'health', args: ['--quiet'] }];
    const keyed = (text: string) => {
      const pod = podOf(text);
      return [...(pod.initContainers ?? []), ...pod.containers].flatMap(({ name, env, volumeMounts }) =>
        env!.some((one) => one.name.includes('KEY')) || volumeMounts!.some((m) => m.name === 'credentials')
          ? [name]
          : [],
      );
    };
    expect(keyed(kubernetesCronJob({ ...inPod, runs }, options))).toEqual(['backup']);
    const health = kubernetesCronJob({ ...inPod, runs: runs.slice(1) }, options);
    expect(keyed(health)).toEqual([]);
    expect(health).not.toMatch(/credentials|create secret/);
    const { steps } = parse(githubWorkflow({ ...inPod, jitter: 0, runs }, '0.1.0')).jobs.strongroom;
    expect(
      steps.flatMap((step: { env?: object; run: string }) => (step.env ? [step.run.split(' ')[1]] : [])),
    ).toEqual(['backup']);
  });

  it('mounts a claim for each set, and one for sets that share a directory', () => {
    const volumes = [
      { name: 'a.b', path: '/srv/one' },
      { name: 'a-b', path: '/srv/two' },
      { name: 'app', path: '/srv/one' },
    ];
    const pod = podOf(kubernetesCronJob(inPod, { ...options, volumes }));
    const mounts = pod.containers[0]!.volumeMounts!;
    expect(new Set(mounts.map(({ mountPath }) => mountPath)).size).toBe(mounts.length);
    const claims = pod.volumes!.filter((volume) => volume.persistentVolumeClaim);
    expect(claims.map(({ name }) => name)).toEqual([
      expect.stringMatching(/^set-a-b-[0-9a-f]{6}$/),
      'set-a-b',
    ]);
    for (const { name } of claims) expect(mounts.some((mount) => mount.name === name)).toBe(true);
  });
});

describe('for GitHub Actions', () => {
  let github: Complaints;
  beforeAll(async () => {
    github = await complaints();
  });

  it('what is printed is a workflow', async () => {
    const text = githubWorkflow({ ...plan, jitter: 0, program: [], host: 'ci' }, '0.1.0');
    expect(await github.ofWorkflow(text)).toEqual([]);
    expect(await github.ofWorkflow(text.replace('runs-on', 'runs-in'))).not.toEqual([]);
  });

  it('a path can end neither the line nor the quotes', async () => {
    const args = ['--config', `a b's "c" : #.yaml`];
    const text = githubWorkflow({ ...plan, jitter: 0, runs: [{ command: 'backup', args }] }, '0.1.0');
    expect(await github.ofWorkflow(text)).toEqual([]);
    expect(parse(text).jobs.strongroom.steps[3].run).toBe(
      `strongroom backup --config 'a b'"'"'s "c" : #.yaml'`,
    );
    const evil = ['--config', '$' + '{{ secrets.X }}'];
    expect(() => githubWorkflow({ ...plan, runs: [{ command: 'backup', args: evil }] }, '0.1.0')).toThrow();
  });

  it('the action and its example are what GitHub takes', async () => {
    expect(github.ofAction(file('github-action/action.yml'))).toEqual([]);
    expect(github.ofAction('name: x\nruns:\n  usng: composite\n')).not.toEqual([]);
    expect(await github.ofWorkflow(file('github-action/example.yml'))).toEqual([]);
  });

  it.skipIf(!hasProgram('shellcheck'))('the shell in the action is sound', () => {
    const { steps } = parse(file('github-action/action.yml')).runs;
    for (const { run: input } of steps) {
      const { stdout, status } = spawnSync('shellcheck', ['--shell=bash', '-'], { input, encoding: 'utf8' });
      expect([stdout, status]).toEqual(['', 0]);
    }
  });

  it('installs the very bytes that integrity says, and no others', () => {
    const [{ run }] = parse(file('github-action/action.yml')).runs.steps;
    const at = scratch();
    const log = join(at, 'log');
    // In the place of the registry.
    const npm = `#!/bin/sh\necho "$*" >> '${log}'\n[ "$1" = install ] || printf package > strongroom-1.0.0.tgz\n`;
    writeFileSync(join(at, 'npm'), npm, { mode: 0o755 });
    const installed = (integrity: string) => {
      writeFileSync(log, '');
      const env = {
        PATH: `${at}:${process.env.PATH}`,
        RUNNER_TEMP: at,
        VERSION: '1.0.0',
        INTEGRITY: integrity,
      };
      const { status } = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', run], { env });
      return [
        status,
        readFileSync(log, 'utf8').includes('install --global --ignore-scripts ./strongroom-1.0.0.tgz'),
      ];
    };
    const right = `sha512-${createHash('sha512').update('package').digest('base64')}`;
    expect(installed(right)).toEqual([0, true]);
    expect(installed(right.replace('sha512-', 'sha512-A'))).toEqual([1, false]);
    expect(installed('')).toEqual([1, false]);
  });

  it('no input of the action reaches a shell but by a variable', () => {
    const action = parse(file('github-action/action.yml'));
    for (const { run = '' } of action.runs.steps) expect(run).not.toContain('$' + '{{');
    const used = file('github-action/example.yml') + file('github-action/action.yml');
    for (const [, ref] of used.matchAll(/uses: [^.\s][^@\s]*@(\S+)/g)) expect(ref).toMatch(/^[0-9a-f]{40}$/);
  });
});

describe('the Dockerfile', () => {
  const lines = DockerfileParser.parse(file('docker/Dockerfile')).getInstructions();
  const of = (name: string) => lines.filter((line) => line.getInstruction() === name);
  const text = (name: string) => of(name).map((line) => line.getArgumentsContent() ?? '');

  it('builds in one stage and runs in another, as nobody, from a base that is pinned', () => {
    const bases = text('FROM');
    expect(bases.length).toBe(2);
    for (const base of bases) expect(base).toMatch(/^node:\d+\.\d+\.\d+-\w+-slim AS \w+$/);
    expect(text('USER')).toEqual(['65532:65532']);
    expect(
      text('RUN')
        .filter((run) => run.startsWith('npm ci'))
        .every((run) => run.includes('--ignore-scripts')),
    ).toBe(true);
    expect(text('HEALTHCHECK')).toEqual(['NONE']);
    expect(text('ENTRYPOINT')).toEqual(['["node", "/opt/strongroom/dist/main.cjs"]']);
    // The user is set before the program is.
    const order = lines.map((line) => line.getInstruction());
    expect(order.indexOf('USER')).toBeLessThan(order.indexOf('ENTRYPOINT'));
  });

  it('takes in no secret', () => {
    for (const name of ['ARG', 'ENV'])
      for (const line of text(name))
        expect(line).not.toMatch(/(?:PASSPHRASE|SECRET\w*|TOKEN|SIGNING_KEY)(?:=|$)/);
    expect(file('docker/Dockerfile.dockerignore').split('\n')).toEqual(
      expect.arrayContaining(['*', '!src', '!package-lock.json']),
    );
  });
});
