/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An answer that is written piece by piece: server-sent events, a file that grows. Each piece goes out as soon as it
 * can. What the reader does not take waits, up to queue_bytes_max; beyond that the reader is cut off, and nobody
 * else is slowed. */

#include "httpd/http-request.h"

typedef struct HttpStream HttpStream;

/* Sends the headers. The request is gone when this succeeds; on failure (-ENOMEM, -EINVAL) it still wants an answer.
 * on_closed() is called exactly once, and the stream is gone when it returns: 0 all was sent, -ECONNRESET the reader
 * went away, -ETIMEDOUT it took nothing for idle_timeout_usec, -ENOBUFS it was cut off, -ECANCELED the server ends.
 * The answer to a HEAD is closed with 0 at once. */
int http_stream_begin(HttpRequest *request, unsigned status, const HttpHeader *headers,
                      void (*on_closed)(void *userdata, int error), void *userdata, HttpStream **ret);

/* Copies. -ENOBUFS: too much waits, the reader is cut off now. -EPIPE: it has ended. */
int http_stream_write(HttpStream *stream, const void *data, size_t size);

/* Bytes that wait for the reader, not counting the kernel's. */
size_t http_stream_waiting(const HttpStream *stream);

/* Nothing more comes. on_closed() follows when all is sent. */
void http_stream_end(HttpStream *stream);
