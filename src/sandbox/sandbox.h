/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One job in one container of its own: a transient unit, a supervisor in it, the program under the supervisor. Lives in
 * the event loop; every end, good or bad, arrives as a JobResult.
 *
 *     STARTING   the unit is being started; ends with the supervisor's HELLO
 *     ARMING     the program is handed over; ends when its process is in its control group
 *     RUNNING    its clocks tick; ends with the supervisor's EXIT, or when a limit is reached
 *     DRAINING   it is dead, or being killed; the rest of its output is read
 *     FINISHED   the result is told; the unit is going
 *     GONE       nothing is left of it */

#include "job/limits.h"
#include "job/result.h"
#include "sandbox/cell-link.h"
#include "sandbox/host.h"
#include "sandbox/quadlet.h"

typedef struct Sandbox Sandbox;

typedef enum SandboxStream { SANDBOX_STDOUT, SANDBOX_STDERR, _SANDBOX_STREAM_MAX } SandboxStream;

typedef struct SandboxParams {
        const Language *language;        /* these three must outlive the sandbox */
        const QuadletService *service;
        char *const *log_fields;         /* "FIELD=VALUE", in whatever the journal has of its unit; or NULL */
        JobLimits limits;
        char *const *args;               /* after those of Run= */
        char *const *environment;        /* after that of the language */
        const char *source;
        size_t source_size;
        int stdin_fd;                    /* reading end, borrowed for the call; the program gets it as it is */
        usec_t start_timeout_usec;
        usec_t stop_timeout_usec;
} SandboxParams;

typedef struct SandboxCallbacks {
        /* Bytes within the limit, as they come. May be NULL. */
        void (*on_output)(Sandbox *s, SandboxStream stream, const char *data, size_t size, void *userdata);
        /* Once. The result is the sandbox's. */
        void (*on_finished)(Sandbox *s, const JobResult *result, void *userdata);
        /* Once, after on_finished: no unit, container or process is left. May free the sandbox. error is 0, or a
         * negative errno when that could not be seen to the end. */
        void (*on_gone)(Sandbox *s, int error, void *userdata);
} SandboxCallbacks;

/* A fault is about the request (too many arguments) or the language. */
int sandbox_new(SandboxHost *host, const SandboxParams *p, const SandboxCallbacks *callbacks, void *userdata,
                Sandbox **ret, Fault *reterr_fault);

/* Kills what runs; the verdict will be cancelled unless there was one already. */
void sandbox_cancel(Sandbox *s);

/* The unit, for people to look at. */
const char *sandbox_unit_name(const Sandbox *s);

/* Valid once it has finished; the sandbox owns it. What it holds of the program's output grows until then. */
const JobResult *sandbox_result(const Sandbox *s);

/* What went wrong, when the verdict is internal_error and the request was at fault: a missing image. */
const Fault *sandbox_fault(const Sandbox *s);

Sandbox *sandbox_free(Sandbox *s);
DEFINE_CLEANUP(Sandbox *, sandbox_free)
