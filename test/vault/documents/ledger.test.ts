import { expect, it } from 'vitest';
import { readLedgerEntry } from '../../../src/vault/documents/ledger.ts';
import { changed, type Json, neverCrashes } from './damage.ts';

const vault = '0123456789abcdefghjkmnpqrs';
const object = 'ledger/20261120T055812Z-7k3f9q.json';
const removal = { set: 'app', id: '20261120T055812Z-7k3f9q', sha256: 'a'.repeat(64) };
const body: Json = {
  format: 1,
  type: 'ledger',
  object,
  vault,
  time: '2026-11-20T05:58:12Z',
  tool: 'strongroom 0.1.0',
  revision: 1,
  generation: 1,
  by: 'web-1',
  action: 'delete',
  removes: [removal],
};
const removeHost: Json = {
  ...body,
  action: 'remove-host',
  by: 'authority',
  host: 'web-2',
  records: ['a'.repeat(64)],
  entries: [],
};

it.each([body, { ...body, action: 'prune' }, { ...body, action: 'reencrypt', removes: [] }, removeHost])(
  'is read back as it was written',
  (json) => {
    expect(readLedgerEntry(json, object, vault)).toEqual(json);
  },
);

it.each<[string, unknown, string]>([
  ['of another type', changed(body, ['type'], 'record'), 'type is not `ledger`'],
  [
    'under another name',
    changed(body, ['object'], 'ledger/x.json'),
    'object is not the name under which it stands',
  ],
  ['of another vault', changed(body, ['vault'], '0'.repeat(26)), 'vault is not this vault'],
  [
    'with an unknown action',
    changed(body, ['action'], 'forget'),
    'action is not one that this version knows',
  ],
  [
    'that removes what is no snapshot',
    changed(body, ['removes', 0, 'id'], 'latest'),
    'removes[0].id is not a snapshot id',
  ],
  [
    'that removes from what is no set',
    changed(body, ['removes', 0, 'set'], '*'),
    'removes[0].set is not a name',
  ],
  [
    'that removes whatever stands there',
    changed(body, ['removes', 0, 'sha256'], ''),
    'removes[0].sha256 is not a SHA-256',
  ],
  ['by nobody', changed(body, ['by'], ''), 'by is not a name'],
  ['that removes a host and names none', changed(removeHost, ['host'], undefined), 'host is not a name'],
])('%s is refused', (_, json, message) => {
  expect(() => readLedgerEntry(json, object, vault)).toThrow(
    expect.objectContaining({ code: 'bad-document', exitCode: 13, object, message: `${object}: ${message}` }),
  );
});

it('with anything in any place is read or refused, and never crashes a reader', () => {
  for (const json of [body, removeHost])
    neverCrashes(json, object, (value) => readLedgerEntry(value, object, vault));
});
