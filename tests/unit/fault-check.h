/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "shared/fault.h"
#include "tests/unit/test.h"

/* The fault has this code and field (NULL: none), and its sentence contains the words. Empties it for the next. */
static inline void fault_check(Fault *fault, FaultCode code, const char *field, const char *words)
{
        assert_string_equal(fault_code_to_string(fault->code), fault_code_to_string(code));
        if (field)
                assert_string_equal(fault->field, field);
        else
                assert_null(fault->field);
        assert_non_null(fault->detail);
        if (!strstr(fault->detail, words))
                fail_msg("'%s' does not say '%s'", fault->detail, words);
        fault_done(fault);
}

/* Nothing was filled in. */
static inline void fault_check_none(const Fault *fault)
{
        assert_null(fault->detail);
        assert_null(fault->field);
}
