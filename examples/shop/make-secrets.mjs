// Makes the throw-away secrets of the example shop, so that none is ever committed: passwords, a TLS key with a
// self-signed certificate, and an SSH deploy key. Needs nothing but Node.
//   node make-secrets.mjs [DIRECTORY]     the example's copy, else this directory; refuses to replace anything
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? here);

const password = () => randomBytes(18).toString('base64url');
const sessionKey = password();

const env = readFileSync(join(here, '.env.example'), 'utf8')
  .replace(/^#.*\n/, '')
  .replace(/CHANGE-ME/g, password);
const tls = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const deploy = generateKeyPairSync('ed25519');
const pkcs8 = { type: 'pkcs8', format: 'pem' };

secret('.env', env);
secret('secrets/db_password', password());
secret('secrets/session_key', sessionKey);
secret('secrets/payment_token', password());
secret('certs/site.key', tls.privateKey.export(pkcs8));
secret('certs/site.crt', certificate('shop.example.com', tls), 0o644);
secret('deploy/id_ed25519.pem', deploy.privateKey.export(pkcs8));
secret('kubernetes/overlays/production/secrets.env', env);
secret('kubernetes/overlays/production/session_key', sessionKey);

/** Writes a file that is not there yet, for its owner only. */
function secret(name, text, mode = 0o600) {
  const path = join(target, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { flag: 'wx', mode });
  process.stdout.write(`made ${name}\n`);
}

/** A self-signed X.509 certificate for a day, as PEM (RFC 5280). */
function certificate(host, { publicKey, privateKey }) {
  const der = (tag, ...parts) => {
    const body = Buffer.concat(parts);
    const { length } = body;
    const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
    return Buffer.concat([Buffer.from([tag, ...size]), body]);
  };
  const sequence = (...parts) => der(0x30, ...parts);
  const oid = (hex) => der(0x06, Buffer.from(hex, 'hex'));
  const time = (days) => {
    const iso = new Date(Date.now() + days * 864e5).toISOString();
    return der(0x17, Buffer.from(`${iso.slice(2, 19).replace(/[-T:]/g, '')}Z`));
  };
  const name = sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(host)))));
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const subjectAltName = sequence(oid('551d11'), der(0x04, sequence(der(0x82, Buffer.from(host)))));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(15)),
    ecdsaWithSha256,
    name,
    sequence(time(0), time(365)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(subjectAltName)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  const lines = sequence(body, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g);
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
