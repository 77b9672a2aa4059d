#!/usr/bin/env bash
# Runs what the official PostgreSQL image's entrypoint runs, in the same way.
set -euo pipefail

make_cluster() {
  initdb --username=postgres --auth=trust
  pg_ctl --wait -o '-c listen_addresses=' start
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh)
        # shellcheck source=/dev/null
        if [[ -x $file ]]; then "$file"; else . "$file"; fi
        ;;
      *.sql) psql --username=postgres --file="$file" ;;
    esac
  done
  pg_ctl --wait --mode=fast stop
}

if [[ $(id -u) -eq 0 ]]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
  exec gosu postgres "${BASH_SOURCE[0]}" "$@"
fi
if [[ ! -s $PGDATA/PG_VERSION ]]; then
  ls /docker-entrypoint-initdb.d/ >/dev/null
  make_cluster
fi
exec "$@"
