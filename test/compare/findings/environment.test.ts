import { expect, it } from 'vitest';
import { environmentOf } from '../../../src/compare/findings/environment.ts';

it.each<[string, string | undefined]>([
  ['.env', undefined],
  ['.env.production', 'production'],
  ['.env.prod', 'production'],
  ['live.env', 'production'],
  ['deploy/staging/.env', 'staging'],
  ['deploy/Stage/.env', 'staging'],
  ['compose.prod.yaml', 'production'],
  ['compose-qa.yaml', 'qa'],
  ['values_uat.yaml', 'uat'],
  ['@outside/srv/preview/secrets.json', 'preview'],
  // The nearest word counts, the file's own most.
  ['dev/.env.production', 'production'],
  ['prod/test/.env', 'test'],
  ['staging-prod.env', 'production'],
  // What production is on this machine is still production.
  ['.env.production.local', 'production'],
  ['.env.local', 'local'],
  ['local/.env.dev', 'development'],
  // No word of its own.
  ['product/.env', undefined],
  ['devices.json', undefined],
  ['contest/latest.env', undefined],
  ['k8s-prod/.env', undefined],
  ['constructor/.env', undefined],
  // To be copied from.
  ['.env.production.example', undefined],
  ['.env.prod-sample', undefined],
])('%s is of %s', (path, environment) => {
  expect(environmentOf(path)).toBe(environment);
});
