/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How a job ended, for people. */

#include <json-c/json.h>
#include <stdio.h>

#include "job/result.h"

/* "ok: exit 0, 0.041s wall, 32ms cpu, 9.1M memory", the caller frees it. colour: of the verdict. NULL is no memory. */
char *result_format(const JobResult *result, bool colour);

/* The same as a line on stderr, unless it ended well and --quiet. job is the id to be told, NULL for none. */
void result_print(const JobResult *result, const char *job);

/* For a program the linter rejected, in its place. */
void result_print_rejected(size_t n_findings, bool more, const char *job);

/* Of a job's document; -EBADMSG: it has not ended. Its output is left out. */
int result_from_json(struct json_object *job, JobResult *ret);

/* The findings in a job's document, one a line, as of this file; ret_n is how many there are. */
int result_print_findings(struct json_object *job, const char *file, FILE *f, size_t *ret_n, bool *ret_more);
