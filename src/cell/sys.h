/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The system calls the supervisor makes, and nothing else: there is no libc below this. The C library's headers lend
 * types and constants only; where its types differ from the kernel's (signal sets and actions) ours are the kernel's.
 * Every call returns what the kernel returns: a result, or a negative errno. */

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define SYS_SIGNAL_MAX 64
#define SYS_SIGNAL_BIT(n) (UINT64_C(1) << ((n) -1))

typedef uint64_t SysSignalSet;

typedef struct SysSignalAction {
        void *handler;
        unsigned long flags;
        void *restorer;
        SysSignalSet mask;
} SysSignalAction;

typedef struct SysRlimit {
        uint64_t soft;
        uint64_t hard;
} SysRlimit;

#if defined(__x86_64__)

static inline long sys_call(long number, long a, long b, long c, long d, long e)
{
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        long r;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                         : "rcx", "r11", "memory");
        return r;
}

#elif defined(__aarch64__)

static inline long sys_call(long number, long a, long b, long c, long d, long e)
{
        register long x8 __asm__("x8") = number;
        register long x0 __asm__("x0") = a;
        register long x1 __asm__("x1") = b;
        register long x2 __asm__("x2") = c;
        register long x3 __asm__("x3") = d;
        register long x4 __asm__("x4") = e;

        __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
        return x0;
}

#else
#error "rce-cell knows the system calls of amd64 and arm64 only"
#endif

static inline void __attribute__((noreturn)) sys_exit(int status)
{
        for (;;)
                sys_call(SYS_exit_group, status, 0, 0, 0, 0);
}

static inline long sys_getpid(void)
{
        return sys_call(SYS_getpid, 0, 0, 0, 0, 0);
}

static inline long sys_getuid(void)
{
        return sys_call(SYS_getuid, 0, 0, 0, 0, 0);
}

static inline long sys_getgid(void)
{
        return sys_call(SYS_getgid, 0, 0, 0, 0, 0);
}

/* Arguments of clone(2) stand in another order on each architecture; a plain fork has zero in all of them but the
 * first. */
static inline long sys_fork(void)
{
        return sys_call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* A fork into new namespaces. */
static inline long sys_clone(unsigned long namespaces)
{
        return sys_call(SYS_clone, (long) (namespaces | SIGCHLD), 0, 0, 0, 0);
}

static inline long sys_execve(const char *path, const char *const *argv, const char *const *env)
{
        return sys_call(SYS_execve, (long) path, (long) argv, (long) env, 0, 0);
}

static inline long sys_wait4(int pid, int *ret_status, int options, struct rusage *ret_usage)
{
        return sys_call(SYS_wait4, pid, (long) ret_status, options, (long) ret_usage, 0);
}

static inline long sys_kill(int pid, int signal)
{
        return sys_call(SYS_kill, pid, signal, 0, 0, 0);
}

static inline long sys_setsid(void)
{
        return sys_call(SYS_setsid, 0, 0, 0, 0, 0);
}

static inline long sys_umask(unsigned mask)
{
        return sys_call(SYS_umask, mask, 0, 0, 0, 0);
}

static inline long sys_personality(unsigned long persona)
{
        return sys_call(SYS_personality, (long) persona, 0, 0, 0, 0);
}

static inline long sys_prctl(int option, unsigned long value)
{
        return sys_call(SYS_prctl, option, (long) value, 0, 0, 0);
}

static inline long sys_capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
{
        return sys_call(SYS_capset, (long) header, (long) data, 0, 0, 0);
}

static inline long sys_seccomp(unsigned operation, unsigned flags, const struct sock_fprog *program)
{
        return sys_call(SYS_seccomp, operation, flags, (long) program, 0, 0);
}

static inline long sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                             const char *options)
{
        return sys_call(SYS_mount, (long) source, (long) target, (long) type, (long) flags, (long) options);
}

static inline long sys_mount_setattr(const char *path, unsigned flags, const struct mount_attr *attributes)
{
        return sys_call(SYS_mount_setattr, AT_FDCWD, (long) path, flags, (long) attributes, sizeof *attributes);
}

static inline long sys_mkdir(const char *path, unsigned mode)
{
        return sys_call(SYS_mkdirat, AT_FDCWD, (long) path, mode, 0, 0);
}

static inline long sys_symlink(const char *target, const char *path)
{
        return sys_call(SYS_symlinkat, (long) target, AT_FDCWD, (long) path, 0, 0);
}

static inline long sys_socket(int domain, int type, int protocol)
{
        return sys_call(SYS_socket, domain, type, protocol, 0, 0);
}

static inline long sys_ioctl(int fd, unsigned long request, void *argument)
{
        return sys_call(SYS_ioctl, fd, (long) request, (long) argument, 0, 0);
}

static inline long sys_setrlimit(unsigned resource, const SysRlimit *limit)
{
        return sys_call(SYS_prlimit64, 0, resource, (long) limit, 0, 0);
}

static inline long sys_sigprocmask(int how, const SysSignalSet *set)
{
        return sys_call(SYS_rt_sigprocmask, how, (long) set, 0, sizeof *set, 0);
}

static inline long sys_sigaction(int signal, const SysSignalAction *action)
{
        return sys_call(SYS_rt_sigaction, signal, (long) action, 0, sizeof action->mask, 0);
}

static inline long sys_signalfd(const SysSignalSet *set, int flags)
{
        return sys_call(SYS_signalfd4, -1, (long) set, sizeof *set, flags, 0);
}

static inline long sys_openat(int dir_fd, const char *path, int flags, unsigned mode)
{
        return sys_call(SYS_openat, dir_fd, (long) path, flags, mode, 0);
}

static inline long sys_chdir(const char *path)
{
        return sys_call(SYS_chdir, (long) path, 0, 0, 0, 0);
}

static inline long sys_read(int fd, void *buffer, size_t size)
{
        return sys_call(SYS_read, fd, (long) buffer, (long) size, 0, 0);
}

static inline long sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
        return sys_call(SYS_pread64, fd, (long) buffer, (long) size, (long) offset, 0);
}

static inline long sys_write(int fd, const void *buffer, size_t size)
{
        return sys_call(SYS_write, fd, (long) buffer, (long) size, 0, 0);
}

static inline long sys_close(int fd)
{
        return sys_call(SYS_close, fd, 0, 0, 0, 0);
}

static inline long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
        return sys_call(SYS_close_range, first, last, flags, 0, 0);
}

static inline long sys_dup3(int fd, int target, int flags)
{
        return sys_call(SYS_dup3, fd, target, flags, 0, 0);
}

static inline long sys_fcntl(int fd, int command, long value)
{
        return sys_call(SYS_fcntl, fd, command, value, 0, 0);
}

static inline long sys_pipe2(int fds[static 2], int flags)
{
        return sys_call(SYS_pipe2, (long) fds, flags, 0, 0, 0);
}

static inline long sys_ppoll(struct pollfd *fds, size_t n_fds, const struct timespec *timeout)
{
        return sys_call(SYS_ppoll, (long) fds, (long) n_fds, (long) timeout, 0, 0);
}

static inline long sys_getsockopt(int fd, int level, int option, int *ret)
{
        socklen_t size = sizeof *ret;

        return sys_call(SYS_getsockopt, fd, level, option, (long) ret, (long) &size);
}

static inline long sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
        return sys_call(SYS_sendmsg, fd, (long) message, flags, 0, 0);
}

static inline long sys_recvmsg(int fd, struct msghdr *message, int flags)
{
        return sys_call(SYS_recvmsg, fd, (long) message, flags, 0, 0);
}
