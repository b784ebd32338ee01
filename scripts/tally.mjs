// The last words of a test run, from vitest's JSON reports: what was skipped, by name, and `N passed, N failed`.
// Fails when anything did, and when nothing ran at all.
import { readFileSync } from 'node:fs';

let passed = 0;
let failed = 0;
const skipped = new Set();
for (const path of process.argv.slice(2)) {
  for (const { name, status, assertionResults } of results(path)) {
    const having = (...wanted) => assertionResults.filter((test) => wanted.includes(test.status));
    passed += having('passed').length;
    // A file that could not even be loaded has failed, though none of its tests has; so have tests without an end,
    // whose process died.
    failed += having('failed', 'pending').length || (status === 'failed' ? 1 : 0);
    for (const { fullName } of having('skipped')) skipped.add(`${relative(name)}: ${fullName}`);
  }
}
for (const test of skipped) console.log(`SKIPPED ${test}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

/** The report's test files; a run that left no report has failed. */
function results(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    console.log(`no report of a test run in ${path}`);
    return [{ name: path, status: 'failed', assertionResults: [] }];
  }
}

function relative(path) {
  return path.replace(`${process.cwd()}/`, '');
}
