// RECOVERY.md: how to open a vault with stock tools, when strongroom is not to be had. Generic text; its SHA-256
// is in the vault document, and a test runs exactly its commands. Change it with care: old vaults keep theirs.
// Its commands meet documents that an attacker wrote, so they take nothing from one but plain words, read no object
// that a proven record does not name, and where a proof fails leave BAD, which nothing after it can read: it is below
// a file, so that nobody can put anything there.

export const RECOVERY_TEXT = `# Recovering this vault with stock tools

This directory (or bucket prefix) is a strongroom vault, format 1. You need: \`age\` (1.3 or later when the
recipients in the vault document begin with age1pq1), \`ssh-keygen\` (OpenSSH 8.1 or later), \`sha256sum\`, \`gzip\`,
\`tar\`, \`sed\`, \`awk\`, \`grep\`, and one way to open the vault: its passphrase, an age identity, an SSH key, or
\`aws\`, \`base64\` and credentials that may use its AWS KMS key.
Copy the vault to this machine first when it is in a bucket. Run the commands in one shell (bash or sh), in the
vault's own directory, and stop at the first that complains.

## 1. Which vault document is the newest?

    umask 077
    export LC_ALL=C
    work=$(mktemp -d)
    BAD=/dev/null/BAD
    revisions() { ls vault | sed -n 's/^\\([1-9][0-9]*\\)\\.json$/\\1/p' | sort -n; }
    document="vault/$(revisions | tail -n 1).json"
    echo "$document"

## 2. Is it genuine?

    body() { sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' "$1"; }
    signature() { awk -v n="\${2:-1}" '/^-----BEGIN SSH SIGNATURE-----$/ {i++} i == n {print} /^-----END SSH SIGNATURE-----$/ && i == n {exit}' "$1"; }
    field() { body "$1" | sed -n "s|^ *\\"$2\\": \\"\\([A-Za-z0-9][A-Za-z0-9 .:+/=_-]*\\)\\",*$|\\1|p"; }
    sums() { awk -F '"' '$2 == "object" {o = $4} $2 == "sha256" {print $4 "  " o; o = ""}' | grep -E "^[0-9a-f]{64}  $1(/[A-Za-z0-9][A-Za-z0-9._-]*)+\\$"; }
    signed() { printf '%s %s\\n' "$3" "$4" > "$work/keys"; verified "$1" "$2" "$3" "$5"; }
    verified() { signature "$1" "$4" > "$work/sig"; body "$1" | ssh-keygen -Y verify -f "$work/keys" -I "$3" -n "strongroom-$2-v1" -s "$work/sig"; }
    signed "$document" vault authority "$(field "$document" authority | tail -n 1)" || document=$BAD
    [ "$(field "$document" object | head -n 1)" = "$document" ] || document=$BAD

"Good" is necessary, and the fingerprint in that line (SHA256:...) must be the one that you know from elsewhere: it was
printed when the vault was made and at its last rotation, and is in the pin of the strongroom.yaml of every machine that
backs up. If it is not, somebody may have put this document here for you to restore from it: say
\`document=vault/NUMBER.json\` with the next lower number, and run the last two lines again.

A rotation gives the vault another fingerprint, which the one before it signs. Each rotation is shown here as two lines,
the new fingerprint and the old one. If the one that you know is old, follow them to the last: the document must have
that. When two follow the same one, a thief of the old key made one of them: ask who rotated.

    for n in $(revisions); do first="vault/$n.json"; [ -z "$(signature "$first" 2)" ] || { echo "$first"; signed "$first" vault new "$(field "$first" authority | tail -n 1)" && signed "$first" vault old "$(field "$first" authority | tail -n 2 | head -n 1)" 2; }; done

Who may write snapshots, and which sets, stands under "hosts" in the document:

    body "$document" | tr -cd '\\n -~'

## 3. Unwrap the vault's identity

The ways to open it stand under "slots" in the document. With the passphrase (age asks for it):

    slots() { body "$document" | grep -F -A 1 "\\"method\\": \\"$1\\"," | sed -n 's|^ *"object": "\\(keys/[a-z0-9._/-]*\\)",*$|\\1|p'; }
    age -d -o "$work/identity.txt" "$(slots passphrase | tail -n 1)"

With an age identity or an SSH key of yours in ~/me.txt, not in the vault:

    for slot in $(slots age) $(slots ssh); do age -d -i ~/me.txt -o "$work/identity.txt" "$slot" && break; done

With its AWS KMS key (as whoever \`aws sts get-caller-identity\` names; see the end when it refuses):

    arn() { body "$document" | grep -F -A 5 "\\"object\\": \\"$1\\"," | sed -n 's|^ *"arn": "\\(arn:aws[a-z-]*:kms:[a-z0-9-]*:[0-9]*:key/[A-Za-z0-9-]*\\)",*$|\\1|p'; }
    context="vault=$(field "$document" vault | head -n 1),generation=$(field "$document" generation | tail -n 1)"
    for slot in $(slots kms); do aws kms decrypt --region "$(arn "$slot" | cut -d : -f 4)" --key-id "$(arn "$slot")" --encryption-context "$context" --ciphertext-blob "fileb://$slot" --query Plaintext --output text | base64 -d > "$work/identity.txt" && [ -s "$work/identity.txt" ] && break; done

The first line of the result must name this vault (the "vault" of the document) and its generation:

    head -n 1 "$work/identity.txt"
    field "$document" vault | head -n 1

Each generation's identity opens the one before it, for snapshots that are older than a rotation:

    body "$document" | sums 'keys/[0-9]+' | grep /previous- | sort -t / -k 2nr > "$work/previous"
    for old in $(cut -c 67- "$work/previous"); do grep " $old$" "$work/previous" | sha256sum -c && age -d -i "$work/identity.txt" "$old" > "$work/older.txt" && cat "$work/older.txt" >> "$work/identity.txt"; done

## 4. Choose a snapshot and check it

    ls snapshots/*/

Say which, by set and id (of \`20261120T055812Z-abc123.2.json\`, all before the first dot):

    set=SET
    id=ID

A snapshot that was encrypted anew after a rotation has a record that ends in the number of a generation, is signed by the
authority of that generation, and holds the record that the host signed. The highest that is genuine counts:

    record="snapshots/$set/$id.json"
    own=$record
    n=$(field "$document" authority | wc -l)
    while [ "$n" -gt 1 ]; do again="snapshots/$set/$id.$((n)).json"; [ -f "$again" ] && signed "$again" record authority "$(field "$document" authority | sed -n "$((n))p")" && record=$again && own="$work/own" && break; n=$((n - 1)); done
    [ "$own" = "$record" ] || printf '%b' "$(body "$record" | sed -n 's/^ *"original": "\\(.*\\)",*$/\\1/p' | sed 's/\\\\"/"/g')" > "$own"
    [ "$(field "$record" object | head -n 1)" = "$record" ] || record=$BAD
    [ "$(field "$own" object | head -n 1)" = "snapshots/$set/$id.json" ] || record=$BAD
    [ "$(field "$own" vault | head -n 1)" = "$(field "$document" vault | head -n 1)" ] || record=$BAD

The host's record must be signed by that host's key as the vault document lists it. Of a host with a "removed" line it
counts only when the ledger entry that the document names there lists its SHA-256:

    host=$(field "$own" host | head -n 1)
    entry() { body "$document" | awk -v key="ssh-ed25519 $1\\"" 'index($0, "\\"key\\": \\"" key) {on = 1} on && /^ *"name":/ {exit} on'; }
    counts() { entry "$1" | grep -q '^ *"removed":' || return 0; entry "$1" | sums ledger > "$work/removal"; sha256sum -c "$work/removal" >&2 && grep -q "^ *\\"$(sha256sum < "$own" | cut -c 1-64)\\",*$" "$(cut -c 67- "$work/removal")"; }
    keys=$(body "$document" | grep -F -A 1 "\\"name\\": \\"$host\\"," | sed -n 's|^ *"key": "ssh-ed25519 \\([A-Za-z0-9+/=]*\\)",*$|\\1|p')
    for key in $keys; do counts "$key" && printf '%s ssh-ed25519 %s\\n' "$host" "$key"; done > "$work/keys"
    verified "$own" record "$host" || record=$BAD

Its stored parts must be those that the record lists, and hold what its host signed for:

    body "$record" | sums "data/$set/$id" | sha256sum -c || record=$BAD
    plain() { body "$record" | sums "data/$set/$id" | cut -c 67- | grep "/$1\\.[0-9]*$" | xargs cat | age -d -i "$work/identity.txt"; }
    [ "$(plain contents.json.gz.age | sha256sum | cut -c 1-64)" = "$(field "$own" contents | tail -n 1)" ] || record=$BAD
    proven() { [ "$(plain "$1" | sha256sum)" = "$(plain contents.json.gz.age | gzip -dc | sed -n "s/.*\\"name\\":\\"$1\\",\\"size\\":[0-9]*,\\"sha256\\":\\"\\([0-9a-f]*\\)\\".*/\\1/p")  -" ] && plain "$1"; }

## 5. Restore

As root or not, this creates files that only you can read, outside of the vault. Nothing but the parts that were
checked is read:

    out=$HOME/restored
    mkdir "$out"
    proven files.tar.gz.age | gzip -dc | tar -x --no-same-owner --no-same-permissions -C "$out"

What was in it, with the modes and owners it had and the SHA-256 of each file:

    plain contents.json.gz.age | gzip -dc

A stream (a database dump) NAME comes out with:
\`proven stream-NAME.gz.age | gzip -dc\`

Then remove what you unwrapped, and ~/me.txt if you brought it here:

    rm -r "$work"

## When AWS KMS refuses

The role needs kms:Decrypt on the ARN of the slot, in its own policy and in the key's. A disabled key:
\`aws kms enable-key --key-id ARN\`. One that is pending deletion: \`aws kms cancel-key-deletion --key-id ARN\`, then
enable it. A key that was deleted is gone: use another way to open the vault. A multi-Region key (its id begins with
mrk-) has replicas: when its own region does not answer, put another one in --region and in the ARN.
`;
