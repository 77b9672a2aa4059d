#!/bin/sh
# Runs what the official redis image's entrypoint runs, in the same way.
set -e

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  mkdir -p /data
  find /data \! -user redis -exec chown redis '{}' +
  exec setpriv --reuid redis --regid redis --clear-groups -- "$0" "$@"
fi
cd /data
exec "$@"
