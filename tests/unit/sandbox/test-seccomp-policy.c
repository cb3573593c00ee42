/* SPDX-License-Identifier: Apache-2.0 */

/* What the filter says is asked of the filter: every case about behaviour runs in a child of its own, under it. */

#include "sandbox/seccomp-policy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "basic/macro.h"

#define HIGH_BIT (1L << 32) /* the kernel does not look at it where it reads an int */

/* In the policy, and younger than the libseccomp of some distribution that we support (2.5.4). */
static const char *const newer_names[] = {
        "cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listmount", "listns",
        "listxattrat", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack", "mseal",
        "open_tree_attr", "removexattrat", "set_mempolicy_home_node", "setxattrat", "statmount",
};

/* A system call and what it must say: an errno, or 0 if the filter lets it through. Let through, it may fail for reasons
 * of its own; no argument here makes it succeed in changing anything. */
typedef struct Call {
        const char *name;
        long number;
        long arguments[5];
        int error;
} Call;

#define CALL(name, error, ...) { #name, SYS_##name, { __VA_ARGS__ }, error }

static _Noreturn void child_fail(const char *what, int error)
{
        dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(error));
        _exit(1);
}

static int call_make(const Call *call)
{
        const long *a = call->arguments;

        return syscall(call->number, a[0], a[1], a[2], a[3], a[4]) < 0 ? errno : 0;
}

static int child_wait(pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

/* Runs body in a child under the profile; body returns on success. */
static int confined(SeccompProfile profile, void (*body)(const void *userdata), const void *userdata)
{
        pid_t pid;
        int r;

        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                r = seccomp_policy_load(profile);
                if (r < 0)
                        child_fail("load", -r);
                body(userdata);
                _exit(0);
        }
        return child_wait(pid);
}

static void assert_confined(SeccompProfile profile, void (*body)(const void *userdata), const void *userdata)
{
        int status = confined(profile, body, userdata);

        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

typedef struct Calls {
        const Call *calls;
        size_t n;
} Calls;

static void check_refused(const void *userdata)
{
        const Calls *calls = userdata;

        for (size_t i = 0; i < calls->n; i++) {
                int error = call_make(&calls->calls[i]);

                if (error != calls->calls[i].error)
                        child_fail(calls->calls[i].name, error);
        }
}

/* What the filter refuses, it refuses with these. */
static void check_passed(const void *userdata)
{
        const Calls *calls = userdata;

        for (size_t i = 0; i < calls->n; i++) {
                int error = call_make(&calls->calls[i]);

                if (error == EPERM || error == ENOSYS || error == EAFNOSUPPORT)
                        child_fail(calls->calls[i].name, error);
        }
}

static bool is_newer(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(newer_names); i++)
                if (strcmp(newer_names[i], name) == 0)
                        return true;
        return false;
}

static void every_name_is_a_system_call(void **state)
{
        const SeccompEntry *entries;
        size_t n;

        entries = seccomp_policy_entries(&n);
        for (size_t i = 0; i < n; i++) {
                assert_non_null(entries[i].reason);
                assert_true(entries[i].names[0] != NULL);
                for (const char *const *name = entries[i].names; *name; name++)
                        if (seccomp_syscall_resolve_name(*name) == __NR_SCMP_ERROR && !is_newer(*name))
                                fail_msg("unknown: %s", *name);
        }
}

static void no_name_stands_twice_in_a_profile(void **state)
{
        const SeccompEntry *entries;
        size_t n;

        entries = seccomp_policy_entries(&n);
        for (size_t i = 0; i < n; i++)
                for (const char *const *a = entries[i].names; *a; a++)
                        for (size_t j = i; j < n; j++) {
                                if (!(entries[i].profiles & entries[j].profiles))
                                        continue;
                                for (const char *const *b = j == i ? a + 1 : entries[j].names; *b; b++)
                                        if (strcmp(*a, *b) == 0)
                                                fail_msg("twice: %s", *a);
                        }
}

static void outer_profile_differs_only_where_a_supervisor_needs_it(void **state)
{
        const SeccompEntry *entries;
        size_t n, n_job = 0, n_outer = 0;

        entries = seccomp_policy_entries(&n);
        for (size_t i = 0; i < n; i++)
                for (const char *const *name = entries[i].names; *name; name++) {
                        n_job += !!(entries[i].profiles & SECCOMP_JOB);
                        n_outer += !!(entries[i].profiles & SECCOMP_OUTER);
                        if (entries[i].profiles == SECCOMP_OUTER)
                                assert_true(entries[i].error == 0 && entries[i].n_conditions == 0);
                }
        assert_int_equal(n_job, n_outer);
}

static void refused_calls_give_their_errno(void **state)
{
        static const Call calls[] = {
                CALL(ptrace, EPERM, 0),
                CALL(process_vm_readv, EPERM, 0),
                CALL(process_vm_writev, EPERM, 0),
                CALL(kcmp, EPERM, 0),
                CALL(pidfd_getfd, EPERM, -1, 0, 0),
                CALL(process_madvise, EPERM, -1),
                CALL(kexec_load, EPERM, 0),
                CALL(mount, EPERM, 0),
                CALL(umount2, EPERM, 0),
                CALL(pivot_root, EPERM, 0),
                CALL(chroot, EPERM, 0),
                CALL(fsopen, EPERM, 0),
                CALL(open_tree, EPERM, -1, 0),
                CALL(move_mount, EPERM, -1),
                CALL(mount_setattr, EPERM, -1),
                CALL(unshare, EPERM, CLONE_NEWUSER),
                CALL(setns, EPERM, -1, 0),
                CALL(bpf, EPERM, 0),
                CALL(perf_event_open, EPERM, 0),
                CALL(fanotify_init, EPERM, 0),
                CALL(keyctl, EPERM, 0),
                CALL(add_key, EPERM, 0),
                CALL(request_key, EPERM, 0),
                CALL(userfaultfd, EPERM, 0),
                CALL(vmsplice, EPERM, -1),
                CALL(init_module, EPERM, 0),
                CALL(finit_module, EPERM, -1),
                CALL(delete_module, EPERM, 0),
                CALL(swapon, EPERM, 0),
                CALL(reboot, EPERM, 0),
                CALL(acct, EPERM, 0),
                CALL(quotactl, EPERM, 0),
                CALL(syslog, EPERM, 0),
                CALL(settimeofday, EPERM, 0),
                CALL(clock_settime, EPERM, 0),
                CALL(adjtimex, EPERM, 0),
                CALL(open_by_handle_at, EPERM, -1),
                CALL(name_to_handle_at, EPERM, -1),
                CALL(setuid, EPERM, 0),
                CALL(setresgid, EPERM, -1, -1, -1),
                CALL(setgroups, EPERM, 0),
                CALL(capset, EPERM, 0),
                CALL(vhangup, EPERM, 0),
                CALL(sethostname, EPERM, 0),
                CALL(sync, EPERM, 0),
                CALL(clone3, ENOSYS, 0),
                CALL(io_uring_setup, ENOSYS, 0),
                CALL(io_setup, ENOSYS, 0),
                CALL(mbind, ENOSYS, 0),
                { "a number nobody uses", 2000, { 0 }, ENOSYS },
                { "-1", -1, { 0 }, ENOSYS },
#ifdef __x86_64__
                CALL(iopl, EPERM, 3),
                CALL(ioperm, EPERM, 0),
                CALL(modify_ldt, EPERM, 0),
                CALL(uselib, ENOSYS, 0),
#endif
        };

        assert_confined(SECCOMP_JOB, check_refused, &(Calls){ calls, ELEMENTSOF(calls) });
}

static void arguments_decide_where_they_should(void **state)
{
        static const Call refused[] = {
                CALL(socket, EAFNOSUPPORT, AF_PACKET, SOCK_RAW, 0),
                CALL(socket, EAFNOSUPPORT, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
                CALL(socket, EAFNOSUPPORT, AF_VSOCK, SOCK_STREAM, 0),
                CALL(socket, EAFNOSUPPORT, AF_ALG, SOCK_SEQPACKET, 0),
                CALL(socket, EAFNOSUPPORT, AF_UNSPEC, SOCK_STREAM, 0),
                CALL(socket, EAFNOSUPPORT, -1, SOCK_STREAM, 0),
                CALL(socket, EAFNOSUPPORT, AF_PACKET + HIGH_BIT, SOCK_RAW, 0),
                CALL(socket, ENOSYS, AF_INET, SOCK_STREAM, IPPROTO_SCTP),
                CALL(socket, ENOSYS, AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE),
                CALL(socket, ENOSYS, AF_INET, SOCK_RAW, IPPROTO_RAW),
                CALL(socketpair, EAFNOSUPPORT, AF_TIPC, SOCK_STREAM, 0, 0),
                CALL(clone, EPERM, CLONE_NEWUSER | SIGCHLD),
                CALL(clone, EPERM, CLONE_NEWNS | SIGCHLD),
                CALL(clone, EPERM, CLONE_NEWNET | CLONE_VM | SIGCHLD),
                CALL(clone, EPERM, CLONE_NEWPID + HIGH_BIT),
                CALL(clone, EPERM, CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP),
                CALL(ioctl, EPERM, -1, TIOCSTI),
                CALL(ioctl, EPERM, -1, TIOCLINUX),
                CALL(ioctl, EPERM, -1, TIOCSTI + HIGH_BIT),
                CALL(ioctl, EPERM, -1, TIOCLINUX - HIGH_BIT),
                CALL(prctl, EPERM, PR_SET_MM, 0),
                CALL(prctl, EPERM, PR_SET_PTRACER + HIGH_BIT, 0),
                CALL(personality, EPERM, ADDR_NO_RANDOMIZE),
                CALL(personality, EPERM, READ_IMPLIES_EXEC + HIGH_BIT),
                CALL(prlimit64, EPERM, 1, RLIMIT_CPU, 0, 0),
                CALL(prlimit64, EPERM, -1, RLIMIT_CPU, 0, 0),
                CALL(mknodat, EPERM, -1, 0, S_IFCHR | 0600),
                CALL(mknodat, EPERM, -1, 0, S_IFBLK | 0600),
#ifdef __x86_64__
                CALL(mknod, EPERM, 0, S_IFBLK | 0600),
#endif
        };
        static const Call passed[] = {
                CALL(socket, 0, AF_UNIX, SOCK_STREAM, 0),
                CALL(socket, 0, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 1),
                CALL(socket, 0, AF_INET, SOCK_STREAM, IPPROTO_TCP),
                CALL(socket, 0, AF_INET, SOCK_DGRAM, IPPROTO_UDP),
                CALL(socket, 0, AF_INET + HIGH_BIT, SOCK_STREAM, 0),
                CALL(ioctl, 0, -1, TIOCSTI - 1),
                CALL(ioctl, 0, -1, TIOCSTI + 1),
                CALL(ioctl, 0, -1, TIOCLINUX - 1),
                CALL(ioctl, 0, -1, TIOCLINUX + 1),
                CALL(ioctl, 0, -1, FIONBIO),
                CALL(ioctl, 0, -1, 0x80045430),
                CALL(ioctl, 0, -1, 0),
                CALL(prctl, 0, PR_GET_DUMPABLE),
                CALL(prctl, 0, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                CALL(personality, 0, 0xffffffff),
                CALL(personality, 0, PER_LINUX),
                CALL(prlimit64, 0, 0, RLIMIT_CPU, 0, 0),
                CALL(mknodat, 0, -1, 0, S_IFIFO | 0600),
                CALL(mknodat, 0, -1, 0, S_IFREG | 0600),
                CALL(mknodat, 0, -1, 0, 0600),
        };

        assert_confined(SECCOMP_JOB, check_refused, &(Calls){ refused, ELEMENTSOF(refused) });
        assert_confined(SECCOMP_JOB, check_passed, &(Calls){ passed, ELEMENTSOF(passed) });
}

static void outer_profile_lets_a_supervisor_make_namespaces(void **state)
{
        /* Invalid on purpose: the kernel itself says so, which the filter would not. */
        static const Call passed[] = {
                CALL(unshare, 0, 0),
                CALL(clone, 0, CLONE_NEWUSER | CLONE_FS | CLONE_THREAD),
                CALL(setresuid, 0, -1, -1, -1),
                CALL(setresgid, 0, -1, -1, -1),
                CALL(capset, 0, 0, 0),
        };
        static const Call refused[] = {
                CALL(ptrace, EPERM, 0), CALL(setns, EPERM, -1, 0), CALL(clone3, ENOSYS, 0), CALL(bpf, EPERM, 0),
        };

        assert_confined(SECCOMP_OUTER, check_passed, &(Calls){ passed, ELEMENTSOF(passed) });
        assert_confined(SECCOMP_OUTER, check_refused, &(Calls){ refused, ELEMENTSOF(refused) });
}

static void *thread_main(void *userdata)
{
        *(int *) userdata = 42;
        return NULL;
}

static void use_processes_and_threads(const void *userdata)
{
        char *const args[] = { (char *) "true", NULL }, *const env[] = { NULL };
        int value = 0, status, fds[2];
        pthread_t thread;
        pid_t pid;

        errno = pthread_create(&thread, NULL, thread_main, &value);
        if (errno != 0 || pthread_join(thread, NULL) != 0 || value != 42)
                child_fail("thread", errno);

        pid = fork();
        if (pid == 0)
                _exit(7);
        if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
                child_fail("fork", errno);

        errno = posix_spawnp(&pid, "true", NULL, NULL, args, env);
        if (errno != 0 || waitpid(pid, &status, 0) != pid || status != 0)
                child_fail("posix_spawn", errno);

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || write(fds[0], "x", 1) != 1 || read(fds[1], fds, 1) != 1)
                child_fail("socketpair", errno);
        if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
                child_fail("mmap", errno);
}

static void ordinary_programs_work(void **state)
{
        assert_confined(SECCOMP_JOB, use_processes_and_threads, NULL);
        assert_confined(SECCOMP_OUTER, use_processes_and_threads, NULL);
}

static void load_again(const void *userdata)
{
        int r = seccomp_policy_load(SECCOMP_JOB);

        if (r < 0)
                child_fail("load", -r);
        check_refused(userdata);
}

static void job_filter_can_be_loaded_inside_the_outer_one(void **state)
{
        static const Call refused[] = { CALL(unshare, EPERM, 0), CALL(mount, EPERM, 0) };

        assert_confined(SECCOMP_OUTER, load_again, &(Calls){ refused, ELEMENTSOF(refused) });
}

#ifdef __x86_64__
static void enter_by_interrupt(const void *userdata)
{
        long r = 20; /* getpid, over there */

        __asm__ volatile("int $0x80" : "+a"(r) : : "memory", "r8", "r9", "r10", "r11");
}

static void enter_as_x32(const void *userdata)
{
        syscall(0x40000000L + SYS_getpid);
}

static void foreign_entries_end_the_process(void **state)
{
        int status;

        status = confined(SECCOMP_JOB, enter_by_interrupt, NULL);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
        status = confined(SECCOMP_JOB, enter_as_x32, NULL);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
}
#endif

static json_object *get(json_object *object, const char *key)
{
        json_object *value = NULL;

        assert_true(json_object_object_get_ex(object, key, &value));
        return value;
}

static int64_t get_number(json_object *object, const char *key)
{
        return json_object_get_int64(get(object, key));
}

static json_object *written_profile(SeccompProfile profile)
{
        json_object *root;
        char *text = NULL;
        size_t size;
        FILE *f;

        f = open_memstream(&text, &size);
        assert_non_null(f);
        assert_int_equal(seccomp_policy_write_oci(f, profile), 0);
        assert_int_equal(fclose(f), 0);
        root = json_tokener_parse(text);
        assert_non_null(root);
        free(text);
        return root;
}

static bool json_names(json_object *rule, const char *name)
{
        json_object *names = get(rule, "names");

        for (size_t i = 0; i < json_object_array_length(names); i++)
                if (strcmp(json_object_get_string(json_object_array_get_idx(names, i)), name) == 0)
                        return true;
        return false;
}

/* What the written profile says about a call: 0 for allowed, or an errno. Two rules that apply are an error. */
static int decide(json_object *root, const char *name, const uint64_t *arguments)
{
        json_object *syscalls = get(root, "syscalls");
        int result = -1;

        for (size_t i = 0; i < json_object_array_length(syscalls); i++) {
                json_object *rule = json_object_array_get_idx(syscalls, i), *args = NULL;
                bool applies = json_names(rule, name);

                if (json_object_object_get_ex(rule, "args", &args))
                        for (size_t j = 0; applies && j < json_object_array_length(args); j++) {
                                json_object *arg = json_object_array_get_idx(args, j);

                                assert_string_equal(json_object_get_string(get(arg, "op")), "SCMP_CMP_MASKED_EQ");
                                applies = (arguments[get_number(arg, "index")] & (uint64_t) get_number(arg, "value")) ==
                                          (uint64_t) get_number(arg, "valueTwo");
                        }
                if (!applies)
                        continue;
                assert_int_equal(result, -1);
                if (strcmp(json_object_get_string(get(rule, "action")), "SCMP_ACT_ALLOW") == 0)
                        result = 0;
                else
                        result = (int) get_number(rule, "errnoRet");
        }
        return result >= 0 ? result : (int) get_number(root, "defaultErrnoRet");
}

static void written_profile_says_the_same(void **state)
{
        static const struct {
                const char *name;
                uint64_t arguments[3];
                int job;
                int outer;
        } table[] = {
                { "read", { 0 }, 0, 0 },
                { "ptrace", { 0 }, EPERM, EPERM },
                { "unshare", { 0 }, EPERM, 0 },
                { "mount", { 0 }, EPERM, 0 },
                { "clone3", { 0 }, ENOSYS, ENOSYS },
                { "no_such_call", { 0 }, ENOSYS, ENOSYS },
                { "clone", { SIGCHLD }, 0, 0 },
                { "clone", { CLONE_NEWUSER | CLONE_NEWPID }, EPERM, 0 },
                { "socket", { AF_UNIX, SOCK_STREAM, 0 }, 0, 0 },
                { "socket", { AF_NETLINK, SOCK_RAW, 0 }, EAFNOSUPPORT, EAFNOSUPPORT },
                { "socket", { AF_INET, SOCK_STREAM, IPPROTO_SCTP }, ENOSYS, ENOSYS },
                { "ioctl", { 0, TIOCSTI }, EPERM, EPERM },
                { "ioctl", { 0, TIOCSTI | 1L << 40 }, EPERM, EPERM },
                { "ioctl", { 0, TIOCGWINSZ }, 0, 0 },
                { "prlimit64", { 0 }, 0, 0 },
                { "prlimit64", { 1 }, EPERM, EPERM },
        };
        json_object *job = written_profile(SECCOMP_JOB), *outer = written_profile(SECCOMP_OUTER);

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                assert_int_equal(decide(job, table[i].name, table[i].arguments), table[i].job);
                assert_int_equal(decide(outer, table[i].name, table[i].arguments), table[i].outer);
        }
        json_object_put(job);
        json_object_put(outer);
}

static void full_device_is_an_error(void **state)
{
        FILE *f = fopen("/dev/full", "we");

        assert_non_null(f);
        assert_int_equal(setvbuf(f, NULL, _IONBF, 0), 0);
        assert_int_equal(seccomp_policy_write_oci(f, SECCOMP_JOB), -EIO);
        fclose(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_name_is_a_system_call),
                cmocka_unit_test(no_name_stands_twice_in_a_profile),
                cmocka_unit_test(outer_profile_differs_only_where_a_supervisor_needs_it),
                cmocka_unit_test(refused_calls_give_their_errno),
                cmocka_unit_test(arguments_decide_where_they_should),
                cmocka_unit_test(outer_profile_lets_a_supervisor_make_namespaces),
                cmocka_unit_test(ordinary_programs_work),
                cmocka_unit_test(job_filter_can_be_loaded_inside_the_outer_one),
#ifdef __x86_64__
                cmocka_unit_test(foreign_entries_end_the_process),
#endif
                cmocka_unit_test(written_profile_says_the_same),
                cmocka_unit_test(full_device_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
