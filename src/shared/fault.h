/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is wrong with somebody's request: a code programs match on, the field it is about, and a sentence for people.
 *
 * A function that takes a Fault returns -EBADMSG after filling it; any other negative errno is a failure of the
 * machine and leaves it alone. Zero-initialise, release with fault_done(). */

#include "basic/macro.h"

typedef enum FaultCode {
        FAULT_INVALID_REQUEST,           /* malformed in itself */
        FAULT_INVALID_SOURCE,            /* the program's text cannot be a program: NUL, not UTF-8, empty … */
        FAULT_TOO_LARGE,                 /* beyond a limit */
        FAULT_UNKNOWN_LANGUAGE,
        FAULT_BROKEN_LANGUAGE,           /* the language's file is at fault */
        FAULT_BROKEN_CONFIG,             /* the configuration is at fault */
        FAULT_BROKEN_POLICY,             /* the lint policy is at fault */
        FAULT_MISSING_IMAGE,
        FAULT_SANDBOX_UNAVAILABLE,       /* this host cannot run a sandbox now */
        _FAULT_CODE_MAX,
} FaultCode;

typedef struct Fault {
        FaultCode code;
        char *field;                     /* "limits.memory", "source"; or NULL */
        char *detail;
} Fault;

/* The stable name, "unknown_language" for instance. */
const char *fault_code_to_string(FaultCode code);
int fault_code_from_string(const char *s);

/* Fills the fault (which may be NULL) and returns -EBADMSG, or -ENOMEM. A fault that is filled already is replaced. */
int fault_set(Fault *ret, FaultCode code, const char *field, const char *format, ...) _printf_(4, 5);

void fault_done(Fault *fault);
