#!/usr/bin/env bash
# npm test: does its own set-up, then runs the tests. Arguments go to vitest: npm test -- test/crypt
#   STRONGROOM_LONG=1         the long modes too (.ci/run sets it)
#   STRONGROOM_REPORT=FILE    where to leave vitest's report as JSON
set -euo pipefail
. "$(dirname "$0")/setup.sh"

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  bash scripts/install-debian.sh || echo 'THE DEBIAN PACKAGES COULD NOT BE INSTALLED'
fi
missing=$(bash scripts/install-debian.sh --missing)
if [ -n "$missing" ]; then
  echo 'MISSING PROGRAMS: the tests that need them are skipped (as root, scripts/install-debian.sh installs them)'
  while read -r program package purpose; do echo "  SKIPPED without $program ($package): $purpose"; done <<<"$missing"
fi
[ "$(id -u)" = 0 ] || echo 'NOT ROOT: tests that mount or change owners are skipped'

report=${STRONGROOM_REPORT:-$(mktemp)}
# The S3 service is started by the first test that needs it; here in CI, so that it is seen when that fails.
bash scripts/s3-server.sh status >/dev/null 2>&1 && s3=before || s3=ours
clean_up() {
  [ "$s3" = before ] || bash scripts/s3-server.sh stop
  [ -n "${STRONGROOM_REPORT:-}" ] || rm -f "$report"
}
trap clean_up EXIT
if [ -n "${CI:-}" ] && ! bash scripts/s3-server.sh start >/dev/null; then
  echo 'THE S3 SERVICE COULD NOT BE STARTED: its tests will fail'
fi
status=0
node node_modules/vitest/vitest.mjs run --reporter=default --reporter=json --outputFile.json="$report" "$@" || status=$?
node scripts/tally.mjs "$report"
exit "$status"
