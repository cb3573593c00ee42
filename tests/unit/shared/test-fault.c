/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/fault.h"

#include "basic/memory.h"
#include "tests/unit/fault-check.h"

static void codes_have_stable_names(void **state)
{
        static const char *const names[_FAULT_CODE_MAX] = {
                [FAULT_INVALID_REQUEST] = "invalid_request",
                [FAULT_INVALID_SOURCE] = "invalid_source",
                [FAULT_TOO_LARGE] = "too_large",
                [FAULT_UNKNOWN_LANGUAGE] = "unknown_language",
                [FAULT_BROKEN_LANGUAGE] = "broken_language",
                [FAULT_BROKEN_CONFIG] = "broken_config",
                [FAULT_BROKEN_POLICY] = "broken_policy",
                [FAULT_MISSING_IMAGE] = "missing_image",
                [FAULT_SANDBOX_UNAVAILABLE] = "sandbox_unavailable",
        };

        for (int i = 0; i < _FAULT_CODE_MAX; i++) {
                assert_string_equal(fault_code_to_string((FaultCode) i), names[i]);
                assert_int_equal(fault_code_from_string(names[i]), i);
        }
}

static void code_out_of_the_table_has_no_name(void **state)
{
        assert_null(fault_code_to_string(_FAULT_CODE_MAX));
        assert_null(fault_code_to_string((FaultCode) -1));
        assert_int_equal(fault_code_from_string(""), -EINVAL);
        assert_int_equal(fault_code_from_string("TOO_LARGE"), -EINVAL);
        assert_int_equal(fault_code_from_string(NULL), -EINVAL);
}

static void fault_is_filled_and_its_error_returned(void **state)
{
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(fault_set(&fault, FAULT_TOO_LARGE, "source", "%d bytes of %s", 7, "x"), -EBADMSG);
        assert_int_equal(fault.code, FAULT_TOO_LARGE);
        assert_string_equal(fault.field, "source");
        assert_string_equal(fault.detail, "7 bytes of x");
}

static void fault_nobody_wants_is_only_returned(void **state)
{
        assert_int_equal(fault_set(NULL, FAULT_TOO_LARGE, "source", "%s", "x"), -EBADMSG);
}

static void second_fault_replaces_the_first(void **state)
{
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(fault_set(&fault, FAULT_TOO_LARGE, "source", "first"), -EBADMSG);
        assert_int_equal(fault_set(&fault, FAULT_BROKEN_CONFIG, NULL, "second"), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_CONFIG, NULL, "second");
}

static void fault_may_be_said_again_in_other_words(void **state)
{
        _cleanup_(fault_done) Fault fault = { 0 };

        assert_int_equal(fault_set(&fault, FAULT_TOO_LARGE, "limits.memory", "too much"), -EBADMSG);
        assert_int_equal(fault_set(&fault, FAULT_BROKEN_LANGUAGE, fault.field, "x.container: %s", fault.detail),
                         -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, "limits.memory", "x.container: too much");
}

static void released_fault_can_be_released_again(void **state)
{
        Fault fault = { 0 };

        assert_int_equal(fault_set(&fault, FAULT_TOO_LARGE, "a", "b"), -EBADMSG);
        fault_done(&fault);
        fault_check_none(&fault);
        fault_done(&fault);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(codes_have_stable_names),
                cmocka_unit_test(code_out_of_the_table_has_no_name),
                cmocka_unit_test(fault_is_filled_and_its_error_returned),
                cmocka_unit_test(fault_nobody_wants_is_only_returned),
                cmocka_unit_test(second_fault_replaces_the_first),
                cmocka_unit_test(fault_may_be_said_again_in_other_words),
                cmocka_unit_test(released_fault_can_be_released_again),
        };

        return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
