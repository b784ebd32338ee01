import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../src/errors.ts';
import { NAMESPACES } from '../../src/sign/authority.ts';
import { openDocument, openDocumentAsync, sealDocument } from '../../src/sign/document.ts';
import { generateSigningKey, type SigningKey } from '../../src/sign/key.ts';
import { formatPrivateKey } from '../../src/sign/openssh.ts';
import { BEGIN, END, signArmored } from '../../src/sign/sshsig.ts';
import { codeOf, place, sshKeygen, workspace } from './ssh-keygen.ts';

const namespace = NAMESPACES.record;
const options = { namespace, object: 'snapshots/app/x.json', maxBytes: 1 << 20 };
const key = generateSigningKey();
const other = generateSigningKey();
const record = { format: 1, set: 'app', note: 'naïve ✓', parts: [{ size: 1 }, { size: 2 }] };

/** A document around a body made by hand, rightly signed. */
const seal = (body: string | Uint8Array, keys: SigningKey[] = [key]): Buffer => {
  const bytes = Buffer.from(body);
  return Buffer.concat([bytes, ...keys.map((k) => Buffer.from(signArmored(k, namespace, bytes)))]);
};
const openCode = (bytes: Uint8Array): unknown => codeOf(() => openDocument(bytes, options));
const parseCode = (body: string | Uint8Array): unknown => {
  const document = openDocument(seal(body), options);
  return codeOf(() => document.parse());
};

describe('a sealed document', () => {
  it('opens, and says who signed and what', async () => {
    const sealed = sealDocument(record, namespace, [key, other]);
    for (const document of [openDocument(sealed, options), await openDocumentAsync(sealed, options)]) {
      expect(document.signers).toEqual([key.publicKey, other.publicKey]);
      expect(document.parse()).toEqual(record);
      expect(document.body.toString()).toBe(`${JSON.stringify(record, null, 1)}\n`);
    }
  });

  it('opens from a view into a larger buffer', () => {
    const sealed = sealDocument(record, namespace, [key]);
    const view = new Uint8Array(Buffer.concat([Buffer.from('before'), sealed, Buffer.from('after')]).buffer);
    const at = Buffer.from(view.buffer).indexOf(sealed);
    expect(openDocument(view.subarray(at, at + sealed.length), options).parse()).toEqual(record);
  });

  it('gives back any JSON object, BEGIN lines inside strings and all', () => {
    const strings = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(BEGIN, `\n${BEGIN}\n`, `\r${END}\n`),
    );
    fc.assert(
      fc.property(fc.dictionary(strings, fc.oneof(strings, fc.jsonValue())), (fields) => {
        const value = JSON.parse(JSON.stringify({ ...fields, format: 1, critical: [] }));
        expect(openDocument(sealDocument(value, namespace, [key]), options).parse()).toEqual(value);
      }),
    );
  });

  it('takes one to eight signatures', () => {
    const keys = Array.from({ length: 8 }, generateSigningKey);
    expect(openDocument(sealDocument(record, namespace, keys), options).signers).toHaveLength(8);
    expect(codeOf(() => sealDocument(record, namespace, []))).toBe('bad-signers');
    expect(codeOf(() => sealDocument(record, namespace, [...keys, key]))).toBe('bad-signers');
    expect(openCode(seal('{}\n', [...keys, key]))).toBe('bad-signature');
  });
});

describe('a document that was tampered with', () => {
  const sealed = sealDocument(record, namespace, [key, other]);
  const bodyLength = openDocument(sealed, options).body.length;

  it('is refused with any byte flipped, cut or put in', () => {
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Buffer.from(sealed);
      flipped[at]! ^= 1 << (at & 7);
      const put = Buffer.concat([sealed.subarray(0, at), Buffer.from('\n'), sealed.subarray(at)]);
      const taken = Buffer.concat([sealed.subarray(0, at), sealed.subarray(at + 1)]);
      for (const bytes of [flipped, put, taken])
        expect(openCode(bytes)).toMatch(/^(bad-signature|unsigned)$/);
    }
  });

  it('is refused when cut short, except that a whole last block may go', () => {
    const first = sealed.indexOf(`${END}\n`) + END.length + 1;
    for (let length = 0; length < sealed.length; length++) {
      const cut = sealed.subarray(0, length);
      if (length === first) expect(openDocument(cut, options).signers).toEqual([key.publicKey]);
      else expect(openCode(cut)).toMatch(/^(bad-signature|unsigned)$/);
    }
  });

  it('never yields other bytes, whatever is done to it', () => {
    const edit = fc.record({
      at: fc.nat(sealed.length),
      drop: fc.nat(40),
      put: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let bytes: Buffer = sealed;
        for (const { at, drop, put } of edits) {
          bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
        }
        try {
          expect(openDocument(bytes, options).body).toEqual(sealed.subarray(0, bodyLength));
        } catch (error) {
          if (!(error instanceof IntegrityError)) throw error;
        }
      }),
    );
  });

  it('is refused when only one of its signatures fails, first or last', async () => {
    const body = sealed.subarray(0, bodyLength);
    const sound = Buffer.from(signArmored(key, namespace, body));
    const foreign = Buffer.from(signArmored(other, namespace, Buffer.from('something else')));
    for (const blocks of [
      [sound, foreign],
      [foreign, sound],
    ]) {
      const bytes = Buffer.concat([body, ...blocks]);
      expect(openCode(bytes)).toBe('bad-signature');
      await expect(openDocumentAsync(bytes, options)).rejects.toMatchObject({ code: 'bad-signature' });
    }
  });

  it('is refused under another namespace', () => {
    for (const kind of [NAMESPACES.vault, NAMESPACES.ledger, NAMESPACES.drill]) {
      expect(codeOf(() => openDocument(sealed, { ...options, namespace: kind }))).toBe('bad-signature');
    }
  });

  it.each([
    ['text after the last block', Buffer.concat([sealed, Buffer.from('x')])],
    ['an empty line after it', Buffer.concat([sealed, Buffer.from('\n')])],
    [
      'text between blocks',
      Buffer.from(sealed.toString('latin1').replace(`${END}\n${BEGIN}`, `${END}\nx\n${BEGIN}`), 'latin1'),
    ],
    ['a second body', Buffer.concat([sealed, sealed])],
    ['an empty block', Buffer.concat([sealed, Buffer.from(`${BEGIN}\n${END}\n`)])],
    [
      'CRLF in the block',
      Buffer.from(sealed.toString('latin1').replaceAll(`\n${END}\n`, `\r\n${END}\n`), 'latin1'),
    ],
  ])('is refused with %s', (_, bytes) => {
    expect(openCode(bytes)).toBe('bad-signature');
  });

  it('is unsigned when no line is exactly the BEGIN line', () => {
    const text = sealed.toString('latin1');
    const variants = [
      '',
      '{}\n',
      text.slice(0, bodyLength),
      text.replaceAll(BEGIN, `${BEGIN} `),
      text.replaceAll(BEGIN, ` ${BEGIN}`),
    ];
    for (const variant of [...variants, text.replaceAll('\n', '\r\n')]) {
      expect(openCode(Buffer.from(variant, 'latin1'))).toBe('unsigned');
    }
  });
});

describe('a hostile body', () => {
  it('cannot hide text behind a BEGIN line of its own, even rightly signed', () => {
    for (const body of [
      `{"format":1}\n${BEGIN}\n{"evil":1}\n`,
      `${BEGIN}\n{"format":1}\n`,
      `{"format":1,"x":"\n${BEGIN}\n"}\n`,
    ]) {
      expect(openCode(seal(body))).toBe('bad-signature');
    }
  });

  it('cannot carry a whole inner document as its prefix', () => {
    const inner = sealDocument(record, namespace, [other]);
    expect(openCode(seal(inner))).toBe('bad-signature'); // other signed the body, key signed body and block
  });

  it('may hold the BEGIN text inside a line', () => {
    const body = `{"format":1,"x":"${BEGIN}"}\n`;
    expect(openDocument(seal(body), options).parse()).toEqual({ format: 1, x: BEGIN });
  });

  it('is refused by size before anything else is looked at', () => {
    const sealed = sealDocument(record, namespace, [key]);
    expect(openDocument(sealed, { ...options, maxBytes: sealed.length }).parse()).toEqual(record);
    for (const bytes of [sealed, Buffer.alloc(sealed.length)]) {
      expect(codeOf(() => openDocument(bytes, { ...options, maxBytes: sealed.length - 1 }))).toBe(
        'document-too-large',
      );
    }
  });

  it('is refused in linear time, however many BEGIN lines it has', () => {
    const started = performance.now();
    expect(openCode(Buffer.alloc(1 << 20, `${BEGIN}\n`))).toBe('bad-signature');
    expect(openCode(Buffer.alloc(1 << 20, `x${BEGIN}\n`))).toBe('unsigned');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it.each<[string, string | Uint8Array, string]>([
    ['a body that is no JSON', 'hello\n', 'bad-document'],
    ['an empty body', '', 'bad-document'],
    ['a byte order mark', '\ufeff{"format":1}\n', 'bad-document'],
    ['invalid UTF-8', Buffer.from('{"format":1,"x":"\xff"}\n', 'latin1'), 'bad-document'],
    ['overlong UTF-8', Buffer.from('{"format":1,"x":"\xc0\xaf"}\n', 'latin1'), 'bad-document'],
    [
      'half a surrogate pair in UTF-8',
      Buffer.from('{"format":1,"x":"\xed\xa0\x80"}\n', 'latin1'),
      'bad-document',
    ],
    ['text after the JSON', '{"format":1} {"format":1}\n', 'bad-document'],
    ['an array on top', '[1]\n', 'bad-document'],
    ['null on top', 'null\n', 'bad-document'],
    ['a key twice', '{"format":1,"set":"a","set":"b"}\n', 'bad-document'],
    ['a key twice, once escaped', '{"format":1,"a":1,"\\u0061":2}\n', 'bad-document'],
    ['a key twice deep inside', '{"format":1,"x":[{"y":{"a":1,"a":1}}]}\n', 'bad-document'],
    ['absurd nesting', `{"format":1,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`, 'bad-document'],
    ['no format', '{"set":"app"}\n', 'bad-document'],
    ['a format by way of __proto__', '{"__proto__":{"format":1}}\n', 'bad-document'],
    ['a format that is text', '{"format":"1"}\n', 'bad-document'],
    ['format 0', '{"format":0}\n', 'bad-document'],
    ['format 1.5', '{"format":1.5}\n', 'bad-document'],
    ['format 2', '{"format":2}\n', 'newer-format'],
    ['format 2 with what else it brings', '{"format":2,"critical":{"x":1}}\n', 'newer-format'],
    ['a critical feature', '{"format":1,"critical":["splines"]}\n', 'unknown-critical'],
    ['a critical list that is text', '{"format":1,"critical":"splines"}\n', 'bad-document'],
    ['a critical list of numbers', '{"format":1,"critical":[1]}\n', 'bad-document'],
    ['a critical list that is null', '{"format":1,"critical":null}\n', 'bad-document'],
  ])('is proven, then refused: %s', (_, body, code) => {
    expect(parseCode(body)).toBe(code);
  });

  it.each([
    ['CRLF', '{"format":1}\r\n'],
    ['unknown fields', '{"format":1,"later":{"thing":1}}\n'],
    ['an empty critical list', '{"format":1,"critical":[]}\n'],
  ])('is fine with %s', (_, body) => {
    expect(openDocument(seal(body), options).parse()).toEqual(JSON.parse(body));
  });

  it('is not quoted in errors, which name the object and what to do', () => {
    const document = openDocument(seal('{"format":1,"password":hunter2}\n'), options);
    expect(() => document.parse()).toThrow(/^snapshots\/app\/x\.json is not valid JSON/);
    expect(() => document.parse()).not.toThrow(/hunter2/);
    expect(() => openDocument(seal('{"format":7}\n'), options).parse()).toThrow(
      expect.objectContaining({ object: options.object, hint: expect.stringContaining('upgrade') }),
    );
    expect(() => openDocument(Buffer.from('{}'), options)).toThrow('snapshots/app/x.json is not signed');
  });
});

describe('stock tools', () => {
  const directory = workspace();
  const verifyScript = [
    "sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' record.json > body",
    "sed -n '/^-----BEGIN SSH SIGNATURE-----$/,/^-----END SSH SIGNATURE-----$/p; /^-----END SSH SIGNATURE-----$/q' record.json > body.sig",
    `ssh-keygen -Y verify -f allowed -I host -n ${namespace} -s body.sig < body`,
  ].join('\n');
  const run = (): string =>
    execFileSync('sh', ['-euc', verifyScript], { cwd: directory, encoding: 'utf8', stdio: 'pipe' });

  it('sed and ssh-keygen check the first signature of what we seal', () => {
    const sealed = sealDocument(record, namespace, [key, other]);
    place(directory, 'allowed', `host namespaces="${namespace}" ${key.publicKey}\n`);
    place(directory, 'record.json', sealed);
    expect(run()).toContain(`Good "${namespace}" signature for host`);
    place(directory, 'record.json', sealed.toString('latin1').replace('"app"', '"apq"'));
    expect(run).toThrow();
    place(directory, 'record.json', sealDocument(record, namespace, [other, key]));
    expect(run).toThrow();
  });

  it('cut a hostile body where we cut it', () => {
    place(directory, 'allowed', `host ${key.publicKey}\n`);
    place(directory, 'record.json', seal(`{"format":1}\n${BEGIN}\n{"evil":1}\n`));
    expect(run).toThrow();
  });

  it('seal what we open: a text editor and ssh-keygen are enough to write a document', () => {
    const path = place(directory, 'key', formatPrivateKey(key, 'host'));
    const body = '{"format": 1,\n  "set": "app"}\n';
    const block = sshKeygen(['-q', '-Y', 'sign', '-f', path, '-n', namespace], body);
    const document = openDocument(Buffer.from(body + block), options);
    expect(document.signers).toEqual([key.publicKey]);
    expect(document.parse()).toEqual({ format: 1, set: 'app' });
  });
});
