/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/harness.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

const char *harness_environment(const char *name)
{
        const char *value = getenv(name);

        if (!value)
                fail_msg("%s is not set: this test is run by meson", name);
        return value;
}

/* A server that starts with signals blocked would never notice the end of its helpers. */
static pid_t spawn_control(const char *variable, const char *argv[])
{
        const char *program = harness_environment(variable);
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;

        assert_int_equal(sigemptyset(&none), 0);
        assert_int_equal(posix_spawnattr_init(&attributes), 0);
        assert_int_equal(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK), 0);
        assert_int_equal(posix_spawnattr_setsigmask(&attributes, &none), 0);
        assert_int_equal(posix_spawn(&pid, program, NULL, &attributes, (char *const *) (uintptr_t) argv, environ), 0);
        assert_int_equal(posix_spawnattr_destroy(&attributes), 0);
        return pid;
}

void control_strv(const char *variable, const char *argv[])
{
        pid_t pid = spawn_control(variable, argv);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int on_control_done(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        bool *done = userdata;

        assert_int_equal(info->si_status, 0);
        if (done)
                *done = true;
        return 0;
}

void control_async_strv(sd_event *event, bool *ret_done, const char *variable, const char *argv[])
{
        sigset_t child;

        if (ret_done)
                *ret_done = false;
        assert_int_equal(sigemptyset(&child), 0);
        assert_int_equal(sigaddset(&child, SIGCHLD), 0);
        assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
        assert_true(sd_event_add_child(event, NULL, spawn_control(variable, argv), WEXITED, on_control_done, ret_done) >= 0);
}

void loop_for(sd_event *event, usec_t usec)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + usec;

        for (usec_t now; (now = now_usec(CLOCK_MONOTONIC)) < deadline;)
                assert_true(sd_event_run(event, deadline - now) >= 0);
}

usec_t processor_usec(void)
{
        return now_usec(CLOCK_PROCESS_CPUTIME_ID);
}
