// A schedule as a CronJob of Kubernetes with the least rights: no token, no root, nothing to write to but its own state.
// What only the cluster knows (the image, the claims, the secret) is under names to be replaced.

import { cronFields } from './calendar-text.ts';
import { clockTimes, type Plan, type Run } from './plan.ts';

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
}

/** @throws UsageError `cannot-be-said`, `bad-jitter` */
export function kubernetesCronJob(plan: Plan, { image, timeZone, volumes }: KubernetesOptions): string {
  const name = dns(`strongroom-${plan.name}`);
  const claims = volumes.map((volume) => ({ ...volume, name: dns(`set-${volume.name}`) }));
  const containers = plan.runs.map((run) => container(run, plan, image, claims));
  // Containers run in turn only as the first ones of a pod: each waits for the one before it to end well.
  const first = containers.slice(0, -1).flat();
  return `${[
    '# Written by `strongroom schedule print`. To be replaced: the image, the claims, and the two below.',
    `# kubectl create configmap strongroom --from-file=strongroom.yaml`,
    `# kubectl create secret generic strongroom --from-file=signing-key`,
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
    '            - name: credentials',
    '              secret:',
    '                secretName: strongroom',
    '                # 0440 in decimal.',
    '                defaultMode: 288',
    '            # A claim instead keeps what this host last wrote and trusts; without one strongroom.yaml must have the pin.',
    '            - name: state',
    '              emptyDir:',
    '                sizeLimit: 64Mi',
    ...claims.flatMap(({ name: claim }) => [
      `            - name: ${claim}`,
      '              persistentVolumeClaim:',
      `                claimName: ${claim}`,
      '                readOnly: true',
    ]),
  ].join('\n')}\n`;
}

function container(
  { command, args }: Run,
  { host, env }: Plan,
  image: string,
  claims: KubernetesOptions['volumes'],
): string[] {
  const variables: [string, string][] = [
    ...Object.entries(env).filter(([name]) => /^AWS_(?:DEFAULT_)?REGION$|^AWS_ENDPOINT_URL/.test(name)),
    ['STRONGROOM_HOST', host],
    ['STRONGROOM_SIGNING_KEY_FILE', '/run/secrets/strongroom/signing-key'],
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
    '                  memory: 512Mi',
    '              volumeMounts:',
    '                - name: config',
    '                  mountPath: /etc/strongroom',
    '                  readOnly: true',
    '                - name: credentials',
    '                  mountPath: /run/secrets/strongroom',
    '                  readOnly: true',
    '                - name: state',
    '                  mountPath: /state',
    ...claims.flatMap(({ name, path }) => [
      `                - name: ${name}`,
      `                  mountPath: ${quoted(path)}`,
      '                  readOnly: true',
    ]),
  ];
}

/** Where the configuration stands in the container. */
export const KUBERNETES_CONFIG = CONFIG;

/** Any JSON string is one of YAML. */
const quoted = (text: string): string => JSON.stringify(text);

/** A name as Kubernetes has them. @see RFC 1123; 52 letters at most leave room for what it adds */
function dns(text: string): string {
  return text
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, 52)
    .replace(/-+$/, '');
}
