#!/usr/bin/env bash
# Runs moto, which plays AWS's APIs in tests. It speaks TLS; everything it keeps is in its memory.
set -euo pipefail

usage='usage: eng/moto.sh start DIR ADDRESS:PORT CERT KEY | stop DIR'
die() { echo "error: $*" >&2; exit 1; }
# shellcheck source=eng/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

# Signals only what is still our server: pids are used again.
running() { [ -s "$dir/pid" ] && grep -qzxF "/$(cat "$dir/inside")/key.pem" "/proc/$(cat "$dir/pid")/cmdline" 2>/dev/null; }

start() {
  local listen=$1 inside
  need_moto >&2
  running && return 0
  # What it reads must lie inside its root.
  inside=$(cd "$parts_moto" && mktemp -d run/slipway-XXXXXX)
  mkdir -p "$dir"
  echo "$inside" >"$dir/inside"
  install -m 600 "$2" "$parts_moto/$inside/cert.pem"
  install -m 600 "$3" "$parts_moto/$inside/key.pem"
  setsid chroot "$parts_moto" moto_server -H "${listen%:*}" -p "${listen##*:}" -c "/$inside/cert.pem" -k "/$inside/key.pem" >"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/${listen%:*}/${listen##*:}") 2>/dev/null && return 0
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  die "moto did not start: $(tail -n 1 "$dir/log")"
}

stop() {
  ! running || kill "$(cat "$dir/pid")"
  [ ! -s "$dir/inside" ] || rm -rf "${parts_moto:?}/$(cat "$dir/inside")"
  rm -f "$dir/pid" "$dir/inside"
}

[ $# -ge 2 ] || die "$usage"
command=$1
dir=$(realpath -m "$2")
shift 2
case $command in
  start) [ $# -eq 3 ] || die "$usage"; start "$@" ;;
  stop) stop ;;
  *) die "$usage" ;;
esac
