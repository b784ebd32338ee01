// Builds dist/: the program and the library as bundles that load parts when they are used, the licences of what is
// bundled, and the types (not with --no-types). Built beside it and swapped in, so that nobody meets half a build.
//
// Half of what a short run takes is V8 reading code (25 ms a megabyte), and each file costs another third of a
// millisecond. So a run reads what it uses, in few files: main.cjs and one chunk with what a backup needs, and for any
// other command a chunk of its own. All of it is CommonJS: loaded as modules, the same parts take 30 ms more.
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
import { build as buildChunks } from 'rolldown';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
// What a backup runs, the command that timers start every hour: one chunk, with all that these import. Other chunks
// lean on it and it on none, so none is met half loaded.
const EVERYDAY = [
  'src/cli/run.ts',
  'src/cli/settings.ts',
  'src/cli/world.ts',
  'src/commands/backup.ts',
  'src/store/local.ts',
];
// Packages that few runs need, by the name of the file that is made of them beside the chunks.
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
  const program = await buildChunks({
    input: 'src/main.ts',
    platform: 'node',
    transform: { target: 'node20.19' },
    plugins: [besideTheChunks(), lateChildProcess()],
    output: {
      dir: out,
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: 'chunks/[name]-[hash].cjs',
      codeSplitting: { groups: [{ name: 'everyday', test: isEveryday }] },
      dynamicImportInCjs: false,
      // Names stay, for whoever reads a stack trace, or what is installed.
      minify: { compress: { target: 'node20.19' }, mangle: false, codegen: { removeWhitespace: true } },
      comments: false,
    },
    // What is loaded late here may be there already for another command.
    checks: { ineffectiveDynamicImport: false },
  });
  const beside = await build({
    ...shared,
    entryPoints: besideEntries,
    outdir: join(out, 'chunks'),
    // As modules, so that what is not asked for can be left out.
    mainFields: ['module', 'main'],
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    minify: true,
  });
  const bundled = [
    ...[library, beside].flatMap(({ metafile }) => Object.values(metafile.outputs).flatMap(inputsOf)),
    ...program.output.flatMap(modulesOf),
  ];
  chmodSync(join(out, 'main.cjs'), 0o755);
  writeFileSync(join(out, 'THIRD-PARTY.txt'), licences(bundled));
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

/** @param id a file's path */
function isEveryday(id) {
  return EVERYDAY.includes(relative(root, id));
}

/** Loads the packages of SELDOM_NEEDED from files of their own, when they are asked for. */
function besideTheChunks() {
  return {
    name: 'beside-the-chunks',
    resolveId(path, importer = '') {
      const file = path.endsWith('/sdk.ts') ? relative(root, join(dirname(importer), path)) : path;
      const name = Object.keys(besideEntries).find((entry) => besideEntries[entry] === file);
      return name && { id: `./${name}.cjs`, external: true };
    },
  };
}

/** commander asks for child_process, and with it Node's whole network code, for a feature that is not in use here. */
function lateChildProcess() {
  const late = '\0late-child-process';
  return {
    name: 'late-child-process',
    resolveId: (path, importer = '') =>
      /^(?:node:)?child_process$/.test(path) && importer.includes('/commander/') ? late : undefined,
    load: (id) =>
      id === late ? "exports.spawn = (...args) => require('node:child_process').spawn(...args);" : undefined,
  };
}

/** Paths of the files of which something is in an output of esbuild. */
function inputsOf({ inputs }) {
  return Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0);
}

/** The same of rolldown, whose paths are absolute. */
function modulesOf({ modules }) {
  return Object.keys(modules).flatMap((id) => (modules[id].renderedLength > 0 ? [relative(root, id)] : []));
}

function licenceIn(directory) {
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  return file && readFileSync(join(directory, file), 'utf8').trim();
}

/** The licence texts of every package of which something is in the bundle: they ask to go where their code goes. */
function licences(files) {
  const packages = new Set(files.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
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
