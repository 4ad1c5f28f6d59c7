# shellcheck shell=bash
# Fetches the real parts that Slipway is built, run and tested with, from Debian's and npm's own clients.
# Source it and call need_*: each returns at once when the part is there, and says in one line what it installs.

parts_engine_min=26
parts_cli_min=25
# npm numbers the command 2.102.12 like this.
parts_depot_version=0.0.1-cli.2.102.12

# need_packages PKG...: Debian packages of the running release. Nothing that they bring is started.
need_packages() {
  local missing=() package
  for package in "$@"; do
    _parts_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  _parts_may_install "${missing[*]}" || return 1
  _parts_update || return 1
  echo "installing ${missing[*]} (Debian packages)"
  _parts_install "${missing[@]}"
}

# need_engine: a dockerd that is new enough, with a containerd and iptables. A Docker that runs already is left as it is.
need_engine() {
  local found
  found=$(_parts_version dockerd)
  if _parts_at_least "$found" "$parts_engine_min" && command -v containerd >/dev/null; then
    need_packages_if_absent iptables iptables && need_packages_if_absent ip iproute2
    return
  fi
  if cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE 'dockerd|containerd'; then
    _parts_fail "this machine runs ${found:+Docker $found and }its own containerd, Slipway needs Docker $parts_engine_min or newer: upgrade it, or put buildkitd on PATH"
    return 1
  fi
  _parts_install_newer docker.io docker.io containerd || return 1
  need_packages_if_absent iptables iptables || return 1
  need_packages_if_absent ip iproute2 || return 1
  found=$(_parts_version dockerd)
  _parts_at_least "$found" "$parts_engine_min" || { _parts_fail "dockerd is ${found:-missing} after the installation"; return 1; }
}

# need_docker_cli: a docker command that speaks to such an engine.
need_docker_cli() {
  local found
  found=$(_parts_version docker)
  _parts_at_least "$found" "$parts_cli_min" && return 0
  _parts_install_newer docker-cli docker-cli || return 1
  hash -r
  found=$(_parts_version docker)
  _parts_at_least "$found" "$parts_cli_min" && return 0
  _parts_fail "$(command -v docker) is $found, Slipway needs a docker command of version $parts_cli_min or newer: remove or upgrade it"
  return 1
}

# need_buildx, need_compose: the plugins that the tests and benchmarks compare with.
need_buildx() { need_docker_cli && _parts_need_plugin docker-buildx; }
need_compose() { need_docker_cli && _parts_need_plugin docker-compose; }

# docker_plugin NAME: prints the path of a plugin that a package installed, whatever the user's own plugin folder holds.
docker_plugin() {
  local folder
  for folder in /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins /usr/local/lib/docker/cli-plugins; do
    [ -x "$folder/$1" ] && { echo "$folder/$1"; return 0; }
  done
  return 1
}

# need_registry: docker-registry, not running as a service.
need_registry() { need_packages_if_absent docker-registry docker-registry; }

# need_moto: AWS's APIs for tests. They need a newer Python than the release has, so they get a Debian of their own, outside the
# clone: every later clone of this machine finds it. Its folder is $parts_moto.
parts_moto=${SLIPWAY_CACHE_DIR:-/var/cache/slipway}/moto
need_moto() {
  local uri entry keyring new
  [ -x "$parts_moto/usr/bin/moto_server" ] && return 0
  need_packages debootstrap || return 1
  IFS='|' read -r uri _ entry < <(_parts_mirror) || return 1
  keyring=$(_parts_keyring "$entry")
  mkdir -p "$(dirname "$parts_moto")" || return 1
  (
    flock 9
    [ -x "$parts_moto/usr/bin/moto_server" ] && exit 0
    echo "installing moto in $parts_moto (a Debian of the newer suite, 300 MB)"
    new=$(mktemp -d "$parts_moto.XXXXXX")
    # In a mount namespace, so that nothing stays mounted in there if this is interrupted.
    if ! unshare --mount debootstrap --variant=minbase ${keyring:+--keyring="$keyring"} \
      --include=python3-moto,python3-flask,python3-flask-cors,python3-cffi-backend testing "$new" "$uri" >"$new.log" 2>&1; then
      echo "error: moto could not be installed: $(tail -n 1 "$new.log")" >&2
      rm -rf "$new"
      exit 1
    fi
    rm -rf "$new"/var/cache/apt/* "$new"/var/lib/apt/lists/* "$new"/usr/share/{doc,man,locale} "$new.log" "$parts_moto"
    chmod 755 "$new"
    mv "$new" "$parts_moto"
  ) 9>"$parts_moto.lock"
}

# need_busybox: a static busybox for base images. Prints nothing; `command -v busybox` finds it.
need_busybox() {
  command -v busybox >/dev/null && _parts_is_static "$(command -v busybox)" && return 0
  need_packages busybox-static
}

# need_emulation: the kernel runs programs of the other of amd64 and arm64, in build steps too (binfmt_misc with flag F).
need_emulation() {
  local folder=/proc/sys/fs/binfmt_misc handler
  case $(uname -m) in
    x86_64) handler=qemu-aarch64 ;;
    aarch64) handler=qemu-x86_64 ;;
    *) _parts_fail "there is no emulation for $(uname -m) here"; return 1 ;;
  esac
  _parts_emulates "$folder/$handler" && return 0
  if [ ! -e "$folder/register" ] && ! mount -t binfmt_misc binfmt_misc "$folder" 2>/dev/null; then
    _parts_fail "this machine's kernel offers no binfmt_misc: it cannot emulate"
    return 1
  fi
  need_packages qemu-user-static binfmt-support || return 1
  # Where no service manager runs at boot, nothing else turns the handlers on.
  _parts_emulates "$folder/$handler" || update-binfmts --enable "$handler" >/dev/null 2>&1 || true
  _parts_emulates "$folder/$handler" && return 0
  _parts_fail "qemu-user-static is installed, but the kernel has no handler $handler in $folder"
  return 1
}

# need_foreign_busybox DIR: Debian's static busybox of the other architecture, under DIR. Its path is the last line printed.
# Apt checks it as it checks what it installs, but with lists and a state of its own: the machine's own architecture list stays.
need_foreign_busybox() {
  local folder=${1:?need_foreign_busybox DIR} arch log
  case $(uname -m) in
    x86_64) arch=arm64 ;;
    aarch64) arch=amd64 ;;
    *) _parts_fail "there is no other architecture for $(uname -m) here"; return 1 ;;
  esac
  if [ ! -x "$folder/$arch/bin/busybox" ]; then
    _parts_may_fetch busybox-static || return 1
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/$arch" || return 1
    : >"$folder/apt/status"
    local own=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State=$folder/apt" -o "Dir::State::status=$folder/apt/status"
      -o "Dir::Cache=$folder/apt/cache" -o "APT::Sandbox::User=root" -o "Acquire::Languages=none")
    if ! log=$(_parts_apt "${own[@]}" update 2>&1) || ! log=$(cd "$folder/apt" && _parts_apt "${own[@]}" download busybox-static 2>&1); then
      _parts_fail "busybox-static of $arch could not be fetched: $(grep -m 1 '^E:' <<<"$log")"
      return 1
    fi
    dpkg-deb --extract "$folder"/apt/busybox-static_*_"$arch".deb "$folder/$arch" || return 1
    rm -rf "$folder/apt"
    [ -e "$folder/$arch/bin/busybox" ] || { mkdir -p "$folder/$arch/bin" && mv "$folder/$arch/usr/bin/busybox" "$folder/$arch/bin/busybox"; } || return 1
  fi
  echo "$folder/$arch/bin/busybox"
}

# need_published_depot DIR: the published client, from npm, under DIR. Its path is the last line printed.
need_published_depot() {
  local folder=${1:?need_published_depot DIR} arch
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) _parts_fail "there is no published depot client for $(uname -m)"; return 1 ;;
  esac
  local package=$folder/node_modules/@depot/cli-linux-$arch
  if ! grep -qs "\"version\": *\"$parts_depot_version\"" "$package/package.json" || [ ! -x "$package/bin/depot" ]; then
    need_packages_if_absent npm npm || return 1
    echo "installing @depot/cli-linux-$arch $parts_depot_version (npm) in $folder" >&2
    mkdir -p "$folder" || return 1
    if ! npm install --ignore-scripts --no-audit --no-fund --no-save --loglevel=error --prefix "$folder" \
      "@depot/cli-linux-$arch@$parts_depot_version" >"$folder/npm.log" 2>&1; then
      _parts_fail "npm could not install the published depot client: $(sed -n "s/^npm error \(.* .*\)/\1/p" "$folder/npm.log" | grep -v "^code " | head -n 1)"
      return 1
    fi
    chmod +x "$package/bin/depot"
  fi
  echo "$package/bin/depot"
}

# need_pass_helper FILE: docker-credential-pass, as FILE. Not installed: on PATH it becomes the place where `docker login` keeps its passwords.
need_pass_helper() {
  local file=${1:?need_pass_helper FILE} unpacked
  [ -x "$file" ] && return 0
  need_packages pass gnupg || return 1
  unpacked=$(mktemp -d)
  if ! (cd "$unpacked" && _parts_update && apt-get download golang-docker-credential-helpers && dpkg -x ./*.deb .) >"$unpacked/log" 2>&1; then
    _parts_fail "docker-credential-pass could not be fetched: $(tail -n 1 "$unpacked/log")"
    rm -rf "$unpacked"
    return 1
  fi
  mkdir -p "$(dirname "$file")" && install -m 0755 "$unpacked/usr/bin/docker-credential-pass" "$file"
  rm -rf "$unpacked"
}

# need_powershell DIR: PowerShell, from NuGet, under DIR; for the test of the installer for Windows.
need_powershell() {
  local folder=${1:?need_powershell DIR} version=7.6.9 said
  "$folder/pwsh" --version 2>/dev/null | grep -qsF "PowerShell $version" && return 0
  echo "installing PowerShell $version (NuGet) in $folder" >&2
  rm -rf "$folder"
  if ! said=$(dotnet tool install PowerShell --tool-path "$folder" --version "$version" 2>&1); then
    _parts_fail "PowerShell could not be installed: $(tail -n 1 <<<"$said")"
    return 1
  fi
}

# need_aot_toolchain: what NativeAOT links with.
need_aot_toolchain() { need_packages gcc libc6-dev zlib1g-dev; }

# need_cross_toolchain arm64|x64: what NativeAOT links with for the other Linux processor.
need_cross_toolchain() {
  case $1 in
    arm64) need_packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
    x64) need_packages gcc-x86-64-linux-gnu libc6-dev-amd64-cross ;;
  esac
}

# cross_prefix arm64|x64: what that toolchain's programs begin with.
cross_prefix() { case $1 in arm64) echo aarch64-linux-gnu- ;; x64) echo x86_64-linux-gnu- ;; esac; }

# need_dotnet: the SDK that global.json names. Debian has none, so it is for the user to install.
need_dotnet() {
  local root wanted
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  wanted=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$root/global.json" | head -n 1)
  if ! command -v dotnet >/dev/null; then
    _parts_fail "the .NET SDK is missing: install version $wanted (Debian does not package it), so that 'dotnet' is on PATH"
    return 1
  fi
  (cd "$root" && dotnet --version >/dev/null 2>&1) && return 0
  _parts_fail "no installed .NET SDK serves global.json: install version $wanted (found: $(dotnet --list-sdks | cut -d' ' -f1 | xargs))"
  return 1
}

# need_packages_if_absent COMMAND PKG...: installs only when the command is on no PATH.
need_packages_if_absent() {
  local command=$1
  shift
  PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null && return 0
  need_packages "$@"
}

_parts_fail() { echo "error: $*" >&2; }

_parts_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# _parts_version docker|dockerd: its version, or nothing.
_parts_version() { { PATH=$PATH:/usr/sbin:/sbin "$1" --version 2>/dev/null || true; } | sed -n 's/^Docker version \([0-9.]*\).*/\1/p'; }

# _parts_at_least VERSION MAJOR
_parts_at_least() { [ -n "$1" ] && [ "${1%%.*}" -ge "$2" ]; }

_parts_is_static() { grep -qE 'not a dynamic executable|statically linked' <<<"$(LC_ALL=C ldd "$1" 2>&1)"; }

# _parts_emulates HANDLER
_parts_emulates() { grep -qsx enabled "$1" && grep -qs '^flags: .*F' "$1"; }

_parts_may_fetch() {
  command -v apt-get >/dev/null && return 0
  _parts_fail "$1 must be fetched by hand: this machine has no apt-get"
  return 1
}

_parts_may_install() {
  if ! command -v apt-get >/dev/null; then
    _parts_fail "$1 must be installed by hand: this machine has no apt-get"
    return 1
  fi
  [ "$(id -u)" -eq 0 ] && return 0
  _parts_fail "$1 must be installed: run this again as root, or install it by hand"
  return 1
}

_parts_apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@"; }

# One index update per run is enough. Some other source that does not answer is no reason to stop.
_parts_update() {
  [ -n "${_parts_updated:-}" ] && return 0
  local log
  log=$(_parts_apt update 2>&1) || echo "warning: apt-get update: $(tail -n 1 <<<"$log")" >&2
  _parts_updated=1
}

# Packages may start their services only where this file lets them. The lock keeps two runs from removing it from each other.
_parts_install() {
  local policy=/usr/sbin/policy-rc.d log failed=0
  (
    flock 9
    if [ ! -e "$policy" ] || grep -q slipway "$policy"; then
      trap 'rm -f "$policy"' EXIT
      printf '#!/bin/sh\n# slipway: no service starts while its package is installed\nexit 101\n' >"$policy"
      chmod 755 "$policy"
    fi
    log=$(_parts_apt --no-install-recommends install "$@" 2>&1) && exit 0
    echo "error: apt-get install $*: $(grep '^E:' <<<"$log" | head -n 1)" >&2
    exit 1
  ) 9>/run/slipway-parts.lock || failed=1
  hash -r
  [ $failed -eq 0 ] && _parts_disable "$@"
}

# What did not start now must not start at the next boot either.
_parts_disable() {
  local package unit
  for package in "$@"; do
    package=${package%%/*}
    case $package in docker.io | containerd | docker-registry) ;; *) continue ;; esac
    for unit in $(dpkg-query -L "$package" | sed -n 's#^.*/systemd/system/\([^/@]*\.\(service\|socket\)\)$#\1#p'); do
      if command -v systemctl >/dev/null; then
        systemctl disable "$unit" >/dev/null 2>&1 || true
      else
        deb-systemd-helper disable "$unit" >/dev/null 2>&1 || true
      fi
    done
    for unit in $(dpkg-query -L "$package" | sed -n 's#^/etc/init\.d/##p'); do
      update-rc.d "$unit" disable >/dev/null 2>&1 || true
    done
  done
  return 0
}

_parts_need_plugin() {
  docker_plugin "$1" >/dev/null && return 0
  _parts_install_newer "$1" "$1" || return 1
  docker_plugin "$1" >/dev/null || { _parts_fail "$1 is installed but no plugin folder holds it"; return 1; }
}

# _parts_install_newer WITNESS PKG...: from the running release when its WITNESS is new enough, else from the first newer suite
# of the machine's own mirror that can give them without touching anything else.
_parts_install_newer() {
  local witness=$1 suite known
  shift
  _parts_may_install "$*" || return 1
  _parts_update || return 1
  if _parts_harmless "$witness" "" "$@"; then
    echo "installing $* (Debian packages)"
    _parts_install "$@"
    return
  fi
  for suite in testing stable unstable; do
    suite=$(_parts_code_name "$suite") || continue
    known=$([ -e "$(_parts_source "$suite")" ] && echo yes) || true
    if _parts_add_suite "$suite" && _parts_harmless "$witness" "/$suite" "$@"; then
      echo "installing $* (Debian packages of $suite; everything else stays)"
      _parts_install "${@/%//$suite}"
      return
    fi
    # A suite that an earlier part came from stays, so that the part is kept up to date.
    [ -n "$known" ] || rm -f "$(_parts_source "$suite")" "$(_parts_pin "$suite")"
  done
  _parts_fail "no suite of this machine's Debian mirror offers $* in a version that fits it"
  return 1
}

_parts_candidate() { LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: \(.*\)/\1/p'; }

_parts_new_enough() {
  local least
  case $1 in
    docker.io) least=$parts_engine_min ;;
    docker-cli) least=$parts_cli_min ;;
    docker-buildx) least=0.20 ;;
    docker-compose) least=2.20 ;;
  esac
  [ -n "$2" ] && dpkg --compare-versions "$2" ge "$least"
}

_parts_source() { echo "/etc/apt/sources.list.d/slipway-$1.sources"; }
_parts_pin() { echo "/etc/apt/preferences.d/slipway-$1"; }

# _parts_mirror: URI|CODENAME|FILE of the machine's own entry for the release that it runs.
_parts_mirror() {
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(REPO_URI)|$(CODENAME)|$(SOURCESENTRY)' 'Created-By: Packages' 'Label: Debian' \
    "Codename: $(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" | sed -n '1s/:[0-9]*$//p'
}

# _parts_code_name ALIAS: what the mirror calls that suite today. The alias itself is not written down: an alias that
# moves would stop the user's next apt-get update.
_parts_code_name() {
  local uri own file name
  IFS='|' read -r uri own _ < <(_parts_mirror) || return 1
  file=$(mktemp) || return 1
  /usr/lib/apt/apt-helper download-file "${uri%/}/dists/$1/InRelease" "$file" >/dev/null 2>&1 || true
  name=$(sed -n 's/^Codename: \([a-z]*\)$/\1/p' "$file" | head -n 1)
  rm -f "$file"
  [ -n "$name" ] && [ "$name" != "$own" ] && echo "$name"
}

# _parts_add_suite CODENAME: beside the machine's own suite, on the same mirror, below everything installed.
_parts_add_suite() {
  local uri entry keyring log
  IFS='|' read -r uri _ entry < <(_parts_mirror) || return 1
  keyring=$(_parts_keyring "$entry")
  printf '# Written by Slipway: a newer Docker for a Debian whose own is too old.\nTypes: deb\nURIs: %s\nSuites: %s\nComponents: main\n%s' \
    "$uri" "$1" "${keyring:+Signed-By: $keyring$'\n'}" >"$(_parts_source "$1")"
  printf '# Written by Slipway: the newer suite upgrades nothing by itself.\nPackage: *\nPin: release o=Debian,n=%s\nPin-Priority: 100\n' \
    "$1" >"$(_parts_pin "$1")"
  log=$(_parts_apt update -o Dir::Etc::sourcelist="$(_parts_source "$1")" -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 2>&1) && return 0
  echo "warning: $(grep -m 1 '^E:' <<<"$log")" >&2
  return 1
}

# The keyring that the machine's own entry names; else Debian's.
_parts_keyring() {
  local named
  named=$(sed -n -e 's/^Signed-By: *\(\/[^ ]*\).*/\1/p' -e 's/^deb .*signed-by=\([^] ]*\).*/\1/p' "$1" 2>/dev/null | head -n 1) || true
  [ -n "$named" ] || named=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ! -e "$named" ] || echo "$named"
}

# _parts_harmless WITNESS SUFFIX PKG...: a dry run. Docker's own packages may be replaced, nothing else may be upgraded or removed,
# runc stays the release's, and the witness is new enough.
_parts_harmless() {
  local witness=$1 suffix=$2 plan
  shift 2
  plan=$(_parts_apt -s --no-install-recommends install "${@/%/$suffix}" 2>/dev/null) || return 1
  grep '^Remv' <<<"$plan" | grep -qvE '^Remv tini ' && return 1
  grep -E '^Inst [^ ]+ \[' <<<"$plan" | grep -qvE '^Inst (docker\.io|docker-cli|docker-buildx|docker-compose|containerd|tini) ' && return 1
  grep '^Inst runc ' <<<"$plan" | grep -qvF "($(_parts_candidate runc) " && return 1
  _parts_new_enough "$witness" "$(sed -n "s/^Inst ${witness//./\\.} \(\[[^]]*\] \)\?(\([^ ]*\).*/\2/p" <<<"$plan")"
}
