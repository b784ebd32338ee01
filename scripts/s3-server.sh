#!/usr/bin/env bash
# A real S3 service for the tests: Ceph's RADOS gateway (Debian 12: radosgw 16.2) with one monitor and one OSD in
# memory. Everything is on 127.0.0.1 and below one directory; nothing of it outlives `stop`.
#   scripts/s3-server.sh start     starts what is not running (13 s the first time) and prints its environment; safe to
#                                  be called by many at once
#   scripts/s3-server.sh env       prints the environment again
#   scripts/s3-server.sh status    what runs; 1 when it is not all of it
#   scripts/s3-server.sh stop      ends what it started, by process id, and deletes the data
#   scripts/s3-server.sh second up|kill|down    another gateway to the same objects, which a test may kill (-9)
#   scripts/s3-server.sh admin ARGS…            radosgw-admin
# Settings: S3_SERVER_DIR (data, logs), S3_SERVER_PORT (7480: HTTP; the next two are HTTPS and the second gateway)
set -euo pipefail

dir=${S3_SERVER_DIR:-${TMPDIR:-/tmp}/strongroom-s3-$(id -u)}
port=${S3_SERVER_PORT:-7480}
tls_port=$((port + 1)) second_port=$((port + 2))
monitor_port=$((port + 10300)) # and the 40 above it
host=127.0.0.1
conf=$dir/ceph.conf
# They open nothing but this server.
admin_key=RGWADMINTESTKEY00001 admin_secret=rgw-admin-secret-for-loopback-tests-only
limited_key=RGWLIMITTESTKEY00002 limited_secret=rgw-limited-secret-for-loopback-tests-only
export PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "s3-server.sh: $* (logs: $dir/log)" >&2
  exit 1
}
ceph_() { timeout 30 ceph -c "$conf" "$@" </dev/null; }
admin_() { timeout 60 radosgw-admin -c "$conf" "$@" </dev/null 2>>"$dir/log/admin.err"; }

# A process id may have gone to somebody else since it was written down.
alive() { # name
  local pid program
  pid=$(cat "$dir/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  program=$( (tr "\0" "\n" <"/proc/$pid/cmdline" | head -1) 2>/dev/null) || return 1
  case $1:$program in mon:*ceph-mon | osd:*ceph-osd | rgw:*radosgw | second:*radosgw) ;; *) return 1 ;; esac
}

run() { # name, command…: in the background, without the lock that start holds
  local name=$1
  shift
  setsid "$@" >>"$dir/log/$name.out" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/run/$name.pid"
}

wait_for() { # name, command…: until the command succeeds, at most 90 s; gives up when the process has ended
  local name=$1 tries
  shift
  for tries in {1..900}; do
    ! "$@" >/dev/null 2>&1 || return 0
    alive "$name" || [ "$tries" -lt 5 ] || fail "$name did not start"
    sleep 0.1
  done
  fail "$name does not answer"
}

end() { # name, signal
  local pid tries
  if alive "$1"; then
    pid=$(cat "$dir/run/$1.pid")
    kill "-$2" "$pid" 2>/dev/null || true
    for tries in {1..100}; do
      alive "$1" || break
      [ "$tries" -lt 100 ] || kill -KILL "$pid" 2>/dev/null || true
      sleep 0.1
    done
  fi
  rm -f "$dir/run/$1.pid"
}

osd_is_up() { ceph_ osd stat | grep -q '1 up'; }

certificates() { # a private authority, and the server's certificate by it
  cd "$dir/tls"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=strongroom test authority' \
    -keyout ca.key -out ca.pem 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -CA ca.pem -CAkey ca.key \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -addext 'basicConstraints=critical,CA:FALSE' \
    -keyout server.key -out server.pem 2>/dev/null
  cat server.key server.pem >both.pem
  cd - >/dev/null
}

configuration() {
  cat <<CONF
[global]
fsid = $1
mon host = [v2:$host:$monitor_port,v1:$host:$((monitor_port + 1))]
public addr = $host
cluster addr = $host
ms bind ipv6 = false
ms bind port min = $((monitor_port + 10))
ms bind port max = $((monitor_port + 40))
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir/run
admin socket = $dir/run/\$cluster-\$name.asok
log file = $dir/log/\$name.log
keyring = $dir/keyring
mon data = $dir/mon
osd data = $dir/osd
osd objectstore = memstore
# A gateway that was killed is waited for by the others before each change of theirs, 30 s unless told otherwise.
osd client watch timeout = 3
memstore device bytes = 6442450944
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
osd scrub load threshold = 0.01
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
[client]
objecter tick interval = 0.5
ms mon client mode = crc secure
rgw dns name = localhost
rgw thread pool size = 64
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=$(head -c32 /dev/urandom | base64) testkey-2=$(head -c32 /dev/urandom | base64)
rgw enable usage log = false
CONF
}

# Without tcp_nodelay each reply with a body takes 40 ms: it comes in two packets, and the second waits for the
# acknowledgement of the first.
gateway() { # name, frontends
  ! alive "$1" || return 0
  run "$1" radosgw -c "$conf" -n "client.$1" -f --rgw-frontends "$2"
  # The first word that it listens: a name is taken before its port is.
  wait_for "$1" curl -fsS -o /dev/null "http://$host:${2##*endpoint=$host:}"
}

first_gateway() {
  gateway rgw "beast tcp_nodelay=1 ssl_endpoint=$host:$tls_port ssl_certificate=$dir/tls/both.pem endpoint=$host:$port"
}

start() {
  for program in ceph ceph-mon ceph-osd radosgw radosgw-admin monmaptool curl openssl; do
    command -v $program >/dev/null || fail "$program is missing: as root, scripts/install-debian.sh installs it"
  done
  if alive mon && alive osd && [ -e "$dir/ready" ]; then
    first_gateway
    return
  fi
  stop
  mkdir -p "$dir"/{mon,osd,log,run,tls}
  chmod 700 "$dir"
  local fsid uuid class
  fsid=$(cat /proc/sys/kernel/random/uuid) uuid=$(cat /proc/sys/kernel/random/uuid)
  configuration "$fsid" >"$conf"
  : >"$dir/keyring"
  certificates

  monmaptool --create --clobber --fsid "$fsid" \
    --addv a "[v2:$host:$monitor_port,v1:$host:$((monitor_port + 1))]" "$dir/monmap" >/dev/null
  ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap"
  run mon ceph-mon -c "$conf" -i a -f
  wait_for mon ceph_ mon stat
  ceph_ osd new "$uuid" 0 >/dev/null
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" >>"$dir/log/osd.mkfs.out" 2>&1
  run osd ceph-osd -c "$conf" -i 0 -f
  wait_for osd osd_is_up

  # Accounts and storage classes, before the gateway starts; the first call makes the pools.
  admin_ user create --uid=admin --max-buckets=1000000 --display-name=admin --access-key=$admin_key --secret-key=$admin_secret \
    --caps='user-policy=*;roles=*;users=*;buckets=*' >/dev/null
  admin_ user create --uid=limited --display-name=limited --access-key=$limited_key --secret-key=$limited_secret \
    >/dev/null
  for class in STANDARD_IA GLACIER; do # mere names here: nothing has to be thawed
    admin_ zonegroup placement add --rgw-zonegroup default --placement-id default-placement \
      --storage-class $class >/dev/null
    admin_ zone placement add --rgw-zone default --placement-id default-placement --storage-class $class \
      --data-pool "default.rgw.${class,,}.data" >/dev/null
  done
  first_gateway
  # Objects are their writer's: the administrator reads those of other users as well, as in one AWS account.
  curl -fsS -o /dev/null --aws-sigv4 aws:amz:default:iam --user "$admin_key:$admin_secret" "http://$host:$port/" \
    -d 'Action=PutUserPolicy&UserName=admin&PolicyName=all' --data-urlencode \
    'PolicyDocument={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}]}'
  touch "$dir/ready"
}

stop() {
  for name in second rgw osd mon; do end $name TERM; done
  rm -rf "$dir"
}

print_env() {
  cat <<ENV
S3_ENDPOINT=http://$host:$port
S3_TLS_ENDPOINT=https://$host:$tls_port
S3_SECOND_ENDPOINT=http://$host:$second_port
S3_TLS_CA=$dir/tls/ca.pem
S3_REGION=default
AWS_ACCESS_KEY_ID=$admin_key
AWS_SECRET_ACCESS_KEY=$admin_secret
S3_USER=admin
LIMITED_ACCESS_KEY_ID=$limited_key
LIMITED_SECRET_ACCESS_KEY=$limited_secret
LIMITED_USER=limited
LIMITED_ARN=arn:aws:iam:::user/limited
SSE_KMS_KEY_IDS="testkey-1 testkey-2"
ENV
}

status() {
  local whole=0
  for name in mon osd rgw; do
    if alive $name; then echo "$name runs as $(cat "$dir/run/$name.pid")"; else echo "$name is down"; fi
    alive $name || whole=1
  done
  return $whole
}

# One at a time: test files start it at once.
locked() {
  exec 9>"$dir.lock"
  flock -w 180 9 || fail 'somebody else has been starting or stopping it for three minutes'
}

case ${1:-} in
  start) locked && start && print_env ;;
  stop) locked && stop ;;
  env) print_env ;;
  status) status ;;
  second)
    locked
    case ${2:-} in
      up) gateway second "beast tcp_nodelay=1 endpoint=$host:$second_port" ;;
      kill) end second KILL ;;
      down) end second TERM ;;
      *) fail 'second up, kill or down' ;;
    esac
    ;;
  admin)
    shift
    radosgw-admin -c "$conf" "$@"
    ;;
  *)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
