/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-step.h"

#include "basic/string-util.h"
#include "tests/unit/test.h"

/* A way through the states: where it begins, what happens, where it has to be after each event. */
typedef struct Way {
        const char *name;
        WorkerState begin;
        struct {
                WorkerEvent event;
                WorkerState state;
                WorkerAction action;
        } steps[12];
} Way;

#define END { WORKER_NO_EVENT, WORKER_ENDED, WORKER_NOTHING }

static const Way ways[] = {
        { "all goes well",
          WORKER_CLAIMING,
          { { WORKER_TAKEN, WORKER_FETCHING, WORKER_ENTER },
            { WORKER_FETCHED, WORKER_LINTING, WORKER_ENTER },
            { WORKER_CLEAN, WORKER_RUNNING, WORKER_ENTER },
            { WORKER_RESULT, WORKER_STORING, WORKER_ENTER },
            { WORKER_STORED, WORKER_FINISHING, WORKER_ENTER },
            { WORKER_COMMITTED, WORKER_ACKING, WORKER_ENTER },
            { WORKER_ANSWERED, WORKER_LEAVING, WORKER_ENTER },
            { WORKER_GONE, WORKER_ENDED, WORKER_NOTHING },
            END } },
        { "a source in the message is not fetched",
          WORKER_CLAIMING,
          { { WORKER_TAKEN_WITH_SOURCE, WORKER_LINTING, WORKER_ENTER }, END } },
        { "a rejected program does not run",
          WORKER_LINTING,
          { { WORKER_RESULT, WORKER_FINISHING, WORKER_ENTER }, END } },
        { "a job of a worker that may have died is asked for again",
          WORKER_CLAIMING,
          { { WORKER_BUSY_AGAIN, WORKER_WAITING, WORKER_RETRY_LATER },
            { WORKER_TIMER, WORKER_CLAIMING, WORKER_ENTER },
            { WORKER_SETTLED, WORKER_ACKING, WORKER_ENTER },
            END } },
        { "a message too many is dropped", WORKER_CLAIMING, { { WORKER_BUSY, WORKER_ACKING, WORKER_ENTER }, END } },
        { "while the database is away a claim is tried again",
          WORKER_CLAIMING,
          { { WORKER_UNAVAILABLE, WORKER_CLAIMING, WORKER_RETRY_LATER },
            { WORKER_TIMER, WORKER_CLAIMING, WORKER_ENTER },
            END } },
        { "while the blobs are away a result waits",
          WORKER_STORING,
          { { WORKER_UNAVAILABLE, WORKER_STORING, WORKER_RETRY_LATER },
            { WORKER_TIMER, WORKER_STORING, WORKER_ENTER },
            END } },
        { "while the database is away a result waits",
          WORKER_FINISHING,
          { { WORKER_UNAVAILABLE, WORKER_FINISHING, WORKER_RETRY_LATER },
            { WORKER_TIMER, WORKER_FINISHING, WORKER_ENTER },
            { WORKER_SUPERSEDED, WORKER_ACKING, WORKER_ENTER },
            END } },
        { "a failed attempt is given back after a while",
          WORKER_RUNNING,
          { { WORKER_FAILED, WORKER_RELEASING, WORKER_RETRY_LATER },
            { WORKER_TIMER, WORKER_RELEASING, WORKER_ENTER },
            { WORKER_RELEASED, WORKER_REQUEUING, WORKER_ENTER },
            { WORKER_ANSWERED, WORKER_LEAVING, WORKER_ENTER },
            END } },
        { "the last failed attempt is the result",
          WORKER_RUNNING,
          { { WORKER_FAILED_LAST, WORKER_FINISHING, WORKER_ENTER }, END } },
        { "a cancelled program is killed, and what it wrote is kept",
          WORKER_RUNNING,
          { { WORKER_CANCEL, WORKER_RUNNING, WORKER_KILL }, { WORKER_KILLED, WORKER_STORING, WORKER_ENTER }, END } },
        { "what has not begun is cancelled at once",
          WORKER_FETCHING,
          { { WORKER_CANCEL, WORKER_FINISHING, WORKER_ENTER }, END } },
        { "what has not begun is given back at once",
          WORKER_LINTING,
          { { WORKER_DRAIN, WORKER_RELEASING, WORKER_ENTER }, END } },
        { "what was not claimed is only put back", WORKER_WAITING, { { WORKER_DRAIN, WORKER_REQUEUING, WORKER_ENTER }, END } },
        { "what runs goes on until it has to be given back",
          WORKER_RUNNING,
          { { WORKER_DRAIN, WORKER_RUNNING, WORKER_NOTHING },
            { WORKER_GIVE_BACK, WORKER_STOPPING, WORKER_KILL },
            { WORKER_KILLED, WORKER_RELEASING, WORKER_ENTER },
            END } },
        { "what ends by itself at the last moment counts",
          WORKER_STOPPING,
          { { WORKER_RESULT, WORKER_STORING, WORKER_ENTER }, END } },
};

static void every_way_is_gone_as_told(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                WorkerState at = ways[i].begin;

                for (size_t k = 0; ways[i].steps[k].event != WORKER_NO_EVENT; k++) {
                        WorkerStep step = worker_step(at, ways[i].steps[k].event);

                        assert_row(step.state == ways[i].steps[k].state, ways[i].name);
                        assert_row(step.action == ways[i].steps[k].action, ways[i].name);
                        at = step.state;
                }
        }
}

/* Whatever happens in whichever state: what has to hold of each. */
static void no_event_leads_around_the_database(void **state)
{
        for (int s = 0; s < _WORKER_STATE_MAX; s++)
                for (int e = 0; e < _WORKER_EVENT_MAX; e++) {
                        WorkerStep step = worker_step((WorkerState) s, (WorkerEvent) e);

                        /* A claimed job's message is answered only after the row was settled. */
                        if (step.state == WORKER_ACKING && step.state != (WorkerState) s)
                                assert_true(s == WORKER_CLAIMING || s == WORKER_FINISHING);
                        if (step.state == WORKER_REQUEUING && step.state != (WorkerState) s)
                                assert_true(s == WORKER_WAITING || s == WORKER_RELEASING);
                        if (step.state == WORKER_LEAVING && step.state != (WorkerState) s)
                                assert_true(e == WORKER_ANSWERED);
                        if (step.state == WORKER_ENDED && s != WORKER_ENDED)
                                assert_true(s == WORKER_LEAVING && e == WORKER_GONE);

                        /* A program begins only after the linter, and only once. */
                        if (step.state == WORKER_RUNNING && s != WORKER_RUNNING)
                                assert_true(s == WORKER_LINTING && e == WORKER_CLEAN);

                        /* A result is not thrown away because somebody wants to stop. */
                        if (s == WORKER_STORING || s == WORKER_FINISHING)
                                if (e == WORKER_DRAIN || e == WORKER_GIVE_BACK || e == WORKER_CANCEL)
                                        assert_true(step.state == (WorkerState) s && step.action == WORKER_NOTHING);

                        /* Only what runs can be killed. */
                        if (step.action == WORKER_KILL)
                                assert_int_equal(s, WORKER_RUNNING);
                }
}

static void every_state_that_asks_somebody_survives_their_absence(void **state)
{
        static const WorkerState asking[] = { WORKER_CLAIMING, WORKER_FETCHING, WORKER_STORING, WORKER_FINISHING,
                                              WORKER_RELEASING };

        for (size_t i = 0; i < ELEMENTSOF(asking); i++) {
                WorkerStep away = worker_step(asking[i], WORKER_UNAVAILABLE), again = worker_step(asking[i], WORKER_TIMER);

                assert_true(away.state == asking[i] && away.action == WORKER_RETRY_LATER);
                assert_true(again.state == asking[i] && again.action == WORKER_ENTER);
        }
}

static void every_state_has_a_name(void **state)
{
        for (int s = 0; s < _WORKER_STATE_MAX; s++) {
                assert_non_null(worker_state_to_string((WorkerState) s));
                for (int k = 0; k < s; k++)
                        assert_string_not_equal(worker_state_to_string((WorkerState) s),
                                                worker_state_to_string((WorkerState) k));
        }
}

static void a_job_is_ours_from_claim_to_answer(void **state)
{
        for (int s = 0; s < _WORKER_STATE_MAX; s++)
                assert_int_equal(worker_state_is_claimed((WorkerState) s),
                                 s != WORKER_CLAIMING && s != WORKER_WAITING && s < WORKER_ACKING);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_way_is_gone_as_told),
                cmocka_unit_test(no_event_leads_around_the_database),
                cmocka_unit_test(every_state_that_asks_somebody_survives_their_absence),
                cmocka_unit_test(every_state_has_a_name),
                cmocka_unit_test(a_job_is_ours_from_claim_to_answer),
        };

        return cmocka_run_group_tests_name("worker-step", tests, NULL, NULL);
}
