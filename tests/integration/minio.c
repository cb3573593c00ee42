/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/minio.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "basic/memory.h"

#define LOOP_TIMEOUT_USEC (120 * USEC_PER_SEC)

static const char *environment(const char *name)
{
        const char *value = getenv(name);

        if (!value)
                fail_msg("This test is run by with-minio");
        return value;
}

const char *minio_endpoint(void)
{
        return environment("RCE_S3_ENDPOINT");
}

const char *minio_access_key(void)
{
        return environment("RCE_S3_ACCESS_KEY");
}

const char *minio_secret_key(void)
{
        return environment("RCE_S3_SECRET_KEY");
}

static pid_t spawn_control(const char *verb)
{
        char *const argv[] = { (char *) environment("RCE_MINIO"), (char *) verb, NULL };
        pid_t pid;

        assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
        return pid;
}

void minio_control(const char *verb)
{
        pid_t pid = spawn_control(verb);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static int on_control_done(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        assert_int_equal(info->si_status, 0);
        return 0;
}

void minio_control_async(sd_event *event, const char *verb)
{
        sigset_t child;

        assert_int_equal(sigemptyset(&child), 0);
        assert_int_equal(sigaddset(&child, SIGCHLD), 0);
        assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
        assert_true(sd_event_add_child(event, NULL, spawn_control(verb), WEXITED, on_control_done, NULL) >= 0);
}

static void turn(sd_event *event, usec_t deadline_usec)
{
        usec_t now = now_usec(CLOCK_MONOTONIC);

        assert_true(sd_event_run(event, deadline_usec > now ? deadline_usec - now : 0) >= 0);
}

void loop_until_count(sd_event *event, const size_t *count, size_t wanted)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + LOOP_TIMEOUT_USEC;

        while (*count < wanted) {
                if (now_usec(CLOCK_MONOTONIC) > deadline)
                        fail_msg("%zu of %zu after two minutes", *count, wanted);
                turn(event, deadline);
        }
}

void loop_until_flag(sd_event *event, const bool *flag, bool wanted)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + LOOP_TIMEOUT_USEC;

        while (*flag != wanted) {
                if (now_usec(CLOCK_MONOTONIC) > deadline)
                        fail_msg("It did not happen within two minutes");
                turn(event, deadline);
        }
}

void loop_for(sd_event *event, usec_t usec)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + usec;

        while (now_usec(CLOCK_MONOTONIC) < deadline)
                turn(event, deadline);
}

char *run_program(const char *command_line)
{
        Buffer b = { 0 };
        char chunk[4096];
        FILE *f = popen(command_line, "re");

        assert_non_null(f);
        for (size_t k; (k = fread(chunk, 1, sizeof(chunk), f)) > 0;)
                assert_int_equal(buffer_append(&b, chunk, k), 0);
        if (pclose(f) != 0)
                fail_msg("This failed: %s", command_line);
        if (b.size > 0 && b.data[b.size - 1] == '\n')
                b.data[--b.size] = '\0';
        return buffer_take(&b);
}

void fill_with(char *data, size_t size, uint64_t number)
{
        uint64_t x = number * UINT64_C(0x9e3779b97f4a7c15) + 1;

        for (size_t i = 0; i < size; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                data[i] = (char) x;
        }
}

usec_t processor_usec(void)
{
        struct rusage u;

        assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
        return (usec_t) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
               (usec_t) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}
