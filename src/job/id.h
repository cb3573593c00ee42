/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The names of jobs and of incarnations of programs: UUIDs of version 7 (RFC 9562), which begin with the time and so sort
 * by it, as bytes and as text alike. */

#include "basic/time-util.h"

#define JOB_ID_SIZE 16
#define JOB_ID_TEXT_MAX 37               /* "01890a5d-ac96-774b-bcce-b302099a8057" and NUL */

typedef struct JobId {
        uint8_t bytes[JOB_ID_SIZE];
} JobId;

/* Makes ids that are each larger than the one before. One a process; zero-initialise. */
typedef struct JobIdMaker {
        uint64_t last;                   /* milliseconds << 12 | what follows the version in the id */
} JobIdMaker;

/* Fails only when the kernel gives no random bytes. */
int job_id_make(JobIdMaker *m, usec_t realtime_usec, JobId *ret);

const char *job_id_format(char buf[static JOB_ID_TEXT_MAX], const JobId *id);

/* In the form with hyphens, in either case; -EINVAL for anything else, another version of UUID included. */
int job_id_parse(const char *s, JobId *ret);

/* When it was made, to the millisecond. */
usec_t job_id_time(const JobId *id);

/* Less than, equal to, greater than 0, as strcmp(). The earlier one is the smaller. */
int job_id_compare(const JobId *a, const JobId *b);
