// Builds dist/: the program and the library as bundles that load parts when they are used, the licences of what is
// bundled, and the types (not with --no-types). Built beside it and swapped in, so that nobody meets half a build.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
// What few runs need, by the name of its file beside the program.
const SELDOM_NEEDED = {
  'age-encryption': 'age-encryption',
  nodemailer: 'nodemailer',
  yaml: 'yaml',
  'bcrypt-pbkdf': 'bcrypt-pbkdf',
  'smol-toml': 'smol-toml',
  qr: 'qr',
  'shamir-secret-sharing': 'shamir-secret-sharing',
  'aws-s3': 'src/store/s3/sdk.ts',
  'aws-kms': 'src/keys/kms/sdk.ts',
};
const besideEntries = Object.fromEntries(
  Object.entries(SELDOM_NEEDED).filter(([, entry]) => !entry.includes('/') || existsSync(entry)),
);
// Some packages of the SDK lack the file that stands in the others.
const APACHE = 'node_modules/@aws-sdk/client-s3';
const out = mkdtempSync('dist-');

try {
  const shared = {
    outdir: out,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  };
  const library = await build({
    ...shared,
    entryPoints: ['src/index.ts'],
    splitting: true,
    format: 'esm',
    chunkNames: 'chunks/[name]-[hash]',
    // Some dependencies are CommonJS and ask for Node's own modules in that way.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  // The program is one CommonJS file: loaded as modules, its parts cost 30 ms more, which is half of what Node itself
  // takes to start. Packages that few runs need stand beside it.
  const program = await build({
    ...shared,
    entryPoints: ['src/main.ts'],
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    minifyWhitespace: true,
    minifySyntax: true,
    supported: { 'dynamic-import': false },
    plugins: [besideTheProgram(), lateChildProcess()],
  });
  const beside = await build({
    ...shared,
    entryPoints: besideEntries,
    // As modules, so that what is not asked for can be left out.
    mainFields: ['module', 'main'],
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    minify: true,
  });
  const metafile = {
    outputs: Object.assign({}, ...[library, program, beside].map((b) => b.metafile.outputs)),
  };
  chmodSync(join(out, 'main.cjs'), 0o755);
  writeFileSync(join(out, 'THIRD-PARTY.txt'), licences(metafile));
  if (!process.argv.includes('--no-types')) {
    const tsc = [
      'node_modules/typescript/bin/tsc',
      '-p',
      'tsconfig.types.json',
      '--outDir',
      join(out, 'types'),
    ];
    execFileSync(process.execPath, tsc, { stdio: 'inherit' });
  }
  chmodSync(out, 0o755);
  if (existsSync('dist')) renameSync('dist', `${out}-old`);
  renameSync(out, 'dist');
} finally {
  rmSync(out, { recursive: true, force: true });
  rmSync(`${out}-old`, { recursive: true, force: true });
}

/** Loads the packages of SELDOM_NEEDED from files of their own, when they are asked for. */
function besideTheProgram() {
  return {
    name: 'beside-the-program',
    setup({ onResolve }) {
      const packages = Object.keys(besideEntries).filter((name) => besideEntries[name] === name);
      onResolve({ filter: new RegExp(`^(?:${packages.join('|')})$`) }, ({ path }) => ({
        path: `./${path}.cjs`,
        external: true,
      }));
      onResolve({ filter: /\/sdk\.ts$/ }, ({ path, resolveDir }) => {
        const file = relative(root, join(resolveDir, path));
        const name = Object.keys(besideEntries).find((entry) => besideEntries[entry] === file);
        return name && { path: `./${name}.cjs`, external: true };
      });
    },
  };
}

/** commander asks for child_process, and with it Node's whole network code, for a feature that is not in use here. */
function lateChildProcess() {
  return {
    name: 'late-child-process',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(?:node:)?child_process$/ }, ({ path, importer }) =>
        importer.includes('/commander/') ? { path, namespace: 'late' } : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'late' }, () => ({
        contents: "exports.spawn = (...args) => require('node:child_process').spawn(...args);",
      }));
    },
  };
}

function licenceIn(directory) {
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  return file && readFileSync(join(directory, file), 'utf8').trim();
}

/** The licence texts of every package of which something is in the bundle: they ask to go where their code goes. */
function licences({ outputs }) {
  const inputs = Object.values(outputs).flatMap(({ inputs: parts }) =>
    Object.keys(parts).filter((path) => parts[path].bytesInOutput > 0),
  );
  const packages = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
  const named = new Map();
  for (const directory of [...packages].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const text = licenceIn(directory) ?? (license === 'Apache-2.0' ? licenceIn(APACHE) : undefined);
    if (text === undefined) throw new Error(`${name} has no licence file`);
    named.set(text, [...(named.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  return [...named]
    .map(([text, names]) => `${names.join('\n')}\n\n${text}\n`)
    .join(`\n${'-'.repeat(78)}\n\n`);
}
