// Forms in which a value stands where a careless reader of a format would look for a name.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namedValues } from '../../src/compare/named-values.ts';

const names = async (path: string, text: string): Promise<string[]> =>
  (await namedValues(path, Buffer.from(text))).values.map(({ name }) => name);

const bytes = fc.uint8Array({ minLength: 17, maxLength: 47 }).map((b) => Buffer.from(b));
const canary = fc.oneof(
  // Of any length, and so with two, one and no `=` at its end.
  bytes.map((b) => b.toString('base64')),
  bytes.map((b) => b.toString('base64url')),
  bytes.map((b) => b.toString('hex')),
  bytes.map((b) => `ghp_${b.toString('hex')}`),
);

/** The value in lines as tools wrap it. */
const wrapped = (value: string, indent: string) => (value.match(/.{1,16}/g) ?? []).join(`\n${indent}`);

const FORMS: readonly (readonly [path: string, text: (value: string) => string])[] = [
  ['a.properties', (v) => `a=b\ndb.password ${v}\n`],
  ['a.properties', (v) => `a=b\ndb.password\t${v}\nc=d\n`],
  ['a.properties', (v) => `a=b\ndb.password=\\\n${v}\n`],
  ['a.properties', (v) => `a=b\ndb.password ${v.slice(0, 3)}\\\n${v.slice(3)}\n`],
  ['a.properties', (v) => `a=b\n# was ${v.slice(0, 3)}\\\n${v.slice(3)}\n`],
  ['a.properties', (v) => `a=b\ndb.password=\n${v}\n`],
  ['a.properties', (v) => `a=b\ndb.password=\n${wrapped(v, '')}\n`],
  ['a.properties', (v) => `a=b\ndb.password="\n${v}\n"\n`],
  ['a.properties', (v) => `a=b\ndb.password="""\n${wrapped(v, '')}=x\n"""\n`],
  ['a.properties', (v) => `a=b\ndb.password='x\n${wrapped(v, '')}=x'\n`],
  ['haproxy.cfg', (v) => `a=b\nuserlist x\n user admin insecure-password ${v}\n`],
  ['haproxy.cfg', (v) => `a=b\nuser admin insecure-password\n  ${v}\n`],
  ['a.ini', (v) => `[s]\na=b\n${v}\n`],
  ['a.ini', (v) => `[s]\na=b\n[${v}]\nc=d\n`],
  ['a.ini', (v) => `[s]\na=(\n${v}\n)\n`],
  ['a.ini', (v) => `[s]\na=b\n${v} = x\n`],
  ['a.cnf', (v) => `[s]\na=b\npassword\n${wrapped(v, '')}\n`],
  ['.env', (v) => `A=b\nTOKEN=\\\n${v}\nC=d\n`],
  ['.env', (v) => `A=b\nTOKEN=${v.slice(0, 3)}\\\n${v.slice(3)}\n`],
  ['.env', (v) => `A=b\nTOKEN=\n${v}\n`],
  ['.env', (v) => `A=b\nTOKEN=\n${wrapped(v, '')}\n`],
  ['.env', (v) => `A=b # no \\\n${v}\n`],
  ['.env', (v) => `A=b\n# no \\\n${v}\n`],
  ['.env', (v) => `A=b\nTOKEN\\\n${v}\n`],
  ['.env', (v) => `A=b\nTOKEN=x"\n${v}\n`],
  ['.env', (v) => `A=b\nTOKEN=x\u2028${v}\n`],
  ['.env', (v) => `A=b\nTOKEN="x"\u2028${v}\n`],
  ['.env', (v) => `A=b\nTOKEN\u2028${v}\n`],
  ['a.json', (v) => JSON.stringify({ tokens: { [v]: 'alice', b: { [v]: { c: 'd' } } } })],
  ['a.json', (v) => JSON.stringify({ env: [v, `${v}=`, { name: v, value: 'x' }, `${v}=x`] })],
  ['a.yaml', (v) => `tokens:\n  "${v}": alice\n  ? "${v}x"\n  : b\n`],
  ['a.yaml', (v) => `environment:\n  - ${v}\n  - ${v}=\n`],
  ['a.yaml', (v) => `apiVersion: v1\nkind: Secret\nmetadata: {name: ${v}}\ndata: {"${v}": eA==}\n`],
  [
    'a.json',
    (v) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: v.toLowerCase().replace(/[^a-z\d]/g, '') },
        data: { a: 'x' },
      }),
  ],
  ['a.yaml', (v) => `apiVersion: v1\nkind: A${v.replace(/[^A-Za-z\d]/g, '')}\na: b\n`],
  ['a.toml', (v) => `[tokens]\n"${v}" = "alice"\n["${v}".a]\nb = 1\n`],
];

describe('no value comes out as a name', () => {
  it.each(FORMS.map(([path, text], i) => [path, text('VALUE'), i] as const))(
    'in %s: %j',
    async (path, _, i) => {
      await fc.assert(
        fc.asyncProperty(canary, async (value) => {
          const found = await namedValues(path, Buffer.from(FORMS[i]![1](value)));
          const said = JSON.stringify(found) + inspect(found, { depth: 9 });
          // Lower case: a name of Kubernetes is.
          for (const [text, secret] of [
            [said, value],
            [said.toLowerCase(), value.toLowerCase().replace(/[^a-z\d]/g, '')],
          ] as const)
            for (let at = 0; at + 12 <= secret.length; at++)
              expect(text).not.toContain(secret.slice(at, at + 12));
        }),
        // What looks random is guessed: the same values every time.
        { numRuns: 60, seed: 11 },
      );
    },
  );

  it('and what it is instead is said, and asked for', async () => {
    const secret = 'c2VjcmV0cGFzc3dvcmQxMjM0NTY3OA==';
    const { values } = await namedValues(
      'application.properties',
      Buffer.from(`db.user app\ndb.password ${secret}\nredis.url=x\n`),
    );
    expect(values.map(({ name, likely }) => [name, likely])).toEqual([
      ['redis.url', false],
      ['(other lines)', true],
    ]);
    expect(values[1]!.reveal().toString()).toBe(`db.user app\ndb.password ${secret}`);
    // The name that a value of many lines swallowed does not go unnoticed.
    const swallowed = await namedValues('a.ini', Buffer.from('dir=C:\\\npassword=hunter2\nb=c\n'));
    expect(swallowed.values.map(({ name, likely }) => [name, likely])).toEqual([
      ['dir', true],
      ['b', false],
    ]);
  });

  it('and a token that is a key is a value itself', async () => {
    const { values } = await namedValues(
      'a.json',
      Buffer.from('{"a":{"k3Jx9Qm2Vb7Lw4Tz8Rp6":"alice","z3Jx9Qm2Vb7Lw4Tz8Rp6":{"b":"c"}}}'),
    );
    expect(values.map(({ name, likely, reveal }) => [name, likely, reveal().toString()])).toEqual([
      ['a.(a key of 20 characters)', true, 'k3Jx9Qm2Vb7Lw4Tz8Rp6'],
      ['a.(its value)', false, 'alice'],
      ['a.(a key of 20 characters) #2', true, 'z3Jx9Qm2Vb7Lw4Tz8Rp6'],
      ['a.(its value).b', false, 'c'],
    ]);
  });

  it('and names that are names stay', async () => {
    expect(await names('a.properties', 'a.b-c/d: x\ne = "y"\nf=it\'s\n')).toEqual(['a.b-c/d', 'e', 'f']);
    expect(await names('.env', 'AWS_S3_KEY=x\nGOOGLE_APPLICATION_CREDENTIALS=\nA=\n')).toEqual([
      'AWS_S3_KEY',
      'GOOGLE_APPLICATION_CREDENTIALS',
      'A',
    ]);
    expect(await names('x.conf', '[global]\nserver string = x\nworkgroup = y\n')).toEqual([
      'global.workgroup',
      '(other lines)',
    ]);
  });
});
