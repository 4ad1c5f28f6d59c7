#!/bin/sh
# Holds a network and a view of the file system of its own, in which names of the spec lead to this machine's test servers and a
# private authority is trusted. Run it inside `unshare --net --mount`: what it changes ends with it.
#
# DIR/names: "ADDRESS NAME" lines; DIR/ca.pem: the authority; DIR/users, DIR/groups: lines for passwd and group.
set -eu
dir=$1

ip link set lo up
cut -d' ' -f1 "$dir/names" | sort -u | while read -r address; do
  # Not 127.0.0.0/8: Docker takes what resolves there for a registry that needs no certificate.
  ip addr add "$address/32" dev lo
done

over() { mount --bind "$1" "$2"; }
cat /etc/hosts "$dir/names" >"$dir/hosts"
over "$dir/hosts" /etc/hosts
cat /etc/passwd "$dir/users" >"$dir/passwd"
over "$dir/passwd" /etc/passwd
cat /etc/group "$dir/groups" >"$dir/group"
over "$dir/group" /etc/group

# Both forms of the trusted authorities: the bundle and the folder of single ones.
cp -a /etc/ssl/certs "$dir/certs"
cat "$dir/ca.pem" >>"$dir/certs/ca-certificates.crt"
cp "$dir/ca.pem" "$dir/certs/slipway-test.pem"
ln -s slipway-test.pem "$dir/certs/$(openssl x509 -noout -hash -in "$dir/ca.pem").0"
over "$dir/certs" /etc/ssl/certs

mount -t tmpfs -o mode=755 tmpfs /run
touch /run/docker.sock
echo 'the stage is set'
exec sleep infinity
