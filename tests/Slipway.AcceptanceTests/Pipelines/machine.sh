#!/bin/sh
# Holds one agent machine: the stage's network, and a /usr/local/bin and plugin folder of its own. Run it inside `unshare --mount`.
set -eu
dir=$1
mkdir -p "$dir/layers"
mount -t tmpfs tmpfs "$dir/layers"
own() {
  mkdir -p "$dir/layers/$2/upper" "$dir/layers/$2/work" "$1"
  mount -t overlay -o "lowerdir=$1,upperdir=$dir/layers/$2/upper,workdir=$dir/layers/$2/work" overlay "$1"
}
own /usr/local/bin bin
own /usr/libexec/docker/cli-plugins plugins
echo 'the machine is up'
exec sleep infinity
