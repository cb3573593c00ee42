/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The reading end of one stream of a program: keeps what comes up to a limit, hands it on as it comes, and throws the
 * rest away so that nobody waits for us. */

#include <systemd/sd-event.h>

#include "job/result.h"

typedef struct OutputPipe OutputPipe;

typedef struct OutputCallbacks {
        void (*on_data)(OutputPipe *o, const char *data, size_t size, void *userdata);
        void (*on_overflow)(OutputPipe *o, void *userdata);     /* once, when the first byte is thrown away */
        void (*on_end)(OutputPipe *o, void *userdata);          /* once; nobody can write any more */
} OutputCallbacks;

/* ret_write_fd is the writing end, the caller's. Bytes are kept in output, which must live as long. */
int output_pipe_new(sd_event *event, JobOutput *output, uint64_t limit_bytes, const OutputCallbacks *callbacks,
                    void *userdata, OutputPipe **ret, int *ret_write_fd);

OutputPipe *output_pipe_free(OutputPipe *o);
