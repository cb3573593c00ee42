/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/server.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "basic/string-util.h"
#include "pg/pg-session.h"

#define LOOP_TIMEOUT_USEC (60 * USEC_PER_SEC)

static pid_t spawn_control(const char *verb)
{
        const char *control = getenv("RCE_POSTGRES");
        char *const argv[] = { (char *) control, (char *) verb, NULL };
        pid_t pid;

        if (!control)
                fail_msg("This test is run by with-postgres");
        assert_int_equal(posix_spawn(&pid, control, NULL, NULL, argv, environ), 0);
        return pid;
}

void server_control(const char *verb)
{
        int status;
        pid_t pid = spawn_control(verb);

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

void server_control_async(sd_event *event, const char *verb, bool *ret_done)
{
        sigset_t child;

        *ret_done = false;
        assert_int_equal(sigemptyset(&child), 0);
        assert_int_equal(sigaddset(&child, SIGCHLD), 0);
        assert_int_equal(sigprocmask(SIG_BLOCK, &child, NULL), 0);
        assert_true(sd_event_add_child(event, NULL, spawn_control(verb), WEXITED, on_control_done, ret_done) >= 0);
}

const char *server_conninfo(const char *database, const char *user)
{
        static char texts[4][256];
        static unsigned next;
        char *text = texts[next++ % ELEMENTSOF(texts)];

        (void) snprintf(text, sizeof(texts[0]), "host=%s dbname=%s user=%s", getenv("PGHOST"), database, user);
        return text;
}

static char *run(const char *database, const char *sql)
{
        _cleanup_(pg_session_freep) PgSession *session = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        char *value = NULL;

        if (pg_session_open(server_conninfo(database, "postgres"), NULL, &session, &fault) < 0 ||
            pg_session_run(session, sql, &value, &fault) < 0)
                fail_msg("%s: %s", sql, fault.detail);
        return value;
}

void server_run(const char *database, const char *sql)
{
        free(run(database, sql));
}

int64_t server_number(const char *database, const char *sql)
{
        _cleanup_(freep) char *value = run(database, sql);

        if (!value)
                fail_msg("%s: nothing", sql);
        return strtoll(value, NULL, 10);
}

void server_make_database(const char *database)
{
        _cleanup_(freep) char *drop = format_string("DROP DATABASE IF EXISTS %s WITH (FORCE)", database);
        _cleanup_(freep) char *create = format_string("CREATE DATABASE %s", database);

        server_run("postgres", drop);
        server_run("postgres", create);
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
                        fail_msg("%zu of %zu after a minute", *count, wanted);
                turn(event, deadline);
        }
}

void loop_until(sd_event *event, const bool *flag)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + LOOP_TIMEOUT_USEC;

        while (!*flag) {
                if (now_usec(CLOCK_MONOTONIC) > deadline)
                        fail_msg("It did not happen within a minute");
                turn(event, deadline);
        }
}

void loop_for(sd_event *event, usec_t usec)
{
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + usec;

        while (now_usec(CLOCK_MONOTONIC) < deadline)
                turn(event, deadline);
}

usec_t processor_usec(void)
{
        struct rusage usage;

        assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
        return (usec_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USEC_PER_SEC +
               (usec_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}
