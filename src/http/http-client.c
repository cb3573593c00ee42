/* SPDX-License-Identifier: Apache-2.0 */
/* Requests wait here, not in libcurl, which would look at all that wait each time one is done.
 *
 * libcurl says which sockets it wants watched and when it wants to be called (the "multi socket" way), and
 * sd-event does both. Known traps: it asks to be called "now" from inside its own calls, which must wait for the next
 * turn; it may forget a socket after that was closed; and it must not be called from its own callbacks, so
 * finished requests are collected after it has returned. It names another time with each step of each request: the timer
 * is only ever moved forward, and goes off too early now and then instead of being set for each. Its handles are costly to
 * make, and are kept. */
#include "http/http-client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <sys/queue.h>

#include "basic/string-util.h"

#define RETRY_USEC (100 * USEC_PER_MSEC)
#define SPARE_MAX 64

struct HttpRequestHandle {
        TAILQ_ENTRY(HttpRequestHandle) entry;
        HttpClient *client;
        bool running;                    /* known to libcurl */
        CURL *easy;
        struct curl_slist *headers;
        char *body;
        size_t body_size, body_sent;
        size_t answer_max;
        HttpAnswer answer;
        int error;                       /* ours, which libcurl knows as its callback's failure */
        int (*on_data)(const void *data, size_t size, void *userdata);
        char message[CURL_ERROR_SIZE];
        HttpCallback callback;
        void *userdata;
        usec_t begin_usec;
};

typedef struct Socket {
        TAILQ_ENTRY(Socket) entry;
        sd_event_source *source;
} Socket;

struct HttpClient {
        sd_event *event;
        CURLM *multi;
        CURL *spare[SPARE_MAX];          /* handles without a request */
        size_t n_spare;
        sd_event_source *now, *timer;
        usec_t due_usec, timer_usec;     /* when libcurl wants to be called, and when we are */
        HttpClientParams params;
        TAILQ_HEAD(, HttpRequestHandle) running, waiting;
        TAILQ_HEAD(, Socket) sockets;
        HttpClientCounters counters;
        bool initialized, closing;
};

/* Takes it from libcurl and from the client. */
static void request_detach(HttpRequestHandle *r)
{
        HttpClient *c = r->client;

        c->counters.in_flight--;
        if (r->running) {
                TAILQ_REMOVE(&c->running, r, entry);
                (void) curl_multi_remove_handle(c->multi, r->easy);
        } else {
                TAILQ_REMOVE(&c->waiting, r, entry);
                c->counters.waiting--;
        }
}

static CURL *handle_new(HttpClient *c)
{
        return c->n_spare > 0 ? c->spare[--c->n_spare] : curl_easy_init();
}

static void handle_free(HttpClient *c, CURL *easy)
{
        if (!easy || c->closing || c->n_spare == SPARE_MAX) {
                curl_easy_cleanup(easy);
                return;
        }
        curl_easy_reset(easy);
        c->spare[c->n_spare++] = easy;
}

static void request_free(HttpRequestHandle *r)
{
        handle_free(r->client, r->easy);
        curl_slist_free_all(r->headers);
        buffer_done(&r->answer.body);
        free(r->body);
        free(r);
}

static int error_of(const HttpRequestHandle *r, CURLcode code)
{
        if (r->error < 0)
                return r->error;

        switch (code) {
        case CURLE_OK:
                return 0;
        case CURLE_COULDNT_CONNECT:
                return -ECONNREFUSED;
        case CURLE_OPERATION_TIMEDOUT:
                return -ETIMEDOUT;
        case CURLE_COULDNT_RESOLVE_HOST:
                return -EHOSTUNREACH;
        case CURLE_OUT_OF_MEMORY:
                return -ENOMEM;
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
                return -ECONNRESET;
        default:
                return -EPROTO;
        }
}

static int call_at(HttpClient *c, usec_t at_usec)
{
        c->due_usec = at_usec;
        if (at_usec >= c->timer_usec)
                return 0;

        int r = sd_event_source_set_time(c->timer, at_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
        if (r >= 0)
                c->timer_usec = at_usec;
        return r;
}

/* Lets those run whose turn it is. */
static void start(HttpClient *c)
{
        for (HttpRequestHandle *r; (r = TAILQ_FIRST(&c->waiting)) && !c->closing;) {
                if (c->counters.in_flight - c->counters.waiting >= c->params.connections_max)
                        return;
                if (curl_multi_add_handle(c->multi, r->easy) != CURLM_OK) {
                        /* No memory: later, should nobody else call before. */
                        (void) call_at(c, MIN(c->due_usec, usec_add(now_usec(CLOCK_MONOTONIC), RETRY_USEC)));
                        return;
                }
                TAILQ_REMOVE(&c->waiting, r, entry);
                TAILQ_INSERT_TAIL(&c->running, r, entry);
                r->running = true;
                c->counters.waiting--;
        }
}

static void fill_answer(HttpRequestHandle *r)
{
        HttpAnswer *a = &r->answer;
        curl_off_t length = -1, modified = -1, retry_after = 0;
        char *content_type = NULL;

        (void) curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &a->status);
        (void) curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &content_type);
        (void) curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        (void) curl_easy_getinfo(r->easy, CURLINFO_FILETIME_T, &modified);
        (void) curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after);
        a->content_type = content_type;
        a->content_length = length;
        a->modified_sec = modified;
        a->retry_after_usec = (usec_t) MIN(MAX(retry_after, 0), INT32_MAX) * USEC_PER_SEC;
}

static void collect(HttpClient *c)
{
        int left;

        for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
                HttpRequestHandle *r;

                if (m->msg != CURLMSG_DONE)
                        continue;

                CURLcode code = m->data.result;
                (void) curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **) &r);
                fill_answer(r);
                request_detach(r);

                int error = error_of(r, code);
                if (error < 0)
                        c->counters.failures++;
                c->counters.busy_usec += now_usec(CLOCK_MONOTONIC) - r->begin_usec;
                r->callback(error, &r->answer, *r->message ? r->message : curl_easy_strerror(code), r->userdata);
                request_free(r);
        }
        start(c);
}

static int on_socket(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        HttpClient *c = userdata;
        int events = (revents & EPOLLIN ? CURL_CSELECT_IN : 0) | (revents & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (revents & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
            running;

        (void) curl_multi_socket_action(c->multi, fd, events, &running);
        collect(c);
        return 0;
}

static int on_now(sd_event_source *source, void *userdata)
{
        HttpClient *c = userdata;
        int running;

        (void) curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(c);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        HttpClient *c = userdata;
        usec_t due = TAKE(c->due_usec, USEC_INFINITY);

        c->timer_usec = USEC_INFINITY;
        if (due <= now_usec(CLOCK_MONOTONIC))
                return on_now(source, userdata);
        if (due < USEC_INFINITY)
                (void) call_at(c, due);
        return 0;
}

static void socket_forget(HttpClient *c, Socket *s)
{
        TAILQ_REMOVE(&c->sockets, s, entry);
        sd_event_source_disable_unref(s->source);
        free(s);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp)
{
        static const uint32_t events[] = {
                [CURL_POLL_IN] = EPOLLIN, [CURL_POLL_OUT] = EPOLLOUT, [CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT
        };
        HttpClient *c = userdata;
        Socket *s = socketp;

        if (what == CURL_POLL_REMOVE) {
                if (s)
                        socket_forget(c, s);
                return 0;
        }

        if (s)
                return sd_event_source_set_io_events(s->source, events[what]) < 0 ? -1 : 0;

        s = new0(Socket, 1);
        if (!s)
                return -1;
        if (sd_event_add_io(c->event, &s->source, fd, events[what], on_socket, c) < 0) {
                free(s);
                return -1;
        }
        TAILQ_INSERT_TAIL(&c->sockets, s, entry);
        (void) curl_multi_assign(c->multi, fd, s);
        return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_msec, void *userdata)
{
        HttpClient *c = userdata;

        c->due_usec = USEC_INFINITY;
        if (timeout_msec < 0)
                return 0;
        if (timeout_msec == 0)
                return sd_event_source_set_enabled(c->now, SD_EVENT_ONESHOT) < 0 ? -1 : 0;

        usec_t at = usec_add(now_usec(CLOCK_MONOTONIC), (usec_t) timeout_msec * USEC_PER_MSEC);
        return call_at(c, at) < 0 ? -1 : 0;
}

static size_t on_answer(char *data, size_t size, size_t n, void *userdata)
{
        HttpRequestHandle *r = userdata;

        if (r->on_data)
                r->error = r->on_data(data, size * n, r->userdata);
        else if (size * n > r->answer_max - r->answer.body.size)
                r->error = -EFBIG;
        else
                r->error = buffer_append(&r->answer.body, data, size * n);
        return r->error < 0 ? 0 : size * n;
}

static size_t on_body(char *data, size_t size, size_t n, void *userdata)
{
        HttpRequestHandle *r = userdata;
        size_t k = MIN(size * n, r->body_size - r->body_sent);

        if (k > 0)
                memcpy(data, r->body + r->body_sent, k);
        r->body_sent += k;
        return k;
}

/* A kept connection may turn out to be dead after part of the body was sent; curl then begins again on a new one. */
static int on_seek(void *userdata, curl_off_t offset, int origin)
{
        HttpRequestHandle *r = userdata;

        if (origin != SEEK_SET || offset < 0 || (size_t) offset > r->body_size)
                return CURL_SEEKFUNC_FAIL;
        r->body_sent = (size_t) offset;
        return CURL_SEEKFUNC_OK;
}

static CURLcode set_method(HttpRequestHandle *r, HttpMethod method)
{
        CURLcode code;

        switch (method) {
        case HTTP_GET:
                return curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
        case HTTP_HEAD:
                return curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
        case HTTP_DELETE:
                return curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
        case HTTP_POST:
                code = curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
                return code != CURLE_OK ? code
                                        : curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                                           (curl_off_t) r->body_size);
        case HTTP_PUT:
                code = curl_easy_setopt(r->easy, CURLOPT_UPLOAD, 1L);
                return code != CURLE_OK
                                       ? code
                                       : curl_easy_setopt(r->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) r->body_size);
        }
        return CURLE_BAD_FUNCTION_ARGUMENT;
}

/* Nobody puts a header, or a request, of their own into one of ours. */
static bool call_is_clean(const HttpCall *call)
{
        for (const char *p = call->url; *p; p++)
                if ((unsigned char) *p <= ' ' || *p == 0x7f)
                        return false;

        STRV_FOREACH (h, call->headers) {
                size_t name = strcspn(*h, ":");

                if (name == 0 || !(*h)[name] || strcspn(*h, " \t") < name)
                        return false;
                for (const char *p = *h; *p; p++)
                        if (((unsigned char) *p < ' ' && *p != '\t') || *p == 0x7f)
                                return false;
        }
        return call->body_size == 0 || call->method == HTTP_PUT || call->method == HTTP_POST;
}

static int set_headers(HttpRequestHandle *r, char *const *headers)
{
        /* Never wait for a "100 Continue": the servers we speak to take the body at once. */
        r->headers = curl_slist_append(NULL, "Expect:");
        if (!r->headers)
                return -ENOMEM;
        STRV_FOREACH (h, headers)
                if (!curl_slist_append(r->headers, *h))
                        return -ENOMEM;
        return curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK ? 0 : -ENOMEM;
}

static int set_sigv4(HttpRequestHandle *r, const HttpSigV4 *s)
{
        _cleanup_(freep) char *provider = format_string("aws:amz:%s:s3", s->region);

        if (!provider || curl_easy_setopt(r->easy, CURLOPT_AWS_SIGV4, provider) != CURLE_OK ||
            curl_easy_setopt(r->easy, CURLOPT_USERNAME, s->access_key) != CURLE_OK ||
            curl_easy_setopt(r->easy, CURLOPT_PASSWORD, s->secret_key) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static int set_options(HttpRequestHandle *r, const HttpCall *call)
{
        const HttpClientParams *p = &r->client->params;
        usec_t timeout = call->timeout_usec == 0 ? p->request_timeout_usec : call->timeout_usec;
        CURL *e = r->easy;
        int k;

        if (curl_easy_setopt(e, CURLOPT_URL, call->url) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_PRIVATE, r) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->message) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_FILETIME, 1L) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long) (p->connect_timeout_usec / USEC_PER_MSEC)) !=
                            CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout == USEC_INFINITY ? 0L : (long) (timeout / USEC_PER_MSEC)) !=
                            CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_WRITEDATA, r) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_READFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_READDATA, r) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek) != CURLE_OK ||
            curl_easy_setopt(e, CURLOPT_SEEKDATA, r) != CURLE_OK || set_method(r, call->method) != CURLE_OK)
                return -ENOMEM;

        if (call->unix_path && curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, call->unix_path) != CURLE_OK)
                return -ENOMEM;
        if ((k = set_headers(r, call->headers)) < 0)
                return k;
        return call->sigv4 ? set_sigv4(r, call->sigv4) : 0;
}

int http_client_call(HttpClient *c, const HttpCall *call, HttpCallback callback, void *userdata,
                     HttpRequestHandle **ret)
{
        if (c->closing)
                return -ECANCELED;
        if (!call_is_clean(call))
                return -EINVAL;
        if (c->counters.in_flight >= c->params.queue_max)
                return -ENOBUFS;

        HttpRequestHandle *r = new0(HttpRequestHandle, 1);
        if (!r)
                return -ENOMEM;

        r->client = c;
        r->callback = callback;
        r->userdata = userdata;
        r->answer_max = call->answer_max;
        r->on_data = call->on_data;
        r->begin_usec = now_usec(CLOCK_MONOTONIC);
        r->body_size = call->body_size;
        r->body = memdup_nul(call->body, call->body_size);
        r->easy = handle_new(c);

        int k = r->body && r->easy ? set_options(r, call) : -ENOMEM;
        if (k < 0) {
                request_free(r);
                return k;
        }

        TAILQ_INSERT_TAIL(&c->waiting, r, entry);
        c->counters.in_flight++;
        c->counters.waiting++;
        c->counters.requests++;
        start(c);
        if (ret)
                *ret = r;
        return 0;
}

void http_client_cancel(HttpRequestHandle *r)
{
        HttpClient *c = r->client;

        request_detach(r);
        request_free(r);
        start(c);
}

const HttpClientCounters *http_client_counters(const HttpClient *c)
{
        return &c->counters;
}

int http_client_new(sd_event *event, const HttpClientParams *p, HttpClient **ret)
{
        _cleanup_(http_client_freep) HttpClient *c = new0(HttpClient, 1);

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->running);
        TAILQ_INIT(&c->waiting);
        TAILQ_INIT(&c->sockets);
        c->params = *p;
        c->due_usec = c->timer_usec = USEC_INFINITY;
        c->event = sd_event_ref(event);

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        c->initialized = true;

        /* An accuracy of 1 us, since the default would make "now" a quarter of a second. */
        int r = sd_event_add_time(event, &c->timer, CLOCK_MONOTONIC, USEC_INFINITY, 1, on_timer, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_defer(event, &c->now, on_now, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->now, SD_EVENT_OFF);
        if (r < 0)
                return r;

        c->multi = curl_multi_init();
        if (!c->multi || curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK ||
            curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) != CURLM_OK ||
            curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK ||
            curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) != CURLM_OK ||
            curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long) p->connections_max) != CURLM_OK)
                return -ENOMEM;

        *ret = TAKE_PTR(c);
        return 0;
}

HttpClient *http_client_free(HttpClient *c)
{
        HttpRequestHandle *r;
        Socket *s;

        if (!c)
                return NULL;

        c->closing = true;
        while ((r = TAILQ_FIRST(&c->running)) || (r = TAILQ_FIRST(&c->waiting))) {
                request_detach(r);
                r->callback(-ECANCELED, &r->answer, "Cancelled", r->userdata);
                request_free(r);
        }
        while (c->n_spare > 0)
                curl_easy_cleanup(c->spare[--c->n_spare]);
        if (c->multi)
                (void) curl_multi_cleanup(c->multi);
        while ((s = TAILQ_FIRST(&c->sockets)))
                socket_forget(c, s);
        if (c->initialized)
                curl_global_cleanup();
        sd_event_source_disable_unref(c->timer);
        sd_event_source_disable_unref(c->now);
        sd_event_unref(c->event);
        return mfree(c);
}
