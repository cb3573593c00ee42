/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Answers: every one that a handler gives goes through here, so that all have the same headers. None fails: what cannot be
 * said, for want of memory, closes the connection. The request is gone afterwards. */

#include <json-c/json.h>

#include "api/api-problem.h"
#include "httpd/http-request.h"

#define REQUEST_ID_MAX 128

/* The client's own X-Request-Id, if it is one to be repeated, else ours. */
const char *answer_request_id(const HttpRequest *request);

/* Takes the object; NULL is a want of memory. more ends with one without a name, may be NULL. */
void answer_json(HttpRequest *request, unsigned status, const HttpHeader *more, struct json_object *o);

/* Copies. */
void answer_bytes(HttpRequest *request, unsigned status, const char *content_type, const HttpHeader *more,
                  const void *data, size_t size);

void answer_problem(HttpRequest *request, const char *code, const char *field, const char *format, ...)
                _printf_(4, 5);

/* A failure of the machine, or -EBADMSG with the fault. */
void answer_error(HttpRequest *request, int error, const Fault *fault);

/* The same for methods that the address does not have. */
void answer_allow(HttpRequest *request, const char *allow);

/* Which problem an error of the stores and queues is. */
const char *answer_code_of_error(int error);

/* The headers all answers have, for those that are streams. */
#define ANSWER_HEADERS_MAX 16
void answer_headers(const HttpRequest *request, const char *content_type, const HttpHeader *more,
                    HttpHeader ret[static ANSWER_HEADERS_MAX]);
