/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What messages look like: one line of JSON, a newline, then bytes that are nobody's text. Pure.
 *
 * Formatting appends to a buffer. Parsing trusts nothing: -EBADMSG for what is malformed or beyond a limit. Unknown members
 * are ignored, so that a newer program may say more. What is parsed points into the message. */

#include "basic/memory.h"
#include "job/id.h"
#include "job/result.h"
#include "job/spec.h"

#define QUEUE_HEAD_MAX 4096              /* the line of JSON */
#define QUEUE_SOURCE_MAX 65536           /* a source that rides along; larger ones are fetched by their key */
#define QUEUE_CHUNK_MAX 65536            /* output or input in one message */

/* To a worker: run this. */
typedef struct QueueJob {
        JobId id;
        char language[JOB_LANGUAGE_MAX + 1];
        JobPriority priority;
        const char *source;              /* NULL: not in the message */
        size_t source_size;
} QueueJob;

typedef enum QueueStream { QUEUE_STDOUT, QUEUE_STDERR, _QUEUE_STREAM_MAX } QueueStream;

const char *queue_stream_to_string(QueueStream stream);
int queue_stream_from_string(const char *s);

typedef enum QueueEventType {
        QUEUE_EVENT_STATE,
        QUEUE_EVENT_OUTPUT,
        QUEUE_EVENT_FINISHED,
        _QUEUE_EVENT_TYPE_MAX,
} QueueEventType;

const char *queue_event_type_to_string(QueueEventType type);
int queue_event_type_from_string(const char *s);

/* From a worker: this happened. */
typedef struct QueueEvent {
        QueueEventType type;
        JobId job;
        unsigned attempt;
        JobState state;                  /* of a state */
        QueueStream stream;              /* of output */
        uint64_t offset;                 /* of the first byte within its stream */
        const char *data;
        size_t size;
        JobVerdict verdict;              /* of finished */
        uint64_t stream_bytes[_QUEUE_STREAM_MAX];       /* of finished: how long the streams are */
} QueueEvent;

typedef enum QueueControlType {
        QUEUE_CONTROL_WATCH,             /* send output from these offsets on, and all that follows */
        QUEUE_CONTROL_CANCEL,
        QUEUE_CONTROL_STDIN,             /* input for the program */
        _QUEUE_CONTROL_TYPE_MAX,
} QueueControlType;

const char *queue_control_type_to_string(QueueControlType type);
int queue_control_type_from_string(const char *s);

/* To whichever worker runs this job. */
typedef struct QueueControl {
        QueueControlType type;
        JobId job;
        unsigned attempt;                /* of watch: which the offsets are of, another one begins at 0; 0: any */
        uint64_t offsets[_QUEUE_STREAM_MAX];
        uint64_t offset;                 /* of stdin */
        bool end;                        /* of stdin: these are the last bytes */
        const char *data;
        size_t size;
} QueueControl;

/* -EINVAL when it is beyond a limit. */
int queue_job_format(const QueueJob *job, Buffer *b);
int queue_event_format(const QueueEvent *event, Buffer *b);
int queue_control_format(const QueueControl *control, Buffer *b);

int queue_job_parse(const char *p, size_t n, QueueJob *ret);
int queue_event_parse(const char *p, size_t n, QueueEvent *ret);
int queue_control_parse(const char *p, size_t n, QueueControl *ret);

/* Whether it can be part of a queue's name and a routing key. */
bool queue_language_is_valid(const char *language);
