/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/waiting.h"

#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "shared/json-util.h"
#include "tests/unit/test.h"

bool arg_quiet, arg_json;

void ctl_progress(const char *format, ...)
{
        fail();
}

#define WORKER(alive, slots, running, languages)                                                                       \
        "{\"alive\":" alive ",\"slots\":" slots ",\"running\":" running ",\"languages\":[" languages "]}"

static const struct {
        const char *workers, *reason;
} rows[] = {
        { "[]", "no worker is running" },
        { "null", "no worker is running" },
        { "[" WORKER("false", "4", "0", "\"python\"") "]", "no worker is running" },
        { "[" WORKER("true", "4", "0", "\"lua\"") "," WORKER("false", "4", "0", "\"python\"") "]",
          "no worker runs python; `rcectl image build python`" },
        { "[" WORKER("true", "4", "0", "") "]", "no worker runs python" },
        { "[" WORKER("true", "0", "0", "\"python\"") "]", "no worker is running" },
        { "[" WORKER("true", "4", "4", "\"lua\",\"python\"") "," WORKER("true", "2", "2", "\"python\"") ","
          WORKER("true", "8", "0", "\"lua\"") "]", "all 6 slots" },
        { "[" WORKER("true", "4", "3", "\"python\"") "]", "a worker is about to take it" },
        { "[7,{\"alive\":true},{\"alive\":true,\"slots\":1,\"languages\":7}]", "no worker runs python" },
};

static void the_reason_is_the_first_thing_that_is_missing(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(json_putp) struct json_object *workers = json_tokener_parse(rows[i].workers);
                _cleanup_(freep) char *reason = waiting_explain("python", workers, NULL);

                assert_row(reason && startswith(reason, rows[i].reason), rows[i].workers);
        }
}

static void a_broker_that_is_away_comes_before_the_workers(void **state)
{
        static const struct {
                const char *readiness, *reason;
        } answers[] = {
                { "{\"backends\":{\"broker\":\"unavailable\"}}", "the server cannot reach the broker" },
                { "{\"backends\":{\"broker\":\"ok\"}}", "no worker is running" },
                { "{\"backends\":{}}", "no worker is running" },
                { "[]", "no worker is running" },
        };

        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                _cleanup_(json_putp) struct json_object *readiness = json_tokener_parse(answers[i].readiness);
                _cleanup_(freep) char *reason = waiting_explain("python", NULL, readiness);

                assert_row(reason && startswith(reason, answers[i].reason), answers[i].readiness);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_reason_is_the_first_thing_that_is_missing),
                cmocka_unit_test(a_broker_that_is_away_comes_before_the_workers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
