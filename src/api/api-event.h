/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How clients are told what happens to a job: the same JSON objects as server-sent events and as messages of a WebSocket.
 *
 *   {"type": "state", "id", "state", "attempt"}     a new attempt begins its output anew
 *   {"type": "stdout", "attempt", "offset", "data", "encoding"}     and "stderr"
 *   {"type": "exit", "job"}                         as GET /v1/jobs/{id} has it, without the output
 *   {"type": "error", "code", "detail"}             nothing more comes
 *
 * The id of a server-sent event says how far the client has got: "ATTEMPT.STDOUT.STDERR". Pure. */

#include <json-c/json.h>

#include "api/api-output-log.h"
#include "job/id.h"
#include "job/spec.h"

int event_state(const JobId *id, JobState state, unsigned attempt, struct json_object **ret);
int event_output(unsigned attempt, const OutputPiece *piece, struct json_object **ret);
int event_exit(struct json_object *job, struct json_object **ret);      /* takes the job, also on failure */
int event_error(const char *code, const char *detail, struct json_object **ret);

/* As a server-sent event, named by its type. */
int event_to_sse(struct json_object *event, const OutputReader *position, Buffer *ret);

/* What Last-Event-ID says; -EINVAL for what we never said. */
int event_position_parse(const char *s, OutputReader *ret);
