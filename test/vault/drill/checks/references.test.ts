// Whether what was restored would start, on real trees: what is wrong, and what nobody looked into.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Contents } from '../../../../src/vault/documents/contents.ts';
import { checkReferences } from '../../../../src/vault/drill/checks/references.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'references-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** `OUTCOME SUBJECT: MESSAGE`, a line for each check of a set that was at /srv/app. */
async function checked(files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  const contents = { root: '/srv/app', sources: { include: [], exclude: [] } } as unknown as Contents;
  const tree = { set: 'app', host: 'web', directory, contents };
  const checks = await checkReferences(tree, [tree], async () => false);
  return checks.map(
    ({ outcome, subject, message }) => `${outcome} ${subject}${message === undefined ? '' : `: ${message}`}`,
  );
}

describe('what refers to files', () => {
  it.each(['db', 'remote-db', 'listed', 'backed up', 'looked at'])(
    'fails where it is wrong, whatever a service is called: %s',
    async (name) => {
      expect(
        await checked({ 'compose.yaml': `services: { "${name}": { env_file: [{ required: true }] } }\n` }),
      ).toEqual([`failed compose.yaml: has no path where one should be: env_file of ${name}`]);
    },
  );

  it('is left open where it leads to another machine, which no backup has', async () => {
    expect(await checked({ 'kustomization.yaml': 'resources: ["https://example.com/x"]\n' })).toEqual([
      'skipped kustomization.yaml: names something remote as resource, which is not backed up',
    ]);
  });

  const RULES = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: rules }\n';

  it('fails where a manifest is broken, though it holds the text of an alert', async () => {
    expect(await checked({ 'a.yaml': `${RULES}data: { a: "{{ $labels.job }}" }\nx: [\n` })).toEqual([
      'failed a.yaml: is no sound YAML',
    ]);
  });

  it('is left open where it is a template', async () => {
    expect(
      await checked({
        'a.yaml': `${RULES}data: { a: {{ .Values.a }} }\n{{- end }}\n`,
        'chart/Chart.yaml': 'apiVersion: v2\nname: x\n',
        'chart/templates/b.yaml': `${RULES}x: [ {{ .Values.b }}\n`,
      }),
    ).toEqual([
      'skipped a.yaml: is a template, which is not looked into',
      'skipped chart: is a Helm chart, whose templates are not looked into',
      'passed chart/templates/b.yaml',
    ]);
  });
});
