// RECOVERY.md: how to open a vault with stock tools, when strongroom is not to be had. Generic text; its SHA-256
// is in the vault document, and a test runs exactly its commands. Change it with care: old vaults keep theirs.
// Its commands meet documents that an attacker wrote, so they take nothing from one but plain words, read no object
// that a proven record does not name, and where a proof fails leave BAD, which nothing after it can read.

export const RECOVERY_TEXT = `# Recovering this vault with stock tools

This directory (or bucket prefix) is a strongroom vault, format 1. You need: \`age\` (1.3 or later when the
recipients in the vault document begin with age1pq1), \`ssh-keygen\` (OpenSSH 8.1 or later), \`sha256sum\`, \`gzip\`,
\`tar\`, \`sed\`, \`awk\`, \`grep\`, and one way to open the vault: its passphrase, an age identity, an SSH key, or
\`aws\`, \`base64\` and credentials that may use its AWS KMS key.
Copy the vault to this machine first when it is in a bucket. Run the commands in one shell (bash or sh), in the
vault's own directory, and stop at the first that complains.

## 1. Which vault document is the newest?

    umask 077
    work=$(mktemp -d)
    revision=$(ls vault | sed -n 's/^\\([1-9][0-9]*\\)\\.json$/\\1/p' | sort -n | tail -n 1)
    document="vault/$revision.json"
    echo "$document"

## 2. Is it genuine?

The fingerprint of the vault's authority was printed when the vault was made, and is in the pin of the
strongroom.yaml of every machine that backs up ("SHA256:..."). Compare it with what this prints:

    body() { sed '/^-----BEGIN SSH SIGNATURE-----$/,$d' "$1"; }
    signature() { awk '/^-----BEGIN SSH SIGNATURE-----$/ {on=1} on {print} /^-----END SSH SIGNATURE-----$/ {exit}' "$1"; }
    field() { body "$1" | sed -n "s|^ *\\"$2\\": \\"\\([A-Za-z0-9][A-Za-z0-9 .:+/=_-]*\\)\\",*$|\\1|p"; }
    authority=$(field "$document" authority | tail -n 1)
    printf '%s\\n' "$authority" > "$work/authority.pub"
    ssh-keygen -l -f "$work/authority.pub"
    printf 'authority %s\\n' "$authority" > "$work/allowed"
    signature "$document" > "$work/document.sig"
    body "$document" | ssh-keygen -Y verify -f "$work/allowed" -I authority -n strongroom-vault-v1 -s "$work/document.sig" || document=BAD
    [ "$(field "$document" object | head -n 1)" = "$document" ] || document=BAD

"Good" is necessary, and the fingerprint must be the one that you know from elsewhere. If it is not, somebody may
have put this document here for you to restore from it: set \`document\` to the next lower number and try again.
Who may write snapshots, and which sets, stands under "hosts" in the document; one with a "removed" line may no more:

    body "$document"

## 3. Unwrap the vault's identity

The ways to open it stand under "slots" in the document. With the passphrase (age asks for it):

    slots() { body "$document" | grep -A 1 "^ *\\"method\\": \\"$1\\",$" | sed -n 's|^ *"object": "\\(keys/[a-z0-9._/-]*\\)",*$|\\1|p'; }
    age -d -o "$work/identity.txt" "$(slots passphrase | tail -n 1)"

With an age identity or an SSH key of yours in me.txt:

    for slot in $(slots age) $(slots ssh); do age -d -i me.txt -o "$work/identity.txt" "$slot" && break; done

With its AWS KMS key (as whoever \`aws sts get-caller-identity\` names; see the end when it refuses):

    arn() { body "$document" | grep -A 5 "^ *\\"object\\": \\"$1\\",$" | sed -n 's|^ *"arn": "\\(arn:aws[a-z-]*:kms:[a-z0-9-]*:[0-9]*:key/[A-Za-z0-9-]*\\)",*$|\\1|p'; }
    context="vault=$(field "$document" vault | head -n 1),generation=$(field "$document" generation | tail -n 1)"
    for slot in $(slots kms); do aws kms decrypt --region "$(arn "$slot" | cut -d : -f 4)" --key-id "$(arn "$slot")" --encryption-context "$context" --ciphertext-blob "fileb://$slot" --query Plaintext --output text | base64 -d > "$work/identity.txt" && [ -s "$work/identity.txt" ] && break; done

The first line of the result must name this vault (the "vault" of the document) and its generation:

    head -n 1 "$work/identity.txt"
    field "$document" vault | head -n 1

## 4. Choose a snapshot and check it

    ls snapshots/*/

Say which, by set and id:

    set=SET
    id=ID

Its record names its host, and must be signed by that host's key as the vault document lists it:

    record="snapshots/$set/$id.json"
    host=$(field "$record" host | head -n 1)
    key=$(body "$document" | grep -A 1 "^ *\\"name\\": \\"$host\\",$" | sed -n 's|^ *"key": "\\(ssh-ed25519 [A-Za-z0-9+/=]*\\)",*$|\\1|p' | tail -n 1)
    printf '%s %s\\n' "$host" "$key" > "$work/hosts"
    signature "$record" > "$work/record.sig"
    body "$record" | ssh-keygen -Y verify -f "$work/hosts" -I "$host" -n strongroom-record-v1 -s "$work/record.sig" || record=BAD
    [ "$(field "$record" object | head -n 1)" = "$record" ] || record=BAD
    [ "$(field "$record" vault | head -n 1)" = "$(field "$document" vault | head -n 1)" ] || record=BAD

Its stored parts must be those that the record lists:

    field "$record" object | grep '^data/' > "$work/objects"
    body "$record" | grep -A 2 '^ *"object": "data/' | sed -n 's|^ *"sha256": "\\([0-9a-f]*\\)",*$|\\1|p' > "$work/sums"
    paste -d ' ' "$work/sums" "$work/objects" | sed 's/ /  /' | sha256sum -c || record=BAD

## 5. Restore

As root or not, this creates files that only you can read. Nothing but the parts that were checked is read:

    parts() { field "$record" object | grep "^data/.*/$1\\.[0-9]*$" | xargs cat; }
    mkdir out
    parts files.tar.gz.age | age -d -i "$work/identity.txt" | gzip -dc | tar -x --no-same-owner --no-same-permissions -C out

What was in it, with the modes and owners it had and the SHA-256 of each file:

    parts contents.json.gz.age | age -d -i "$work/identity.txt" | gzip -dc

A stream (a database dump) NAME comes out with:
\`parts stream-NAME.gz.age | age -d -i "$work/identity.txt" | gzip -dc\`

Then remove what you unwrapped:

    rm -r "$work"

## Older generations

A snapshot whose data directory begins with a lower number than the newest generation opens with that generation's
identity. The object keys/N/previous-*.age of generation N holds the identity of generation N-1:
\`age -d -i "$work/identity.txt" keys/N/previous-RANDOM.age > "$work/older.txt"\`

## When AWS KMS refuses

The role needs kms:Decrypt on the ARN of the slot, in its own policy and in the key's. A disabled key:
\`aws kms enable-key --key-id ARN\`. One that is pending deletion: \`aws kms cancel-key-deletion --key-id ARN\`, then
enable it. A key that was deleted is gone: use another way to open the vault. A multi-Region key (its id begins with
mrk-) has replicas: when its own region does not answer, put another one in --region and in the ARN.
`;
