#pragma once
#include <stdint.h>

/* Opens the cgroup with this id in the hierarchy that mount_fd lies in; open_by_handle_at(2). -1 and errno. */
int system_open_cgroup(int mount_fd, uint64_t id);

/* setns(2), unshare(2) and mount(2) constants and calls that Swift does not see without _GNU_SOURCE. */
int system_unshare_mounts(void);

/* openlog(3) and syslog(3) without their variable arguments. */
void system_open_log(const char *ident);
void system_log(int priority, const char *message);
