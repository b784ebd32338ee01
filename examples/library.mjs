// An application that keeps its state in objects: makes a vault, backs the state up from memory, and loads it back.
//   node examples/library.mjs DIRECTORY     DIRECTORY must not exist yet
import { join, resolve } from 'node:path';
import {
  backup,
  chooseSnapshot,
  ensureSigningKey,
  initVault,
  loadFiles,
  newPassphraseKey,
  passphraseCredential,
  readSnapshots,
  StrongroomError,
  unlock,
  vaultAt,
} from 'strongroom';

const directory = resolve(process.argv[2] ?? 'library-example');
const passphrase = async () => 'violet anchor puzzle harvest lantern'; // from where you keep secrets

// The place, and what this machine remembers of it: pins, and what it has seen.
const context = await vaultAt(join(directory, 'vault'), {
  stateDirectory: join(directory, 'state'),
  create: true,
});

// Once: the vault, and this machine as its first host.
const key = await ensureSigningKey(join(directory, 'state', 'host-key'), 'app-1');
const { pin } = await initVault(context, {
  name: 'app',
  keys: [newPassphraseKey('passphrase', await passphrase())],
  host: { name: 'app-1', publicKey: key.publicKey },
});

// As often as you like: values are written as JSON, strings and bytes as they are. No passphrase here.
const portfolio = { cash: 1200.5, positions: [{ symbol: 'ACME', quantity: 40 }] };
const made = await backup(context, {
  set: 'state',
  sources: { memory: { 'portfolio.json': portfolio, 'notes/today.txt': 'bought ACME\n' } },
  host: { name: 'app-1', key },
  pin,
});
console.log(`backed up ${made.files} files as ${made.snapshot}`);

// When it is needed again: everything is proven before it is handed out.
try {
  const vault = await unlock(context, {
    pin,
    credentials: async () => [passphraseCredential(passphrase, 22, true)],
  });
  const { snapshot } = chooseSnapshot(await readSnapshots(vault), { set: 'state' });
  const files = await loadFiles(vault, snapshot);
  console.log(JSON.parse(files.get('portfolio.json')));
} catch (error) {
  if (!(error instanceof StrongroomError)) throw error;
  console.error(`${error.code}: ${error.message}`, error.hint ?? '');
  process.exitCode = error.exitCode;
}
