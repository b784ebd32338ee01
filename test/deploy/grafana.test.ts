// The dashboard that we ship: what it asks for is what `strongroom health --prometheus` writes, in Prometheus's own words.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { promtool, skipPromtool } from '../support/promtool.ts';
import { scratch } from '../support/vault.ts';

const root = resolve(import.meta.dirname, '../..');

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(readFileSync(`${root}/deploy/grafana/strongroom.json`, 'utf8'));
const panels: readonly Panel[] = dashboard.panels;
const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const source = readFileSync(`${root}/src/vault/health/prometheus.ts`, 'utf8');
const written = new Set([...source.matchAll(/'((?:backup|strongroom)_\w+)'/g)].map(([, name]) => name));

it('asks for metrics that health writes, and for each of them but what another one says', () => {
  const used = new Set(asked.flatMap((expr) => expr.match(/(?:backup|strongroom)_\w+/g) ?? []));
  expect([...used].filter((name) => !written.has(name))).toEqual([]);
  expect([...written].filter((name) => !used.has(name!)).sort()).toEqual([
    'strongroom_older_key_snapshots',
    'strongroom_snapshot_age_seconds',
  ]);
});

it.skipIf(skipPromtool)('asks in words that Prometheus understands', () => {
  const file = join(scratch(), 'rules.yml');
  const check = (exprs: readonly string[]) => {
    const rules = exprs.map((expr, i) => ({ record: `asked:${i}`, expr }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'all', rules }] }));
    return promtool(['check', 'rules', file]);
  };
  const plain = asked.map((expr) => expr.replace(/\$\w+/g, '.*'));
  expect(check(plain)).toMatchObject({ code: 0 });
  expect(check([`${plain[0]} /`])).not.toMatchObject({ code: 0 });
});

it('has panels of their own places, none over another', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});

it('is bound to no Prometheus of ours', () => {
  const sources = [...JSON.stringify(dashboard).matchAll(/"uid":"([^"]+)"/g)].map(([, uid]) => uid);
  expect(new Set(sources)).toEqual(new Set(['strongroom', '$' + '{datasource}']));
});
