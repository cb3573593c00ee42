/* SPDX-License-Identifier: Apache-2.0 */

/* MHD asks for data whenever it could send some. Having none, the connection must be suspended or MHD would ask
 * again at once, for ever; a write resumes it. */

#include "httpd/http-stream.h"

#include "basic/string-util.h"
#include "httpd/byte-queue.h"
#include "httpd/http-private.h"

/* What MHD allocates for clients of HTTP/1.0; others get chunks as large as the connection's memory allows. */
#define BLOCK_BYTES 4096u

struct HttpStream {
        HttpRequest *request;
        ByteQueue queue;
        bool ended;
        int error;
        void (*on_closed)(void *userdata, int error);
        void *userdata;
};

static ssize_t on_read(void *userdata, uint64_t position, char *buffer, size_t size)
{
        HttpStream *stream = userdata;
        size_t n = MIN(size, byte_queue_size(&stream->queue));

        if (stream->error < 0)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (n == 0 && stream->ended)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (n == 0) {
                connection_suspend(stream->request->connection);
                return 0;
        }

        memcpy(buffer, byte_queue_data(&stream->queue), n);
        byte_queue_drop(&stream->queue, n);
        stream->request->sent_bytes += n;
        return (ssize_t) n;
}

int http_stream_begin(HttpRequest *request, unsigned status, const HttpHeader *headers,
                      void (*on_closed)(void *userdata, int error), void *userdata, HttpStream **ret)
{
        struct MHD_Response *response;
        HttpStream *stream;
        int r = -ENOMEM;

        if (request->state != REQUEST_HANDLING && request->state != REQUEST_PARKED)
                return -EINVAL;

        stream = new0(HttpStream, 1);
        if (!stream)
                return -ENOMEM;
        *stream = (HttpStream){ .request = request, .on_closed = on_closed, .userdata = userdata };

        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, stream, NULL);
        if (response)
                r = request_add_headers(response, headers);
        if (r < 0) {
                if (response)
                        MHD_destroy_response(response);
                free(stream);
                return r;
        }

        request->stream = stream;
        request->connection->server->counters.streams_open++;
        request_answer(request, status, response);
        *ret = stream;
        return 0;
}

int http_stream_write(HttpStream *stream, const void *data, size_t size)
{
        HttpConnection *connection = stream->request->connection;
        const HttpLimits *limits = &connection->server->params.limits;
        int r;

        if (stream->error < 0)
                return stream->error == -ENOBUFS ? -ENOBUFS : -EPIPE;
        if (stream->ended)
                return -EPIPE;
        if (size == 0)
                return 0;

        if (size > limits->queue_bytes_max - byte_queue_size(&stream->queue)) {
                connection->server->counters.cut_off++;
                stream->error = -ENOBUFS;
                connection_cut(connection);
                return -ENOBUFS;
        }
        r = byte_queue_push(&stream->queue, data, size);
        if (r < 0) {
                stream_break(stream, r);
                return r;
        }
        connection_resume(connection);
        return 0;
}

size_t http_stream_waiting(const HttpStream *stream)
{
        return byte_queue_size(&stream->queue);
}

void http_stream_end(HttpStream *stream)
{
        stream->ended = true;
        connection_resume(stream->request->connection);
}

/* MHD closes the connection in its next run, and stream_closed() follows from that. */
void stream_break(HttpStream *stream, int error)
{
        if (stream->error == 0)
                stream->error = error;
        connection_resume(stream->request->connection);
}

void stream_closed(HttpStream *stream, int error)
{
        HttpRequest *request = stream->request;

        if (stream->error < 0)
                error = stream->error;
        request->connection->server->counters.streams_open--;
        request->stream = NULL;
        if (stream->on_closed)
                stream->on_closed(stream->userdata, error);
        byte_queue_done(&stream->queue);
        free(stream);
}
