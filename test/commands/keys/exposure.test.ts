import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Out } from '../../../src/commands/command.ts';
import { csvLines } from '../../../src/commands/keys/exposure/csv.ts';
import { showExposure } from '../../../src/commands/keys/exposure/text.ts';
import { generateIdentity, recipientOf } from '../../../src/crypt/identity.ts';
import { type Desk, deskWithVault } from '../desk.ts';

let at: Desk;
beforeEach(async () => {
  at = await deskWithVault();
});

/** Two snapshots of a small deployment, a minute apart. */
async function twoSnapshots(): Promise<void> {
  at.write('app/.env', 'DB_PASSWORD=one\nAPI_KEY=stays\nOLD_TOKEN=a-long-token\nLOG=debug\n');
  at.write('app/k8s/secret.yaml', 'apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {dsn: eA==}\n');
  at.write('app/k8s/chart.yaml', 'password: {{ .Values.password }}\n');
  await at.ok('backup --set app app');
  at.write('app/.env', 'DB_PASSWORD=two\nAPI_KEY=stays\nNEW_TOKEN=a-long-token\nLOG=debug\n');
  await at.ok('backup --set app app');
}

/** A report without the widths that depend on ids. */
const tidy = (text: string): string => text.replace(/^(ID-\d|SNAPSHOT) +/gm, '$1  ');

describe('keys exposure --key', () => {
  it('lists the snapshots, and the names to tick off, by set and file', async () => {
    await twoSnapshots();
    const said = await at.ok('keys exposure --key age');
    expect(said.err).toBe('');
    expect(tidy(said.out)).toMatchInlineSnapshot(`
      "the key age could read 2 of 2 snapshots
      SNAPSHOT  SET  HOST   TIME                     KEY
      ID-1  app  web-1  2025-03-01 06:00:12 UTC    1
      ID-2  app  web-1  2025-03-01 06:01:12 UTC    1

      app by web-1
        app/.env
          [ ] DB_PASSWORD  same today               in 2 snapshots, 2025-03-01
          [ ] API_KEY      same today               in 2 snapshots, 2025-03-01
          [ ] NEW_TOKEN    same today               in 1 snapshot, 2025-03-01
          [ ] OLD_TOKEN    same today as NEW_TOKEN  in 1 snapshot, 2025-03-01
        app/k8s/secret.yaml
          [ ] data.dsn (Secret db)  same today  in 2 snapshots, 2025-03-01

      15 other values do not look like a secret: --all shows them
      note: whoever has it may have kept what it opens: snapshots from before it was added count, and later ones up to the next rotation
      note: it was a key of the vault from 2025-03-01 (revision 1) until now
      note: changed and gone say what the newest snapshot holds, not that a value was revoked at its source
      "
    `);
  });

  it('shows all with --all', async () => {
    await twoSnapshots();
    const said = await at.ok('keys exposure --key age --all');
    expect(said.out).toMatch(/^ {4}\[ \] LOG +same today/m);
    expect(said.out).not.toContain('look like');
  });

  it('tells programs', async () => {
    await twoSnapshots();
    const said = await at.ok('keys exposure --key age --json');
    expect(said.lines()).toMatchInlineSnapshot(`
      [
        "{"message_type":"snapshot","id":"ID-1","set":"app","host":"web-1","time":"2025-03-01T06:00:12Z","complete":true,"generation":1,"first_generation":1}",
        "{"message_type":"snapshot","id":"ID-2","set":"app","host":"web-1","time":"2025-03-01T06:01:12Z","complete":true,"generation":1,"first_generation":1}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/.env","name":"DB_PASSWORD","kind":"value","likely":true,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/.env","name":"API_KEY","kind":"value","likely":true,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/.env","name":"NEW_TOKEN","kind":"value","likely":true,"status":"same","snapshots":1,"first":"2025-03-01T06:01:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/.env","name":"LOG","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/.env","name":"OLD_TOKEN","kind":"value","likely":true,"status":"moved","now":{"set":"app","host":"web-1","path":"app/.env","name":"NEW_TOKEN"},"snapshots":1,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:00:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/k8s/chart.yaml","name":"(whole file)","kind":"file","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z","reason":"has a key that is no text"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/k8s/secret.yaml","name":"apiVersion (Secret db)","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/k8s/secret.yaml","name":"kind (Secret db)","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/k8s/secret.yaml","name":"metadata.name (Secret db)","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"app/k8s/secret.yaml","name":"data.dsn (Secret db)","kind":"value","likely":true,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"location","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"pin.vault","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"pin.generation","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"pin.revision","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"pin.recipient","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"pin.authority","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"sets.shop.root","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"sets.shop.exclude[0]","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"sets.shop.exclude[1]","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"secret","set":"app","host":"web-1","path":"strongroom.yaml","name":"sets.shop.exclude[2]","kind":"value","likely":false,"status":"same","snapshots":2,"first":"2025-03-01T06:00:12Z","last":"2025-03-01T06:01:12Z"}",
        "{"message_type":"summary","leak":{"kind":"key","key":"age","generation":1,"known_generation":1,"periods":[{"from":"2025-03-01T05:59:12Z","from_revision":1}],"missing_revisions":[]},"snapshots":2,"of":2,"values":20,"secrets":5,"in_use":5,"unread":[],"assumed":["whoever has it may have kept what it opens: snapshots from before it was added count, and later ones up to the next rotation","it was a key of the vault from 2025-03-01 (revision 1) until now","changed and gone say what the newest snapshot holds, not that a value was revoked at its source"]}",
      ]
    `);
  });

  it('is a table with --csv, and nothing else on stdout', async () => {
    await twoSnapshots();
    const said = await at.ok('keys exposure --key age --csv');
    expect(said.out).toMatchInlineSnapshot(`
      ""set","host","path","name","kind","likely","status","snapshots","first","last"
      "app","web-1","app/.env","DB_PASSWORD","value","yes","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/.env","API_KEY","value","yes","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/.env","NEW_TOKEN","value","yes","same","1","2025-03-01T06:01:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/.env","LOG","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/.env","OLD_TOKEN","value","yes","moved","1","2025-03-01T06:00:12Z","2025-03-01T06:00:12Z"
      "app","web-1","app/k8s/chart.yaml","(whole file)","file","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/k8s/secret.yaml","apiVersion (Secret db)","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/k8s/secret.yaml","kind (Secret db)","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/k8s/secret.yaml","metadata.name (Secret db)","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","app/k8s/secret.yaml","data.dsn (Secret db)","value","yes","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","location","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","pin.vault","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","pin.generation","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","pin.revision","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","pin.recipient","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","pin.authority","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","sets.shop.root","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","sets.shop.exclude[0]","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","sets.shop.exclude[1]","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "app","web-1","strongroom.yaml","sets.shop.exclude[2]","value","no","same","2","2025-03-01T06:00:12Z","2025-03-01T06:01:12Z"
      "
    `);
    expect(said.err).toContain('strongroom: whoever has it may have kept what it opens');
  });

  it('knows a key that is gone, and that it does not read what came after a rotation', async () => {
    const recipient = await recipientOf(await generateIdentity('x25519'));
    await at.ok(`keys add --recipient ${recipient} --name alice --yes`);
    await twoSnapshots();
    await at.ok('keys remove alice --yes');
    const removed = await at.ok('keys exposure --key alice');
    expect(removed.out).toMatch(/^the key alice could read 2 of 2 snapshots\n/);
    expect(removed.out).toContain(
      'note: it was a key of the vault from 2025-03-01 (revision 2) until 2025-03-01 (revision 3)\n',
    );
    const rotated = await at.ok('keys rotate --yes');
    const pin = /^pin: .*$/m.exec(rotated.bytes.toString())![0];
    const settings = readFileSync(join(at.work, 'strongroom.yaml'), 'utf8');
    at.write('strongroom.yaml', settings.replace(/^pin:.*(?:\n[ \t].*)*$/m, pin));
    await at.ok('backup --set app app');
    expect((await at.ok('keys exposure --key alice')).out).toMatch(
      /^the key alice could read 2 of 3 snapshots\n/,
    );
    expect((await at.ok('keys exposure --key age')).out).toMatch(
      /^the key age could read 3 of 3 snapshots\n/,
    );
    const unknown = await at.say('keys exposure --key bob');
    expect(unknown).toMatchObject({ code: 10, out: '' });
    expect(unknown.err).toMatch(
      /never had a key "bob"\nstrongroom: hint: it has had age, alice; if it is missing there, --generation 1 /,
    );
  });
});

describe('keys exposure of something else', () => {
  it('takes a number: everything at it and below', async () => {
    await twoSnapshots();
    const said = await at.ok('keys exposure --generation 1');
    expect(said.out).toMatch(/^key number 1 of the vault could read 2 of 2 snapshots\n/);
    const none = await at.say('keys exposure --generation 2');
    expect(none).toMatchObject({ code: 10, out: '' });
    expect((await at.say('keys exposure --generation 0')).code).toBe(2);
    expect((await at.say('keys exposure --generation x')).code).toBe(2);
  });

  it('takes a host, and since when: the last snapshot before that counts', async () => {
    await twoSnapshots();
    const all = await at.ok('keys exposure --host web-1');
    expect(all.out).toMatch(/^the host web-1 had what is in 2 of 2 snapshots\n/);
    const late = await at.ok('keys exposure --host web-1 --since 2025-03-02');
    expect(late.out).toMatch(/^the host web-1 had what is in 1 of 2 snapshots\n/);
    expect(late.out).not.toContain('OLD_TOKEN');
    expect((await at.say('keys exposure --host web-2')).err).toMatch(
      /never had a host "web-2"\n.*it has had web-1/,
    );
  });

  it.each([
    ['keys exposure', 'nothing says what leaked'],
    ['keys exposure --key age --host web-1', 'more than one leak'],
    ['keys exposure --key age --since 2025-03-01', '--since is for a host'],
    ['keys exposure --key age --csv --json', 'two forms of one result'],
  ])('%s is refused', async (line, message) => {
    const said = await at.say(line);
    expect([said.code, said.out]).toEqual([2, '']);
    expect(said.err).toContain(message);
  });

  it('needs a key', async () => {
    await twoSnapshots();
    const said = await at.say('keys exposure --key age', { STRONGROOM_IDENTITY_FILE: undefined });
    expect([said.code, said.out]).toEqual([12, '']);
  });
});

describe('CSV', () => {
  const value = { set: 's', host: 'h', kind: 'value', likely: true, status: 'same', now: undefined } as const;
  const row = (path: string, name: string) =>
    csvLines([{ ...value, path, name, snapshots: 1, first: 'a', last: 'b' }])[1]!;

  it.each([
    ['=cmd()', "'=cmd()"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' \u00a0=1', "' \u00a0=1"],
    ['\uff1d1', "'\uff1d1"],
    ['a;=1+1', "a;'=1+1"],
    ['a; +1;\t-1', "a;' +1;\t'-1"],
    ['a,b', 'a,b'],
    ['a"b', 'a""b'],
    ['a-b=c', 'a-b=c'],
    ['=HYPERLINK("x","y")', '\'=HYPERLINK(""x"",""y"")'],
    ['plain', 'plain'],
  ])('has %j as %j', (name, cell) => {
    expect(row('p', name)).toBe(`"s","h","p","${cell}","value","yes","same","1","a","b"`);
    expect(row(name, 'n')).toBe(`"s","h","${cell}","n","value","yes","same","1","a","b"`);
  });

  it('has one line for each value, whatever its names hold', async () => {
    at.write('=1+1\n2.json', JSON.stringify({ '@a\r\n=b': 'x', '\u202e,"': 'y' }));
    await at.ok('backup --set app .');
    const said = await at.ok('keys exposure --key age --csv --quiet');
    expect(said.out.split('\n').filter((line) => line.includes('2.json'))).toEqual([
      expect.stringMatching(/^"app","web-1","'=1\+1\\n2\.json","'@a\\r\\n=b","value","no","same","1",/),
      expect.stringMatching(/^"app","web-1","'=1\+1\\n2\.json","\\u202e,""","value","no","same","1",/),
    ]);
  });
});

it('says no value of a form that a careless reader would take for a name, in text, JSON or CSV', async () => {
  const secret = 'c2VjcmV0cGFzc3dvcmQxMjM0NTY3OA==';
  at.write('app/application.properties', `a=b\ndb.password ${secret}\nc=\\\n${secret}\n`);
  at.write('app/haproxy.cfg', `a=b\n user admin insecure-password ${secret}\n`);
  at.write('app/.env', `A=b\\\n${secret}\nTOKEN=\n${secret}\n`);
  at.write('app/users.json', JSON.stringify({ tokens: { [secret]: 'alice' } }));
  at.write('app/users.yaml', `tokens: { "${secret}": alice }\n`);
  await at.ok('backup --set app app');
  for (const line of [' --all', '', ' --json', ' --csv --verbose']) {
    const { out, err } = await at.ok(`keys exposure --key age${line}`);
    expect(out).toContain('(a key of 32 characters)');
    for (let i = 0; i + 12 <= secret.length; i++) expect(out + err).not.toContain(secret.slice(i, i + 12));
  }
});

it('shows files of more names than a call takes arguments', () => {
  const count = 200_000;
  const value = { set: 's', host: 'h', path: 'p', kind: 'value', likely: true, status: 'same' } as const;
  const values = Array.from({ length: count }, (_, i) => ({
    ...{ ...value, name: `n${i}`, now: undefined, snapshots: 1, first: 'a', last: 'b' },
  }));
  let lines = 0;
  const plan = { leak: { kind: 'generation', generation: 1 }, groups: [], of: 1 } as const;
  showExposure(
    { plan: { ...plan, reencrypted: 0, deleted: 0 }, exposure: { values, unread: [], dumps: [] }, all: true },
    {
      line: () => {
        lines += 1;
      },
      table: () => {},
      styled: (_: string, text: string) => text,
      count: (n: number, noun: string) => `${n} ${noun}`,
      time: () => '',
    } as unknown as Out,
  );
  expect(lines).toBeGreaterThan(count);
});

it('no value is ever said, whatever the files are', async () => {
  const CANARY = 'cAnArY7x';
  mkdirSync(join(at.work, 'app'), { recursive: true });
  const secret = fc
    .string({ unit: 'grapheme', maxLength: 6 })
    .map((s) => CANARY + s.replace(/[^ -~]|[=:"'\\]/gu, ''));
  const name = fc.stringMatching(/^[A-Z_]{1,8}$/);
  const torn = fc.constantFrom(
    '',
    '"',
    "'",
    '}',
    '{{ x }}',
    '\n\t- ]',
    '-----BEGIN PRIVATE KEY-----\n',
    '\0',
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, secret, { minKeys: 1, maxKeys: 4 }), torn, async (values, end) => {
      const pairs = Object.entries(values);
      const each = (write: (pair: [string, string]) => string, between = '\n') =>
        pairs.map(write).join(between);
      at.write('app/.env', each(([k, v]) => `${k}=${v}`) + end);
      at.write('app/a.env', each(([k, v]) => `export ${k}="${v}"`) + end);
      at.write('app/a.json', JSON.stringify({ a: [values] }) + end);
      at.write('app/a.yaml', each(([k, v]) => `${k}: ["${v}", '${v}']`) + end);
      at.write(
        'app/s.yaml',
        `apiVersion: v1\nkind: Secret\nstringData:\n${each(([k, v]) => `  ${k}: "${v}"`)}${end}`,
      );
      at.write('app/a.toml', each(([k, v]) => `${k} = "${v}"`) + end);
      at.write('app/a.ini', `[a]\n${each(([k, v]) => `${k} = ${v}`)}${end}`);
      at.write(
        'app/a.pem',
        `-----BEGIN PRIVATE KEY-----\n${Buffer.from(CANARY).toString('base64')}\n-----END PRIVATE KEY-----\n${end}`,
      );
      at.write('app/password', each(([, v]) => v) + end);
      await at.ok('backup --set app app');
      const shown = await Promise.all([
        at.say('keys exposure --key age --all'),
        at.say('keys exposure --host web-1 --csv --verbose', { STRONGROOM_DEBUG: '1' }),
        at.say('keys exposure --generation 1 --json'),
      ]);
      for (const { code, out, err } of shown) {
        expect(code).toBe(0);
        expect(out + err).not.toContain(CANARY);
        expect(out + err).not.toContain(Buffer.from(CANARY).toString('base64').slice(0, 10));
      }
    }),
    { numRuns: 12 },
  );
});
