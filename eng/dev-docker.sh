#!/usr/bin/env bash
# Runs a dockerd of its own that plays "the user's local Docker" in tests and examples, beside whatever else runs here.
# `start` prints DOCKER_HOST=unix://... when it answers; `stop` takes back all that `start` changed and keeps DIR/data.
# With --classic the images are kept by a graph driver (overlay2) and not in containerd's store.
set -euo pipefail

usage='usage: eng/dev-docker.sh start [DIR] [--classic] | stop [DIR] | status [DIR]   (default DIR: /var/tmp/slipway-docker)'
die() { echo "error: $*" >&2; exit 1; }
PATH=$PATH:/usr/sbin:/sbin

# Signals only what is still our daemon: pids are used again.
running() { [ -s "$dir/pid" ] && grep -qzxF "$dir/data" "/proc/$(cat "$dir/pid")/cmdline" 2>/dev/null; }

# The daemon adds no iptables rules, so that several of them do not take each other's chains down; these few do.
rules() {
  local bridge subnet
  read -r bridge subnet <"$dir/network"
  echo "-t nat $1 POSTROUTING -s $subnet ! -o $bridge -j MASQUERADE"
  echo "$1 FORWARD -i $bridge -j ACCEPT"
  echo "$1 FORWARD -o $bridge -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
}

# What the first of our daemons found, for the last one to put back.
forward_before=/run/slipway-dev-docker.forward

free_subnet() {
  local used n
  used=$(ip -4 addr; ip -4 route)
  for n in $(seq 0 255); do
    grep -qF " 10.213.$n." <<<" $used" || grep -q "^10\.213\.$n\." <<<"$used" || { echo "10.213.$n"; return; }
  done
  die "every subnet of 10.213.0.0/16 is in use"
}

network_up() {
  local bridge prefix rule
  bridge=devdock$(sha256sum <<<"$dir" | cut -c1-6)
  (
    flock 9
    [ -e "$forward_before" ] || cat /proc/sys/net/ipv4/ip_forward >"$forward_before"
    prefix=$(free_subnet)
    echo "$bridge $prefix.0/24" >"$dir/network"
    ip link add "$bridge" type bridge && ip addr add "$prefix.1/24" dev "$bridge" && ip link set "$bridge" up
  ) 9>/run/slipway-dev-docker.lock || die "cannot create the network bridge $bridge: containers need a privileged machine"
  if ! echo 1 >/proc/sys/net/ipv4/ip_forward; then
    echo "warning: containers cannot reach the network: IP forwarding cannot be turned on" >&2
  fi
  while read -r rule; do
    # shellcheck disable=SC2086 # a rule is words
    iptables -w $rule || echo "warning: containers cannot reach the network: iptables $rule" >&2
  done < <(rules -I)
}

network_down() {
  local bridge rule
  [ -s "$dir/network" ] || return 0
  read -r bridge _ <"$dir/network"
  while read -r rule; do
    # shellcheck disable=SC2086 # a rule is words
    iptables -w $rule 2>/dev/null || true
  done < <(rules -D)
  ip link del "$bridge" 2>/dev/null || true
  (
    flock 9
    [ -e "$forward_before" ] || exit 0
    if ip -o link show type bridge | grep -qF ': devdock'; then exit 0; fi
    # Forwarding stays on while any other bridge is there: it may be what another daemon relies on.
    [ "$(cat "$forward_before")" != 0 ] || [ -n "$(ip -o link show type bridge)" ] || echo 0 >/proc/sys/net/ipv4/ip_forward || true
    rm -f "$forward_before"
  ) 9>/run/slipway-dev-docker.lock
  rm -f "$dir/network"
}

# A RUN step's cgroups outlive a killed daemon. None is removed while a process is in it.
cgroups_down() { find /sys/fs/cgroup -depth -type d -path "*/$(cgroup)*" -exec rmdir {} + 2>/dev/null || true; }
cgroup() { echo "slipway-dev-$(sha256sum <<<"$dir" | cut -c1-6)"; }

write_config() {
  local mtu bridge
  read -r bridge _ <"$dir/network"
  # The bridge's own 1500 would lose big packets behind a smaller uplink.
  mtu=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  mtu=$(cat "/sys/class/net/${mtu:-none}/mtu" 2>/dev/null || echo 1500)
  cat >"$dir/daemon.json" <<END
{
  "features": {"containerd-snapshotter": $containerd},
  "bridge": "$bridge", "mtu": $mtu, "iptables": false, "ip6tables": false, "ip-forward": false,
  "cgroup-parent": "/$(cgroup)", "shutdown-timeout": 3, "log-level": "warn"
}
END
}

# Runs in the daemon's own process and mount namespace, where nothing of it outlives it.
# shellcheck disable=SC2016 # expanded by that shell
inside='
set -eu
dir=$1 init=$2; shift 2
# dockerd would join a containerd that it finds here.
[ ! -d /run/containerd ] || mount -t tmpfs tmpfs /run/containerd
# overlayfs cannot lie on overlayfs.
case $(stat -f -c %T "$dir/data") in overlay*) mount -t tmpfs tmpfs "$dir/data"; echo "$dir/data is on overlayfs: images are kept in memory" ;; esac
if ! grep -q " /sys/fs/cgroup" /proc/mounts; then
  if grep -q "^nodev.cgroup2" /proc/filesystems && [ "$(awk "\$2 != 0" /proc/cgroups | wc -l)" -le 1 ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  else
    mount -t tmpfs cgroup /sys/fs/cgroup
    for group in $(awk "!/^#/ && \$4 == 1 {print \$1}" /proc/cgroups); do
      mkdir "/sys/fs/cgroup/$group"
      mount -t cgroup -o "$group" cgroup "/sys/fs/cgroup/$group" || rmdir "/sys/fs/cgroup/$group"
    done
  fi
fi
exec $init dockerd "$@"'

# docker-init reaps what containers leave behind and passes SIGTERM on; it is in another place in Docker's own packages.
find_init() {
  local name
  for name in docker-init /usr/libexec/docker/docker-init tini; do
    command -v "$name" >/dev/null && { echo "$name --"; return; }
  done
}

start() {
  [ "$(id -u)" -eq 0 ] || die "a dockerd needs root: run this as root, or use the Docker that you have"
  # shellcheck source=eng/parts.sh
  . "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
  { need_engine && need_docker_cli; } >&2
  # A socket's path has at most 107 characters, and containerd adds 32 of them.
  [ ${#dir} -le 70 ] || die "$dir is too long a path for the sockets in it: choose a shorter DIR"
  if ! running; then
    clean
    mkdir -p "$dir/data"
    network_up
    write_config
    setsid unshare --mount --propagation slave --pid --fork --kill-child=SIGKILL --mount-proc \
      sh -c "$inside" sh "$dir" "$(find_init)" --config-file "$dir/daemon.json" --data-root "$dir/data" --exec-root "$dir/exec" \
      --pidfile "$dir/dockerd.pid" --host "unix://$dir/docker.sock" >"$dir/log" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    wait_for_answer $! || { stop; die "dockerd did not start: $(tail -n 1 "$dir/log")"; }
  fi
  echo "DOCKER_HOST=unix://$dir/docker.sock"
}

wait_for_answer() {
  for _ in $(seq 300); do
    docker --host "unix://$dir/docker.sock" version >/dev/null 2>&1 && return 0
    kill -0 "$1" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

stop() {
  local pid
  if running; then
    pid=$(cat "$dir/pid")
    # Its one child is the first process in there.
    pid=$(cd /proc && grep -ls "^PPid:[[:space:]]*$pid\$" [0-9]*/status | cut -d/ -f1) || true
    [ -z "$pid" ] || kill "$pid" || true
    for _ in $(seq 50); do running || break; sleep 0.1; done
    # Killing it takes all processes and mounts of its namespaces with it.
    ! running || kill -9 "$(cat "$dir/pid")"
  fi
  clean
}

# What a daemon leaves that was killed: a bridge, rules, cgroups, sockets. A stale pid file stops the next start.
clean() {
  network_down
  cgroups_down
  rm -rf "$dir/exec" "$dir/dockerd.pid" "$dir/docker.sock" "$dir/pid"
}

containerd=true
[ "${!#}" != --classic ] || { containerd=false; set -- "${@:1:$#-1}"; }
case $# in 1 | 2) ;; *) die "$usage" ;; esac
dir=$(realpath -m "${2:-/var/tmp/slipway-docker}")
case $1 in
  start) start ;;
  stop) stop ;;
  status)
    running || { echo "not running"; exit 1; }
    echo "DOCKER_HOST=unix://$dir/docker.sock"
    ;;
  *) die "$usage" ;;
esac
