#!/bin/sh
# Installs `depot`, the command that builds container images on the Slipway server that this script comes from:
#
#   curl -L @SERVER@/install-cli.sh | DEPOT_INSTALL_DIR=/usr/local/bin sh
#
# To read it first: curl -LO @SERVER@/install-cli.sh, then sh install-cli.sh [VERSION]
#
#   DEPOT_INSTALL_DIR   the folder to install into (default: ~/.depot/bin)
#   DEPOT_INSTALL_KEY   a PEM file with a public key: install only what its owner has signed
#
# Nothing is installed before its checksum has been found right, and the new command takes its place in one move. All of it
# stands in functions, so that a script that arrives cut off does nothing.
set -eu

server='@SERVER@'
signing_key='@SIGNING_KEY@'

say() { echo "install-cli: $*" >&2; }

die() {
  say "error: $*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

clean_up() {
  [ -z "${work:-}" ] || rm -rf "$work"
  [ -z "${new_command:-}" ] || rm -f "$new_command"
  [ -z "${new_server:-}" ] || rm -f "$new_server"
  # Only what was made here and is still empty.
  [ -z "${new_folder:-}" ] || rmdir "$new_folder" 2>/dev/null || true
}

find_system() {
  suffix='' kind=tar.gz
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    MINGW* | MSYS* | CYGWIN*) os=windows suffix=.exe kind=zip ;;
    *) os=$(uname -s | tr '[:upper:]' '[:lower:]') ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) processor=amd64 ;;
    aarch64 | arm64) processor=arm64 ;;
    *) processor=$(uname -m) ;;
  esac
  # Windows on arm64 runs programs for x64; there is no other runtime for it to pack.
  [ "$os/$processor" != windows/arm64 ] || processor=amd64
}

find_tools() {
  if have curl; then
    fetcher=curl
  elif have wget; then
    fetcher=wget
    if ! wget --version 2>/dev/null | grep -q 'GNU Wget'; then
      fetcher=small_wget
      # Such a wget takes any certificate for the right one.
      case $server in
        https:*) die "the wget of this machine does not check certificates: install curl or GNU wget" ;;
      esac
    fi
  else
    die "neither curl nor wget is on PATH: install one of them"
  fi
  if have sha256sum; then
    hasher=sha256sum
  elif have shasum; then
    hasher='shasum -a 256'
  elif have openssl; then
    hasher='openssl dgst -sha256 -r'
  else
    die "nothing here computes SHA-256 (sha256sum, shasum or openssl), so the download could not be checked: install one of them"
  fi
  case $kind in
    zip) have unzip || die "unzip is missing: install it, or use PowerShell: irm $server/install-cli.ps1 | iex" ;;
    *) have tar || die "tar is missing: install it" ;;
  esac
}

# fetch URL FILE: the whole file, or failure with the tool's own words in $words.
fetch() {
  status=0
  case $fetcher in
    curl)
      only=http,https
      case $server in https:*) only=https ;; esac
      curl --fail --location --silent --show-error --proto "=$only" --retry 2 --connect-timeout 30 --speed-limit 1 --speed-time 60 \
        --output "$2" "$1" 2>"$work/words" || status=$?
      ;;
    wget) wget --no-verbose --tries=3 --timeout=60 --output-document="$2" "$1" 2>"$work/words" || status=$? ;;
    small_wget) wget -q -O "$2" "$1" 2>"$work/words" || status=$? ;;
  esac
  words=$(grep . "$work/words" | tail -n 1 || true)
  return "$status"
}

must_fetch() {
  fetch "$1" "$2" || die "could not download $1: ${words:-$fetcher ended with $status}. Nothing was installed; try again"
}

sha256_of() { $hasher "$1" | cut -d' ' -f1; }

# A folder that is there, or can be made, for this user to write in.
could_write() {
  folder=$1
  while [ ! -e "$folder" ]; do
    folder=$(dirname "$folder")
  done
  [ -d "$folder" ] && [ -w "$folder" ] && [ -x "$folder" ]
}

# In a folder that everybody may write to, anybody could put another depot.server beside ours.
open_to_others() {
  case $(ls -Lld "$1" 2>/dev/null) in
    ????????w*) return 0 ;;
    *) return 1 ;;
  esac
}

# The first folder on PATH that is this user's to write in; one below HOME is made if need be.
find_on_path() {
  found=''
  rest=${PATH:-}:
  while [ -n "$rest" ] && [ -z "$found" ]; do
    candidate=${rest%%:*}
    rest=${rest#*:}
    case $candidate in
      "${HOME:-/nowhere}"/*) ;;
      /*) [ -d "$candidate" ] || continue ;;
      *) continue ;;
    esac
    if could_write "$candidate" && ! open_to_others "$candidate"; then
      found=$candidate
    fi
  done
}

installed_server() { sed -n '/^http/{p;q;}' "$1/depot.server" 2>/dev/null || true; }

choose_folder() {
  into=${DEPOT_INSTALL_DIR:-}
  if [ -z "$into" ]; then
    [ -n "${HOME:-}" ] || die "HOME is not set: name a folder in DEPOT_INSTALL_DIR"
    into=$HOME/.depot/bin
  fi
  # A pipeline's env: does not expand it.
  case $into in '~' | '~'/*) into=${HOME:?}${into#'~'} ;; esac
  case $into in
    /*) ;;
    *) into=$(pwd)/$into ;;
  esac
  into=${into%/}
  [ -n "$into" ] || into=/
  if [ -e "$into" ] && [ ! -d "$into" ]; then die "DEPOT_INSTALL_DIR names $into, which is no folder"; fi
  could_write "$into" && return 0

  if [ -x "$into/depot" ] && [ "$(installed_server "$into")" = "$server" ]; then
    say "$("$into/depot" --version) is in $into already, for $server; $(id -un) may not write there, so it stays as it is"
    exit 0
  fi
  find_on_path
  if [ -z "$found" ]; then
    die "$(id -un) may not write to $into, nor to any folder on PATH (${PATH:-}).
install-cli: Install it once as root (in the agent's bootstrap script, say), or into a folder of your own:
install-cli:   export PATH=\"\$HOME/.depot/bin:\$PATH\" DEPOT_INSTALL_DIR=\"\$HOME/.depot/bin\""
  fi
  say "$(id -un) may not write to $into: installing into $found, which is on PATH"
  into=$found
}

fetch_sums() {
  must_fetch "$server/cli/archives/SHA256SUMS" "$work/SHA256SUMS"
  if [ -n "${DEPOT_INSTALL_KEY:-}" ]; then
    [ -r "$DEPOT_INSTALL_KEY" ] || die "DEPOT_INSTALL_KEY names $DEPOT_INSTALL_KEY, which cannot be read: it must be a PEM file with a public key"
    cat "$DEPOT_INSTALL_KEY" >"$work/key.pem"
  elif [ -n "$signing_key" ]; then
    echo "$signing_key" >"$work/key.pem"
  else
    return 0
  fi
  have openssl || die "a signing key is configured, and openssl is missing to check the signature: install it"
  fetch "$server/cli/archives/SHA256SUMS.sig" "$work/SHA256SUMS.sig" \
    || die "the checksums of $server are not signed, and a signing key is configured ($words). Nothing was installed"
  openssl dgst -sha256 -verify "$work/key.pem" -signature "$work/SHA256SUMS.sig" "$work/SHA256SUMS" >/dev/null 2>&1 \
    || die "the checksums of $server are not signed by the configured key. Nothing was installed; tell the server's operator"
}

# The list is sorted by version, so the last line that fits is the newest.
choose_archive() {
  archive='' offered='' for_others=''
  while read -r sum name; do
    case $name in
      depot_*_"${os}_$processor.$kind")
        number=${name#depot_}
        number=${number%%_*}
        offered="$offered $number"
        if [ "$wanted" = latest ] || [ "$wanted" = "$number" ]; then
          archive=$name archive_sum=$sum archive_version=$number
        fi
        ;;
      depot_*.tar.gz | depot_*.zip)
        name=${name#depot_*_} name=${name%.zip}
        for_others="$for_others ${name%.tar.gz}"
        ;;
    esac
  done <"$work/SHA256SUMS"
  [ -z "$archive" ] || return 0
  [ -z "$offered" ] || die "$server has no depot $wanted for $os/$processor; it has$offered"
  die "$server has no depot for $(uname -s)/$(uname -m); it has it for${for_others:- nothing}"
}

unpack() {
  case $kind in
    zip) unzip -q "$archive" "bin/depot$suffix" ;;
    *) tar -xzf "$archive" bin/depot ;;
  esac
}

download() {
  say "downloading depot $archive_version for $os/$processor from $server"
  must_fetch "$server/cli/archives/$archive" "$work/$archive"
  arrived=$(sha256_of "$work/$archive")
  if [ "$arrived" != "$archive_sum" ]; then
    die "what was downloaded is not $archive: its SHA-256 is $arrived instead of $archive_sum. Nothing was installed; try again, and if it stays so tell the server's operator"
  fi
  (cd "$work" && unpack 2>"$work/words") \
    || die "$archive could not be unpacked: $(tail -n 1 "$work/words"). Nothing was installed; is ${TMPDIR:-/tmp} full?"
}

needs() {
  case $os in
    linux) echo 'a Linux with glibc 2.34 or newer' ;;
    darwin) echo 'macOS 14 or newer' ;;
    *) echo 'Windows 11 or Server 2022 or newer' ;;
  esac
}

# Both files are complete under other names before either takes its place.
put_in_place() {
  target=$into/depot$suffix
  [ ! -d "$target" ] || die "$target is a folder: remove it, or name another folder in DEPOT_INSTALL_DIR"
  if [ ! -d "$into" ]; then
    mkdir -p "$into" || die "$into could not be made"
    new_folder=$into
  fi
  full="Nothing was installed; is the disk full?"
  new_command=$(mktemp "$into/.depot.XXXXXX") || die "could not write to $into. $full"
  new_server=$(mktemp "$into/.depot.XXXXXX") || die "could not write to $into. $full"
  cat "$work/bin/depot$suffix" >"$new_command" || die "could not write depot to $into. $full"
  echo "$server" >"$new_server" || die "could not write to $into. $full"
  chmod 755 "$new_command"
  chmod 644 "$new_server"
  "$new_command" --version >"$work/version" 2>"$work/words" || {
    case $(cat "$work/words") in
      *'ermission denied'*) die "no program may run in $into: is it mounted noexec? Nothing was installed; name another folder in DEPOT_INSTALL_DIR" ;;
    esac
    die "the depot for $os/$processor does not run on this machine: $(head -n 1 "$work/words"). Nothing was installed; it needs $(needs)"
  }
  mv -f "$new_server" "$into/depot.server" || die "could not write to $into"
  new_server=''
  mv -f "$new_command" "$target" || die "could not write to $into"
  new_command='' new_folder=''
}

tell() {
  say "$(cat "$work/version") was installed to $target, for $server"
  if [ -n "${DEPOT_API_URL:-}" ] && [ "${DEPOT_API_URL%/}" != "$server" ]; then
    say "note: DEPOT_API_URL is set to $DEPOT_API_URL, which goes before this server"
  fi
  on_path=$(command -v depot || true)
  if [ -z "$on_path" ]; then
    say "note: $into is not on PATH; export PATH=\"$into:\$PATH\""
  elif [ "$on_path" != "$target" ] && [ "$on_path" != "$into/depot" ]; then
    say "note: another depot comes first on PATH: $on_path"
  fi
}

main() {
  wanted=${1:-latest}
  wanted=${wanted#v}
  case $wanted in
    *[!0-9A-Za-z.+-]*) die "'$wanted' is no version; write it as 1.2.3 or leave it out" ;;
  esac
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  find_system
  find_tools
  choose_folder
  work=$(mktemp -d 2>/dev/null) || die "no temporary folder could be made in ${TMPDIR:-/tmp}: is it there, and not full? TMPDIR names another"
  case $server in
    http://127.* | http://localhost* | http://\[::1\]* | https:*) ;;
    *) [ -n "$signing_key${DEPOT_INSTALL_KEY:-}" ] || say "warning: $server is plain HTTP: somebody on the way could put another depot in place of this one" ;;
  esac
  fetch_sums
  choose_archive
  download
  put_in_place
  tell
}

main "$@" </dev/null
