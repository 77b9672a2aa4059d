#!/bin/bash
# Executable, so the entrypoint executes it: a new file for the container.
psql --username=postgres --command="INSERT INTO drinks VALUES ('tea')"
