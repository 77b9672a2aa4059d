#!/bin/sh
# Runs what the official nginx image's entrypoint runs, in the same way.
set -eu

scripts=/docker-entrypoint.d/
if [ "$1" = nginx ] && /usr/bin/find "$scripts" -mindepth 1 -maxdepth 1 -type f -print -quit | read -r _; then
  find "$scripts" -follow -type f -print | sort -V | while read -r script; do
    # shellcheck source=/dev/null
    case $script in
      *.envsh) . "$script" ;;
      *.sh) "$script" ;;
    esac
  done
fi
exec "$@"
