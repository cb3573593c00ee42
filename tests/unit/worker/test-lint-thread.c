/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/lint-thread.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "tests/unit/test.h"

#define ASKED_MAX 200

typedef struct Fixture {
        sd_event *event;
        LintThread *thread;
        LintPolicy *policy;
        size_t n_answers;
} Fixture;

typedef struct Asked {
        Fixture *fixture;
        LintTask *task;
        unsigned answers;
        size_t place;                    /* which answer it was */
        int error;
        FaultCode fault;
        size_t n_diagnostics;
} Asked;

static int setup(void **state)
{
        Fixture *f = new0(Fixture, 1);
        char path[4096];

        assert_non_null(f);
        assert_non_null(getenv("RCE_LINT_POLICIES"));
        snprintf(path, sizeof(path), "%s/python.scm", getenv("RCE_LINT_POLICIES"));
        assert_int_equal(lint_policy_load("python", path, &f->policy, NULL), 0);
        assert_true(sd_event_new(&f->event) >= 0);
        assert_int_equal(lint_thread_new(f->event, &f->thread), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        lint_thread_free(f->thread);
        lint_policy_free(f->policy);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void on_linted(int error, const Fault *fault, const LintResult *result, void *userdata)
{
        Asked *a = userdata;

        a->answers++;
        a->place = a->fixture->n_answers++;
        a->error = error;
        assert_int_equal(error == -EBADMSG, fault != NULL);
        assert_int_equal(error == 0, result != NULL);
        if (fault)
                a->fault = fault->code;
        if (result)
                a->n_diagnostics = result->n_diagnostics;
}

static void ask(Fixture *f, Asked *a, const char *text)
{
        *a = (Asked){ .fixture = f };
        assert_int_equal(lint_thread_run(f->thread, NULL, f->policy, LINT_STANDARD, text, strlen(text), on_linted, a, &a->task),
                         0);
}

static void wait_for(Fixture *f, size_t n)
{
        while (f->n_answers < n)
                assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void program_is_answered_from_the_loop(void **state)
{
        Fixture *f = *state;
        Asked a;

        ask(f, &a, "import os\n");
        assert_int_equal(a.answers, 0);
        wait_for(f, 1);
        assert_int_equal(a.error, 0);
        assert_int_equal(a.n_diagnostics, 1);
}

static void what_is_no_program_is_a_fault(void **state)
{
        Fixture *f = *state;
        Asked a;

        ask(f, &a, "");
        wait_for(f, 1);
        assert_int_equal(a.error, -EBADMSG);
        assert_int_equal(a.fault, FAULT_INVALID_SOURCE);
}

static void text_may_go_away_while_it_is_looked_at(void **state)
{
        Fixture *f = *state;
        char *text = strdup("import socket\n");
        Asked a;

        ask(f, &a, text);
        memset(text, 'x', strlen(text));
        free(text);
        wait_for(f, 1);
        assert_int_equal(a.n_diagnostics, 1);
}

static void answers_come_in_the_order_of_asking(void **state)
{
        Fixture *f = *state;
        Asked a[ASKED_MAX];

        for (size_t i = 0; i < ASKED_MAX; i++)
                ask(f, &a[i], i % 2 ? "print(1)\n" : "import os\n");
        wait_for(f, ASKED_MAX);
        for (size_t i = 0; i < ASKED_MAX; i++) {
                assert_int_equal(a[i].answers, 1);
                assert_int_equal(a[i].place, i);
                assert_int_equal(a[i].n_diagnostics, i % 2 ? 0 : 1);
        }
}

/* Some of them wait, one may be at hand, and it must make no difference. */
static void what_is_forgotten_is_not_answered(void **state)
{
        Fixture *f = *state;
        Asked a[ASKED_MAX];

        for (size_t i = 0; i < ASKED_MAX; i++)
                ask(f, &a[i], "print(1)\n");
        for (size_t i = 0; i < ASKED_MAX; i += 2)
                lint_task_forget(a[i].task);
        wait_for(f, ASKED_MAX / 2);
        for (size_t i = 0; i < ASKED_MAX; i++)
                assert_int_equal(a[i].answers, i % 2);
}

typedef struct Chain {
        Asked first, second, third;
} Chain;

static void on_first(int error, const Fault *fault, const LintResult *result, void *userdata)
{
        Chain *c = userdata;

        c->first.fixture->n_answers++;
        lint_task_forget(c->second.task);
        ask(c->first.fixture, &c->third, "import os\n");
}

static void answer_may_forget_another_and_ask_again(void **state)
{
        Fixture *f = *state;
        Chain c = { .first.fixture = f };

        assert_int_equal(lint_thread_run(f->thread, NULL, f->policy, LINT_OFF, "1\n", 2, on_first, &c, &c.first.task), 0);
        ask(f, &c.second, "print(1)\n");
        wait_for(f, 2);
        assert_int_equal(c.second.answers, 0);
        assert_int_equal(c.third.n_diagnostics, 1);
}

static void what_is_not_done_is_told_at_the_end(void **state)
{
        Fixture *f = *state;
        Asked a[ASKED_MAX];

        for (size_t i = 0; i < ASKED_MAX; i++)
                ask(f, &a[i], "print(1)\n");
        lint_task_forget(a[ASKED_MAX - 1].task);
        f->thread = lint_thread_free(f->thread);
        for (size_t i = 0; i < ASKED_MAX - 1; i++) {
                assert_int_equal(a[i].answers, 1);
                assert_int_equal(a[i].error, -ECANCELED);
        }
        assert_int_equal(a[ASKED_MAX - 1].answers, 0);
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                fixture_test(program_is_answered_from_the_loop),
                fixture_test(what_is_no_program_is_a_fault),
                fixture_test(text_may_go_away_while_it_is_looked_at),
                fixture_test(answers_come_in_the_order_of_asking),
                fixture_test(what_is_forgotten_is_not_answered),
                fixture_test(answer_may_forget_another_and_ask_again),
                fixture_test(what_is_not_done_is_told_at_the_end),
        };

        return cmocka_run_group_tests_name("lint-thread", tests, NULL, NULL);
}
