#!/usr/bin/env bash
# Runs Debian's docker-registry for tests and examples, on loopback if no other ADDRESS is given; everything it keeps is under DIR.
# PORT 0 takes a free one. `start` prints `ADDRESS:PORT` when the registry answers; a running one is left as it is.
set -euo pipefail

usage='usage: eng/registry.sh start DIR [ADDRESS:]PORT [--htpasswd USER PASS] [--tls CERT KEY] [--token REALM CERT] | stop DIR'
die() { echo "error: $*" >&2; exit 1; }

# Signals only what is still our registry: pids are used again.
running() {
  [ -s "$dir/pid" ] && grep -qzxF "$dir/config.yml" "/proc/$(cat "$dir/pid")/cmdline" 2>/dev/null
}

# A single-quoted YAML scalar, in which only the quote is special.
quote() { printf "'%s'" "${1//\'/\'\'}"; }

write_config() {
  local listen=$1 user='' password='' cert='' key='' realm='' signer=''
  shift
  while [ $# -gt 0 ]; do
    [ $# -ge 3 ] || die "$usage"
    case $1 in
      --htpasswd) user=$2 password=$3 ;;
      --tls) cert=$(realpath "$2") key=$(realpath "$3") ;;
      --token) realm=$2 signer=$(realpath "$3") ;;
      *) die "$usage" ;;
    esac
    shift 3
  done
  {
    printf 'version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n'
    printf 'storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\n' "$(quote "$dir/data")"
    printf 'http:\n  addr: %s\n  secret: loopback\n' "$listen"
    [ -z "$cert" ] || printf '  tls: {certificate: %s, key: %s}\n' "$(quote "$cert")" "$(quote "$key")"
    [ -z "$realm" ] || printf 'auth: {token: {realm: %s, service: registry, issuer: tests, rootcertbundle: %s}}\n' "$(quote "$realm")" "$(quote "$signer")"
    [ -z "$user" ] || printf 'auth: {htpasswd: {realm: registry, path: %s}}\n' "$(quote "$dir/htpasswd")"
  } >"$dir/config.yml"
  [ -n "$user" ] || return 0
  # The registry reads bcrypt only; perl is on every Debian and its crypt() writes it.
  # shellcheck disable=SC2016 # the dollar signs are bcrypt's and perl's
  printf '%s' "$password" | perl -e '
    my @set = (".", "/", "A".."Z", "a".."z", "0".."9");
    my $salt = join "", map { $set[rand 64] } 1..22;
    my $hash = crypt(do { local $/; <STDIN> }, q($2b$05$) . $salt);
    die "no bcrypt\n" unless $hash =~ /^\$2b/;
    print "$ARGV[0]:$hash\n"' "$user" >"$dir/htpasswd" || die "this machine's crypt() knows no bcrypt"
}

answers() { (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null; }

start() {
  local address=127.0.0.1 port
  case $1 in *:*) address=${1%:*} ;; esac
  set -- "$address:${1##*:}" "${@:2}"
  # shellcheck source=eng/parts.sh
  . "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
  need_registry >&2
  umask 077
  mkdir -p "$dir/data"
  if ! running; then
    write_config "$@"
    : >"$dir/log"
    setsid docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 200); do
      port=$(sed -n 's/.*listening on [0-9.]*:\([0-9]*\).*/\1/p' "$dir/log" | tail -n 1)
      [ -n "$port" ] && answers "$address:$port" && break
      kill -0 $! 2>/dev/null || break
      sleep 0.05
    done
    { running && [ -n "$port" ]; } || die "the registry did not start: $(sed -n '$s/.*msg="\(.*\)".*/\1/;$p' "$dir/log")"
    echo "$address:$port" >"$dir/address"
  fi
  cat "$dir/address"
}

stop() {
  local pid
  if running; then
    pid=$(cat "$dir/pid")
    kill "$pid"
    for _ in $(seq 100); do running || break; sleep 0.05; done
    ! running || kill -9 "$pid"
  fi
  rm -f "$dir/pid" "$dir/address"
}

[ $# -ge 2 ] || die "$usage"
command=$1
dir=$(realpath -m "$2")
shift 2
case $command in
  start) [[ ${1:-} =~ ^([0-9.]+:)?[0-9]+$ ]] || die "$usage"; start "$@" ;;
  stop) stop ;;
  *) die "$usage" ;;
esac
