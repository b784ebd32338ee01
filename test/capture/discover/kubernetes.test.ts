import { describe, expect, it } from 'vitest';
import { found } from './found.ts';

const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: hunter2 }\n';
const POD = (path: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  volumes:\n  - name: a\n    hostPath: { path: ${path} }\n`;

describe('a manifest', () => {
  it.each<[string, string, string]>([
    ['YAML', 'a.yaml', SECRET],
    ['YML, after a comment and another document', 'a.yml', `# x\n---\na: b\n---\n${SECRET}`],
    ['with a byte order mark and CRLF', 'a.yaml', `\ufeff${SECRET.replaceAll('\n', '\r\n')}`],
    ['JSON', 'deep/er/a.json', '{"apiVersion":"v1","kind":"Secret"}'],
    [
      'JSON over many lines',
      'a.json',
      '{\n  "kind" : "List",\n  "apiVersion" : "v1", "items": [{"apiVersion":"v1","kind":"X"}]\n}',
    ],
    ['a list', 'a.yaml', 'apiVersion: v1\nkind: SecretList\nitems:\n- apiVersion: v1\n  kind: Secret\n'],
    ['after much else', 'a.yaml', `${'# x\n'.repeat(30_000)}---\n${SECRET}`],
    ['in a bundle', 'a.yaml', `${'a: b\n---\n'.repeat(10_000)}${SECRET}---\n${SECRET}`],
    ['far down', 'a.yaml', `${'# x\n'.repeat(30_000)}${SECRET}`],
  ])('is found by what it holds: %s', async (_, path, text) => {
    expect(await found('kubernetes', { [path]: text })).toEqual([`${path}: manifest`]);
  });

  it.each<[string, string, string]>([
    ['another file', 'a.yaml', 'services: { web: { image: x } }'],
    ['one that only speaks of them', 'a.yaml', 'text: |\n  apiVersion: v1\n  kind: Secret\n'],
    ['one without a kind', 'a.yaml', 'apiVersion: v2\nname: chart\n'],
    [
      'a kustomization',
      'kustomization.yaml',
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n',
    ],
    ['another name', 'a.txt', SECRET],
    ['large data', 'a.json', `{"a":"${'x'.repeat(2 ** 20)}"}`],
    ['an empty one', 'a.yaml', ''],
    ['an empty list', 'a.yaml', 'apiVersion: v1\nkind: List\nitems: []\n'],
    ['broken YAML that is none', 'a.yaml', 'a: [\n'],
  ])('is not %s', async (_, path, text) => {
    expect(await found('kubernetes', { [path]: text })).toEqual([]);
  });

  it('is not parsed when there are very many, unless it may name something', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`a${i}.yaml`, `${SECRET}# ${'x'.repeat(60_000)}\n`]),
    );
    const lines = await found('kubernetes', {
      ...many,
      'z.yaml': `${POD('/x')}---\n{{ x }}: [\n`,
      'zz.yaml': POD('/y'),
    });
    expect(lines.filter((line) => line.endsWith(': manifest'))).toHaveLength(32);
    expect(lines.filter((line) => line.includes('hostPath of Pod web'))).toHaveLength(2);
  });

  it('that cannot be understood is there, with a warning', async () => {
    expect(
      await found('kubernetes', {
        'a.yaml': `${SECRET}x: {{ .Values.hunter2 }}\n`,
        'b.yaml': `${SECRET}x: [\n`,
        'big.yaml': `${SECRET}${'# x\n'.repeat(300_000)}`,
      }),
    ).toEqual([
      'a.yaml: manifest that was not understood',
      'b.yaml: manifest that was not understood',
      'big.yaml: manifest that was not understood',
      'a.yaml! is a template, which is not looked into',
      'b.yaml! is no sound YAML',
      'big.yaml! is too large to look into',
    ]);
  });

  it.each([
    ['with actions alone on their lines', `{{- if x }}\n${SECRET}{{- else }}\ny: 1\n{{- end }}\n`, true],
    ['of Jinja', `{% if x %}\n${SECRET}{% endif %}\n`, true],
    ['with a key that is filled in', `${SECRET}{{ key }}: {{ value }}\n`, true],
    ['that is broken beside what is filled in', `${SECRET}x: {{ .Values.a }}\ny: [\n`, false],
    ['that is broken, with an alert in quotes', `${SECRET}x: "{{ $labels.job }} is down"\ny: [\n`, false],
    ['that is broken, with an alert in a comment', `${SECRET}# {{ $labels.job }}\ny: [\n`, false],
    ['whose action has no end', `${SECRET}x: {{ .Values.a\n`, false],
  ])('is a template, or broken: one %s', async (_, text, isTemplate) => {
    expect(await found('kubernetes', { 'a.yaml': text })).toEqual([
      'a.yaml: manifest that was not understood',
      `a.yaml! ${isTemplate ? 'is a template, which is not looked into' : 'is no sound YAML'}`,
    ]);
  });

  it('takes no time that grows faster than its text to tell a template', async () => {
    const texts = ['{{', '{{}}', ' {{ x', '{{ x }} '].map((part) => `${SECRET}x: [ ${part.repeat(50_000)}\n`);
    const began = performance.now();
    for (const text of texts) await found('kubernetes', { 'a.yaml': text });
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it('of a Helm chart is there, with one warning for the chart', async () => {
    expect(
      await found('kubernetes', {
        'chart/Chart.yaml': 'apiVersion: v2\nname: x\n',
        'chart/templates/a.yaml': `{{- if x }}\n${SECRET}`,
        'chart/templates/sub/b.yaml': SECRET,
        'chart/templates/_c.tpl': SECRET,
        'templates/d.yaml': SECRET,
      }),
    ).toEqual([
      'chart/templates/a.yaml: helm template',
      'chart/templates/sub/b.yaml: helm template',
      'templates/d.yaml: manifest',
      'chart! is a Helm chart, whose templates are not looked into',
    ]);
  });
});

describe('a path of the host', () => {
  it.each<[string, string]>([
    ['a pod', POD('PATH')],
    [
      'a deployment',
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: shop }\nspec: { template: { spec: { volumes: [{ hostPath: { path: "PATH", type: File } }] } } }',
    ],
    ['an item of a list', `apiVersion: v1\nkind: List\nitems:\n- ${POD('PATH').replaceAll('\n', '\n  ')}`],
    [
      'a volume',
      'apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: web }\nspec: { hostPath: { path: PATH } }',
    ],
    [
      'a local volume',
      'apiVersion: v1\nkind: PersistentVolume\nmetadata: { name: web }\nspec: { local: { path: PATH } }',
    ],
  ])('is named by %s', async (_, text) => {
    const lines = await found(
      'kubernetes',
      { 'app/a.yaml': text.replace('PATH', '/nowhere/at/all') },
      { within: 'app' },
    );
    expect(lines[0]).toMatch(
      /at\/all: hostPath of (?:Pod|Deployment|PersistentVolume) (?:shop\/)?web \(a\.yaml\) outside \?$/,
    );
  });

  it('may be below the root, or allowed', async () => {
    const lines = await found(
      'kubernetes',
      { 'a.yaml': POD('/etc/hostname') },
      { outside: ['/etc/hostname'] },
    );
    expect(lines.join('\n')).toMatch(/etc\/hostname: hostPath of Pod web \(a\.yaml\) \?$/m);
  });

  it('is found once in what is shared without end', async () => {
    const aliases = Array.from({ length: 30 }, (_, i) => `l${i + 1}: &l${i + 1} [*l${i}, *l${i}]`).join('\n');
    const lines = await found('kubernetes', {
      'a.yaml': `${POD('/x')}l0: &l0 [{ hostPath: { path: /y } }]\n${aliases}\n`,
    });
    expect(lines).toHaveLength(3);
  });
});

describe('a kubeconfig', () => {
  const text = [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    '- name: a',
    '  cluster: { server: "https://x", certificate-authority: ca.pem }',
    'users:',
    '- name: a',
    '  user: { client-certificate: pki/c.pem, client-key: pki/k.pem, token: hunter2 }',
    '- name: b',
    '  user: { tokenFile: /run/t }',
  ].join('\n');

  it.each(['kubeconfig', '.kube/config', 'prod.kubeconfig', 'k.yaml'])(
    'names its certificates and keys: %s',
    async (path) => {
      const lines = await found('kubernetes', { [path]: text, 'ca.pem': '', 'pki/k.pem': '' });
      expect(lines).toContain(`${path}: kubeconfig`);
      expect(lines).toHaveLength(5);
      expect(lines.join('\n')).toMatch(/pki\/k\.pem: client-key of kubeconfig/);
      expect(lines.join('\n')).toMatch(/run\/t: tokenFile of kubeconfig .* outside/);
    },
  );
});
