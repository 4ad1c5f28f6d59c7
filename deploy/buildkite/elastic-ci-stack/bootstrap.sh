#!/bin/bash
# Bootstrap script for the Buildkite Elastic CI Stack for AWS (parameter BootstrapScriptUrl): runs as root once per machine, before
# the first agent starts. Installs depot for every job and gives the jobs their project. Running it again is safe.
#
# Fill in the first two values, or set them in the file of AgentEnvFileUrl.
set -euo pipefail

SLIPWAY_URL=${SLIPWAY_URL:-}               # https://slipway.example.com
DEPOT_PROJECT_ID=${DEPOT_PROJECT_ID:-}     # the project of pipelines that name none; may stay empty
SLIPWAY_INSTALLER_SHA256=${SLIPWAY_INSTALLER_SHA256:-}   # sha256sum of the install-cli.sh that you have read; empty trusts TLS alone
HOOKS=${BUILDKITE_HOOKS_PATH:-/etc/buildkite-agent/hooks}
INSTALL_DIR=${DEPOT_INSTALL_DIR:-/usr/local/bin}
PLUGINS=${DOCKER_PLUGINS_DIR:-/usr/libexec/docker/cli-plugins}

fail() {
  echo "slipway bootstrap: $*" >&2
  exit 1
}

[ -n "$SLIPWAY_URL" ] || fail "SLIPWAY_URL is not set: give the address of your Slipway server"
SLIPWAY_URL=${SLIPWAY_URL%/}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
curl --fail --silent --show-error --location --retry 5 --retry-connrefused --output "$work/install-cli.sh" "$SLIPWAY_URL/install-cli.sh" \
  || fail "$SLIPWAY_URL/install-cli.sh could not be fetched: check the address, security groups and routes"
if [ -n "$SLIPWAY_INSTALLER_SHA256" ]; then
  echo "$SLIPWAY_INSTALLER_SHA256  $work/install-cli.sh" | sha256sum --check --status \
    || fail "$SLIPWAY_URL/install-cli.sh is not the pinned one ($(sha256sum <"$work/install-cli.sh" | cut -d' ' -f1)): read it, and pin it anew"
fi
DEPOT_INSTALL_DIR=$INSTALL_DIR sh "$work/install-cli.sh"

# Every job of the stack has a Docker configuration of its own, so what all jobs share lies in the machine's plugin folder.
mkdir -p "$PLUGINS"
ln -sfn "$INSTALL_DIR/depot" "$PLUGINS/docker-depot"

# Beside the stack's own environment hook, which reads it at its end.
install -d "$HOOKS"
{
  echo '# Written by Slipway'\''s bootstrap script: where and in which project container builds of this machine run.'
  printf 'export DEPOT_API_URL=%q\n' "$SLIPWAY_URL"
  # A pipeline that names a project of its own keeps it.
  # shellcheck disable=SC2016 # for the shell that reads the hook
  [ -z "$DEPOT_PROJECT_ID" ] || printf 'if [ -z "${DEPOT_PROJECT_ID:-}" ]; then export DEPOT_PROJECT_ID=%q; fi\n' "$DEPOT_PROJECT_ID"
} >"$work/environment"
install -m 0644 "$work/environment" "$HOOKS/slipway-environment"
touch "$HOOKS/environment"
if ! grep -qF slipway-environment "$HOOKS/environment"; then
  printf '\n. %q\n' "$HOOKS/slipway-environment" >>"$HOOKS/environment"
fi
chmod 0755 "$HOOKS/environment"
echo "slipway bootstrap: jobs of this machine build on $SLIPWAY_URL${DEPOT_PROJECT_ID:+ in project $DEPOT_PROJECT_ID}"
