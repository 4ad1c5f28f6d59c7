# shellcheck shell=bash
# What the hooks share.

# option NAME [DEFAULT]: the value that the pipeline gives.
option() {
  local variable=BUILDKITE_PLUGIN_SLIPWAY_${1//-/_}
  variable=${variable^^}
  echo "${!variable:-${2:-}}"
}

# enabled NAME: on unless the pipeline says otherwise.
enabled() {
  case $(option "$1" true) in
    true | 1 | on) return 0 ;;
    *) return 1 ;;
  esac
}

fail() {
  echo "slipway plugin: $*" >&2
  return 1
}

# The job's own folder, which pre-exit removes.
job_folder() { echo "${TMPDIR:-/tmp}/slipway-plugin-${BUILDKITE_JOB_ID:?}"; }

# installed_for URL: whether the depot on PATH is there and builds on that server; any will do where no URL is given.
installed_for() {
  local program
  program=$(command -v depot) || return 1
  [ -n "$1" ] || return 0
  program=$(readlink -f "$program")
  [ "$(sed -n '/^http/{p;q;}' "$(dirname "$program")/depot.server" 2>/dev/null)" = "${1%/}" ]
}

# install URL: runs the server's installer, after its checksum if one is pinned.
install() {
  local url=${1%/} script pinned sum
  script=$(job_folder)/install-cli.sh
  pinned=$(option installer-sha256)
  curl --fail --silent --show-error --location --output "$script" "$url/install-cli.sh" \
    || { fail "could not fetch $url/install-cli.sh; is url right, and may this machine reach it?"; return 1; }
  if [ -n "$pinned" ]; then
    sum=$(sha256sum "$script")
    sum=${sum%% *}
    [ "$sum" = "$pinned" ] || { fail "the installer of $url has the SHA-256 $sum instead of the pinned $pinned; read it, and pin it anew"; return 1; }
  fi
  DEPOT_INSTALL_DIR=$(option install-dir "$HOME/.depot/bin") sh "$script" "$(option version latest)" || return 1
}
