/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Other people's programs: started in process groups of their own, so that a Ctrl-C reaches them once, by us, and what
 * they leave can be cleaned up after they are gone. */

#include <sys/types.h>

#include "basic/macro.h"
#include "shared/fault.h"

/* From here on, SIGINT, SIGTERM and SIGHUP interrupt process_wait() instead of ending us. */
int process_catch_signals(void);

typedef struct ProcessParams {
        const char *const *argv;         /* argv[0] is looked up in $PATH */
        int stdin_fd;                    /* negative is /dev/null, as the next; all borrowed */
        int stdout_fd;
        int stderr_fd;
} ProcessParams;

/* -ENOENT if there is no such program. */
int process_start(const ProcessParams *p, pid_t *ret);

/* Its wait status. When a signal came, the program is asked to end; -ECANCELED after it has. */
int process_wait(pid_t pid, int *ret_status);

/* Ends it and waits for that. */
void process_end(pid_t pid);

/* Runs it and collects what it prints, at most max_bytes (else -EFBIG), and the last line it says on stderr, without a
 * newline. ret_status is its wait status. */
int process_capture(const char *const *argv, size_t max_bytes, char **ret_output, char **ret_complaint,
                    int *ret_status);

/* Whether $PATH has it; if not, the fault names the package. */
int process_require(const char *program, const char *package, Fault *reterr_fault);

/* "exited with 3", "died of signal 9". */
#define PROCESS_STATUS_MAX 48
const char *process_format_status(char buf[static PROCESS_STATUS_MAX], int status);
