/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-job.h"

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "tests/unit/worker/fake-ports.h"

#define TAG 41
#define SOURCE "print(6 * 7)\n"

typedef struct Fixture {
        void *directory;
        WorkerContext context;
        Config config;
        WorkerJob *job;
        bool ended, slot;
        unsigned n_changes, n_came_up, n_did_not;
} Fixture;

static void on_sandbox(bool works, const char *why, void *userdata)
{
        Fixture *f = userdata;

        assert_true(works || why);
        f->n_came_up += works;
        f->n_did_not += !works;
}

static bool may_claim(void *userdata)
{
        return ((Fixture *) userdata)->slot;
}

static void on_change(WorkerJob *j, void *userdata)
{
        ((Fixture *) userdata)->n_changes++;
}

static void on_ended(WorkerJob *j, void *userdata)
{
        Fixture *f = userdata;

        assert_int_equal(worker_job_state(j), WORKER_ENDED);
        f->ended = true;
        f->job = worker_job_free(j);
}

static int setup(void **state)
{
        Fixture *f = new0(Fixture, 1);
        char *directories[2] = { NULL };

        assert_non_null(f);
        fake = (FakePorts){ 0 };
        log_set_level(LOG_EMERG);
        assert_int_equal(scratch_setup(&f->directory), 0);
        scratch_write(f->directory, "python.container",
                      "[Container]\nImage=localhost/x\n[X-Language]\nSource=main.py\nRun=python3 main.py\nLint=standard\n"
                      "LintGrammar=python\n");
        directories[0] = f->directory;

        assert_int_equal(config_init(&f->config), 0);
        f->config.attempts_max = 3;
        f->slot = true;
        f->context = (WorkerContext){ .config = &f->config, .name = "here/1", .retry_usec = USEC_PER_MSEC,
                                      .on_sandbox = on_sandbox, .may_claim = may_claim, .on_change = on_change, .on_ended = on_ended,
                                      .userdata = f };
        assert_true(sd_event_new(&f->context.event) >= 0);
        assert_int_equal(lint_thread_new(f->context.event, &f->context.lint), 0);
        assert_int_equal(worker_languages_load(directories, &f->context.languages), 0);
        assert_int_equal(strv_length(worker_languages_names(f->context.languages)), 1);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        worker_job_free(f->job);
        /* Whoever was told of output has to hear that it is over. */
        if (fake.on_sent)
                fake.on_sent(-ECANCELED, fake.sent_userdata);
        job_result_done(&fake.result);
        lint_thread_free(f->context.lint);
        worker_languages_unref(f->context.languages);
        sd_event_unref(f->context.event);
        config_done(&f->config);
        assert_int_equal(scratch_teardown(&f->directory), 0);
        free(f);
        return 0;
}

/* --- what happens to a job ----------------------------------------------------------------------------------------- */

static void arrive(Fixture *f, const char *source, bool redelivered)
{
        QueueJob message = { .language = "python", .priority = JOB_PRIORITY_NORMAL, .source = source,
                             .source_size = source ? strlen(source) : 0 };

        message.id.bytes[0] = 7;
        assert_int_equal(worker_job_new(&f->context, &message, TAG, redelivered, &f->job), 0);
        worker_job_begin(f->job);
}

static void answer_claim(Fixture *f, StoreClaim claim, unsigned attempt, const JobSpec *like, size_t source_size)
{
        StoreJob job = { .client = strdup("somebody"), .attempt = attempt };

        assert_int_equal(job_spec_copy(like, &job.spec), 0);
        (void) free_and_strdup(&job.spec.language, "python");
        job.spec.source_bytes = source_size;
        fake.on_claimed(0, claim, claim == STORE_CLAIM_TAKEN ? &job : NULL, fake.store_userdata);
        store_job_done(&job);
}

static void claim(Fixture *f, unsigned attempt)
{
        JobSpec spec = JOB_SPEC_DEFAULT;

        answer_claim(f, STORE_CLAIM_TAKEN, attempt, &spec, strlen(SOURCE));
}

static void wait_while(Fixture *f, WorkerState state)
{
        while (f->job && worker_job_state(f->job) == state)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
}

/* Until it runs. */
static void run(Fixture *f, unsigned attempt)
{
        arrive(f, SOURCE, false);
        claim(f, attempt);
        wait_while(f, WORKER_LINTING);
        assert_int_equal(worker_job_state(f->job), WORKER_RUNNING);
}

static void commit(bool committed)
{
        fake.on_finished(0, committed, fake.store_userdata);
}

static void assert_acked(Fixture *f, uint64_t tag)
{
        assert_int_equal(fake.n_acks, 1);
        assert_int_equal(fake.acked[0], tag);
        assert_int_equal(fake.n_hand_backs, 0);
}

static void assert_handed_back(Fixture *f)
{
        assert_int_equal(fake.n_hand_backs, 1);
        assert_int_equal(fake.n_acks, 0);
}

static const QueueEvent *last_event(void)
{
        assert_true(fake.n_events > 0);
        return &fake.events[fake.n_events - 1];
}

/* --- the straight way ---------------------------------------------------------------------------------------------- */

static void job_runs_is_committed_and_then_acknowledged(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        assert_string_equal(fake.source, SOURCE);
        assert_string_equal(fake.input, "");
        assert_int_equal(last_event()->type, QUEUE_EVENT_STATE);
        assert_int_equal(last_event()->attempt, 1);

        fake_output(SANDBOX_STDOUT, "42\n");
        fake_finished(JOB_VERDICT_OK, NULL);
        assert_int_equal(fake.n_finishes, 1);
        assert_int_equal(fake.verdict, JOB_VERDICT_OK);
        assert_int_equal(fake.attempt, 1);
        assert_int_equal(fake.n_acks, 0);

        commit(true);
        assert_acked(f, TAG);
        assert_int_equal(last_event()->type, QUEUE_EVENT_FINISHED);
        assert_int_equal(last_event()->stream_bytes[QUEUE_STDOUT], 3);
        assert_false(f->ended);

        fake_gone();
        assert_true(f->ended);
        assert_int_equal(fake.n_freed_sandboxes, 1);
        assert_int_equal(f->context.n_finished, 1);
}

static void sandbox_may_be_gone_before_the_result_is_committed(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_OK, NULL);
        fake_gone();
        assert_false(f->ended);
        commit(true);
        assert_acked(f, TAG);
        assert_true(f->ended);
}

static void spec_reaches_the_sandbox(void **state)
{
        Fixture *f = *state;
        char *arguments[] = { (char *) "--fast", NULL };
        JobSpec spec = { .arguments = arguments, .limits.wall_usec = 2 * USEC_PER_SEC, .stdin_data = (char *) "in",
                         .stdin_size = 2 };

        arrive(f, SOURCE, false);
        answer_claim(f, STORE_CLAIM_TAKEN, 1, &spec, strlen(SOURCE));
        wait_while(f, WORKER_LINTING);
        assert_string_equal(fake.args, "--fast");
        assert_string_equal(fake.input, "in");
        assert_int_equal(fake.limits.wall_usec, 2 * USEC_PER_SEC);
        assert_int_equal(fake.limits.memory_bytes, JOB_LIMITS_DEFAULT.memory_bytes);
}

static void source_is_fetched_when_the_message_has_none(void **state)
{
        Fixture *f = *state;
        BlobResult result = { 0 };

        arrive(f, NULL, false);
        claim(f, 1);
        assert_int_equal(worker_job_state(f->job), WORKER_FETCHING);
        assert_int_equal(buffer_append_string(&result.data, SOURCE), 0);
        fake.on_blob[0](0, &result, fake.blob_userdata[0]);
        buffer_done(&result.data);
        wait_while(f, WORKER_LINTING);
        assert_string_equal(fake.source, SOURCE);
}

static void source_of_another_size_is_not_believed(void **state)
{
        Fixture *f = *state;

        arrive(f, "print(1)", false);
        claim(f, 1);
        assert_int_equal(worker_job_state(f->job), WORKER_FETCHING);
}

static void long_output_is_stored_before_the_row(void **state)
{
        Fixture *f = *state;
        char text[STORE_INLINE_OUTPUT_MAX + 2];
        BlobResult result = { .key = "abc" };

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        run(f, 1);
        fake_output(SANDBOX_STDOUT, text);
        fake_output(SANDBOX_STDERR, "short");
        fake_finished(JOB_VERDICT_OK, NULL);
        assert_int_equal(fake.n_puts, 1);
        assert_int_equal(fake.n_finishes, 0);
        fake.on_blob[0](0, &result, fake.blob_userdata[0]);
        assert_int_equal(fake.n_finishes, 1);
        assert_true(fake.has_out_key);
}

static void upload_is_tried_until_it_works(void **state)
{
        Fixture *f = *state;
        char text[STORE_INLINE_OUTPUT_MAX + 2];
        BlobResult result = { .key = "abc" };

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        run(f, 1);
        fake_output(SANDBOX_STDOUT, text);
        fake_output(SANDBOX_STDERR, text);
        fake_finished(JOB_VERDICT_OK, NULL);
        assert_int_equal(fake.n_puts, 2);
        fake.on_blob[0](0, &result, fake.blob_userdata[0]);
        fake.on_blob[1](-ENOSPC, &result, fake.blob_userdata[1]);
        assert_int_equal(fake.n_finishes, 0);

        /* Only what is missing. */
        while (fake.n_puts < 3)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
        fake.on_blob[0](0, &result, fake.blob_userdata[0]);
        assert_int_equal(fake.n_puts, 3);
        assert_int_equal(fake.n_finishes, 1);
}

/* --- claims that are none ------------------------------------------------------------------------------------------ */

static void job_that_is_gone_is_acknowledged(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, SOURCE, true);
        answer_claim(f, STORE_CLAIM_GONE, 0, &spec, 0);
        assert_acked(f, TAG);
        assert_true(f->ended);
        assert_int_equal(fake.n_events, 0);
}

static void second_message_of_a_running_job_is_dropped(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, SOURCE, false);
        answer_claim(f, STORE_CLAIM_BUSY, 0, &spec, 0);
        assert_acked(f, TAG);
        assert_true(f->ended);
}

static void redelivered_message_of_a_running_job_waits(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, SOURCE, true);
        answer_claim(f, STORE_CLAIM_BUSY, 0, &spec, 0);
        assert_int_equal(worker_job_state(f->job), WORKER_WAITING);
        wait_while(f, WORKER_WAITING);
        assert_int_equal(fake.n_claims, 2);
        assert_int_equal(fake.n_acks, 0);
        claim(f, 2);
        assert_int_equal(worker_job_state(f->job), WORKER_LINTING);
}

static void job_that_waited_needs_a_slot(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, SOURCE, true);
        answer_claim(f, STORE_CLAIM_BUSY, 0, &spec, 0);
        f->slot = false;
        assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(worker_job_state(f->job), WORKER_WAITING);
        assert_int_equal(fake.n_claims, 1);
        f->slot = true;
        wait_while(f, WORKER_WAITING);
        assert_int_equal(fake.n_claims, 2);
}

static void job_that_had_all_attempts_is_told_to_be_over(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, SOURCE, true);
        answer_claim(f, STORE_CLAIM_EXHAUSTED, 0, &spec, 0);
        assert_acked(f, TAG);
        assert_int_equal(last_event()->type, QUEUE_EVENT_FINISHED);
        assert_int_equal(last_event()->verdict, JOB_VERDICT_INTERNAL_ERROR);
        assert_int_equal(fake.n_finishes, 0);
}

static void claim_is_made_again_while_the_database_is_away(void **state)
{
        Fixture *f = *state;

        arrive(f, SOURCE, false);
        fake.on_claimed(-ENOTCONN, STORE_CLAIM_BUSY, NULL, fake.store_userdata);
        assert_int_equal(fake.n_acks, 0);
        while (fake.n_claims < 2)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(worker_job_state(f->job), WORKER_CLAIMING);
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static void result_waits_while_the_database_is_away(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_TIME_LIMIT, "The program ran longer than 10s");
        fake.on_finished(-ENOTCONN, false, fake.store_userdata);
        fake_gone();
        assert_int_equal(fake.n_acks, 0);
        while (fake.n_finishes < 2)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
        assert_int_equal(fake.verdict, JOB_VERDICT_TIME_LIMIT);
        assert_string_equal(fake.reason, "The program ran longer than 10s");
        commit(true);
        assert_acked(f, TAG);
}

static void superseded_result_is_thrown_away(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_OK, NULL);
        unsigned n_events = fake.n_events;
        commit(false);
        assert_int_equal(fake.n_events, n_events);
        assert_int_equal(f->context.n_finished, 0);
        assert_acked(f, TAG);
}

static void what_the_linter_finds_is_the_result(void **state)
{
        Fixture *f = *state;

        arrive(f, "import os\n", false);
        JobSpec spec = JOB_SPEC_DEFAULT;
        answer_claim(f, STORE_CLAIM_TAKEN, 1, &spec, strlen("import os\n"));
        wait_while(f, WORKER_LINTING);
        assert_int_equal(fake.verdict, JOB_VERDICT_REJECTED);
        assert_true(fake.has_diagnostics);
        assert_non_null(strstr(fake.reason, "Line 1"));
        assert_int_equal(fake.n_sandboxes, 0);
        commit(true);
        assert_true(f->ended);
}

static void what_is_no_program_is_rejected(void **state)
{
        Fixture *f = *state;
        JobSpec spec = JOB_SPEC_DEFAULT;

        arrive(f, "\xff\n", false);
        answer_claim(f, STORE_CLAIM_TAKEN, 1, &spec, 2);
        wait_while(f, WORKER_LINTING);
        assert_int_equal(fake.verdict, JOB_VERDICT_REJECTED);
        assert_string_not_equal(fake.reason, "");
        assert_false(fake.has_diagnostics);
}

static void request_beyond_the_maximum_is_rejected(void **state)
{
        Fixture *f = *state;
        JobSpec spec = { .limits.memory_bytes = UINT64_C(1) << 50 };

        arrive(f, SOURCE, false);
        answer_claim(f, STORE_CLAIM_TAKEN, 1, &spec, strlen(SOURCE));
        assert_int_equal(fake.verdict, JOB_VERDICT_REJECTED);
        assert_non_null(strstr(fake.reason, "memory"));
}

static void request_the_sandbox_refuses_is_rejected(void **state)
{
        Fixture *f = *state;

        arrive(f, SOURCE, false);
        claim(f, 1);
        fake.fail = -EBADMSG;
        wait_while(f, WORKER_LINTING);
        assert_int_equal(worker_job_state(f->job), WORKER_FINISHING);
        assert_int_equal(fake.verdict, JOB_VERDICT_REJECTED);
        assert_string_equal(fake.reason, "Too many arguments");
}

/* --- attempts that fail -------------------------------------------------------------------------------------------- */

static void failed_attempt_is_given_back_after_a_while(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "Podman is ill");
        assert_int_equal(fake.n_releases, 0);
        while (fake.n_releases == 0)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
        fake.on_released(0, true, fake.store_userdata);
        assert_handed_back(f);
        assert_true(fake.handed_source);
        assert_int_equal(fake.n_finishes, 0);
        fake_gone();
        assert_true(f->ended);
}

static void last_failed_attempt_ends_the_job_with_the_reason(void **state)
{
        Fixture *f = *state;

        run(f, 3);
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "Podman is ill");
        assert_int_equal(fake.n_releases, 0);
        assert_int_equal(fake.verdict, JOB_VERDICT_INTERNAL_ERROR);
        assert_string_equal(fake.reason, "Podman is ill");
        commit(true);
        assert_acked(f, TAG);
}

static void failure_while_the_worker_stops_is_not_the_last_word(void **state)
{
        Fixture *f = *state;

        run(f, 3);
        worker_job_drain(f->job);
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "The sandbox ended under the program");
        assert_int_equal(fake.n_finishes, 0);
        assert_int_equal(worker_job_state(f->job), WORKER_RELEASING);
}

static void failure_without_the_user_manager_is_not_the_last_word(void **state)
{
        Fixture *f = *state;

        run(f, 3);
        fake.no_manager = true;
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "The sandbox ended under the program");
        assert_int_equal(fake.n_finishes, 0);
        assert_int_equal(worker_job_state(f->job), WORKER_RELEASING);
}

static void sandbox_that_came_up_speaks_for_the_host(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake.result.wall_usec = 1;
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "The sandbox ended under the program");
        assert_int_equal(f->n_came_up, 1);
        assert_int_equal(f->n_did_not, 0);
}

static void sandbox_that_did_not_come_up_speaks_against_it(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "Podman is ill");
        assert_int_equal(f->n_came_up, 0);
        assert_int_equal(f->n_did_not, 1);
}

static void missing_image_says_nothing_about_the_host(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake.no_image = true;
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "no image");
        assert_int_equal(f->n_came_up + f->n_did_not, 0);
}

static void unknown_language_is_a_failed_attempt(void **state)
{
        Fixture *f = *state;
        StoreJob job = { .client = strdup("somebody"), .attempt = 1 };

        arrive(f, SOURCE, false);
        assert_int_equal(free_and_strdup(&job.spec.language, "cobol"), 0);
        job.spec.source_bytes = strlen(SOURCE);
        fake.on_claimed(0, STORE_CLAIM_TAKEN, &job, fake.store_userdata);
        store_job_done(&job);
        assert_int_equal(worker_job_state(f->job), WORKER_RELEASING);
}

static void missing_source_is_a_failed_attempt(void **state)
{
        Fixture *f = *state;
        BlobResult result = { .why = "There is no such object" };

        arrive(f, NULL, false);
        claim(f, 3);
        fake.on_blob[0](-ENOENT, &result, fake.blob_userdata[0]);
        assert_int_equal(fake.verdict, JOB_VERDICT_INTERNAL_ERROR);
        assert_string_equal(fake.reason, "The source could not be read: There is no such object");
}

static void blobs_that_are_away_are_waited_for(void **state)
{
        Fixture *f = *state;
        BlobResult result = { .why = "Connection refused" };

        arrive(f, NULL, false);
        claim(f, 3);
        fake.on_blob[0](-ENOTCONN, &result, fake.blob_userdata[0]);
        assert_int_equal(worker_job_state(f->job), WORKER_FETCHING);
        while (fake.n_gets < 2)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
}

/* --- cancel -------------------------------------------------------------------------------------------------------- */

static void running_program_is_killed_and_its_output_kept(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_output(SANDBOX_STDOUT, "so far");
        worker_job_cancel(f->job);
        assert_int_equal(fake.n_kills, 1);
        assert_int_equal(fake.n_finishes, 0);
        fake_finished(JOB_VERDICT_CANCELLED, NULL);
        assert_int_equal(fake.verdict, JOB_VERDICT_CANCELLED);
        commit(true);
        assert_int_equal(last_event()->stream_bytes[QUEUE_STDOUT], 6);
}

static void cancelled_before_it_ran_it_never_runs(void **state)
{
        Fixture *f = *state;

        arrive(f, SOURCE, false);
        worker_job_cancel(f->job);
        assert_int_equal(worker_job_state(f->job), WORKER_CLAIMING);
        claim(f, 1);
        assert_int_equal(fake.verdict, JOB_VERDICT_CANCELLED);
        assert_int_equal(fake.n_sandboxes, 0);
        commit(true);
        assert_true(f->ended);
}

static void fetch_is_given_up_when_cancelled(void **state)
{
        Fixture *f = *state;

        arrive(f, NULL, false);
        claim(f, 1);
        worker_job_cancel(f->job);
        assert_int_equal(fake.n_cancelled_blobs, 1);
        assert_int_equal(fake.verdict, JOB_VERDICT_CANCELLED);
}

static void cancelled_job_does_not_fail(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_cancel(f->job);
        fake_finished(JOB_VERDICT_INTERNAL_ERROR, "It was gone already");
        assert_int_equal(fake.verdict, JOB_VERDICT_CANCELLED);
}

static void cancel_comes_too_late_for_a_result(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        fake_finished(JOB_VERDICT_OK, NULL);
        worker_job_cancel(f->job);
        assert_int_equal(fake.n_finishes, 1);
        assert_int_equal(fake.verdict, JOB_VERDICT_OK);
        commit(true);
        assert_acked(f, TAG);
}

/* --- drain --------------------------------------------------------------------------------------------------------- */

static void what_has_not_begun_is_given_back(void **state)
{
        Fixture *f = *state;

        arrive(f, NULL, false);
        claim(f, 1);
        worker_job_drain(f->job);
        assert_int_equal(fake.n_releases, 1);
        assert_int_equal(fake.n_hand_backs, 0);
        fake.on_released(0, true, fake.store_userdata);
        assert_handed_back(f);
        assert_true(f->ended);
        assert_int_equal(f->context.n_returned, 1);
}

static void claim_that_comes_back_while_draining_is_given_back(void **state)
{
        Fixture *f = *state;

        arrive(f, SOURCE, false);
        worker_job_drain(f->job);
        claim(f, 1);
        assert_int_equal(fake.n_releases, 1);
        assert_int_equal(fake.n_sandboxes, 0);
}

static void what_runs_is_left_alone_until_its_time_is_up(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_drain(f->job);
        assert_int_equal(fake.n_kills, 0);
        worker_job_give_back(f->job);
        worker_job_give_back(f->job);
        assert_int_equal(fake.n_kills, 1);
        fake_finished(JOB_VERDICT_CANCELLED, NULL);
        assert_int_equal(fake.n_finishes, 0);
        assert_int_equal(fake.n_releases, 1);

        /* Not ours: it may be that the first answer was lost, so the message has to be there. */
        fake.on_released(0, false, fake.store_userdata);
        assert_handed_back(f);
        fake_gone();
        assert_true(f->ended);
}

static void release_is_tried_until_it_works(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_give_back(f->job);
        fake_finished(JOB_VERDICT_CANCELLED, NULL);
        fake.on_released(-ENOTCONN, false, fake.store_userdata);
        assert_int_equal(fake.n_hand_backs, 0);
        while (fake.n_releases < 2)
                assert_true(sd_event_run(f->context.event, 10 * USEC_PER_SEC) > 0);
}

/* --- messages and watchers ----------------------------------------------------------------------------------------- */

static void newest_message_is_the_one_to_answer(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_redelivered(f->job, TAG + 1);
        assert_acked(f, TAG);
        fake_finished(JOB_VERDICT_OK, NULL);
        commit(true);
        assert_int_equal(fake.n_acks, 2);
        assert_int_equal(fake.acked[1], TAG + 1);
}

static void nobody_watches_no_output_is_sent(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        unsigned n = fake.n_events;
        fake_output(SANDBOX_STDOUT, "lost in the woods");
        assert_int_equal(fake.n_events, n);
}

static void late_watcher_gets_all_then_what_comes(void **state)
{
        Fixture *f = *state;

        run(f, 2);
        fake_output(SANDBOX_STDOUT, "one ");
        worker_job_watch(f->job, 2, (uint64_t[]){ 0, 0 });
        assert_string_equal(fake.event_data, "one ");
        assert_int_equal(last_event()->attempt, 2);

        /* What comes while a chunk is on its way is the next one. */
        fake_output(SANDBOX_STDOUT, "two ");
        fake_output(SANDBOX_STDOUT, "three");
        assert_string_equal(fake.event_data, "one ");
        TAKE(fake.on_sent, NULL)(0, fake.sent_userdata);
        assert_string_equal(fake.event_data, "two three");
        assert_int_equal(last_event()->offset, 4);
}

static void offsets_of_another_attempt_mean_nothing(void **state)
{
        Fixture *f = *state;

        run(f, 2);
        fake_output(SANDBOX_STDERR, "again");
        worker_job_watch(f->job, 1, (uint64_t[]){ 100, 100 });
        assert_string_equal(fake.event_data, "again");
        assert_int_equal(last_event()->stream, QUEUE_STDERR);
}

static void output_that_got_lost_is_told_when_the_broker_is_back(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_watch(f->job, 0, (uint64_t[]){ 0, 0 });
        fake_output(SANDBOX_STDOUT, "text");
        TAKE(fake.on_sent, NULL)(-ENOTCONN, fake.sent_userdata);
        worker_job_tell_state(f->job);
        assert_string_equal(fake.event_data, "text");
        assert_int_equal(fake.events[fake.n_events - 2].type, QUEUE_EVENT_STATE);
}

static void watch_may_come_before_the_program(void **state)
{
        Fixture *f = *state;

        arrive(f, SOURCE, false);
        worker_job_watch(f->job, 0, (uint64_t[]){ 0, 0 });
        claim(f, 1);
        wait_while(f, WORKER_LINTING);
        fake_output(SANDBOX_STDOUT, "first");
        assert_string_equal(fake.event_data, "first");
}

static void answer_to_an_event_may_come_after_the_job(void **state)
{
        Fixture *f = *state;

        run(f, 1);
        worker_job_watch(f->job, 0, (uint64_t[]){ 0, 0 });
        fake_output(SANDBOX_STDOUT, "text");
        fake_finished(JOB_VERDICT_OK, NULL);
        commit(true);
        fake_gone();
        assert_true(f->ended);
        TAKE(fake.on_sent, NULL)(0, fake.sent_userdata);
}

static void job_may_be_freed_in_every_state(void **state)
{
        Fixture *f = *state;

        arrive(f, NULL, false);
        f->job = worker_job_free(f->job);
        assert_int_equal(fake.n_forgotten, 1);

        arrive(f, NULL, false);
        claim(f, 1);
        f->job = worker_job_free(f->job);
        assert_int_equal(fake.n_cancelled_blobs, 1);

        arrive(f, SOURCE, false);
        claim(f, 1);
        f->job = worker_job_free(f->job);

        run(f, 1);
        f->job = worker_job_free(f->job);
        assert_int_equal(fake.n_freed_sandboxes, 1);
}

#define job_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                job_test(job_runs_is_committed_and_then_acknowledged),
                job_test(sandbox_may_be_gone_before_the_result_is_committed),
                job_test(spec_reaches_the_sandbox),
                job_test(source_is_fetched_when_the_message_has_none),
                job_test(source_of_another_size_is_not_believed),
                job_test(long_output_is_stored_before_the_row),
                job_test(upload_is_tried_until_it_works),
                job_test(job_that_is_gone_is_acknowledged),
                job_test(second_message_of_a_running_job_is_dropped),
                job_test(redelivered_message_of_a_running_job_waits),
                job_test(job_that_waited_needs_a_slot),
                job_test(job_that_had_all_attempts_is_told_to_be_over),
                job_test(claim_is_made_again_while_the_database_is_away),
                job_test(result_waits_while_the_database_is_away),
                job_test(superseded_result_is_thrown_away),
                job_test(what_the_linter_finds_is_the_result),
                job_test(what_is_no_program_is_rejected),
                job_test(request_beyond_the_maximum_is_rejected),
                job_test(request_the_sandbox_refuses_is_rejected),
                job_test(failed_attempt_is_given_back_after_a_while),
                job_test(last_failed_attempt_ends_the_job_with_the_reason),
                job_test(failure_while_the_worker_stops_is_not_the_last_word),
                job_test(failure_without_the_user_manager_is_not_the_last_word),
                job_test(sandbox_that_came_up_speaks_for_the_host),
                job_test(sandbox_that_did_not_come_up_speaks_against_it),
                job_test(missing_image_says_nothing_about_the_host),
                job_test(unknown_language_is_a_failed_attempt),
                job_test(missing_source_is_a_failed_attempt),
                job_test(blobs_that_are_away_are_waited_for),
                job_test(running_program_is_killed_and_its_output_kept),
                job_test(cancelled_before_it_ran_it_never_runs),
                job_test(fetch_is_given_up_when_cancelled),
                job_test(cancelled_job_does_not_fail),
                job_test(cancel_comes_too_late_for_a_result),
                job_test(what_has_not_begun_is_given_back),
                job_test(claim_that_comes_back_while_draining_is_given_back),
                job_test(what_runs_is_left_alone_until_its_time_is_up),
                job_test(release_is_tried_until_it_works),
                job_test(newest_message_is_the_one_to_answer),
                job_test(nobody_watches_no_output_is_sent),
                job_test(late_watcher_gets_all_then_what_comes),
                job_test(offsets_of_another_attempt_mean_nothing),
                job_test(output_that_got_lost_is_told_when_the_broker_is_back),
                job_test(watch_may_come_before_the_program),
                job_test(answer_to_an_event_may_come_after_the_job),
                job_test(job_may_be_freed_in_every_state),
        };

        return cmocka_run_group_tests_name("worker-job", tests, NULL, NULL);
}
