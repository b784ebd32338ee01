import { expect, it } from 'vitest';
import { readDrill } from '../../../src/vault/documents/drill.ts';
import { changed, type Json, neverCrashes } from './damage.ts';

const vault = '0123456789abcdefghjkmnpqrs';
const object = 'drills/20261120T055812Z-7k3f9q.json';
const part: Json = {
  set: 'app',
  host: 'web-1',
  id: '20261120T050000Z-7k3f9q',
  sha256: 'a'.repeat(64),
  older: false,
  passed: true,
  recoveryPoint: 3492,
  recoveryTime: 1.25,
  files: 12,
  bytes: 4096,
  checks: [{ check: 'files', passed: 12, failed: 0, skipped: 0 }],
};
const body: Json = {
  format: 1,
  type: 'drill',
  object,
  vault,
  time: '2026-11-20T05:58:12Z',
  tool: 'strongroom 0.1.0',
  revision: 1,
  generation: 1,
  began: '2026-11-20T05:58:09Z',
  seconds: 2.5,
  passed: true,
  recoveryPoint: 3492,
  recoveryTime: 1.25,
  scratch: 'memory',
  manual: 2,
  checks: [{ check: 'recovery-time', passed: 1, failed: 0, skipped: 0 }],
  parts: [part],
};
const { id: _id, sha256: _sha256, recoveryPoint: _p, recoveryTime: _t, ...bare } = part;
const failed: Json = { ...body, passed: false, parts: [{ ...bare, passed: false, files: 0, bytes: 0 }] };

const { host: _host, ...unwritten }: Json = { ...bare, passed: false, files: 0, bytes: 0 };

it.each([body, failed, { ...failed, parts: [] }, { ...failed, parts: [unwritten] }])(
  'is read back as it was written',
  (json) => {
    expect(readDrill(json, object, vault)).toEqual(json);
  },
);

it('may name a check and a field that only a later version knows', () => {
  const later = { ...body, note: 'x', checks: [{ check: 'dns', passed: 1, failed: 0, skipped: 0, at: 1 }] };
  expect(readDrill(later, object, vault).checks).toEqual([
    { check: 'dns', passed: 1, failed: 0, skipped: 0 },
  ]);
});

const unsound = { check: 'files', passed: 11, failed: 1, skipped: 0 };
it.each<[string, unknown, string]>([
  ['of another type', changed(body, ['type'], 'ledger'), 'type is not `drill`'],
  [
    'under another name',
    changed(body, ['object'], 'drills/x.json'),
    'object is not the name under which it stands',
  ],
  ['of another vault', changed(body, ['vault'], '0'.repeat(26)), 'vault is not this vault'],
  [
    'of another time than its name',
    changed(body, ['time'], '2026-11-21T05:58:12Z'),
    'time is not that of its name',
  ],
  [
    'that began after it was over',
    changed(body, ['began'], '2026-11-20T05:58:13Z'),
    'began is not before it was over',
  ],
  ['that lasted less than nothing', changed(body, ['seconds'], -1), 'seconds is not a number'],
  [
    'in a place that there is not',
    changed(body, ['scratch'], 'cloud'),
    'scratch is not one that this version knows',
  ],
  [
    'that passed with a part that failed',
    changed(body, ['parts', 0, 'passed'], false),
    'passed is not what its sets say',
  ],
  [
    'that passed with a check that failed',
    changed(body, ['checks'], [unsound]),
    'passed is not what its checks say',
  ],
  ['that passed with nothing', changed(body, ['parts'], []), 'passed is not what its sets say'],
  [
    'with a part that passed and failed',
    changed(body, ['parts', 0, 'checks'], [unsound]),
    'parts[0].passed is not what its checks say',
  ],
  [
    'with a part that passed without a snapshot',
    changed(body, ['parts', 0, 'id'], undefined),
    'parts[0].id is not there, and nothing passes without a snapshot',
  ],
  ['of what is no snapshot', changed(body, ['parts', 0, 'id'], 'latest'), 'parts[0].id is not a snapshot id'],
  ['of any bytes', changed(body, ['parts', 0, 'sha256'], ''), 'parts[0].sha256 is not a SHA-256'],
  [
    'that passed and nobody wrote',
    changed(body, ['parts', 0, 'host'], undefined),
    'parts[0].host is not a name',
  ],
  ['of what is no set', changed(body, ['parts', 0, 'set'], '../app'), 'parts[0].set is not a name'],
  [
    'with half a file',
    changed(body, ['parts', 0, 'files'], 0.5),
    'parts[0].files is not a whole number in its range',
  ],
])('%s is refused', (_, json, message) => {
  expect(() => readDrill(json, object, vault)).toThrow(
    expect.objectContaining({ code: 'bad-document', exitCode: 13, object, message: `${object}: ${message}` }),
  );
});

it('with anything in any place is read or refused, and never crashes a reader', () => {
  for (const json of [body, failed]) neverCrashes(json, object, (value) => readDrill(value, object, vault));
});
