/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/memory.h"
#include "basic/string-util.h"

static const char *const fault_code_table[_FAULT_CODE_MAX] = {
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
DEFINE_STRING_TABLE(fault_code, FaultCode, _FAULT_CODE_MAX)

int fault_set(Fault *ret, FaultCode code, const char *field, const char *format, ...)
{
        _cleanup_(freep) char *detail = NULL;
        va_list ap;

        if (!ret)
                return -EBADMSG;

        va_start(ap, format);
        int n = vasprintf(&detail, format, ap);
        va_end(ap);
        if (n < 0) {
                detail = NULL;
                return -ENOMEM;
        }

        int r = free_and_strdup(&ret->field, field);
        if (r < 0)
                return r;

        free(ret->detail);
        ret->detail = TAKE_PTR(detail);
        ret->code = code;
        return -EBADMSG;
}

void fault_done(Fault *fault)
{
        fault->field = mfree(fault->field);
        fault->detail = mfree(fault->detail);
}
