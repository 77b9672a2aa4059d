# shellcheck shell=bash
# Not executable, as a ConfigMap's files are: the entrypoint reads it itself.
psql --username=postgres --command="INSERT INTO drinks VALUES ('milk')"
