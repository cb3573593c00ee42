/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The MinIO server that with-minio started for this test, and an event loop to use it from. A test ends at once when
 * something here fails. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "tests/unit/test.h"

const char *minio_endpoint(void);
const char *minio_access_key(void);
const char *minio_secret_key(void);

/* start, stop, kill, pause or resume; returns when it is done. */
void minio_control(const char *verb);

/* The same from a child, beside the loop; the child ends when it is done. */
void minio_control_async(sd_event *event, const char *verb);

/* Runs the loop until the number is reached; what takes longer than two minutes fails. */
void loop_until_count(sd_event *event, const size_t *count, size_t wanted);
void loop_until_flag(sd_event *event, const bool *flag, bool wanted);
void loop_for(sd_event *event, usec_t usec);

/* What a program of the system prints, without the last newline; the caller frees it. Fails when the program does. */
char *run_program(const char *command_line);

/* size bytes that depend on the number. */
void fill_with(char *data, size_t size, uint64_t number);

usec_t processor_usec(void);
