#!/bin/sh
# Listens on IPv6 as well, if the configuration is the one that the package brought.
set -eu
name=$(basename "$0")
configuration=/etc/nginx/conf.d/default.conf

[ -f /proc/net/if_inet6 ] || exit 0
touch "$configuration" 2>/dev/null || { echo "$name: $configuration cannot be changed" && exit 0; }
! grep -q 'listen *\[::\]' "$configuration" || exit 0
packaged=$(dpkg-query --show --showformat='${Conffiles}\n' nginx | grep "$configuration" | cut -d' ' -f 3)
echo "$packaged  $configuration" | md5sum -c - >/dev/null 2>&1 || exit 0
sed -i -E 's/listen 80;/listen 80; listen [::]:80;/' "$configuration"
echo "$name: listens on IPv6"
