// The alert rules that we ship, by Prometheus's own tool. That the tests beside them can fail is tried too.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { promtool, skipPromtool } from '../support/promtool.ts';
import { scratch } from '../support/vault.ts';

const directory = resolve(import.meta.dirname, '../../deploy/prometheus');
const RULES = 'strongroom.rules.yml';
const TESTS = 'strongroom.rules.test.yml';
const rules = readFileSync(join(directory, RULES), 'utf8');
const alerts = [...rules.matchAll(/- alert: (\w+)\n +expr: (.+)/g)].map(([, name, expr]) => ({
  name: name!,
  expr: expr!,
}));

describe.skipIf(skipPromtool)('the alert rules', () => {
  it('are what Prometheus takes', () => {
    expect(promtool(['check', 'rules', RULES], '', directory)).toMatchObject({ code: 0 });
    expect(alerts.length).toBe(11);
  });

  it('fire when they should, and not when they need not', () => {
    expect(promtool(['test', 'rules', TESTS], '', directory)).toMatchObject({ code: 0 });
  });

  it.each(['vector(1) < 0', 'vector(1)'])(
    'are tried such that %s in the place of any would be noticed',
    (broken) => {
      const at = scratch();
      writeFileSync(join(at, RULES), rules.replace(/expr: .+/g, `expr: ${broken}`));
      writeFileSync(join(at, TESTS), readFileSync(join(directory, TESTS)));
      const { code, text } = promtool(['test', 'rules', TESTS], '', at);
      expect(code).toBe(1);
      const noticed = new Set([...text.matchAll(/alertname: ?(\w+)/g)].map(([, name]) => name));
      expect(alerts.filter(({ name }) => !noticed.has(name))).toEqual([]);
    },
  );

  it('speak of metrics that health writes, and of no others', () => {
    const written = readFileSync(resolve(directory, '../../src/vault/health/prometheus.ts'), 'utf8');
    const named = new Set(alerts.flatMap(({ expr }) => expr.match(/\b(?:backup|strongroom)_[a-z_]+/g) ?? []));
    expect(named.size).toBeGreaterThan(5);
    for (const name of named) expect(written).toContain(`'${name}'`);
  });
});
