/* SPDX-License-Identifier: Apache-2.0 */
#include "job/spec.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "shared/json-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/test.h"

#define KEY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static JobSpec simple_spec(void)
{
        JobSpec spec = JOB_SPEC_DEFAULT;

        assert_int_equal(free_and_strdup(&spec.language, "python"), 0);
        (void) snprintf(spec.source_key, sizeof(spec.source_key), "%s", KEY);
        return spec;
}

static char *json_of(const JobSpec *spec)
{
        _cleanup_(json_putp) struct json_object *o = NULL;

        assert_int_equal(job_spec_to_json(spec, &o), 0);
        return strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void what_is_not_set_is_left_out(void **state)
{
        _cleanup_(job_spec_done) JobSpec spec = simple_spec();
        _cleanup_(freep) char *text = json_of(&spec);

        assert_string_equal(text, "{}");
}

static void spec_survives_its_json_form(void **state)
{
        _cleanup_(job_spec_done) JobSpec spec = simple_spec(), read = simple_spec();
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(free_and_strdup(&spec.lint, "strict"), 0);
        assert_int_equal(strv_extend(&spec.arguments, ""), 0);
        assert_int_equal(strv_extend(&spec.arguments, "ü \"\n"), 0);
        assert_int_equal(strv_extend(&spec.environment, "A=b=c"), 0);
        assert_int_equal(strv_extend(&spec.environment, "EMPTY="), 0);
        spec.limits.memory_bytes = UINT64_C(1) << 40;
        spec.limits.wall_usec = 1;

        _cleanup_(freep) char *text = json_of(&spec);
        assert_string_equal(text, "{\"lint\":\"strict\",\"args\":[\"\",\"ü \\\"\\n\"],\"env\":{\"A\":\"b=c\",\"EMPTY\":\"\"},"
                                  "\"limits\":{\"memory_bytes\":1099511627776,\"wall_usec\":1}}");
        assert_int_equal(job_spec_from_json(text, &read, &fault), 0);

        _cleanup_(freep) char *again = json_of(&read);
        assert_string_equal(again, text);
        assert_string_equal(read.environment[0], "A=b=c");
        assert_int_equal(read.limits.processes, 0);
        assert_string_equal(read.language, "python");
}

static void reading_replaces_what_was_there(void **state)
{
        _cleanup_(job_spec_done) JobSpec spec = simple_spec();
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(strv_extend(&spec.arguments, "old"), 0);
        assert_int_equal(free_and_strdup(&spec.lint, "off"), 0);
        spec.limits.processes = 3;
        assert_int_equal(job_spec_from_json("{\"args\":[\"new\"]}", &spec, &fault), 0);
        assert_int_equal(strv_length(spec.arguments), 1);
        assert_string_equal(spec.arguments[0], "new");
        assert_null(spec.lint);
        assert_int_equal(spec.limits.processes, 0);
}

static void what_is_not_understood_is_refused(void **state)
{
        static const struct {
                const char *text, *field, *words;
        } rows[] = {
                { "", NULL, "JSON object" },
                { "[]", NULL, "JSON object" },
                { "{", NULL, "JSON object" },
                { "{\"other\":1}", "other", "not understood" },
                { "{\"lint\":1}", "lint", "not understood" },
                { "{\"lint\":null}", "lint", "not understood" },
                { "{\"args\":\"x\"}", "args", "array" },
                { "{\"args\":[1]}", "args", "strings" },
                { "{\"args\":[\"a\\u0000b\"]}", "args", "NUL" },
                { "{\"env\":[]}", "env", "object" },
                { "{\"env\":{\"A\":1}}", "env", "strings" },
                { "{\"env\":{\"A=B\":\"c\"}}", "env", "=" },
                { "{\"env\":{\"\":\"c\"}}", "env", "names" },
                { "{\"limits\":3}", "limits", "object" },
                { "{\"limits\":{\"memory_bytes\":\"1\"}}", "limits", "memory_bytes" },
                { "{\"limits\":{\"memory_bytes\":-1}}", "limits", "memory_bytes" },
                { "{\"limits\":{\"memory_bytes\":1.5}}", "limits", "memory_bytes" },
                { "{\"limits\":{\"memory_bytes\":0}}", "limits", "memory_bytes" },
                { "{\"limits\":{\"sky\":1}}", "limits", "sky" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(job_spec_done) JobSpec spec = simple_spec();
                Fault fault = { 0 };

                assert_int_equal(free_and_strdup(&spec.lint, "kept"), 0);
                assert_row(job_spec_from_json(rows[i].text, &spec, &fault) == -EBADMSG, rows[i].text);
                fault_check(&fault, FAULT_INVALID_REQUEST, rows[i].field, rows[i].words);
                assert_string_equal(spec.lint, "kept");
        }
}

static void check(JobSpec *spec, FaultCode code, const char *field, const char *words)
{
        Fault fault = { 0 };

        assert_int_equal(job_spec_check(spec, 100, 10, &fault), -EBADMSG);
        fault_check(&fault, code, field, words);
        job_spec_done(spec);
}

static void good_spec_is_accepted(void **state)
{
        _cleanup_(job_spec_done) JobSpec spec = simple_spec();
        Fault fault = { 0 };

        for (char c = 'a'; c < 'a' + JOB_TAGS_MAX; c++)
                assert_int_equal(strv_extendf(&spec.tags, "%c=%c", c, c), 0);
        assert_int_equal(strv_extend(&spec.environment, "_A1=ü"), 0);
        assert_int_equal(strv_extend(&spec.arguments, "-x"), 0);
        spec.stdin_size = 10;
        assert_int_equal(job_spec_check(&spec, 100, 10, &fault), 0);
        fault_check_none(&fault);
}

static void each_thing_has_its_bounds(void **state)
{
        JobSpec spec = simple_spec();
        char text[JOB_TAG_VALUE_MAX + 8];

        spec.language = mfree(spec.language);
        check(&spec, FAULT_INVALID_REQUEST, "language", "1 to 64");

        spec = simple_spec();
        memset(text, 'x', 65);
        text[65] = '\0';
        assert_int_equal(free_and_strdup(&spec.language, text), 0);
        check(&spec, FAULT_INVALID_REQUEST, "language", "1 to 64");

        spec = simple_spec();
        spec.source_key[63] = '\0';
        check(&spec, FAULT_INVALID_REQUEST, "source", "missing");
        spec = simple_spec();
        spec.source_key[0] = 'E';
        check(&spec, FAULT_INVALID_REQUEST, "source", "missing");

        spec = simple_spec();
        spec.stdin_size = 11;
        check(&spec, FAULT_TOO_LARGE, "stdin", "10 bytes");

        spec = simple_spec();
        for (unsigned i = 0; i < 51; i++)
                assert_int_equal(strv_extend(&spec.arguments, "a"), 0);
        check(&spec, FAULT_TOO_LARGE, "args", "100 bytes");

        spec = simple_spec();
        assert_int_equal(strv_extend(&spec.arguments, "\xff"), 0);
        check(&spec, FAULT_INVALID_REQUEST, "args", "UTF-8");

        static const char *const bad_variables[] = { "A", "=x", "1A=x", "A-B=x", "Ä=x", "A B=x" };
        for (size_t i = 0; i < ELEMENTSOF(bad_variables); i++) {
                spec = simple_spec();
                assert_int_equal(strv_extend(&spec.environment, bad_variables[i]), 0);
                check(&spec, FAULT_INVALID_REQUEST, "env", "letters, digits and _");
        }

        spec = simple_spec();
        for (unsigned i = 0; i <= JOB_TAGS_MAX; i++)
                assert_int_equal(strv_extendf(&spec.tags, "%u=", i), 0);
        check(&spec, FAULT_TOO_LARGE, "tags", "16 tags");

        spec = simple_spec();
        assert_int_equal(strv_extend(&spec.tags, "=x"), 0);
        check(&spec, FAULT_INVALID_REQUEST, "tags", "name");

        spec = simple_spec();
        memset(text, 'x', sizeof(text));
        memcpy(text, "t=", 2);
        text[JOB_TAG_VALUE_MAX + 3] = '\0';
        assert_int_equal(strv_extend(&spec.tags, text), 0);
        check(&spec, FAULT_TOO_LARGE, "tags", "256");

        spec = simple_spec();
        memset(text, 'x', sizeof(text));
        memcpy(text + JOB_TAG_NAME_MAX + 1, "=", 2);
        assert_int_equal(strv_extend(&spec.tags, text), 0);
        check(&spec, FAULT_TOO_LARGE, "tags", "64");
}

static void copy_shares_nothing(void **state)
{
        _cleanup_(job_spec_done) JobSpec spec = simple_spec(), copy = JOB_SPEC_DEFAULT;

        assert_int_equal(strv_extend(&spec.arguments, "a"), 0);
        assert_int_equal(strv_extend(&spec.tags, "t=1"), 0);
        spec.stdin_data = memdup_nul("a\0b", 3);
        spec.stdin_size = 3;
        spec.priority = JOB_PRIORITY_HIGH;
        spec.source_bytes = 7;
        assert_int_equal(job_spec_copy(&spec, &copy), 0);
        job_spec_done(&spec);

        assert_string_equal(copy.language, "python");
        assert_string_equal(copy.arguments[0], "a");
        assert_string_equal(copy.tags[0], "t=1");
        assert_null(copy.environment);
        assert_memory_equal(copy.stdin_data, "a\0b", 3);
        assert_string_equal(copy.source_key, KEY);
        assert_int_equal(copy.priority, JOB_PRIORITY_HIGH);
        assert_int_equal(copy.source_bytes, 7);
        assert_int_equal(spec.priority, JOB_PRIORITY_NORMAL);
}

static void names_of_states_and_priorities_are_stable(void **state)
{
        static const char *const states[] = { "queued", "running", "finished", "cancelled" };
        static const char *const priorities[] = { "low", "normal", "high" };

        for (int i = 0; i < _JOB_STATE_MAX; i++) {
                assert_string_equal(job_state_to_string(i), states[i]);
                assert_int_equal(job_state_from_string(states[i]), i);
        }
        for (int i = 0; i < _JOB_PRIORITY_MAX; i++) {
                assert_string_equal(job_priority_to_string(i), priorities[i]);
                assert_int_equal(job_priority_from_string(priorities[i]), i);
        }
        assert_int_equal(job_state_from_string("done"), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_set_is_left_out),
                cmocka_unit_test(spec_survives_its_json_form),
                cmocka_unit_test(reading_replaces_what_was_there),
                cmocka_unit_test(what_is_not_understood_is_refused),
                cmocka_unit_test(good_spec_is_accepted),
                cmocka_unit_test(each_thing_has_its_bounds),
                cmocka_unit_test(copy_shares_nothing),
                cmocka_unit_test(names_of_states_and_priorities_are_stable),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
