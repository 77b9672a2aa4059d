// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that a program at a hook can cost, in two forms. `empty_*` do nothing. `floor_*` do what no program that
 * judges a container's paths can do without: one look into the task's storage, and where there is a path, that path
 * and one look into a table. They decide nothing.
 */
#include "lib/vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PATH_BYTES 512

/* Whether a task is judged. It is written at the first question, so that each task pays for the answer. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} marks SEC(".maps");

/* The path that is judged. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[PATH_BYTES]);
} paths SEC(".maps");

/* Rules by a hash of their path; it stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u64);
} rules SEC(".maps");

static __u64 *mark_of(struct task_struct *task)
{
	return bpf_task_storage_get(&marks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline int judge(struct path *path)
{
	__u32 zero = 0;
	__u64 *mark = mark_of(bpf_get_current_task_btf()), key;
	char *text = bpf_map_lookup_elem(&paths, &zero);

	if (!mark || !text)
		return 0;
	key = (__u64)bpf_d_path(path, text, PATH_BYTES);
	if (bpf_map_lookup_elem(&rules, &key))
		*mark = 1;
	return 0;
}

#define EMPTY(section, name)                                                                                           \
	SEC(section) int empty_##name(void *context)                                                                   \
	{                                                                                                              \
		return 0;                                                                                              \
	}

EMPTY("lsm/file_open", open)
EMPTY("lsm/mmap_file", mmap)
EMPTY("lsm/bprm_check_security", exec)
EMPTY("lsm/socket_create", socket)
EMPTY("tp_btf/task_newtask", fork)

#define EMPTY_ALLOWS(section, name)                                                                                    \
	SEC(section) int empty_##name(void *context)                                                                   \
	{                                                                                                              \
		return 1;                                                                                              \
	}

EMPTY_ALLOWS("cgroup/connect4", connect)
EMPTY_ALLOWS("cgroup/sendmsg4", sendmsg)
EMPTY_ALLOWS("cgroup_skb/egress", egress)
EMPTY_ALLOWS("cgroup_skb/ingress", ingress)

SEC("lsm/file_open")
int BPF_PROG(floor_open, struct file *file)
{
	return judge(&file->f_path);
}

SEC("lsm/mmap_file")
int BPF_PROG(floor_mmap, struct file *file)
{
	return file ? judge(&file->f_path) : 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(floor_exec, struct linux_binprm *bprm)
{
	return judge(&bprm->file->f_path);
}

SEC("lsm/socket_create")
int BPF_PROG(floor_socket)
{
	mark_of(bpf_get_current_task_btf());
	return 0;
}

/* A child is judged as its parent. */
SEC("tp_btf/task_newtask")
int BPF_PROG(floor_fork, struct task_struct *child)
{
	__u64 *parent = mark_of(bpf_get_current_task_btf()), *mark = mark_of(child);

	if (parent && mark)
		*mark = *parent;
	return 0;
}
