/* SPDX-License-Identifier: Apache-2.0 */

/* Three answers to a refused call. ENOSYS where callers know older kernels and have another way (clone3, io_uring, the new
 * mount queries): most programs then just work. EPERM where the call exists and is not theirs to make. A call's own errno
 * where one argument is the trouble. What is merely useless without capabilities is refused too: the less of the kernel a
 * program reaches, the fewer of its bugs matter.
 *
 * Refusing certain values of an argument cannot be said to libseccomp as "these not, all others yes": whichever rule is
 * unconditional wins, and its comparisons see 64 bits where the kernel reads 32, so that a program could hide a forbidden
 * value behind a high bit. So a condition is unfolded into rules which exclude each other and together cover every value:
 * walking from the highest bit down, a prefix under which no listed value lies becomes one masked comparison. Their order
 * then means nothing. */

#include "sandbox/seccomp-policy.h"

#include <errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "basic/macro.h"

#define EVERYWHERE (SECCOMP_JOB | SECCOMP_OUTER)
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define VALUES(...)                                                                                                    \
        .values = (const uint32_t[]){ __VA_ARGS__ },                                                                   \
        .n_values = ELEMENTSOF(((const uint32_t[]){ __VA_ARGS__ }))
#define WHOLE UINT32_MAX

/* Not in the headers of every supported distribution. */
#define POLICY_PR_SCHED_CORE 62u

#define CLONE_NAMESPACES                                                                                               \
        ((uint32_t) (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |      \
                     CLONE_NEWNET))

static const SeccompEntry entries[] = {
        /* What programs are made of. */
        {
                .reason = "opens, reads and writes files",
                .profiles = EVERYWHERE,
                .names = NAMES("open", "openat", "openat2", "creat", "close", "close_range", "read", "readv", "pread64",
                               "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek",
                               "truncate", "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "readahead",
                               "fadvise64", "sendfile", "copy_file_range", "splice", "tee", "flock", "fcntl", "dup",
                               "dup2", "dup3", "pipe", "pipe2", "memfd_create"),
        },
        {
                .reason = "looks at and changes names and attributes of files",
                .profiles = EVERYWHERE,
                .names = NAMES("stat", "lstat", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat",
                               "faccessat2", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat",
                               "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
                               "symlink", "symlinkat", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat",
                               "fchmodat2", "chown", "fchown", "lchown", "fchownat", "umask", "utime", "utimes",
                               "futimesat", "utimensat", "getxattr", "lgetxattr", "fgetxattr", "getxattrat", "setxattr",
                               "lsetxattr", "fsetxattr", "setxattrat", "listxattr", "llistxattr", "flistxattr",
                               "listxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat",
                               "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch"),
        },
        {
                .reason = "manages its own memory",
                .profiles = EVERYWHERE,
                .names = NAMES("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock",
                               "mlock2", "mlockall", "munlock", "munlockall", "pkey_alloc", "pkey_free", "pkey_mprotect",
                               "map_shadow_stack", "mseal", "membarrier"),
        },
        {
                .reason = "starts, ends and waits for processes and threads",
                .profiles = EVERYWHERE,
                .names = NAMES("fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid",
                               "set_tid_address", "set_robust_list", "get_robust_list", "rseq", "arch_prctl", "futex",
                               "futex_wait", "futex_wake", "futex_requeue", "futex_waitv", "pidfd_open",
                               "pidfd_send_signal", "kill", "tkill", "tgkill", "pause", "restart_syscall"),
        },
        {
                .reason = "handles signals",
                .profiles = EVERYWHERE,
                .names = NAMES("rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait",
                               "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigreturn", "sigaltstack", "signalfd",
                               "signalfd4"),
        },
        {
                .reason = "asks who and where it is",
                .profiles = EVERYWHERE,
                .names = NAMES("getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "getuid", "geteuid",
                               "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget", "uname", "sysinfo",
                               "getcpu", "getrusage", "times", "getrandom", "getrlimit", "lsm_get_self_attr"),
        },
        {
                .reason = "orders its own process groups, limits and priorities; the kernel lets it only lower them",
                .profiles = EVERYWHERE,
                .names = NAMES("setpgid", "setsid", "setrlimit", "getpriority", "setpriority", "ioprio_get", "ioprio_set",
                               "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getattr", "sched_setattr",
                               "sched_getparam", "sched_setparam", "sched_getscheduler", "sched_setscheduler",
                               "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval"),
        },
        {
                .reason = "reads clocks, sleeps, sets timers",
                .profiles = EVERYWHERE,
                .names = NAMES("time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
                               "alarm", "getitimer", "setitimer", "timer_create", "timer_delete", "timer_settime",
                               "timer_gettime", "timer_getoverrun", "timerfd_create", "timerfd_settime",
                               "timerfd_gettime"),
        },
        {
                .reason = "waits for events",
                .profiles = EVERYWHERE,
                .names = NAMES("select", "pselect6", "poll", "ppoll", "epoll_create", "epoll_create1", "epoll_ctl",
                               "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2"),
        },
        {
                .reason = "uses sockets, once it has one",
                .profiles = EVERYWHERE,
                .names = NAMES("bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername",
                               "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg",
                               "recvmmsg"),
        },
        {
                .reason = "talks between processes, inside its own ipc namespace",
                .profiles = EVERYWHERE,
                .names = NAMES("shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget",
                               "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive",
                               "mq_notify", "mq_getsetattr"),
        },
        {
                .reason = "only ever takes rights away from the caller",
                .profiles = EVERYWHERE,
                .names = NAMES("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
        },

        /* What depends on an argument. */
        {
                .reason = "a new namespace lets a program act as root inside it and reach far more of the kernel",
                .profiles = SECCOMP_JOB,
                .names = NAMES("clone"),
                .n_conditions = 1,
                .conditions = { { .argument = 0, .mask = CLONE_NAMESPACES, VALUES(0), .error = EPERM } },
        },
        {
                .reason = "only local, IPv4 and IPv6 sockets, and only their usual protocols (others: ENOSYS): the rest is "
                          "kernel code that nobody needs and much of which is loaded on demand",
                .profiles = EVERYWHERE,
                .names = NAMES("socket", "socketpair"),
                .n_conditions = 2,
                .conditions = {
                        { .argument = 0, .mask = WHOLE, VALUES(AF_UNIX, AF_INET, AF_INET6), .error = EAFNOSUPPORT },
                        {
                                .argument = 2,
                                .mask = WHOLE,
                                VALUES(0, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6),
                                .error = SECCOMP_DEFAULT_ERRNO,
                        },
                },
        },
        {
                .reason = "typing into the terminal of somebody else (TIOCSTI, TIOCLINUX)",
                .profiles = EVERYWHERE,
                .names = NAMES("ioctl"),
                .n_conditions = 1,
                .conditions = {
                        { .argument = 1, .mask = WHOLE, VALUES(TIOCSTI, TIOCLINUX), .refuse = true, .error = EPERM },
                },
        },
        {
                .reason = "rewriting the memory map the kernel keeps of a process, letting others trace it, sharing cores",
                .profiles = EVERYWHERE,
                .names = NAMES("prctl"),
                .n_conditions = 1,
                .conditions = {
                        {
                                .argument = 0,
                                .mask = WHOLE,
                                VALUES(PR_SET_MM, PR_SET_PTRACER, POLICY_PR_SCHED_CORE),
                                .refuse = true,
                                .error = EPERM,
                        },
                },
        },
        {
                .reason = "other personalities switch address space protections off; asking and plain Linux are harmless",
                .profiles = EVERYWHERE,
                .names = NAMES("personality"),
                .n_conditions = 1,
                .conditions = {
                        { .argument = 0, .mask = WHOLE, VALUES(PER_LINUX, PER_LINUX32, WHOLE), .error = EPERM },
                },
        },
        {
                .reason = "limits of another process of the same user: a CPU limit could end the supervisor",
                .profiles = EVERYWHERE,
                .names = NAMES("prlimit64"),
                .n_conditions = 1,
                .conditions = { { .argument = 0, .mask = WHOLE, VALUES(0), .error = EPERM } },
        },
        {
                .reason = "device nodes; files, fifos and sockets may be made",
                .profiles = EVERYWHERE,
                .names = NAMES("mknod"),
                .n_conditions = 1,
                .conditions = {
                        { .argument = 1, .mask = S_IFMT, VALUES(S_IFCHR, S_IFBLK), .refuse = true, .error = EPERM },
                },
        },
        {
                .reason = "device nodes; files, fifos and sockets may be made",
                .profiles = EVERYWHERE,
                .names = NAMES("mknodat"),
                .n_conditions = 1,
                .conditions = {
                        { .argument = 2, .mask = S_IFMT, VALUES(S_IFCHR, S_IFBLK), .refuse = true, .error = EPERM },
                },
        },

        /* What only the supervisor of nested sandboxes may do. */
        {
                .reason = "makes the namespaces of a nested sandbox",
                .profiles = SECCOMP_OUTER,
                .names = NAMES("clone", "unshare", "sethostname"),
        },
        {
                .reason = "makes the file system of a nested sandbox",
                .profiles = SECCOMP_OUTER,
                .names = NAMES("mount", "umount2", "pivot_root", "mount_setattr"),
        },
        {
                .reason = "takes the ids of a nested sandbox and drops its capabilities",
                .profiles = SECCOMP_OUTER,
                .names = NAMES("setresuid", "setresgid", "setgroups", "capset"),
        },
        {
                .reason = "a new namespace lets a program act as root inside it and reach far more of the kernel",
                .profiles = SECCOMP_JOB,
                .error = EPERM,
                .names = NAMES("unshare", "sethostname"),
        },
        {
                .reason = "rearranges the file system the sandbox is made of",
                .profiles = SECCOMP_JOB,
                .error = EPERM,
                .names = NAMES("mount", "umount2", "pivot_root", "mount_setattr"),
        },
        {
                .reason = "there are no other ids and no capabilities to take",
                .profiles = SECCOMP_JOB,
                .error = EPERM,
                .names = NAMES("setresuid", "setresgid", "setgroups", "capset"),
        },

        /* What nobody may. */
        {
                .reason = "there are no other ids to take",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("setuid", "setgid", "setreuid", "setregid", "setfsuid", "setfsgid"),
        },
        {
                .reason = "joins a namespace from outside",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("setns"),
        },
        {
                .reason = "rearranges the file system the sandbox is made of",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount",
                               "fspick", "quotactl", "quotactl_fd", "swapon", "swapoff"),
        },
        {
                .reason = "reads or changes other processes: their memory, registers, descriptors",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
                               "kcmp", "pidfd_getfd", "move_pages", "migrate_pages"),
        },
        {
                .reason = "opens files by handle, past every directory's permissions",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("name_to_handle_at", "open_by_handle_at"),
        },
        {
                .reason = "runs programs in the kernel or watches it from inside",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("bpf", "perf_event_open", "fanotify_init", "fanotify_mark"),
        },
        {
                .reason = "mainly known as a step in attacks on the kernel",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("userfaultfd", "vmsplice", "modify_ldt", "memfd_secret"),
        },
        {
                .reason = "the kernel's keys are not in any namespace",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("keyctl", "add_key", "request_key"),
        },
        {
                .reason = "changes the machine: its kernel, clock, names, log, terminals, accounting",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("kexec_load", "kexec_file_load", "reboot", "init_module", "finit_module", "delete_module",
                               "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "setdomainname", "syslog",
                               "acct", "vhangup", "iopl", "ioperm"),
        },
        {
                .reason = "writes out the disks of the whole machine; fsync remains",
                .profiles = EVERYWHERE,
                .error = EPERM,
                .names = NAMES("sync", "syncfs"),
        },

        /* What may as well not exist; the same as not being named, said for those who wonder. */
        {
                .reason = "its flags lie in memory, where a filter cannot look; libraries fall back to clone",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("clone3"),
        },
        {
                .reason = "makes system calls that no filter sees; libraries fall back to ordinary calls",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("io_uring_setup", "io_uring_enter", "io_uring_register"),
        },
        {
                .reason = "a second, little used way of asynchronous input and output",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents"),
        },
        {
                .reason = "which memory node a page lies on is the machine's business",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "mbind"),
        },
        {
                .reason = "describes mounts, security modules or the page cache of the machine; /proc says what a program needs",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("statmount", "listmount", "listns", "lsm_set_self_attr", "lsm_list_modules", "cachestat"),
        },
        {
                .reason = "obsolete",
                .profiles = EVERYWHERE,
                .error = SECCOMP_DEFAULT_ERRNO,
                .names = NAMES("_sysctl", "afs_syscall", "create_module", "epoll_ctl_old", "epoll_wait_old",
                               "get_kernel_syms", "get_thread_area", "getpmsg", "lookup_dcookie", "nfsservctl",
                               "putpmsg", "query_module", "remap_file_pages", "security", "set_thread_area", "sysfs",
                               "tuxcall", "uselib", "ustat", "vserver"),
        },
};

const SeccompEntry *seccomp_policy_entries(size_t *ret_n)
{
        *ret_n = ELEMENTSOF(entries);
        return entries;
}

/* One rule as a filter knows it: all comparisons hold, then error (0 allows). */
typedef struct Rule {
        const SeccompEntry *entry;
        int error;
        unsigned n_comparisons;
        struct scmp_arg_cmp comparisons[SECCOMP_CONDITIONS_MAX];
} Rule;

typedef int (*RuleHandler)(const Rule *rule, void *userdata);

typedef struct Unfolding {
        Rule rule;
        RuleHandler handler;
        void *userdata;
} Unfolding;

static int unfold_emit(Unfolding *u, int error)
{
        /* libseccomp takes no rule that says the same as the default. */
        if (error == SECCOMP_DEFAULT_ERRNO)
                return 0;
        u->rule.error = error;
        return u->handler(&u->rule, u->userdata);
}

static bool condition_lists(const SeccompCondition *condition, uint32_t mask, uint32_t value)
{
        for (size_t i = 0; i < condition->n_values; i++)
                if ((condition->values[i] & mask) == value)
                        return true;
        return false;
}

static int unfold_conditions(Unfolding *u);

/* Covers all values that have these bits under this mask, and of the condition's mask the bits below are still open. */
static int unfold_values(Unfolding *u, const SeccompCondition *condition, uint32_t mask, uint32_t value)
{
        const uint32_t open_bits = condition->mask & ~mask;
        bool listed;
        uint32_t bit;
        int r;

        listed = condition_lists(condition, mask, value);
        if (!listed || open_bits == 0) {
                u->rule.comparisons[u->rule.n_comparisons++] =
                                SCMP_CMP64(condition->argument, SCMP_CMP_MASKED_EQ, mask, value);
                r = listed != condition->refuse ? unfold_conditions(u) : unfold_emit(u, condition->error);
                u->rule.n_comparisons--;
                return r;
        }
        bit = UINT32_C(1) << (31 - __builtin_clz(open_bits));
        r = unfold_values(u, condition, mask | bit, value);
        return r < 0 ? r : unfold_values(u, condition, mask | bit, value | bit);
}

static int unfold_conditions(Unfolding *u)
{
        const SeccompEntry *entry = u->rule.entry;

        if (u->rule.n_comparisons == entry->n_conditions)
                return unfold_emit(u, entry->error);
        return unfold_values(u, &entry->conditions[u->rule.n_comparisons], 0, 0);
}

static int foreach_rule(SeccompProfile profile, RuleHandler handler, void *userdata)
{
        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                Unfolding u = { .rule.entry = &entries[i], .handler = handler, .userdata = userdata };
                int r;

                if (!(entries[i].profiles & (int) profile))
                        continue;
                r = unfold_conditions(&u);
                if (r < 0)
                        return r;
        }
        return 0;
}

static inline void json_object_putp(json_object **object)
{
        json_object_put(*object);
}

/* Both take the value over, and say -ENOMEM if it could not even be made. */
static int json_add(json_object *object, const char *key, json_object *value)
{
        if (value && json_object_object_add(object, key, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int json_append(json_object *array, json_object *value)
{
        if (value && json_object_array_add(array, value) == 0)
                return 0;
        json_object_put(value);
        return -ENOMEM;
}

static int comparison_to_json(const struct scmp_arg_cmp *comparison, json_object **ret)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object || json_add(object, "index", json_object_new_int64(comparison->arg)) < 0 ||
            json_add(object, "value", json_object_new_int64((int64_t) comparison->datum_a)) < 0 ||
            json_add(object, "valueTwo", json_object_new_int64((int64_t) comparison->datum_b)) < 0 ||
            json_add(object, "op", json_object_new_string("SCMP_CMP_MASKED_EQ")) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(object);
        return 0;
}

static int names_to_json(const char *const *names, json_object **ret)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return -ENOMEM;
        for (; *names; names++)
                if (json_append(array, json_object_new_string(*names)) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(array);
        return 0;
}

static int comparisons_to_json(const Rule *rule, json_object **ret)
{
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return -ENOMEM;
        for (unsigned i = 0; i < rule->n_comparisons; i++) {
                json_object *comparison = NULL;

                if (comparison_to_json(&rule->comparisons[i], &comparison) < 0 || json_append(array, comparison) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(array);
        return 0;
}

static int rule_to_json(const Rule *rule, void *userdata)
{
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        json_object *names = NULL, *comparisons = NULL, *syscalls = userdata;
        const char *action = rule->error == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO";

        if (!object || json_add(object, "comment", json_object_new_string(rule->entry->reason)) < 0 ||
            names_to_json(rule->entry->names, &names) < 0 || json_add(object, "names", names) < 0 ||
            json_add(object, "action", json_object_new_string(action)) < 0)
                return -ENOMEM;
        if (rule->error > 0 && json_add(object, "errnoRet", json_object_new_int64(rule->error)) < 0)
                return -ENOMEM;
        if (rule->n_comparisons > 0 &&
            (comparisons_to_json(rule, &comparisons) < 0 || json_add(object, "args", comparisons) < 0))
                return -ENOMEM;
        return json_append(syscalls, TAKE_PTR(object));
}

/* Podman picks the machine's own architecture; that none has another beside it keeps the 32 bit entries closed. */
static int architectures_to_json(json_object **ret)
{
        static const char *const names[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64" };
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();

        if (!array)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                json_object *architecture = json_object_new_object();

                if (json_append(array, architecture) < 0 ||
                    json_add(architecture, "architecture", json_object_new_string(names[i])) < 0 ||
                    json_add(architecture, "subArchitectures", json_object_new_array()) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(array);
        return 0;
}

int seccomp_policy_write_oci(FILE *f, SeccompProfile profile)
{
        _cleanup_(json_object_putp) json_object *root = json_object_new_object();
        json_object *architectures = NULL, *syscalls;
        const char *text;
        int r;

        if (!root || json_add(root, "defaultAction", json_object_new_string("SCMP_ACT_ERRNO")) < 0 ||
            json_add(root, "defaultErrnoRet", json_object_new_int64(SECCOMP_DEFAULT_ERRNO)) < 0 ||
            architectures_to_json(&architectures) < 0 || json_add(root, "archMap", architectures) < 0)
                return -ENOMEM;
        syscalls = json_object_new_array();
        if (json_add(root, "syscalls", syscalls) < 0)
                return -ENOMEM;
        r = foreach_rule(profile, rule_to_json, syscalls);
        if (r < 0)
                return r;

        text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        if (fputs(text, f) == EOF || fputc('\n', f) == EOF)
                return -EIO;
        return 0;
}

static int rule_to_filter(const Rule *rule, void *userdata)
{
        scmp_filter_ctx filter = userdata;
        const uint32_t action = rule->error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t) rule->error);

        for (const char *const *name = rule->entry->names; *name; name++) {
                int number, r;

                /* Negative for what libseccomp does not know, and for what this architecture does not have. */
                number = seccomp_syscall_resolve_name(*name);
                if (number < 0)
                        continue;
                r = seccomp_rule_add_exact_array(filter, action, number, rule->n_comparisons, rule->comparisons);
                if (r < 0)
                        return r;
        }
        return 0;
}

static inline void filter_releasep(scmp_filter_ctx *filter)
{
        if (*filter)
                seccomp_release(*filter);
}

static int make_filter(SeccompProfile profile, scmp_filter_ctx *ret)
{
        _cleanup_(filter_releasep) scmp_filter_ctx filter = NULL;
        int r;

        filter = seccomp_init(SCMP_ACT_ERRNO(SECCOMP_DEFAULT_ERRNO));
        if (!filter)
                return -ENOMEM;
        r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        if (r < 0)
                return r;
        /* A binary tree over the numbers, instead of a list. */
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r < 0)
                return r;
        r = foreach_rule(profile, rule_to_filter, filter);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(filter);
        return 0;
}

int seccomp_policy_load(SeccompProfile profile)
{
        _cleanup_(filter_releasep) scmp_filter_ctx filter = NULL;

        int r = make_filter(profile, &filter);
        return r < 0 ? r : seccomp_load(filter);
}

int seccomp_policy_export(SeccompProfile profile, int fd)
{
        _cleanup_(filter_releasep) scmp_filter_ctx filter = NULL;

        int r = make_filter(profile, &filter);
        return r < 0 ? r : seccomp_export_bpf(filter, fd);
}
