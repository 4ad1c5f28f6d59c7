#!/usr/bin/env bash
# Builds the base image `busybox:latest` from the machine's static busybox, without a registry: DIR/busybox is an OCI layout
# (a build reads it with --build-context busybox=oci-layout://DIR/busybox), DIR/busybox.tar the same for `docker load`,
# DIR/rootfs its files (--build-context base=DIR/rootfs).
# The same busybox gives the same digest everywhere.
# --foreign: the same image for the other one of amd64 and arm64, from Debian's busybox of that architecture.
set -euo pipefail

die() { echo "error: $*" >&2; exit 1; }

[ $# -eq 1 ] || [ "${2:-}" = --foreign ] || die "usage: eng/base-images.sh DIR [--foreign]"
# shellcheck source=eng/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"
need_busybox
mkdir -p "$1"
out=$(cd "$1" && pwd)
busybox=$(command -v busybox)
case $(uname -m) in
  x86_64) arch=amd64 other=arm64 ;;
  aarch64) arch=arm64 other=amd64 ;;
  *) die "unknown machine type $(uname -m)" ;;
esac
if [ "${2:-}" = --foreign ]; then
  arch=$other
  busybox=$(need_foreign_busybox "$out/busybox.foreign" | tail -n 1)
  [ -n "$busybox" ] || exit 1
fi

# A folder made from this very busybox by this very script is kept.
stamp=$(cat "$busybox" "${BASH_SOURCE[0]}" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$out/busybox.stamp" 2>/dev/null)" = "$stamp" ] && [ -e "$out/busybox.tar" ] && [ -e "$out/busybox/index.json" ] && [ -d "$out/rootfs" ]; then
  exit 0
fi
rm -f "$out/busybox.stamp"

work=$(mktemp -d "$out/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
layout=$work/busybox
mkdir -p "$root"/{bin,dev,etc,home,proc,root,run,sys,tmp,usr/bin,usr/sbin,var/tmp} "$layout/blobs/sha256"

cp "$busybox" "$root/bin/busybox"
busybox --list | while read -r applet; do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s ../../bin/busybox "$root/usr/bin/env"
echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/home:/bin/false' >"$root/etc/passwd"
echo 'root:x:0:
nogroup:x:65534:' >"$root/etc/group"
chmod -R u=rwX,go=rX "$root"
chmod 755 "$root/bin/busybox"
chmod 700 "$root/root"
chmod 1777 "$root/tmp" "$root/var/tmp"

# pack FOLDER FILE: the same bytes for the same content.
pack() { tar --create --file "$2" --directory "$1" --sort=name --format=ustar --mtime=@0 --owner=0 --group=0 --numeric-owner .; }

digest() { sha256sum "$1" | cut -d' ' -f1; }

# blob FILE: moves the file into the layout and prints its digest.
blob() {
  local sum
  sum=$(digest "$1")
  mv "$1" "$layout/blobs/sha256/$sum"
  echo "$sum"
}

size() { stat -c %s "$layout/blobs/sha256/$1"; }

pack "$root" "$work/layer"
diff_id=$(digest "$work/layer")
gzip -n -6 "$work/layer"
layer=$(blob "$work/layer.gz")

cat >"$work/config" <<END
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"busybox"}]}
END
config=$(blob "$work/config")

cat >"$work/manifest" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$config")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$layer")}]}
END
manifest=$(blob "$work/manifest")

echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
cat >"$layout/index.json" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$manifest"),"platform":{"architecture":"$arch","os":"linux"},"annotations":{"io.containerd.image.name":"docker.io/library/busybox:latest","org.opencontainers.image.ref.name":"latest"}}]}
END
# What a daemon without the containerd image store reads.
cat >"$layout/manifest.json" <<END
[{"Config":"blobs/sha256/$config","RepoTags":["busybox:latest"],"Layers":["blobs/sha256/$layer"]}]
END
chmod -R u=rwX,go=rX "$layout"
pack "$layout" "$work/busybox.tar"

rm -rf "$out/busybox" "$out/rootfs"
mv "$root" "$out/rootfs"
mv "$layout" "$out/busybox"
mv "$work/busybox.tar" "$out/busybox.tar"
echo "$stamp" >"$out/busybox.stamp"
