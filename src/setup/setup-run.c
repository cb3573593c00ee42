/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "setup/setup.h"

#define TRY_AGAIN_USEC (500 * USEC_PER_MSEC)

int setup_failed(int error, const Fault *fault)
{
        log_error("%s", fault->detail ? fault->detail : strerror(-error));
        return error;
}

int setup_wait(const Setup *s)
{
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (now >= s->deadline_usec)
                return -ETIMEDOUT;
        /* A server that is not there yet tells nobody when it is. */
        (void) usleep((useconds_t) MIN(TRY_AGAIN_USEC, s->deadline_usec - now));
        return 0;
}

static int become(const struct passwd *pw)
{
        if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
            setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 || setenv("HOME", pw->pw_dir, true) < 0 ||
            setenv("USER", pw->pw_name, true) < 0 || setenv("LOGNAME", pw->pw_name, true) < 0 || chdir("/") < 0)
                return -errno;
        return 0;
}

int setup_run_as(const char *user, int (*run)(const void *argument), const void *argument)
{
        int status;

        errno = 0;
        const struct passwd *pw = getpwnam(user);
        if (!pw)
                return errno == 0 || errno == ENOENT ? -ESRCH : -errno;

        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                int r = become(pw);

                if (r < 0)
                        log_error("Cannot become user %s: %s", user, strerror(-r));
                else
                        r = run(argument);
                _exit(r < 0 ? MIN(-r, 255) : 0);
        }

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFSIGNALED(status)) {
                log_error("What ran as %s died of signal %i", user, WTERMSIG(status));
                return -EIO;
        }
        return -WEXITSTATUS(status);
}
