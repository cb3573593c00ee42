/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-legacy.h"

#include "api/api-call.h"
#include "api/api-job-json.h"
#include "api/api-submit.h"
#include "api/api-watch.h"
#include "basic/string-util.h"
#include "basic/utf8.h"
#include "httpd/multipart.h"
#include "httpd/websocket.h"
#include "shared/json-util.h"

/* At least as long as a character. */
#define CUT "\n[cut]\n"

/* Every message has all of the logs, so there must not be too many of them. */
#define MESSAGE_INTERVAL_USEC (100 * USEC_PER_MSEC)

const char *legacy_status(JobState state, JobVerdict verdict)
{
        switch (state) {
        case JOB_STATE_QUEUED:
                return "QUEUED";
        case JOB_STATE_RUNNING:
                return "PROCESSING";
        default:
                return state == JOB_STATE_FINISHED && verdict == JOB_VERDICT_OK ? "COMPLETED" : "FAILED";
        }
}

int legacy_logs_append(Buffer *logs, const char *data, size_t size)
{
        int r = 0;

        for (size_t i = 0; i < size && r >= 0;) {
                size_t n = size - i;

                if (logs->size > LEGACY_LOGS_MAX)
                        return 0;
                if (utf8_is_valid(data + i, n, &n) || n > 0) {
                        r = buffer_append(logs, data + i, n);
                        i += n;
                } else {
                        r = buffer_append_string(logs, "\xef\xbf\xbd");
                        i++;
                }
        }
        if (r < 0 || logs->size <= LEGACY_LOGS_MAX)
                return r;

        /* Not within a character. The word itself makes it longer than the maximum, so that nothing follows it. */
        logs->size = LEGACY_LOGS_MAX;
        while (((unsigned char) logs->data[logs->size] & 0xc0) == 0x80)
                logs->size--;
        return buffer_append_string(logs, CUT);
}

static int message_to_json(const JobId *id, const char *status, const Buffer *logs, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();
        char text[JOB_ID_TEXT_MAX];
        int r;

        if (!o || (r = json_add_string(o, "job_id", job_id_format(text, id))) < 0 ||
            (r = json_add_string(o, "status", status)) < 0 ||
            (r = logs ? json_add(o, "logs", json_object_new_string_len(logs->data ? logs->data : "", (int) logs->size))
                      : 0) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

/* --- POST /submit -------------------------------------------------------------------------------------------------- */

static void answer_submitted(HttpRequest *request, const JobId *id, bool again)
{
        struct json_object *o = NULL;

        (void) message_to_json(id, "QUEUED", NULL, &o);
        answer_json(request, 200, NULL, o);
}

void handle_legacy_submit(Manager *m, HttpRequest *request, const char *unused)
{
        _cleanup_(multipart_file_done) MultipartFile file = { 0 };
        _cleanup_(job_request_done) JobRequest job = JOB_REQUEST_INIT;
        _cleanup_(fault_done) Fault fault = { 0 };
        const Language *language;

        int r = http_request_read_multipart(request, "file", &file, &fault);
        if (r == -EBADMSG) {
                answer_problem(request, "invalid_form", fault.field, "%s", fault.detail);
                return;
        }
        if (r >= 0)
                r = choose_language(m, file.filename, file.content.data ? file.content.data : "", file.content.size, &language,
                                    &fault);
        if (r >= 0)
                r = free_and_strdup(&job.spec.language, language->name);
        if (r < 0) {
                answer_error(request, r, &fault);
                return;
        }

        job.source_size = file.content.size;
        job.source = buffer_take(&file.content);
        if (!job.source)
                answer_error(request, -ENOMEM, NULL);
        else
                submit(m, request, &job, &(SubmitOptions){ .answer = answer_submitted });
}

/* --- GET /status/{id} ---------------------------------------------------------------------------------------------- */

static int status_to_json(const View *view, struct json_object **ret)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        _cleanup_(buffer_done) Buffer logs = { 0 };
        const Buffer *out = view_stdout(view), *err = view_stderr(view);
        const StoreJob *job = view_job(view);
        int r;

        if ((r = legacy_logs_append(&logs, out->data, out->size)) < 0 ||
            (r = legacy_logs_append(&logs, err->data, err->size)) < 0 ||
            (r = message_to_json(&job->id, legacy_status(job->state, job->result.verdict), &logs, &o)) < 0 ||
            (r = json_add_time(o, "submitted_at", job->created_usec)) < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static void on_job(int error, View *view, void *userdata)
{
        struct json_object *o = NULL;
        Call *call = userdata;

        if (error >= 0)
                error = status_to_json(view, &o);
        if (error == -ENOENT)
                answer_problem(call_finish(call), "unknown_job", NULL, "There is no such job, or not any more");
        else if (error < 0)
                call_fail(call, error);
        else
                answer_json(call_finish(call), 200, NULL, o);
}

void handle_legacy_status(Manager *m, HttpRequest *request, const char *parameter)
{
        Call *call;
        JobId id;

        if (!manager_job_id(request, parameter, &id) || !(call = call_new(m, request, sizeof(*call))))
                return;
        int r = view_new(m, &id, VIEW_OUTPUT, on_job, call, &call->view);
        if (r < 0)
                call_fail(call, r);
}

/* --- WS /ws/{id} --------------------------------------------------------------------------------------------------- */

typedef struct LegacySocket {
        JobId id;
        HttpRequest *request;
        WebSocket *ws;
        Watcher *watcher;
        const char *status;
        Buffer logs;
        unsigned attempt;
        usec_t said_usec;
} LegacySocket;

static void socket_free(LegacySocket *s)
{
        watcher_free(s->watcher);
        buffer_done(&s->logs);
        free(s);
}

static void on_abandoned(void *userdata, int error)
{
        socket_free(userdata);
}

static void on_closed(void *userdata, unsigned code, int error)
{
        socket_free(userdata);
}

/* What clients say here never meant anything. */
static void on_message(void *userdata, bool is_text, const char *data, size_t size)
{
}

static void say(LegacySocket *s)
{
        _cleanup_(json_putp) struct json_object *o = NULL;
        size_t size;

        if (!s->ws || message_to_json(&s->id, s->status, &s->logs, &o) < 0)
                return;
        const char *text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                                             &size);
        if (text)
                (void) websocket_send_text(s->ws, text, size);
        s->said_usec = now_usec(CLOCK_MONOTONIC);
}

static void on_state(void *userdata, JobState state, unsigned attempt)
{
        LegacySocket *s = userdata;

        if (s->request) {
                const WebSocketParams params = { .on_message = on_message, .on_closed = on_closed, .userdata = s };
                HttpRequest *request = TAKE_PTR(s->request);
                int r = websocket_accept(request, &params, &s->ws);

                if (r < 0 && r != -EBADMSG)
                        answer_error(request, r, NULL);
        }
        if (s->attempt != attempt)
                s->logs.size = 0;
        s->attempt = attempt;
        s->status = legacy_status(state, JOB_VERDICT_OK);
        /* How it ended comes with the whole of its output. */
        if (state == JOB_STATE_QUEUED || state == JOB_STATE_RUNNING)
                say(s);
}

static bool can_take(void *userdata)
{
        const LegacySocket *s = userdata;

        return !s->ws || (websocket_waiting(s->ws) == 0 &&
                          now_usec(CLOCK_MONOTONIC) >= usec_add(s->said_usec, MESSAGE_INTERVAL_USEC));
}

static void on_output(void *userdata, unsigned attempt, const OutputPiece *piece, const OutputReader *position)
{
        LegacySocket *s = userdata;

        (void) legacy_logs_append(&s->logs, piece->data, piece->size);
}

static void on_pause(void *userdata, bool told)
{
        if (told)
                say(userdata);
}

static void on_end(void *userdata, int error, const View *view)
{
        LegacySocket *s = userdata;

        s->watcher = NULL;
        if (!s->ws) {
                HttpRequest *request = TAKE_PTR(s->request);

                socket_free(s);
                if (request && error == -ENOENT)
                        answer_problem(request, "unknown_job", NULL, "There is no such job, or not any more");
                else if (request)
                        answer_error(request, error < 0 ? error : -EIO, NULL);
                return;
        }
        if (error >= 0) {
                s->status = legacy_status(view_job(view)->state, view_job(view)->result.verdict);
                say(s);
        }
        websocket_close(s->ws, error < 0 ? WEBSOCKET_TRY_AGAIN : WEBSOCKET_NORMAL, NULL);
}

static const WatcherOps socket_ops = { on_state, can_take, on_output, on_pause, on_end };

void handle_legacy_ws(Manager *m, HttpRequest *request, const char *parameter)
{
        LegacySocket *s;
        WebSocket *ws;
        JobId id;

        if (!http_request_wants_websocket(request)) {
                (void) websocket_accept(request, &(WebSocketParams){ 0 }, &ws);
                return;
        }
        if (!manager_job_id(request, parameter, &id))
                return;
        s = new0(LegacySocket, 1);
        if (!s) {
                answer_error(request, -ENOMEM, NULL);
                return;
        }
        *s = (LegacySocket){ .id = id, .request = request };

        int r = watcher_new(m->watches, &id, false, NULL, &socket_ops, s, &s->watcher);
        if (r < 0) {
                free(s);
                answer_error(request, r, NULL);
                return;
        }
        http_request_park(request, on_abandoned, s);
}
