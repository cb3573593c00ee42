/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-event.h"

#include <string.h>

#include "shared/json-util.h"
#include "tests/unit/test.h"

static void assert_json(struct json_object *o, const char *text)
{
        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), text);
        json_object_put(o);
}

static void events_have_their_documented_form(void **state)
{
        const OutputPiece text = { OUTPUT_STDOUT, 5, "h\xc3\xa9", 3 }, bytes = { OUTPUT_STDERR, 0, "\xff\0", 2 };
        struct json_object *o;
        JobId id;

        assert_int_equal(job_id_parse("01890a5d-ac96-774b-bcce-b302099a8057", &id), 0);
        assert_int_equal(event_state(&id, JOB_STATE_RUNNING, 2, &o), 0);
        assert_json(o, "{\"type\":\"state\",\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"state\":\"running\","
                       "\"attempt\":2}");
        assert_int_equal(event_output(1, &text, &o), 0);
        assert_json(o, "{\"type\":\"stdout\",\"attempt\":1,\"offset\":5,\"data\":\"h\xc3\xa9\",\"encoding\":\"utf-8\"}");
        assert_int_equal(event_output(1, &bytes, &o), 0);
        assert_json(o, "{\"type\":\"stderr\",\"attempt\":1,\"offset\":0,\"data\":\"\\/wA=\",\"encoding\":\"base64\"}");
        assert_int_equal(event_exit(json_object_new_object(), &o), 0);
        assert_json(o, "{\"type\":\"exit\",\"job\":{}}");
        assert_int_equal(event_error("unavailable", "Gone", &o), 0);
        assert_json(o, "{\"type\":\"error\",\"code\":\"unavailable\",\"detail\":\"Gone\"}");
}

static void exit_of_nothing_is_no_memory(void **state)
{
        struct json_object *o = NULL;

        assert_int_equal(event_exit(NULL, &o), -ENOMEM);
        assert_null(o);
}

static void server_sent_event_is_one_line_of_data(void **state)
{
        const OutputPiece piece = { OUTPUT_STDOUT, 0, "a\nb\r\n", 5 };
        const OutputReader position = { .attempt = 3, .positions = { 5, 7 } };
        _cleanup_(json_putp) struct json_object *o = NULL;
        _cleanup_(buffer_done) Buffer b = { 0 };

        assert_int_equal(event_output(3, &piece, &o), 0);
        assert_int_equal(event_to_sse(o, &position, &b), 0);
        assert_string_equal(b.data, "event: stdout\nid: 3.5.7\ndata: {\"type\":\"stdout\",\"attempt\":3,\"offset\":0,"
                                    "\"data\":\"a\\nb\\r\\n\",\"encoding\":\"utf-8\"}\n\n");
}

static void position_comes_back(void **state)
{
        OutputReader reader = { 0 };

        assert_int_equal(event_position_parse("3.5.7", &reader), 0);
        assert_int_equal(reader.attempt, 3);
        assert_int_equal(reader.positions[OUTPUT_STDOUT], 5);
        assert_int_equal(reader.positions[OUTPUT_STDERR], 7);
        assert_int_equal(reader.chunk, 0);
}

static void what_is_no_position_is_refused(void **state)
{
        static const char *const bad[] = { "", "1", "1.2", "1.2.", "1.2.3.", "1.2.3.4", ".1.2", "a.1.2", "-1.2.3", "1. 2.3",
                                           "4294967296.0.0", "1.2.18446744073709551616", "1.2.0000000000000000000000003" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                OutputReader reader = { .attempt = 77 };

                assert_row(event_position_parse(bad[i], &reader) == -EINVAL, bad[i]);
                assert_row(reader.attempt == 77, bad[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_have_their_documented_form),
                cmocka_unit_test(exit_of_nothing_is_no_memory),
                cmocka_unit_test(server_sent_event_is_one_line_of_data),
                cmocka_unit_test(position_comes_back),
                cmocka_unit_test(what_is_no_position_is_refused),
        };

        return cmocka_run_group_tests_name("api-event", tests, NULL, NULL);
}
