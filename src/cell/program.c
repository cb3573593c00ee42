/* SPDX-License-Identifier: Apache-2.0 */

/* The order matters in three places. Other descriptors go before anything that could fail for the job's limits. READY
 * is sent by this very process, because that is how the worker learns a pid in its own namespace which nobody inside
 * can forge; when its answer comes we are in our control group, so that whatever the files of the job take is charged
 * to the job. Limits come last of the setup, so that none of them hinders it.
 *
 * Until then this process is as closed to others as the supervisor itself: not dumpable, which exec undoes. */

#include "cell/program.h"

#include <errno.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "cell/link.h"
#include "cell/supervisor.h"
#include "cell/sys.h"

#define EXEC_PATH_MAX 512u
#define COPY_BUFFER_SIZE (64u * 1024u)

static CellPacket packet;
static CellProgram program;
static int error_fd = -EBADF;

_Noreturn void program_fail(CellStep step, long error)
{
        ProgramFailure failure = { .step = step, .error = (int32_t) -error };

        sys_write(error_fd, &failure, sizeof failure);
        sys_exit(127);
}

void signals_reset(void)
{
        SysSignalAction action = { .handler = NULL }; /* SIG_DFL */

        /* Refused for SIGKILL and SIGSTOP, which have no other action anyway. */
        for (int signal = 1; signal <= SYS_SIGNAL_MAX; signal++)
                sys_sigaction(signal, &action);
}

/* Of all we have inherited only these stay: standard streams, which will be replaced, the socket, and the error pipe,
 * which moves next to it. */
static void keep_descriptors(void)
{
        const int target = CELL_SOCKET_FD + 1;
        long r = target;

        error_fd = supervisor_error_fd();
        if (error_fd != target)
                r = sys_dup3(error_fd, target, O_CLOEXEC);
        if (r >= 0) {
                error_fd = target;
                r = sys_close_range((unsigned) target + 1, ~0u, 0);
        }
        if (r < 0)
                program_fail(CELL_STEP_STDIO, r);
}

static void wait_for_run(void)
{
        CellHeader ready;
        long r;

        r = link_send(CELL_READY, &ready, sizeof ready);
        if (r >= 0)
                r = link_receive(&packet);
        if (r == 0)
                sys_exit(127); /* the supervisor has heard it too */
        if (r > 0)
                r = cell_run_parse(packet.bytes, packet.size, packet.n_fds, &program);
        if (r < 0)
                program_fail(CELL_STEP_PROTOCOL, r);
        sys_close(CELL_SOCKET_FD);
}

/* The name is free or the job is wrong: an earlier program of the same job may have left anything there. */
static long write_file(int dir_fd, const char *name, int source_fd)
{
        static unsigned char buffer[COPY_BUFFER_SIZE];
        uint64_t offset = 0;
        long fd, r, done;

        fd = sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return fd;
        while ((r = sys_pread(source_fd, buffer, sizeof buffer, offset)) > 0) {
                for (long n = r, written = 0; written < n; written += done) {
                        done = sys_write((int) fd, buffer + written, (size_t) (n - written));
                        if (done < 0) {
                                sys_close((int) fd);
                                return done;
                        }
                }
                offset += (uint64_t) r;
        }
        sys_close((int) fd);
        return r;
}

static void write_files(void)
{
        long dir_fd, r;

        sys_umask(022);
        r = dir_fd = sys_openat(AT_FDCWD, CELL_WORK_DIRECTORY, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        for (size_t i = 0; i < program.n_files && r >= 0; i++)
                r = write_file((int) dir_fd, program.files[i], packet.fds[CELL_STDIO_FDS + i]);
        if (r < 0)
                program_fail(CELL_STEP_FILE, r);
        sys_close((int) dir_fd);
}

static void take_stdio(void)
{
        long r = 0;

        for (int i = 0; i < (int) CELL_STDIO_FDS && r >= 0; i++)
                r = sys_dup3(packet.fds[i], i, 0);
        packet_close_fds(&packet);
        if (r < 0)
                program_fail(CELL_STEP_STDIO, r);
}

static void take_attributes(void)
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
                program_fail(CELL_STEP_PRCTL, r);
        r = sys_chdir(CELL_WORK_DIRECTORY);
        if (r < 0)
                program_fail(CELL_STEP_CHDIR, r);
}

static void take_rlimits(void)
{
        for (size_t i = 0; i < program.n_rlimits; i++) {
                /* UINT64_MAX is infinity to the kernel too. */
                SysRlimit limit = { .soft = program.rlimits[i].value, .hard = program.rlimits[i].value };
                long r = sys_setrlimit(program.rlimits[i].resource, &limit);

                if (r < 0)
                        program_fail(CELL_STEP_RLIMIT, r);
        }
}

const CellProgram *program_take(void)
{
        long r;

        keep_descriptors();
        r = sys_setsid();
        if (r < 0)
                program_fail(CELL_STEP_FORK, r);
        wait_for_run();
        write_files();
        take_stdio();
        take_attributes();
        take_rlimits();
        return &program;
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
long program_exec(const CellProgram *p)
{
        const char *directories = "/usr/local/bin\0/usr/bin\0/bin\0", *name = p->args[0];
        char path[EXEC_PATH_MAX];
        long result = -ENOENT;

        if (memchr(name, '/', strlen(name)))
                return sys_execve(name, p->args, p->env);

        while (search_path_next(&directories, name, path)) {
                long r = sys_execve(path, p->args, p->env);

                if (r == -EACCES)
                        result = r;
                else if (r != -ENOENT && r != -ENOTDIR)
                        return r;
        }
        return result;
}

_Noreturn void program_execute(void)
{
        program_fail(CELL_STEP_EXEC, program_exec(&program));
}

void program_resume(void)
{
        long r;

        r = sys_prctl(PR_SET_DUMPABLE, 1);
        if (r >= 0)
                r = sys_close_range(CELL_STDIO_FDS, ~0u, 0);
        if (r < 0)
                program_fail(CELL_STEP_RESUME, r);
}
