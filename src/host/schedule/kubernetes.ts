// A schedule as a CronJob of Kubernetes with the least rights: no token, no root, nothing to write to but its own state.
// What only the cluster knows (the image, the claims, the secret) is under names to be replaced.

import { createHash } from 'node:crypto';
import { cronFields } from './calendar-text.ts';
import { clockTimes, isDrill, needsOpening, needsSigning, type Plan, type Run } from './plan.ts';

const CONFIG = '/etc/strongroom/strongroom.yaml';
/** Anybody but root. */
const USER = 65532;

export interface KubernetesOptions {
  /** Such as `registry.example.com/strongroom:1.0.0`. */
  readonly image: string;
  /** IANA name: the times are of it. */
  readonly timeZone: string;
  /** The directories of the sets, which claims are mounted at. */
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
  /** Other directories that it works in, such as that of the vault; claims are mounted there too. */
  readonly places?: readonly Place[];
}

export interface Place {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly isWritten: boolean;
}

/** @throws UsageError `cannot-be-said`, `bad-jitter` */
export function kubernetesCronJob(plan: Plan, options: KubernetesOptions): string {
  const { image, timeZone, volumes, places = [] } = options;
  const name = dns(`strongroom-${plan.name}`);
  const mounts = [
    ...volumes.map((volume) => ({ ...volume, name: dns(`set-${volume.name}`), isWritten: false })),
    ...places.map((place) => ({ ...place, name: dns(place.name) })),
  ];
  // Nothing is mounted twice at one place: sets of one directory share its claim.
  const claims = mounts.filter(({ path }, i) => mounts.findIndex((other) => other.path === path) === i);
  const keys = plan.runs.flatMap((run) => keyOf(run) ?? []);
  const containers = plan.runs.map((run) => container(run, plan, image, claims));
  // Containers run in turn only as the first ones of a pod: each waits for the one before it to end well.
  const first = containers.slice(0, -1).flat();
  return `${[
    '# Written by `strongroom schedule print`. To be replaced: the image, the claims, and what is below.',
    `# kubectl create configmap strongroom --from-file=strongroom.yaml`,
    ...keys.map((key) => `# kubectl create secret generic strongroom --from-file=${key.name}`),
    'apiVersion: batch/v1',
    'kind: CronJob',
    'metadata:',
    `  name: ${name}`,
    '  labels:',
    '    app.kubernetes.io/name: strongroom',
    'spec:',
    `  schedule: ${quoted(cronFields(clockTimes(plan, 'Kubernetes')))}`,
    `  timeZone: ${quoted(timeZone)}`,
    '  concurrencyPolicy: Forbid',
    '  # What was missed for less than this is caught up.',
    '  startingDeadlineSeconds: 21600',
    '  successfulJobsHistoryLimit: 1',
    '  failedJobsHistoryLimit: 3',
    '  jobTemplate:',
    '    spec:',
    '      backoffLimit: 1',
    '      activeDeadlineSeconds: 86400',
    '      template:',
    '        metadata:',
    '          labels:',
    '            app.kubernetes.io/name: strongroom',
    '        spec:',
    '          restartPolicy: Never',
    '          # It never talks to Kubernetes. A cloud role for the bucket comes by serviceAccountName, not by this token.',
    '          automountServiceAccountToken: false',
    '          enableServiceLinks: false',
    '          securityContext:',
    '            runAsNonRoot: true',
    `            runAsUser: ${USER}`,
    `            runAsGroup: ${USER}`,
    '            # Who may read the files of the claims and the signing key. Files that only their owner reads need that owner',
    '            # as runAsUser.',
    `            fsGroup: ${USER}`,
    '            fsGroupChangePolicy: OnRootMismatch',
    '            seccompProfile:',
    '              type: RuntimeDefault',
    ...(first.length > 0 ? ['          initContainers:', ...first] : []),
    '          containers:',
    ...(containers.at(-1) ?? []),
    '          volumes:',
    '            - name: config',
    '              configMap:',
    '                name: strongroom',
    ...(keys.length > 0
      ? [
          '            - name: credentials',
          '              secret:',
          '                secretName: strongroom',
          '                # 0440 in decimal.',
          '                defaultMode: 288',
        ]
      : []),
    '            # A claim instead keeps what this host last wrote and trusts; without one strongroom.yaml must have the pin.',
    '            - name: state',
    '              emptyDir:',
    '                sizeLimit: 64Mi',
    ...(isDrill(plan)
      ? [
          '            # A drill restores into memory.',
          '            - name: scratch',
          '              emptyDir:',
          '                medium: Memory',
          '                sizeLimit: 1Gi',
        ]
      : []),
    ...claims.flatMap(({ name: claim, isWritten }) => [
      `            - name: ${claim}`,
      '              persistentVolumeClaim:',
      `                claimName: ${claim}`,
      ...(isWritten ? [] : ['                readOnly: true']),
    ]),
  ].join('\n')}\n`;
}

/** What a container is given: a host's signing key, for a drill what opens the vault, and else nothing. */
function keyOf(run: Run): { readonly name: string; readonly variable: string } | undefined {
  if (needsSigning(run)) return { name: 'signing-key', variable: 'STRONGROOM_SIGNING_KEY_FILE' };
  if (needsOpening(run)) return { name: 'identity', variable: 'STRONGROOM_IDENTITY_FILE' };
  return undefined;
}

function container(run: Run, plan: Plan, image: string, claims: readonly Place[]): string[] {
  const { command, args } = run;
  const { host, env } = plan;
  const key = keyOf(run);
  const variables: [string, string][] = [
    ...Object.entries(env).filter(([name]) => /^AWS_(?:DEFAULT_)?REGION$|^AWS_ENDPOINT_URL/.test(name)),
    ['STRONGROOM_HOST', host],
    ...(key ? [[key.variable, `/run/secrets/strongroom/${key.name}`] as [string, string]] : []),
    ['XDG_STATE_HOME', '/state'],
    ['XDG_CACHE_HOME', '/state'],
  ];
  return [
    `            - name: ${dns(command)}`,
    `              image: ${quoted(image)}`,
    `              args: [${[command, ...args].map(quoted).join(', ')}]`,
    '              env:',
    ...variables.flatMap(([name, value]) => [
      `                - name: ${name}`,
      `                  value: ${quoted(value.replaceAll('$(', '$$('))}`,
    ]),
    '              securityContext:',
    '                allowPrivilegeEscalation: false',
    '                readOnlyRootFilesystem: true',
    '                capabilities:',
    '                  drop: ["ALL"]',
    '              resources:',
    '                requests:',
    '                  cpu: 50m',
    '                  memory: 128Mi',
    '                limits:',
    `                  memory: ${isDrill(plan) ? '2Gi' : '512Mi'}`,
    '              volumeMounts:',
    '                - name: config',
    '                  mountPath: /etc/strongroom',
    '                  readOnly: true',
    ...(key
      ? [
          '                - name: credentials',
          '                  mountPath: /run/secrets/strongroom',
          '                  readOnly: true',
        ]
      : []),
    '                - name: state',
    '                  mountPath: /state',
    ...(isDrill(plan) ? ['                - name: scratch', '                  mountPath: /dev/shm'] : []),
    ...claims.flatMap(({ name, path, isWritten }) => [
      `                - name: ${name}`,
      `                  mountPath: ${quoted(path)}`,
      ...(isWritten ? [] : ['                  readOnly: true']),
    ]),
  ];
}

/** Where the configuration stands in the container. */
export const KUBERNETES_CONFIG = CONFIG;

/** Any JSON string is one of YAML. */
const quoted = (text: string): string => JSON.stringify(text);

/**
 * A name as Kubernetes has them. What cannot stand as it is gets a few letters that no other name has.
 * @see RFC 1123; 52 letters at most leave room for what it adds
 */
function dns(text: string): string {
  if (text.length <= 52 && /^[a-z0-9-]*[a-z0-9]$/.test(text)) return text;
  const own = createHash('sha256').update(text).digest('hex').slice(0, 6);
  return `${text.replace(/[^a-z0-9-]+/g, '-').slice(0, 45)}-${own}`;
}
