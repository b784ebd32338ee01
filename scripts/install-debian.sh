#!/usr/bin/env bash
# The programs that tests run besides Node's own, and the Debian packages that hold them.
#   scripts/install-debian.sh            installs what is missing (root, Debian or a kin)
#   scripts/install-debian.sh --missing  prints what is missing, a line each, and changes nothing
set -euo pipefail

# program  package  what is left out without it
table='
age              age              files and vaults opened with the age program
age-keygen       age              identities made by the age program
ssh-keygen       openssh-client   signatures checked by OpenSSH
openssl          openssl          certificates, and the shell pipeline that the README warns of
strace           strace           modes and writes watched from outside
zsh              zsh              zsh completions
fish             fish             fish completions
bsdtar           libarchive-tools archives read by a second tar
aws              awscli           a bucket and an AWS KMS key used by stock tools
python3          python3          the age program at a pseudo-terminal
mkfs.exfat       exfatprogs       a vault on a disk without hard links
mount.exfat-fuse exfat-fuse       a vault on a disk without hard links
losetup          mount            a vault on a disk without hard links, and on a full one
setpriv          util-linux       runs as another user
radosgw          radosgw          a vault in a bucket of a real S3 service
ceph-mon         ceph-mon         a vault in a bucket of a real S3 service
ceph-osd         ceph-osd         a vault in a bucket of a real S3 service
ceph             ceph-common      a vault in a bucket of a real S3 service
radosgw-admin    ceph-common      a vault in a bucket of a real S3 service
monmaptool       ceph-base        a vault in a bucket of a real S3 service
chromium         chromium         recovery kits as a browser shows and prints them
pdftoppm         poppler-utils    recovery kits as a browser shows and prints them
curl             curl             a vault in a bucket of a real S3 service
flock            util-linux       a vault in a bucket of a real S3 service
initdb           postgresql       dumps of a real PostgreSQL server
pg_dump          postgresql-client dumps of a real PostgreSQL server
mariadbd         mariadb-server   dumps of a real MariaDB server
mariadb-dump     mariadb-client   dumps of a real MariaDB server
redis-server     redis-server     dumps of a real Redis server
redis-cli        redis-tools      dumps of a real Redis server
sqlite3          sqlite3          dumps of real SQLite files
crontab          cron             schedules taken by cron
systemd-analyze  systemd          units and times read by systemd
unshare          util-linux       schedules installed beside those of the machine
shellcheck       shellcheck       the shell in deploy/
promtool         prometheus       metrics and alert rules checked by Prometheus
'

missing() {
  local program package purpose
  # PostgreSQL's servers are on no path.
  local path="$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)"
  while read -r program package purpose; do
    [ -z "$program" ] || PATH="$path" command -v "$program" >/dev/null || echo "$program $package $purpose"
  done <<<"$table"
}

if [ "${1:-}" = --missing ]; then
  missing
  exit
fi
mapfile -t packages < <(missing | cut -d' ' -f2 | sort -u)
[ ${#packages[@]} -gt 0 ] || exit 0
echo "installing for the tests: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "${packages[@]}" >/dev/null
