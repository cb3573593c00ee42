/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Bytes between our own standard streams and a program's, in the event loop. Our streams are shared with whoever started
 * us, so they are never made non-blocking: each is used only when it is ready. */

#include <systemd/sd-event.h>

#include "basic/memory.h"

/* From a descriptor of ours into the program's standard input. */
typedef struct InputRelay InputRelay;

/* ret_read_fd is for the program. from_fd is borrowed. Ends by itself, at the end of either side. */
int input_relay_new(sd_event *event, int from_fd, InputRelay **ret, int *ret_read_fd);

InputRelay *input_relay_free(InputRelay *i);
DEFINE_CLEANUP(InputRelay *, input_relay_free)

/* From the program to a descriptor of ours. What cannot be written yet is kept; the caller bounds how much comes. */
typedef struct OutputRelay OutputRelay;

/* on_change is called when everything is written, and when nobody reads any more (output_relay_broken()). */
int output_relay_new(sd_event *event, int to_fd, void (*on_change)(void *userdata), void *userdata, OutputRelay **ret);

int output_relay_write(OutputRelay *o, const char *data, size_t size);
bool output_relay_idle(const OutputRelay *o);
bool output_relay_broken(const OutputRelay *o);

OutputRelay *output_relay_free(OutputRelay *o);
DEFINE_CLEANUP(OutputRelay *, output_relay_free)
