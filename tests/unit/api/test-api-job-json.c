/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-job-json.h"

#include <string.h>

#include "basic/string-util.h"
#include "shared/json-util.h"
#include "tests/unit/test.h"

#define ID "01890a5d-ac96-774b-bcce-b302099a8057"

static StoreJob job_of(JobState state)
{
        StoreJob job = {
                .state = state,
                .spec = JOB_SPEC_DEFAULT,
                .created_usec = UINT64_C(1795415412000123),
                .claimed_usec = USEC_INFINITY,
                .finished_usec = USEC_INFINITY,
                .result.exit_code = -1,
        };

        assert_int_equal(job_id_parse(ID, &job.id), 0);
        job.spec.language = (char *) "python";
        return job;
}

static const char *member(struct json_object *o, const char *key)
{
        struct json_object *value;

        if (!json_object_object_get_ex(o, key, &value))
                fail_msg("there is no '%s'", key);
        return json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void what_is_not_known_yet_is_null(void **state)
{
        static const char *const unknown[] = { "started_at",  "finished_at",     "verdict",     "exit_code",
                                               "signal",      "reason",          "diagnostics", "wall_usec",
                                               "cpu_usec",    "memory_peak_bytes", "memory_peak_source",
                                               "stdout",      "stdout_encoding", "stdout_bytes", "stderr",
                                               "stderr_encoding", "stderr_bytes", "lint" };
        _cleanup_(json_putp) struct json_object *o = NULL;
        StoreJob job = job_of(JOB_STATE_QUEUED);
        const Buffer none = { 0 };

        assert_int_equal(job_to_json_with_output(&job, &none, &none, &o), 0);
        for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
                assert_row(streq(member(o, unknown[i]), "null"), unknown[i]);
        assert_string_equal(member(o, "id"), "\"" ID "\"");
        assert_string_equal(member(o, "state"), "\"queued\"");
        assert_string_equal(member(o, "attempt"), "0");
        assert_string_equal(member(o, "created_at"), "\"2026-11-23T06:30:12.000Z\"");
        assert_string_equal(member(o, "args"), "[]");
        assert_string_equal(member(o, "limits"), "{}");
        assert_string_equal(member(o, "tags"), "{}");
        assert_string_equal(member(o, "stdout_truncated"), "false");
}

static void finished_job_has_its_result(void **state)
{
        char tag[] = "a=b", argument[] = "-v", *tags[] = { tag, NULL }, *arguments[] = { argument, NULL };
        char out[] = "hi\n", err[] = "\xff", findings[] = "[{\"line\":1}]", reason[] = "because";
        const Buffer out_bytes = { .data = out, .size = 3 }, err_bytes = { .data = err, .size = 1 };
        _cleanup_(json_putp) struct json_object *o = NULL;
        StoreJob job = job_of(JOB_STATE_FINISHED);

        job.spec.tags = tags;
        job.spec.arguments = arguments;
        job.spec.limits.memory_bytes = 1 << 20;
        job.attempt = 2;
        job.claimed_usec = job.finished_usec = job.created_usec;
        job.diagnostics = findings;
        job.out.n_bytes = 3;
        job.err.n_bytes = 1;
        job.result = (JobResult){ .verdict = JOB_VERDICT_SIGNALLED, .exit_code = -1, .signal = 11, .wall_usec = 5,
                                  .cpu_usec = 4, .memory_peak_bytes = 3, .memory_peak_is_rss = true, .reason = reason,
                                  .err.truncated = true };

        assert_int_equal(job_to_json_with_output(&job, &out_bytes, &err_bytes, &o), 0);
        assert_string_equal(member(o, "verdict"), "\"signalled\"");
        assert_string_equal(member(o, "exit_code"), "null");
        assert_string_equal(member(o, "signal"), "\"SIGSEGV\"");
        assert_string_equal(member(o, "reason"), "\"because\"");
        assert_string_equal(member(o, "diagnostics"), "[{\"line\":1}]");
        assert_string_equal(member(o, "wall_usec"), "5");
        assert_string_equal(member(o, "cpu_usec"), "4");
        assert_string_equal(member(o, "memory_peak_bytes"), "3");
        assert_string_equal(member(o, "memory_peak_source"), "\"rss\"");
        assert_string_equal(member(o, "stdout"), "\"hi\\n\"");
        assert_string_equal(member(o, "stdout_encoding"), "\"utf-8\"");
        assert_string_equal(member(o, "stdout_truncated"), "false");
        assert_string_equal(member(o, "stderr"), "\"/w==\"");
        assert_string_equal(member(o, "stderr_encoding"), "\"base64\"");
        assert_string_equal(member(o, "stderr_bytes"), "1");
        assert_string_equal(member(o, "stderr_truncated"), "true");
        assert_string_equal(member(o, "tags"), "{\"a\":\"b\"}");
        assert_string_equal(member(o, "args"), "[\"-v\"]");
        assert_string_equal(member(o, "limits"), "{\"memory_bytes\":1048576}");
        assert_string_equal(member(o, "finished_at"), "\"2026-11-23T06:30:12.000Z\"");
}

static void environment_is_not_told(void **state)
{
        char variable[] = "PASSWORD=geheim", *environment[] = { variable, NULL };
        _cleanup_(json_putp) struct json_object *o = NULL;
        StoreJob job = job_of(JOB_STATE_QUEUED);

        job.spec.environment = environment;
        assert_int_equal(job_to_json(&job, &o), 0);
        assert_null(strstr(json_object_to_json_string(o), "geheim"));
        assert_false(json_object_object_get_ex(o, "stdout", NULL));
}

static void links_lead_to_the_job(void **state)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        JobId id;

        assert_int_equal(job_id_parse(ID, &id), 0);
        assert_int_equal(job_ticket_to_json(&id, JOB_STATE_QUEUED, &o), 0);
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                            "{\"id\":\"" ID "\",\"state\":\"queued\",\"links\":{\"self\":\"/v1/jobs/" ID
                            "\",\"events\":\"/v1/jobs/" ID "/events\",\"stream\":\"/v1/jobs/" ID
                            "/stream\",\"source\":\"/v1/jobs/" ID "/source\",\"stdout\":\"/v1/jobs/" ID
                            "/stdout\",\"stderr\":\"/v1/jobs/" ID "/stderr\"}}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_known_yet_is_null),
                cmocka_unit_test(finished_job_has_its_result),
                cmocka_unit_test(environment_is_not_told),
                cmocka_unit_test(links_lead_to_the_job),
        };

        return cmocka_run_group_tests_name("api-job-json", tests, NULL, NULL);
}
