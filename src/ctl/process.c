/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"

#define COMPLAINT_BYTES_MAX (1024 * 1024)

/* Blocked, and fetched by process_wait(): so no moment is left in which one could be missed. */
static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
static bool catching = false;

static void caught_set(sigset_t *ret)
{
        sigemptyset(ret);
        for (size_t i = 0; i < ELEMENTSOF(caught); i++)
                sigaddset(ret, caught[i]);
}

int process_catch_signals(void)
{
        sigset_t set;

        caught_set(&set);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        catching = true;
        return 0;
}

static int add_fd(posix_spawn_file_actions_t *actions, int fd, int target)
{
        int r = fd < 0 ? posix_spawn_file_actions_addopen(actions, target, "/dev/null", O_RDWR, 0) :
                         posix_spawn_file_actions_adddup2(actions, fd, target);
        return -r;
}

static int prepare(const ProcessParams *p, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes)
{
        const int fds[] = { p->stdin_fd, p->stdout_fd, p->stderr_fd };
        sigset_t none;
        int r = 0;

        for (int i = 0; i < (int) ELEMENTSOF(fds) && r >= 0; i++)
                r = add_fd(actions, fds[i], i);
        if (r < 0)
                return r;

        sigemptyset(&none);
        r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        return -r;
}

int process_start(const ProcessParams *p, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        pid_t pid;
        int r;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawnattr_init(&attributes);
        if (r != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -r;
        }

        r = prepare(p, &actions, &attributes);
        if (r >= 0)
                r = -posix_spawnp(&pid, p->argv[0], &actions, &attributes, (char *const *) p->argv, environ);

        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (r < 0)
                return r;

        *ret = pid;
        return 0;
}

int process_wait(pid_t pid, int *ret_status)
{
        bool interrupted = false;
        sigset_t set;
        int status;

        caught_set(&set);
        for (;;) {
                pid_t done = waitpid(pid, &status, catching ? WNOHANG : 0);
                if (done < 0 && errno != EINTR)
                        return -errno;
                if (done == pid)
                        break;
                if (!catching)
                        continue;

                int signo = sigwaitinfo(&set, NULL);
                if (signo > 0 && signo != SIGCHLD && !interrupted) {
                        interrupted = true;
                        (void) kill(-pid, SIGTERM);
                }
        }

        if (interrupted)
                return -ECANCELED;
        *ret_status = status;
        return 0;
}

void process_end(pid_t pid)
{
        int status;

        (void) kill(-pid, SIGTERM);
        (void) process_wait(pid, &status);
}

static int last_line(int fd, char **ret)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        int r = read_full(fd, COMPLAINT_BYTES_MAX, &text, &size);
        if (r < 0)
                return r;

        char *s = strstrip(text), *newline = strrchr(s, '\n');
        *ret = strdup(newline ? newline + 1 : s);
        return *ret ? 0 : -ENOMEM;
}

int process_capture(const char *const *argv, size_t max_bytes, char **ret_output, char **ret_complaint,
                    int *ret_status)
{
        _cleanup_(closep) int complaints = memfd_create("rcectl-stderr", MFD_CLOEXEC);
        _cleanup_(freep) char *output = NULL;
        int fds[2], status;
        size_t size;
        pid_t pid;

        if (complaints < 0 || pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        _cleanup_(closep) int reading = fds[0], writing = fds[1];
        int r = process_start(&(ProcessParams){ argv, -EBADF, writing, complaints }, &pid);
        if (r < 0)
                return r;
        writing = safe_close(writing);

        r = read_full(reading, max_bytes, &output, &size);
        if (r < 0) {
                process_end(pid);
                return r;
        }
        r = process_wait(pid, &status);
        if (r >= 0)
                r = last_line(complaints, ret_complaint);
        if (r < 0)
                return r;

        *ret_output = TAKE_PTR(output);
        *ret_status = status;
        return 0;
}

int process_require(const char *program, const char *package, Fault *reterr_fault)
{
        const char *path = getenv("PATH");

        for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
                size_t n = strcspn(p, ":");
                _cleanup_(freep) char *file = format_string("%.*s/%s", (int) n, p, program);

                if (!file)
                        return -ENOMEM;
                if (n > 0 && access(file, X_OK) >= 0)
                        return 0;
                p += n + (p[n] == ':');
        }
        return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                         "There is no %s on this host: install the package %s", program, package);
}

const char *process_format_status(char buf[static PROCESS_STATUS_MAX], int status)
{
        if (WIFSIGNALED(status))
                snprintf(buf, PROCESS_STATUS_MAX, "died of signal %d", WTERMSIG(status));
        else
                snprintf(buf, PROCESS_STATUS_MAX, "exited with %d", WEXITSTATUS(status));
        return buf;
}
