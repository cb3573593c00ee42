/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/broker.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t spawn_control(const char *argv[])
{
        const char *control = getenv("RCE_RABBITMQ");
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;

        if (!control)
                fail_msg("This test is run by with-rabbitmq");

        /* A node that starts with signals blocked would never notice the end of its helpers. */
        assert_int_equal(sigemptyset(&none), 0);
        assert_int_equal(posix_spawnattr_init(&attributes), 0);
        assert_int_equal(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK), 0);
        assert_int_equal(posix_spawnattr_setsigmask(&attributes, &none), 0);
        assert_int_equal(
                posix_spawn(&pid, control, NULL, &attributes, (char *const *) (uintptr_t) argv, environ), 0);
        assert_int_equal(posix_spawnattr_destroy(&attributes), 0);
        return pid;
}

uint16_t broker_port(void)
{
        const char *port = getenv("RCE_AMQP_PORT");

        if (!port)
                fail_msg("This test is run by with-rabbitmq");
        return (uint16_t) strtoul(port, NULL, 10);
}

void broker_control_strv(const char *argv[])
{
        int status;
        pid_t pid = spawn_control(argv);

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int on_control_done(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        bool *done = userdata;

        assert_int_equal(info->si_status, 0);
        *done = true;
        return 0;
}

void broker_control_async_strv(sd_event *event, bool *ret_done, const char *argv[])
{
        sigset_t child;

        *ret_done = false;
        assert_int_equal(sigemptyset(&child), 0);
        assert_int_equal(sigaddset(&child, SIGCHLD), 0);
        assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
        assert_true(sd_event_add_child(event, NULL, spawn_control(argv), WEXITED, on_control_done, ret_done) >= 0);
}

void broker_loop_for(sd_event *event, usec_t usec)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + usec;

        for (usec_t now; (now = now_usec(CLOCK_MONOTONIC)) < deadline;)
                assert_true(sd_event_run(event, deadline - now) >= 0);
}
