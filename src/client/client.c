/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include "basic/string-util.h"

#define CONNECTIONS_MAX 4
#define REQUESTS_MAX 16
#define CONNECT_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define REQUEST_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* Two streams of output, each character of them escaped. */
#define ANSWER_MAX ((size_t) 256 << 20)

#define TOKEN_MAX 4096

struct Client {
        sd_event *event;
        HttpClient *http;
        ClientAddress address;
        char *authorization;
};

typedef struct Request {
        ClientDone callback;
        void *userdata;
} Request;

static int check_token(const ClientAddress *address, const char *token, Fault *reterr_fault)
{
        size_t n = strlen(token);

        for (const char *p = token; *p; p++)
                if (*p <= ' ' || *p >= 0x7f)
                        n = 0;
        if (n == 0 || n > TOKEN_MAX)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "token",
                                 "A token is one word of printable characters, at most %i", TOKEN_MAX);
        if (!address->is_private)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "token",
                                 "The token is not sent over plain http to another host: use https");
        return 0;
}

int client_new(sd_event *event, const ClientAddress *address, const char *token, Client **ret, Fault *reterr_fault)
{
        static const HttpClientParams params = { .connections_max = CONNECTIONS_MAX,
                                                 .queue_max = REQUESTS_MAX,
                                                 .connect_timeout_usec = CONNECT_TIMEOUT_USEC,
                                                 .request_timeout_usec = REQUEST_TIMEOUT_USEC };
        _cleanup_(client_freep) Client *c = NULL;
        int r = token ? check_token(address, token, reterr_fault) : 0;

        if (r < 0)
                return r;
        c = new0(Client, 1);
        if (!c)
                return -ENOMEM;

        c->event = sd_event_ref(event);
        c->address.is_private = address->is_private;
        if (token && !(c->authorization = format_string("Authorization: Bearer %s", token)))
                return -ENOMEM;
        if ((r = free_and_strdup(&c->address.unix_path, address->unix_path)) < 0 ||
            (r = free_and_strdup(&c->address.url, address->url)) < 0 ||
            (r = http_client_new(event, &params, &c->http)) < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Client *client_free(Client *c)
{
        if (!c)
                return NULL;

        http_client_free(c->http);
        client_address_done(&c->address);
        if (c->authorization)
                explicit_bzero(c->authorization, strlen(c->authorization));
        free(c->authorization);
        sd_event_unref(c->event);
        return mfree(c);
}

sd_event *client_event(const Client *c)
{
        return c->event;
}

static int call_http(Client *c, const char *path, const char *const *headers, HttpCall *call, HttpCallback callback,
                     void *userdata, HttpRequestHandle **ret)
{
        _cleanup_(freep) char *url = format_string("%s%s", c->address.url, path);
        const char *all[8] = { NULL };
        size_t n = 0;

        for (const char *const *h = headers; *h && n + 2 < ELEMENTSOF(all); h++)
                all[n++] = *h;
        if (c->authorization)
                all[n++] = c->authorization;
        if (!url)
                return -ENOMEM;

        call->url = url;
        call->unix_path = c->address.unix_path;
        call->headers = (char *const *) all;
        return http_client_call(c->http, call, callback, userdata, ret);
}

/* --- one question, one answer -------------------------------------------------------------------------------------- */

static void on_answer(int error, HttpAnswer *http, const char *message, void *userdata)
{
        _cleanup_(answer_done) Answer answer = { 0 };
        Request *request = userdata;

        if (error != -ECANCELED) {
                if (answer_fill(&answer, error, http, message) < 0)
                        answer = (Answer){ .error = -ENOMEM };
                request->callback(&answer, request->userdata);
        }
        free(request);
}

static int request_new(Client *c, const ClientCall *call, ClientDone callback, void *userdata, Request **ret)
{
        const char *body = NULL, *headers[4] = { "Accept: application/json" };
        size_t n = 1, size = 0;

        if (call->body) {
                body = json_object_to_json_string_length(call->body,
                                                         JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
                if (!body)
                        return -ENOMEM;
                headers[n++] = "Content-Type: application/json";
        }
        headers[n] = call->header;

        Request *request = new0(Request, 1);
        if (!request)
                return -ENOMEM;
        *request = (Request){ callback, userdata };

        HttpCall http = { .method = call->method, .body = body, .body_size = size, .answer_max = ANSWER_MAX };
        int r = call_http(c, call->path, headers, &http, on_answer, request, NULL);
        if (r < 0) {
                free(request);
                return r;
        }
        *ret = request;
        return 0;
}

int client_call(Client *c, const ClientCall *call, ClientDone callback, void *userdata)
{
        Request *request;

        return request_new(c, call, callback, userdata, &request);
}

typedef struct Wait {
        Answer *answer;
        bool done;
} Wait;

static void on_waited(Answer *answer, void *userdata)
{
        Wait *w = userdata;

        *w->answer = TAKE(*answer, (Answer){ 0 });
        w->done = true;
}

static void on_nobody_waits(Answer *answer, void *userdata)
{
}

static int run_until(Client *c, const bool *done)
{
        while (!*done) {
                int r = sd_event_run(c->event, UINT64_MAX);
                if (r == -ESTALE || sd_event_get_state(c->event) == SD_EVENT_FINISHED)
                        return -ECANCELED;
                if (r < 0)
                        return r;
        }
        return 0;
}

int client_ask(Client *c, const ClientCall *call, Answer *ret)
{
        Answer answer = { 0 };
        Wait wait = { .answer = &answer };
        Request *request;

        int r = request_new(c, call, on_waited, &wait, &request);
        if (r < 0)
                return r;
        r = run_until(c, &wait.done);
        if (r < 0) {
                /* The loop was left, by a signal for instance. */
                request->callback = on_nobody_waits;
                return r;
        }
        *ret = answer;
        return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
        *(bool *) userdata = true;
        return 0;
}

int client_pause(Client *c, usec_t usec)
{
        sd_event_source *timer = NULL;
        bool over = false;

        int r = sd_event_add_time_relative(c->event, &timer, CLOCK_MONOTONIC, usec, 0, on_pause_over, &over);
        if (r >= 0)
                r = run_until(c, &over);
        sd_event_source_disable_unref(timer);
        return r;
}

/* --- streams ------------------------------------------------------------------------------------------------------- */

int client_stream(Client *c, const ClientStream *stream, HttpRequestHandle **ret)
{
        const char *headers[] = { "Accept: text/event-stream", stream->header, NULL };
        HttpCall http = { .method = HTTP_GET, .timeout_usec = USEC_INFINITY, .on_data = stream->on_data };

        return call_http(c, stream->path, headers, &http, stream->on_end, stream->userdata, ret);
}
