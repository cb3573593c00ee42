/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-live.h"

#include "api/api-event.h"
#include "api/api-job-json.h"
#include "api/api-watch.h"
#include "basic/string-util.h"
#include "httpd/http-stream.h"
#include "httpd/websocket.h"
#include "shared/json-util.h"

/* A reader has this much to read at most before it is told more. */
#define WAITING_MAX ((size_t) 256 * 1024)

/* What stands in between may close a connection on which nothing is said. */
#define KEEPALIVE_USEC (15 * USEC_PER_SEC)

typedef struct Live {
        Manager *manager;
        JobId id;
        bool websocket;
        HttpRequest *request;            /* until it is known that there is such a job */
        HttpStream *stream;
        WebSocket *ws;
        Watcher *watcher;
        OutputReader position;
        usec_t said_usec;                /* when something was sent last */
} Live;

static void live_free(Live *live)
{
        watcher_free(live->watcher);
        free(live);
}

static void on_abandoned(void *userdata, int error)
{
        live_free(userdata);
}

static void on_stream_closed(void *userdata, int error)
{
        live_free(userdata);
}

static void on_ws_closed(void *userdata, unsigned code, int error)
{
        live_free(userdata);
}

/* --- what is said -------------------------------------------------------------------------------------------------- */

/* Takes the event. What cannot be sent ends the connection, and that is told by its own callback. */
static void say(Live *live, int error, struct json_object *event)
{
        _cleanup_(json_putp) struct json_object *taken = event;
        _cleanup_(buffer_done) Buffer b = { 0 };

        live->said_usec = now_usec(CLOCK_MONOTONIC);
        if (live->stream && (error < 0 || event_to_sse(taken, &live->position, &b) < 0))
                http_stream_end(live->stream);
        else if (live->stream)
                (void) http_stream_write(live->stream, b.data, b.size);
        else if (live->ws && error < 0)
                websocket_close(live->ws, WEBSOCKET_INTERNAL_ERROR, "out of memory");
        else if (live->ws) {
                size_t size;
                const char *text = json_object_to_json_string_length(
                                taken, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);

                if (text)
                        (void) websocket_send_text(live->ws, text, size);
        }
}

static void say_error(Live *live, const char *code, const char *detail)
{
        struct json_object *event = NULL;
        int r = event_error(code, detail, &event);

        say(live, r, event);
}

/* What runs has its input from its submission. */
static void on_message(void *userdata, bool is_text, const char *data, size_t size)
{
        say_error(userdata, "invalid_request", "Messages to a running job are not supported yet");
}

/* --- watching ------------------------------------------------------------------------------------------------------ */

static int begin_stream(Live *live)
{
        HttpHeader headers[ANSWER_HEADERS_MAX];
        HttpRequest *request = TAKE_PTR(live->request);

        /* Some proxies keep answers back until they are whole. */
        const HttpHeader more[] = { { "X-Accel-Buffering", "no" }, { NULL, NULL } };
        answer_headers(request, "text/event-stream", more, headers);
        int r = http_stream_begin(request, 200, headers, on_stream_closed, live, &live->stream);
        if (r < 0)
                answer_error(request, r, NULL);
        return r;
}

static int begin_websocket(Live *live)
{
        const WebSocketParams params = { .on_message = on_message, .on_closed = on_ws_closed, .userdata = live };
        HttpRequest *request = TAKE_PTR(live->request);

        int r = websocket_accept(request, &params, &live->ws);
        if (r < 0 && r != -EBADMSG)
                answer_error(request, r, NULL);
        return r;
}

static void on_state(void *userdata, JobState state, unsigned attempt)
{
        struct json_object *event = NULL;
        Live *live = userdata;

        if (live->request && (live->websocket ? begin_websocket(live) : begin_stream(live)) < 0)
                return;

        if (live->position.attempt != attempt)
                live->position = (OutputReader){ .attempt = attempt };
        int r = event_state(&live->id, state, attempt, &event);
        say(live, r, event);
}

static bool can_take(void *userdata)
{
        const Live *live = userdata;

        /* The client was lost before it was told anything; the end is near. */
        if (!live->stream && !live->ws)
                return true;
        if (live->stream)
                return http_stream_waiting(live->stream) < WAITING_MAX;
        return websocket_waiting(live->ws) < WAITING_MAX;
}

static void on_output(void *userdata, unsigned attempt, const OutputPiece *piece, const OutputReader *position)
{
        struct json_object *event = NULL;
        Live *live = userdata;

        live->position = *position;
        int r = event_output(attempt, piece, &event);
        say(live, r, event);
}

static void on_pause(void *userdata, bool told)
{
        Live *live = userdata;

        if (told || !live->stream || now_usec(CLOCK_MONOTONIC) < live->said_usec + KEEPALIVE_USEC)
                return;
        live->said_usec = now_usec(CLOCK_MONOTONIC);
        (void) http_stream_write(live->stream, ":\n\n", 3);
}

static void on_end(void *userdata, int error, const View *view)
{
        struct json_object *job = NULL, *event = NULL;
        Live *live = userdata;

        live->watcher = NULL;
        if (live->request) {
                HttpRequest *request = TAKE_PTR(live->request);

                free(live);
                if (error == -ENOENT)
                        answer_problem(request, "unknown_job", NULL, "There is no such job, or not any more");
                else
                        answer_error(request, error < 0 ? error : -EIO, NULL);
                return;
        }
        if (!live->stream && !live->ws) {
                free(live);
                return;
        }

        if (error < 0) {
                const char *code = error == -ENOENT ? "unknown_job" : answer_code_of_error(error);

                say_error(live, code, problem_find(code)->meaning);
        } else {
                int r = job_to_json(view_job(view), &job);
                if (r >= 0)
                        r = event_exit(job, &event);
                say(live, r, event);
        }

        /* What waits is sent before; on_closed() comes when it is. */
        if (live->stream)
                http_stream_end(live->stream);
        else
                websocket_close(live->ws, error < 0 ? WEBSOCKET_TRY_AGAIN : WEBSOCKET_NORMAL, NULL);
}

static const WatcherOps live_ops = { on_state, can_take, on_output, on_pause, on_end };

static void handle_live(Manager *m, HttpRequest *request, const char *parameter, bool websocket)
{
        const char *last = http_request_header(request, "Last-Event-ID");
        OutputReader from = { 0 };
        Live *live;
        JobId id;

        if (!manager_job_id(request, parameter, &id))
                return;
        if (!websocket && last && event_position_parse(last, &from) < 0) {
                answer_problem(request, "invalid_request", "Last-Event-ID", "Last-Event-ID is none that was sent here");
                return;
        }
        live = new0(Live, 1);
        if (!live) {
                answer_error(request, -ENOMEM, NULL);
                return;
        }
        *live = (Live){ .manager = m, .id = id, .websocket = websocket, .request = request, .position = from };

        int r = watcher_new(m->watches, &id, false, from.attempt > 0 ? &from : NULL, &live_ops, live, &live->watcher);
        if (r < 0) {
                free(live);
                answer_error(request, r, NULL);
                return;
        }
        http_request_park(request, on_abandoned, live);
}

void handle_job_events(Manager *m, HttpRequest *request, const char *parameter)
{
        handle_live(m, request, parameter, false);
}

void handle_job_stream(Manager *m, HttpRequest *request, const char *parameter)
{
        WebSocket *ws;

        /* It says itself what is wrong with the handshake, before it is worth asking for the job. */
        if (!http_request_wants_websocket(request)) {
                (void) websocket_accept(request, &(WebSocketParams){ 0 }, &ws);
                return;
        }
        handle_live(m, request, parameter, true);
}
