import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Slot } from '../../../src/vault/documents/vault-document.ts';
import { planKeys, type Wanted } from '../../../src/vault/keys/apply.ts';

const slot = (name: string, more: Partial<Slot> = {}): Slot => ({
  name,
  method: 'passphrase',
  object: `keys/1/${name}-0123456789.age`,
  size: 1,
  sha256: '0'.repeat(64),
  added: '2026-11-20T05:58:12Z',
  by: 'web-1',
  ...more,
});
const anna = slot('anna', { method: 'age', recipient: 'age1anna' });
const ben = slot('ben', { method: 'ssh', recipient: 'ssh-ed25519 AAAA' });
const kms = slot('kms', { method: 'kms', arn: 'arn:aws:kms:eu-west-1:111122223333:key/a' });
const safe = slot('safe');
const usual = slot('passphrase');

const names = ({ add, keep, remove }: ReturnType<typeof planKeys>) => ({
  add: add.map((want) => want.name ?? want.recipient ?? want.arn ?? want.method),
  keep: keep.map(({ name }) => name),
  remove: remove.map(({ name }) => name),
});

describe('the plan for a list of keys', () => {
  it('adds what is missing, keeps what is there, removes the rest', () => {
    const wanted: Wanted[] = [
      { method: 'age', recipient: 'age1carol' },
      { method: 'ssh', recipient: 'ssh-ed25519 AAAA', name: 'me@laptop' },
      { method: 'kms', arn: 'arn:aws:kms:eu-west-1:111122223333:key/a', name: 'other' },
    ];
    expect(names(planKeys([usual, anna, ben, kms], wanted))).toEqual({
      add: ['age1carol'],
      keep: ['ben', 'kms'],
      remove: ['passphrase', 'anna'],
    });
  });

  it.each<[string, Slot[], Wanted[], string[], string[], string[]]>([
    ['its name', [usual, safe], [{ method: 'passphrase', name: 'safe' }], [], ['safe'], ['passphrase']],
    ['the usual name first', [safe, usual], [{ method: 'passphrase' }], [], ['passphrase'], ['safe']],
    ['any name else', [anna, safe], [{ method: 'passphrase' }], [], ['safe'], ['anna']],
    [
      'what no name means',
      [safe, usual],
      [{ method: 'passphrase' }, { method: 'passphrase', name: 'passphrase' }],
      [],
      ['safe', 'passphrase'],
      [],
    ],
    ['nothing there', [usual], [{ method: 'passphrase', name: 'office' }], ['office'], [], ['passphrase']],
  ])('means a passphrase by %s', (_, slots, wanted, add, keep, remove) => {
    expect(names(planKeys(slots, wanted))).toEqual({ add, keep, remove });
  });

  it('tells which keys the list calls something else; what stands after an SSH key is its comment', () => {
    const { otherwise } = planKeys(
      [anna, ben, kms, safe],
      [
        { method: 'age', recipient: 'age1anna', name: 'me' },
        { method: 'ssh', recipient: 'ssh-ed25519 AAAA', name: 'me@laptop' },
        { method: 'kms', arn: 'arn:aws:kms:eu-west-1:111122223333:key/a', name: 'kms' },
        { method: 'passphrase' },
      ],
    );
    expect(otherwise.map(({ slot: { name: there }, name }) => [there, name])).toEqual([['anna', 'me']]);
  });

  it('does not take a key for one of another kind', () => {
    expect(names(planKeys([anna], [{ method: 'ssh', recipient: 'age1anna' }]))).toMatchObject({
      keep: [],
      remove: ['anna'],
    });
  });

  it('once carried out, has nothing left to do', () => {
    const wanted = fc.uniqueArray(
      fc.oneof(
        fc.record({ method: fc.constant('passphrase' as const), name: fc.constantFrom('safe', 'office') }),
        fc.record({ method: fc.constant('passphrase' as const) }),
        fc.record({ method: fc.constant('age' as const), recipient: fc.constantFrom('age1anna', 'age1b') }),
      ),
      { selector: (want) => JSON.stringify(want), minLength: 1 },
    );
    const there = fc.subarray([usual, safe, anna, ben, kms], { minLength: 1 });
    fc.assert(
      fc.property(there, wanted, (slots, list: Wanted[]) => {
        const { add, keep, remove } = planKeys(slots, list);
        expect(new Set([...keep, ...remove])).toEqual(new Set(slots));
        expect(add.length + keep.length).toBe(list.length);
        const made = add.map((want, i) => slot(want.name ?? `new-${i}`, want));
        expect(names(planKeys([...keep, ...made], list))).toMatchObject({ add: [], remove: [] });
      }),
    );
  });
});
