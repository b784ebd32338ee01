#!/usr/bin/env bash
# npm run demo: the main job from beginning to end on a local vault, with the example shop, in a temporary directory
# that goes when it ends. Every command is shown before it runs; any that does not do as it should ends the demo.
set -euo pipefail
. "$(dirname "$0")/setup.sh"
node scripts/build.mjs --no-types

demo=$(mktemp -d)
trap 'status=$?; rm -rf "$demo"; [ $status = 0 ] || echo "THE DEMO FAILED (exit code $status)" >&2' EXIT

# A machine of its own: nothing of this user's is read or written.
for name in $(compgen -v STRONGROOM_ || true) STATE_DIRECTORY; do unset "$name"; done
export HOME=$demo/home XDG_STATE_HOME=$demo/state XDG_DATA_HOME=$demo/data XDG_CACHE_HOME=$demo/cache
export XDG_CONFIG_HOME=$demo/config STRONGROOM_HOST=demo
mkdir "$demo/bin" "$demo/home" "$demo/offsite"
printf '#!/bin/sh\nexec node "%s/dist/main.cjs" "$@"\n' "$PWD" >"$demo/bin/strongroom"
chmod +x "$demo/bin/strongroom"
export PATH=$demo/bin:$PATH

say() { printf '\n# %s\n' "$*"; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}
fails() { # exit code, command: must end in just that code
  local code=0
  printf '$ %s\n' "${*:2}"
  "${@:2}" || code=$?
  [ $code = "$1" ] || { echo "exit code $code, expected $1" >&2; return 1; }
  echo "(exit code $code, as it should be)"
}

# Turns one bit of a file around.
flip() {
  node -e 'const fs = require("fs"), path = process.argv[1], bytes = fs.readFileSync(path);
    bytes[bytes.length >> 1] ^= 1; fs.chmodSync(path, 0o600); fs.writeFileSync(path, bytes)' "$1"
}

umask 022
cp -r examples/shop "$demo/shop"
cd "$demo/shop"
# Those of a user who tried the example by hand.
rm -rf .env secrets certs deploy kubernetes/overlays/production/{secrets.env,session_key} strongroom.yaml

say 'A small deployment, with throw-away secrets'
run node make-secrets.mjs

say 'Make a vault at another place, opened by a passphrase that is kept in a file of its owner'
(umask 077 && node -p 'crypto.randomBytes(24).toString("base64url")' >"$demo/passphrase")
export STRONGROOM_PASSPHRASE_FILE=$demo/passphrase
run strongroom init --name shop --passphrase --location ../offsite/shop

say 'Back up: needs no passphrase, so here it has none'
run env -u STRONGROOM_PASSPHRASE_FILE strongroom backup --label before-deploy
run strongroom list
run strongroom show @before-deploy

say 'Is it whole and genuine? First without any key, then decrypting everything'
run env -u STRONGROOM_PASSPHRASE_FILE strongroom verify
run strongroom verify --read-data

say 'Restore elsewhere, under the most careless umask'
umask 000
run strongroom restore latest --set shop --target ../restored
umask 022
run diff -r . ../restored
run strongroom verify latest --set shop --against ../restored
run strongroom verify latest --set shop --against .

say 'Every file is for its owner only'
run find ../restored -type f -exec ls -l {} +
wide=$(find ../restored \( -type f ! -perm 600 \) -o \( -type d ! -perm 700 \))
[ -z "$wide" ] || { echo "not 0600 or 0700: $wide" >&2; exit 1; }
echo "$(find ../restored -type f | wc -l) files 0600, $(find ../restored -type d | wc -l) directories 0700"

say 'Somebody changes one bit in the store'
run flip "$(find ../offsite/shop/data -name 'files.tar.gz.age.00000')"
fails 13 strongroom verify
fails 13 strongroom restore latest --set shop --target ../restored-again
[ ! -e ../restored-again ] || { echo 'something was restored' >&2; exit 1; }

printf '\nThe demo is done: backed up, listed, verified, restored, compared; a changed bit was refused.\n'
