/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What happens to a job, as a server tells it. */

#include <json-c/json.h>

#include "basic/memory.h"
#include "job/spec.h"

typedef enum JobEventType {
        JOB_EVENT_STATE,
        JOB_EVENT_STDOUT,
        JOB_EVENT_STDERR,
        JOB_EVENT_EXIT,
        JOB_EVENT_ERROR,
        _JOB_EVENT_TYPE_MAX,
} JobEventType;

int job_event_type_from_string(const char *s);

typedef struct JobEvent {
        JobEventType type;
        struct json_object *document;    /* all of it */

        JobState state;                  /* of JOB_EVENT_STATE */
        unsigned attempt;                /* of states and output */

        uint64_t offset;                 /* of output: of its first byte in the stream */
        char *data;
        size_t size;

        struct json_object *job;         /* of JOB_EVENT_EXIT; part of the document, as the next are */
        const char *code, *detail;       /* of JOB_EVENT_ERROR */
} JobEvent;

void job_event_done(JobEvent *e);

/* -EBADMSG: no such thing; -ENOENT: of a type we do not know, which is to be ignored. */
int job_event_parse(const char *text, size_t size, JobEvent *ret);
