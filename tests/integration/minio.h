/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The MinIO server that with-minio started for this test. */

#include "tests/integration/harness.h"

const char *minio_endpoint(void);
const char *minio_access_key(void);
const char *minio_secret_key(void);

/* start, stop, kill, pause or resume. */
#define minio_control(verb) control("RCE_MINIO", verb)
#define minio_control_async(event, verb) control_async(event, NULL, "RCE_MINIO", verb)

/* What a program of the system prints, without the last newline; the caller frees it. Fails when the program does. */
char *run_program(const char *command_line);

/* size bytes that depend on the number. */
void fill_with(char *data, size_t size, uint64_t number);
