/* SPDX-License-Identifier: Apache-2.0 */

/* The order matters in three places. Descriptors go before anything that could fail for the job's limits. Limits come
 * last of the setup, so that none of them hinders it. READY is sent by this very process, because that is how the worker
 * learns a pid in its own namespace which nobody inside can forge; from then on the worker may have put us into a cgroup,
 * and the next thing that happens after its go is exec.
 *
 * Until exec this process is as closed to others as the supervisor itself: not dumpable, which exec undoes. */

#include "cell/job.h"

#include <errno.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "cell/sys.h"

#define EXEC_PATH_MAX 512u

static _Noreturn void job_fail(const JobParams *params, CellStep step, long error)
{
        JobFailure failure = { .step = step, .error = (int32_t) -error };

        sys_write(params->error_fd, &failure, sizeof failure);
        sys_exit(127);
}

void signals_reset(void)
{
        SysSignalAction action = { .handler = NULL }; /* SIG_DFL */

        /* Refused for SIGKILL and SIGSTOP, which have no other action anyway. */
        for (int signal = 1; signal <= SYS_SIGNAL_MAX; signal++)
                sys_sigaction(signal, &action);
}

static void job_take_stdio(const JobParams *params)
{
        long r = 0;

        for (int i = 0; i < (int) CELL_STDIO_FDS && r >= 0; i++)
                r = sys_dup3(params->stdio_fds[i], i, 0);
        if (r >= 0)
                r = sys_close_range(CELL_STDIO_FDS, ~0u, CLOSE_RANGE_CLOEXEC);
        if (r < 0)
                job_fail(params, CELL_STEP_STDIO, r);
}

static void job_take_attributes(const JobParams *params)
{
        static const SysSignalSet none = 0;
        long r;

        signals_reset();
        r = sys_sigprocmask(SIG_SETMASK, &none);
        if (r >= 0)
                r = sys_personality(0);
        if (r >= 0)
                r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
        if (r >= 0)
                r = sys_prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (r < 0)
                job_fail(params, CELL_STEP_PRCTL, r);
}

static void job_take_rlimits(const JobParams *params)
{
        const CellProgram *program = params->program;

        for (size_t i = 0; i < program->n_rlimits; i++) {
                /* UINT64_MAX is infinity to the kernel too. */
                SysRlimit limit = { .soft = program->rlimits[i].value, .hard = program->rlimits[i].value };
                long r = sys_setrlimit(program->rlimits[i].resource, &limit);

                if (r < 0)
                        job_fail(params, CELL_STEP_RLIMIT, r);
        }
}

static void job_send_ready(const JobParams *params)
{
        CellHeader ready = { .magic = CELL_MAGIC, .version = CELL_VERSION, .type = CELL_READY, .size = sizeof ready };
        struct iovec iov = { .iov_base = &ready, .iov_len = sizeof ready };
        union {
                struct cmsghdr header;
                unsigned char buffer[CMSG_SPACE(sizeof(struct ucred))];
        } control = { 0 };
        struct msghdr message = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        struct ucred credentials = {
                .pid = (pid_t) sys_getpid(), .uid = (uid_t) sys_getuid(), .gid = (gid_t) sys_getgid()
        };
        long r;

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_CREDENTIALS;
        control.header.cmsg_len = CMSG_LEN(sizeof credentials);
        memcpy(CMSG_DATA(&control.header), &credentials, sizeof credentials);
        do
                r = sys_sendmsg(params->socket_fd, &message, MSG_NOSIGNAL);
        while (r == -EINTR);
        if (r < 0)
                job_fail(params, CELL_STEP_PROTOCOL, r);
        sys_close(params->socket_fd);
}

static void job_wait_go(const JobParams *params)
{
        char go;
        long r;

        do
                r = sys_read(params->go_fd, &go, 1);
        while (r == -EINTR);
        if (r != 1)
                sys_exit(127);
}

/* The next of the usual directories, with name appended; false when there are no more. */
static bool search_path_next(const char **directories, const char *name, char buffer[static EXEC_PATH_MAX])
{
        const char *directory = *directories;
        size_t n = strlen(directory), n_name = strlen(name);

        if (n == 0 || n + 1 + n_name >= EXEC_PATH_MAX)
                return false;
        memcpy(buffer, directory, n);
        buffer[n] = '/';
        memcpy(buffer + n + 1, name, n_name + 1);
        *directories = directory + n + 1;
        return true;
}

/* As execvp(3) does it, with a path of our own: a directory without the program, or with one that may not be executed,
 * is passed over, but the latter is worth more as an answer. A script needs its #! line. */
static long job_exec(const CellProgram *program)
{
        const char *directories = "/usr/local/bin\0/usr/bin\0/bin\0", *name = program->args[0];
        char path[EXEC_PATH_MAX];
        long result = -ENOENT;

        if (memchr(name, '/', strlen(name)))
                return sys_execve(name, program->args, program->env);

        while (search_path_next(&directories, name, path)) {
                long r = sys_execve(path, program->args, program->env);

                if (r == -EACCES)
                        result = r;
                else if (r != -ENOENT && r != -ENOTDIR)
                        return r;
        }
        return result;
}

_Noreturn void job_run(const JobParams *params)
{
        long r;

        r = sys_setsid();
        if (r < 0)
                job_fail(params, CELL_STEP_FORK, r);
        job_take_stdio(params);
        job_take_attributes(params);
        r = sys_chdir(CELL_WORK_DIRECTORY);
        if (r < 0)
                job_fail(params, CELL_STEP_CHDIR, r);
        job_take_rlimits(params);

        job_send_ready(params);
        job_wait_go(params);
        r = job_exec(params->program);
        job_fail(params, CELL_STEP_EXEC, r);
}
