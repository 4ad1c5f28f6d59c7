#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # the double is written unexpanded; every test has an environment of its own
# The bootstrap script as the stack runs it, on a machine's folders in a temporary place.

bats_require_minimum_version 1.5.0

setup() {
  bootstrap=$BATS_TEST_DIRNAME/../bootstrap.sh
  export SLIPWAY_URL=https://slipway.example.com/ DEPOT_PROJECT_ID=p123 INSTALLER="$BATS_TEST_TMPDIR/installer"
  export BUILDKITE_HOOKS_PATH="$BATS_TEST_TMPDIR/hooks" DEPOT_INSTALL_DIR="$BATS_TEST_TMPDIR/bin" DOCKER_PLUGINS_DIR="$BATS_TEST_TMPDIR/plugins"
  mkdir -p "$BATS_TEST_TMPDIR/tools" "$BUILDKITE_HOOKS_PATH"
  printf '#!/bin/sh\nwhile [ "$1" != --output ]; do shift; done; cp "$INSTALLER" "$2"\n' >"$BATS_TEST_TMPDIR/tools/curl"
  chmod +x "$BATS_TEST_TMPDIR/tools/curl"
  export PATH="$BATS_TEST_TMPDIR/tools:/usr/bin:/bin"
  echo 'mkdir -p "$DEPOT_INSTALL_DIR"; echo "#!/bin/sh" >"$DEPOT_INSTALL_DIR/depot"; chmod +x "$DEPOT_INSTALL_DIR/depot"' >"$INSTALLER"
  printf '#!/bin/bash\nexport STACK=yes\n' >"$BUILDKITE_HOOKS_PATH/environment"
}

@test "jobs find the client, the Docker plugin, the server and the project" {
  run "$bootstrap"
  [ "$status" -eq 0 ]
  [ -x "$DEPOT_INSTALL_DIR/depot" ]
  [ "$(readlink "$DOCKER_PLUGINS_DIR/docker-depot")" = "$DEPOT_INSTALL_DIR/depot" ]
  run env -i bash -c '. "$1"; echo "$STACK $DEPOT_API_URL $DEPOT_PROJECT_ID"' bash "$BUILDKITE_HOOKS_PATH/environment"
  [ "$output" = 'yes https://slipway.example.com p123' ]
}

@test "a pipeline's own project goes first" {
  "$bootstrap"
  run env -i DEPOT_PROJECT_ID=own bash -c '. "$1"; echo "$DEPOT_PROJECT_ID"' bash "$BUILDKITE_HOOKS_PATH/environment"
  [ "$output" = own ]
}

@test "it can run again, with other values" {
  "$bootstrap"
  DEPOT_PROJECT_ID=p456 run "$bootstrap"
  [ "$status" -eq 0 ]
  [ "$(grep -c slipway-environment "$BUILDKITE_HOOKS_PATH/environment")" -eq 1 ]
  run env -i bash -c '. "$1"; echo "$DEPOT_PROJECT_ID"' bash "$BUILDKITE_HOOKS_PATH/environment"
  [ "$output" = p456 ]
}

@test "an installer that is not the pinned one is not run" {
  SLIPWAY_INSTALLER_SHA256=$(printf '0%.0s' {1..64}) run "$bootstrap"
  [ "$status" -eq 1 ]
  [[ $output == *'is not the pinned one'* ]]
  [ ! -e "$DEPOT_INSTALL_DIR/depot" ]
  SLIPWAY_INSTALLER_SHA256=$(sha256sum <"$INSTALLER" | cut -d' ' -f1) run "$bootstrap"
  [ "$status" -eq 0 ]
}

@test "without an address it says what is missing" {
  SLIPWAY_URL='' run "$bootstrap"
  [ "$status" -eq 1 ]
  [[ $output == *'SLIPWAY_URL is not set'* ]]
}
