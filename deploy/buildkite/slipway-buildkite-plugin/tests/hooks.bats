#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # doubles are written unexpanded; every test has an environment of its own
# The hooks as the agent runs them, with doubles of depot, curl and buildkite-agent that write down how they were called.

bats_require_minimum_version 1.5.0

setup() {
  plugin=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
  export HOME="$BATS_TEST_TMPDIR/home" TMPDIR="$BATS_TEST_TMPDIR/tmp" BUILDKITE_JOB_ID=job-1 CALLS="$BATS_TEST_TMPDIR/calls"
  mkdir -p "$HOME" "$TMPDIR" "$BATS_TEST_TMPDIR/bin"
  touch "$CALLS"
  export PATH="$BATS_TEST_TMPDIR/bin:/usr/bin:/bin"
  unset DOCKER_CONFIG DEPOT_API_URL DEPOT_PROJECT_ID DEPOT_BUILDS_FILE
  double curl 'while [ "$1" != --output ]; do shift; done; cp "$INSTALLER" "$2"'
  double buildkite-agent 'cat >"$CALLS.annotation"'
  export INSTALLER="$BATS_TEST_TMPDIR/install-cli.sh"
  cat >"$INSTALLER" <<'END'
echo "installer $* into $DEPOT_INSTALL_DIR" >>"$CALLS"
mkdir -p "$DEPOT_INSTALL_DIR"
printf '#!/bin/sh\necho "depot $*" >>"$CALLS"\n' >"$DEPOT_INSTALL_DIR/depot"
echo https://slipway.example.com >"$DEPOT_INSTALL_DIR/depot.server"
chmod +x "$DEPOT_INSTALL_DIR/depot"
END
}

# double NAME SCRIPT
double() {
  printf '#!/bin/bash\necho "%s $*" >>"$CALLS"\n%s\n' "$1" "$2" >"$BATS_TEST_TMPDIR/bin/$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

# hook NAME: sources it, as the agent does, and prints what it leaves in the environment.
hook() {
  run bash -c '. "$1"; echo "path=$PATH"; env | grep -E "^(DEPOT|DOCKER)_" | sort || true' bash "$plugin/hooks/$1"
}

installed_on_machine() {
  double depot ''
  echo "$1" >"$BATS_TEST_TMPDIR/bin/depot.server"
}

@test "a missing depot is installed from the given server, before the command" {
  export BUILDKITE_PLUGIN_SLIPWAY_URL=https://slipway.example.com/ BUILDKITE_PLUGIN_SLIPWAY_PROJECT=p123
  hook environment
  [ "$status" -eq 0 ]
  grep -qF "installer latest into $HOME/.depot/bin" "$CALLS"
  grep -qF 'https://slipway.example.com/install-cli.sh' "$CALLS"
  [[ $output == *"path=$HOME/.depot/bin:"* ]]
  [[ $output == *DEPOT_API_URL=https://slipway.example.com$'\n'* ]]
  [[ $output == *DEPOT_PROJECT_ID=p123* ]]
}

@test "a depot that the machine has for that server is taken as it is" {
  installed_on_machine https://slipway.example.com
  export BUILDKITE_PLUGIN_SLIPWAY_URL=https://slipway.example.com
  hook environment
  [ "$status" -eq 0 ]
  [ ! -s "$CALLS" ]
}

@test "a depot of another server is not" {
  installed_on_machine https://other.example.com
  export BUILDKITE_PLUGIN_SLIPWAY_URL=https://slipway.example.com
  hook environment
  [ "$status" -eq 0 ]
  grep -q '^installer' "$CALLS"
}

@test "without url and without depot the step fails and says why" {
  hook environment
  [ "$status" -eq 1 ]
  [[ $output == *"give the plugin your server's url"* ]]
}

@test "an installer that is not the pinned one is not run" {
  export BUILDKITE_PLUGIN_SLIPWAY_URL=https://slipway.example.com BUILDKITE_PLUGIN_SLIPWAY_INSTALLER_SHA256=0000
  hook environment
  [ "$status" -eq 1 ]
  [[ $output == *"instead of the pinned 0000"* ]]
  run ! grep -q '^installer' "$CALLS"
  BUILDKITE_PLUGIN_SLIPWAY_INSTALLER_SHA256=$(sha256sum "$INSTALLER" | cut -d' ' -f1)
  hook environment
  [ "$status" -eq 0 ]
}

@test "an agent's own Docker configuration is copied for the job and left as it is" {
  installed_on_machine https://slipway.example.com
  mkdir -p "$HOME/.docker"
  echo '{"auths":{}}' >"$HOME/.docker/config.json"
  hook environment
  [[ $output == *"DOCKER_CONFIG=$TMPDIR/slipway-plugin-job-1/docker"* ]]
  cmp "$HOME/.docker/config.json" "$TMPDIR/slipway-plugin-job-1/docker/config.json"
  [ "$(stat -c %a "$TMPDIR/slipway-plugin-job-1")" = 700 ]
}

@test "a DOCKER_CONFIG of the job's own, as the Elastic CI Stack gives, is used" {
  installed_on_machine https://slipway.example.com
  export DOCKER_CONFIG="$BATS_TEST_TMPDIR/docker-config"
  hook environment
  [[ $output == *"DOCKER_CONFIG=$DOCKER_CONFIG"* ]]
}

@test "docker is configured before the command, unless the pipeline says no" {
  installed_on_machine https://slipway.example.com
  hook pre-command
  grep -qx 'depot configure-docker' "$CALLS"
  : >"$CALLS"
  BUILDKITE_PLUGIN_SLIPWAY_CONFIGURE_DOCKER=false hook pre-command
  [ "$status" -eq 0 ]
  [ ! -s "$CALLS" ]
}

@test "a docker that cannot be configured fails the step" {
  double depot 'exit 1'
  hook pre-command
  [ "$status" -ne 0 ]
}

@test "the build is annotated with each of its builds" {
  export DEPOT_BUILDS_FILE="$BATS_TEST_TMPDIR/builds"
  printf 'success\t12\tp1\thttps://slipway.example.com/builds/b1\n' >"$DEPOT_BUILDS_FILE"
  hook post-command
  [ "$status" -eq 0 ]
  grep -qx 'buildkite-agent annotate --style success --context slipway-job-1' "$CALLS"
  grep -qF '| :white_check_mark: | <a href="https://slipway.example.com/builds/b1">b1</a> | p1 | 12 |' "$CALLS.annotation"
  printf 'error\t3\tp1\thttps://slipway.example.com/builds/b2\n' >>"$DEPOT_BUILDS_FILE"
  hook post-command
  grep -q 'annotate --style error' "$CALLS"
  grep -qF '| :x: |' "$CALLS.annotation"
}

@test "nothing is annotated where nothing was built, or where the pipeline says no" {
  hook post-command
  [ "$status" -eq 0 ]
  [ ! -s "$CALLS" ]
  export DEPOT_BUILDS_FILE="$BATS_TEST_TMPDIR/builds"
  printf 'success\t12\tp1\thttps://x/b1\n' >"$DEPOT_BUILDS_FILE"
  BUILDKITE_PLUGIN_SLIPWAY_ANNOTATE=false hook post-command
  [ ! -s "$CALLS" ]
}

@test "an annotation that fails does not fail the step" {
  double buildkite-agent 'cat >/dev/null; exit 1'
  export DEPOT_BUILDS_FILE="$BATS_TEST_TMPDIR/builds"
  printf 'success\t12\tp1\thttps://x/b1\n' >"$DEPOT_BUILDS_FILE"
  hook post-command
  [ "$status" -eq 0 ]
  [[ $output == *"could not be annotated"* ]]
}

@test "nothing of the job is left, even if nothing began" {
  hook pre-exit
  [ "$status" -eq 0 ]
  installed_on_machine https://slipway.example.com
  hook environment
  [ -d "$TMPDIR/slipway-plugin-job-1" ]
  hook pre-exit
  [ "$status" -eq 0 ]
  [ ! -e "$TMPDIR/slipway-plugin-job-1" ]
}
