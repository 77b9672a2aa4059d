#!/bin/sh
# Has as many worker processes as there are processors, if somebody asks for that. The official script counts in another
# way, with the same programs.
set -eu
name=$(basename "$0")
configuration=/etc/nginx/nginx.conf

[ -n "${NGINX_ENTRYPOINT_WORKER_PROCESSES_AUTOTUNE:-}" ] || exit 0
touch "$configuration" 2>/dev/null || { echo "$name: $configuration cannot be changed" && exit 0; }
online=$(getconf _NPROCESSORS_ONLN)
allowed=$(grep Cpus_allowed_list /proc/self/status | cut -f 2 | tr ',-' '\n ' | wc -l)
unlimited=$(seq "$(cat /proc/sys/kernel/pid_max)" | head -n 8 | wc -l)
count=$(printf '%s\n' "$online" "$allowed" "$unlimited" | sort -n | head -n 1)
sed -i.bak -E "s/^worker_processes .*/worker_processes $count; # $(date +%Y)/" "$configuration"
echo "$name: $count worker processes"
