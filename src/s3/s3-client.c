/* SPDX-License-Identifier: Apache-2.0 */
/* Two kinds of trouble are told apart. When the server is not there or says that it is not ready, all requests
 * wait, and the next one in the queue is sent as a probe when the pause is over; the one that failed goes to the
 * queue's end, so that a request which breaks its connection each time does not hold up the others. When one
 * request meets an internal error, it alone pauses.
 *
 * One slow tick serves all timeouts and pauses: while nothing waits it only asks for the bucket now and then, so
 * that the state that is told is not as old as the last request. */
#include "s3/s3-client.h"

#include <sys/queue.h>
#include <sys/random.h>

#include "basic/string-util.h"

#define TICK_USEC (100 * USEC_PER_MSEC)
#define IDLE_TICK_USEC (10 * USEC_PER_SEC)
#define PAUSE_MIN_USEC (100 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC (5 * USEC_PER_SEC)
#define LIST_BYTES_MAX ((size_t) 2 << 20)
#define ERROR_BYTES_MAX ((size_t) 64 << 10)

typedef TAILQ_HEAD(RequestList, S3Request) RequestList;

struct S3Request {
        TAILQ_ENTRY(S3Request) entry;
        RequestList *list;
        S3Client *client;
        HttpRequestHandle *http;         /* while on its way */

        HttpMethod method;
        bool is_object, is_creation;
        char *url;
        char *body;
        size_t body_size, size_max;
        char digest[SHA256_HEX_SIZE];

        S3Callback callback;
        void *userdata;
        usec_t begin_usec, resume_usec, pause_usec;

        int error;
        S3Answer answer;
        char *why;
};

struct S3Client {
        sd_event *event;
        HttpClient *http;
        S3Params params;
        char *endpoint, *region, *bucket, *access_key, *secret_key;
        char *bucket_url;
        sd_event_source *tick;

        RequestList waiting, pausing, flying, finished;
        S3Request *probe;                /* our own question whether the bucket is there */
        S3Counters counters;

        bool reachable;                  /* the last we heard was an answer */
        usec_t resume_usec, pause_usec, heard_usec;
        bool connected, told, hurried, closing;
        char *why;
};

static void request_move(S3Request *r, RequestList *to)
{
        if (r->list)
                TAILQ_REMOVE(r->list, r, entry);
        r->list = to;
        if (to)
                TAILQ_INSERT_TAIL(to, r, entry);
}

static void request_free(S3Request *r)
{
        S3Client *c = r->client;

        if (r->list == &c->flying)
                c->counters.in_flight--;
        else if (r->list == &c->waiting || r->list == &c->pausing)
                c->counters.waiting--;
        request_move(r, NULL);
        if (r->http)
                http_client_cancel(r->http);
        if (c->probe == r)
                c->probe = NULL;
        buffer_done(&r->answer.body);
        free(r->body);
        free(r->url);
        free(r->why);
        free(r);
}

static void tell(S3Client *c, bool connected, const char *why)
{
        if (c->told && c->connected == connected && streq(c->why ? c->why : "", why))
                return;

        if (c->connected && !connected)
                c->counters.outages++;
        c->connected = connected;
        c->told = true;
        (void) free_and_strdup(&c->why, why);
        if (c->params.on_state)
                c->params.on_state(connected, why, c->params.userdata);
}

static usec_t with_jitter(usec_t usec)
{
        uint32_t random = 0;

        (void) getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return usec - usec / 4 + random % (usec / 2);
}

static void pause_client(S3Client *c, usec_t now)
{
        /* The failures of those that were on their way together count once. */
        if (!c->reachable && now < c->resume_usec)
                return;

        c->pause_usec = c->reachable ? PAUSE_MIN_USEC : MIN(MAX(2 * c->pause_usec, PAUSE_MIN_USEC), PAUSE_MAX_USEC);
        c->resume_usec = now + with_jitter(c->pause_usec);
        c->reachable = false;
}

static void request_finish(S3Request *r, int error, const char *why)
{
        S3Client *c = r->client;

        r->error = error;
        r->why = error < 0 ? strdup(why) : NULL;
        if (r != c->probe) {
                c->counters.failures += error < 0;
                c->counters.busy_usec += now_usec(CLOCK_MONOTONIC) - r->begin_usec;
        }
        request_move(r, &c->finished);
}

/* Calls back, one after the other, since any of them may make new requests or cancel others. */
static void deliver(S3Client *c)
{
        for (S3Request *r; (r = TAILQ_FIRST(&c->finished));) {
                request_move(r, NULL);
                if (c->probe == r)
                        c->probe = NULL;
                r->answer.why = r->error < 0 ? r->why ? r->why : "Out of memory" : NULL;
                if (r->callback)
                        r->callback(r->error, &r->answer, r->userdata);
                request_free(r);
        }
}

static bool expired(const S3Request *r, usec_t now)
{
        return now - r->begin_usec >= r->client->params.patience_usec;
}

/* Waits for its next turn, or has waited long enough. The probe is not repeated: there will be another. */
static void request_again(S3Request *r, RequestList *list, const char *why)
{
        S3Client *c = r->client;

        if (r == c->probe || expired(r, now_usec(CLOCK_MONOTONIC))) {
                request_finish(r, -ENOTCONN, why);
                return;
        }
        c->counters.retries++;
        c->counters.waiting++;
        request_move(r, list);
}

/* MinIO says 499, that we left, when it is itself that leaves. */
static bool is_trouble_of_all(long status)
{
        return status == 499 || status == 408 || status == 429 || status == 502 || status == 503 || status == 504;
}

static bool is_trouble_of_one(long status, const char *code)
{
        return (status >= 500 && status != 501 && status != 507 && !streq(code, "XMinioStorageFull")) ||
               streq(code, "RequestTimeout") || streq(code, "OperationAborted");
}

static int error_of_status(const S3Request *r, long status, size_t size, const S3Error *e)
{
        if (status >= 200 && status < 300)
                return r->method == HTTP_GET && size > r->size_max ? -EFBIG : 0;
        if (r->is_creation && streq(e->code, "BucketAlreadyOwnedByYou"))
                return 0;
        if (streq(e->code, "NoSuchBucket") || (status == 404 && !r->is_object))
                return -ENXIO;
        if (status == 404)
                return r->method == HTTP_DELETE ? 0 : -ENOENT;
        if (status == 401 || status == 403)
                return -EACCES;
        if (status == 507 || streq(e->code, "XMinioStorageFull"))
                return -ENOSPC;
        return -EIO;
}

static char *explain(const S3Client *c, int error, long status, const S3Error *e)
{
        switch (error) {
        case -ENXIO:
                return format_string("The bucket '%s' does not exist", c->bucket);
        case -ENOENT:
                return strdup("There is no such object");
        case -EFBIG:
                return strdup("The object is too large");
        default:
                return format_string("The S3 server answers %ld%s%s%s%s", status, *e->code ? " " : "", e->code,
                                     *e->message ? ": " : "", e->message);
        }
}

/* The server spoke, and this is its last word about the request. */
static void request_answered(S3Request *r, HttpAnswer *a, const S3Error *e)
{
        S3Client *c = r->client;
        int error = error_of_status(r, a->status, a->body.size, e);
        _cleanup_(freep) char *why = error < 0 ? explain(c, error, a->status, e) : NULL;

        c->reachable = true;
        c->pause_usec = 0;
        if (error == 0 || error == -ENOENT || error == -EFBIG)
                tell(c, true, "");
        else if (error != -EIO || r == c->probe)
                tell(c, false, why ? why : "Out of memory");

        r->answer.status = a->status;
        r->answer.size = (uint64_t) MAX(a->content_length, 0);
        r->answer.modified_usec = (usec_t) MAX(a->modified_sec, 0) * USEC_PER_SEC;
        if (error == 0)
                r->answer.body = TAKE(a->body, (Buffer){ 0 });
        request_finish(r, error, why ? why : "Out of memory");
}

static void start(S3Client *c);
static void hurry(S3Client *c);

static void on_answer(int error, HttpAnswer *a, const char *message, void *userdata)
{
        S3Request *r = userdata;
        S3Client *c = r->client;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        _cleanup_(freep) char *why = NULL;
        S3Error e = { 0 };

        r->http = NULL;
        c->counters.in_flight--;
        c->heard_usec = now;

        if (error == 0 && (a->status < 200 || a->status >= 300)) {
                s3_error_parse(a->body.data, a->body.size, &e);
                why = explain(c, -EIO, a->status, &e);
        }

        if (error == -ECANCELED || error == -EFBIG)
                request_finish(r, error, message);
        else if (error == -ENOMEM) {
                r->resume_usec = now + PAUSE_MIN_USEC;
                request_again(r, &c->pausing, message);
        } else if (error < 0) {
                why = format_string("%s: %s", c->endpoint, message);
                pause_client(c, now);
                tell(c, false, why ? why : "Out of memory");
                request_again(r, &c->waiting, why ? why : message);
        } else if (is_trouble_of_all(a->status)) {
                pause_client(c, now);
                tell(c, false, why ? why : "Out of memory");
                request_again(r, &c->waiting, why ? why : "Out of memory");
        } else if (is_trouble_of_one(a->status, e.code)) {
                r->pause_usec = MIN(MAX(2 * r->pause_usec, PAUSE_MIN_USEC), PAUSE_MAX_USEC);
                r->resume_usec = now + with_jitter(r->pause_usec);
                request_again(r, &c->pausing, why ? why : "Out of memory");
        } else
                request_answered(r, a, &e);

        if (!c->closing) {
                start(c);
                hurry(c);
        }
        deliver(c);
}

static int request_send(S3Request *r)
{
        S3Client *c = r->client;
        char header[sizeof("x-amz-content-sha256: ") + SHA256_HEX_SIZE] = "x-amz-content-sha256: ";
        char *headers[] = { strcat(header, r->digest), (char *) "Content-Type: application/octet-stream", NULL };

        /* One that is not a PUT has no type to tell. */
        if (r->method != HTTP_PUT)
                headers[1] = NULL;

        return http_client_call(c->http,
                                &(HttpCall){
                                                .method = r->method,
                                                .url = r->url,
                                                .headers = headers,
                                                .body = r->body,
                                                .body_size = r->body_size,
                                                .sigv4 = &(HttpSigV4){ c->region, c->access_key, c->secret_key },
                                                .answer_max = MAX(r->size_max, ERROR_BYTES_MAX),
                                },
                                on_answer, r, &r->http);
}

static bool may_send(const S3Client *c)
{
        if (c->reachable)
                return c->counters.in_flight < c->params.parallel_max;
        return c->counters.in_flight == 0 && now_usec(CLOCK_MONOTONIC) >= c->resume_usec;
}

static void start(S3Client *c)
{
        for (S3Request *r; (r = TAILQ_FIRST(&c->waiting)) && may_send(c);) {
                /* No memory, or too much for the HTTP client: the tick tries again. */
                if (request_send(r) < 0)
                        break;
                c->counters.waiting--;
                c->counters.in_flight++;
                request_move(r, &c->flying);
        }
}

static int request_new(S3Client *c, HttpMethod method, const char *key, const char *query, S3Callback callback,
                       void *userdata, S3Request **ret)
{
        _cleanup_(freep) char *url = NULL;

        if (c->closing)
                return -ECANCELED;
        if (key && !s3_key_is_valid(key))
                return -EINVAL;

        url = key ? s3_url(&c->params.place, key) : format_string("%s%s", c->bucket_url, query);
        S3Request *r = new0(S3Request, 1);
        if (!url || !r || sha256_hex(NULL, 0, r->digest) < 0) {
                free(r);
                return -ENOMEM;
        }

        r->client = c;
        r->method = method;
        r->is_object = key;
        r->url = TAKE_PTR(url);
        r->callback = callback;
        r->userdata = userdata;
        r->begin_usec = now_usec(CLOCK_MONOTONIC);
        *ret = r;
        return 0;
}

static bool is_busy(const S3Client *c)
{
        return !c->connected || c->counters.waiting > 0;
}

static int arm_tick(S3Client *c)
{
        c->hurried = is_busy(c);
        int r = sd_event_source_set_time_relative(c->tick, c->hurried ? TICK_USEC : IDLE_TICK_USEC);

        return r < 0 ? r : sd_event_source_set_enabled(c->tick, SD_EVENT_ONESHOT);
}

/* Brings the tick forward when there has come to be something to wait for. */
static void hurry(S3Client *c)
{
        if (!c->hurried && is_busy(c))
                (void) arm_tick(c);
}

static int enqueue(S3Client *c, S3Request *r, S3Request **ret)
{
        if (c->counters.waiting + c->counters.in_flight >= c->params.queue_max) {
                request_free(r);
                return -ENOBUFS;
        }

        c->counters.requests += r != c->probe;
        c->counters.waiting++;
        request_move(r, &c->waiting);
        start(c);
        hurry(c);
        if (ret)
                *ret = r;
        return 0;
}

/* Asks for the bucket, for ourselves. */
static void probe(S3Client *c)
{
        S3Request *r;

        if (request_new(c, HTTP_HEAD, NULL, "", NULL, NULL, &r) < 0)
                return;
        c->probe = r;
        (void) enqueue(c, r, NULL);
}

static void expire(S3Client *c, RequestList *list, usec_t now)
{
        for (S3Request *r = TAILQ_FIRST(list), *next; r; r = next) {
                next = TAILQ_NEXT(r, entry);
                if (expired(r, now)) {
                        c->counters.waiting--;
                        request_finish(r, -ENOTCONN, c->reachable || !c->why ? "The S3 server is too slow" : c->why);
                } else if (list == &c->pausing && r->resume_usec <= now)
                        request_move(r, &c->waiting);
        }
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        S3Client *c = userdata;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        expire(c, &c->waiting, now);
        expire(c, &c->pausing, now);
        start(c);
        if (c->counters.waiting + c->counters.in_flight == 0 && !c->probe &&
            (c->connected ? now - c->heard_usec >= IDLE_TICK_USEC : now >= c->resume_usec))
                probe(c);
        deliver(c);
        return arm_tick(c);
}

int s3_put(S3Client *c, const char *key, const void *data, size_t size, const char *digest, S3Callback callback,
           void *userdata, S3Request **ret)
{
        S3Request *r;

        int k = request_new(c, HTTP_PUT, key, "", callback, userdata, &r);
        if (k < 0)
                return k;

        if (digest && strlen(digest) != sizeof(r->digest) - 1)
                k = -EINVAL;
        else if (digest)
                memcpy(r->digest, digest, sizeof(r->digest));
        else
                k = sha256_hex(data, size, r->digest);
        r->body = k >= 0 ? memdup_nul(data, size) : NULL;
        r->body_size = size;
        if (k >= 0 && !r->body)
                k = -ENOMEM;
        if (k < 0) {
                request_free(r);
                return k;
        }
        return enqueue(c, r, ret);
}

static int send_simple(S3Client *c, HttpMethod method, const char *key, const char *query, size_t size_max,
                       S3Callback callback, void *userdata, S3Request **ret)
{
        S3Request *r;

        int k = request_new(c, method, key, query, callback, userdata, &r);
        if (k < 0)
                return k;
        r->size_max = size_max;
        return enqueue(c, r, ret);
}

int s3_get(S3Client *c, const char *key, size_t size_max, S3Callback callback, void *userdata, S3Request **ret)
{
        return send_simple(c, HTTP_GET, key, "", size_max, callback, userdata, ret);
}

int s3_head(S3Client *c, const char *key, S3Callback callback, void *userdata, S3Request **ret)
{
        return send_simple(c, HTTP_HEAD, key, "", 0, callback, userdata, ret);
}

int s3_delete(S3Client *c, const char *key, S3Callback callback, void *userdata, S3Request **ret)
{
        return send_simple(c, HTTP_DELETE, key, "", 0, callback, userdata, ret);
}

int s3_list(S3Client *c, const char *after, unsigned count, S3Callback callback, void *userdata, S3Request **ret)
{
        _cleanup_(freep) char *query = NULL;

        if ((after && !s3_key_is_valid(after)) || count < 1 || count > 1000)
                return -EINVAL;
        /* Sorted by name, as it is signed. */
        query = format_string("?list-type=2&max-keys=%u%s%s", count, after ? "&start-after=" : "", after ? after : "");
        if (!query)
                return -ENOMEM;
        return send_simple(c, HTTP_GET, NULL, query, LIST_BYTES_MAX, callback, userdata, ret);
}

int s3_make_bucket(S3Client *c, S3Callback callback, void *userdata, S3Request **ret)
{
        /* The oldest region is the one that must not be named. */
        static const char form[] = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                   "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>";
        bool oldest = streq(c->region, "us-east-1");
        S3Request *r;

        int k = request_new(c, HTTP_PUT, NULL, "", callback, userdata, &r);
        if (k < 0)
                return k;

        r->is_creation = true;
        r->body = oldest ? strdup("") : format_string(form, c->region);
        if (r->body) {
                r->body_size = strlen(r->body);
                k = sha256_hex(r->body, r->body_size, r->digest);
        }
        if (!r->body || k < 0) {
                request_free(r);
                return -ENOMEM;
        }
        return enqueue(c, r, ret);
}

void s3_cancel(S3Request *r)
{
        S3Client *c = r->client;

        request_free(r);
        start(c);
}

bool s3_client_ready(const S3Client *c)
{
        return c->connected;
}

const S3Counters *s3_client_counters(const S3Client *c)
{
        return &c->counters;
}

static int check_place(const S3Place *p, Fault *reterr_fault)
{
        if (isempty(p->endpoint) || !s3_endpoint_is_valid(p->endpoint))
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "This is not the address of an S3 server: '%s'", p->endpoint ? p->endpoint : "");
        if (isempty(p->bucket) || !s3_bucket_is_valid(p->bucket))
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "This is not the name of a bucket: '%s'",
                                 p->bucket ? p->bucket : "");
        if (isempty(p->region) || p->region[strspn(p->region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL, "This is not the name of a region: '%s'",
                                 p->region ? p->region : "");
        if (isempty(p->access_key) || isempty(p->secret_key))
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "The access key or the secret key is missing");
        return 0;
}

int s3_client_new(sd_event *event, HttpClient *http, const S3Params *p, S3Client **ret, Fault *reterr_fault)
{
        int r = check_place(&p->place, reterr_fault);
        if (r < 0)
                return r;

        _cleanup_(s3_client_freep) S3Client *c = new0(S3Client, 1);
        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->waiting);
        TAILQ_INIT(&c->pausing);
        TAILQ_INIT(&c->flying);
        TAILQ_INIT(&c->finished);
        c->event = sd_event_ref(event);
        c->http = http;
        c->params = *p;
        if (free_and_strdup(&c->endpoint, p->place.endpoint) < 0 || free_and_strdup(&c->region, p->place.region) < 0 ||
            free_and_strdup(&c->bucket, p->place.bucket) < 0 ||
            free_and_strdup(&c->access_key, p->place.access_key) < 0 ||
            free_and_strdup(&c->secret_key, p->place.secret_key) < 0)
                return -ENOMEM;
        c->params.place = (S3Place){ c->endpoint,   c->region,     c->bucket,
                                     c->access_key, c->secret_key, p->place.virtual_host };
        c->bucket_url = s3_url(&c->params.place, NULL);
        if (!c->bucket_url)
                return -ENOMEM;

        /* The first tick asks whether it is there. */
        r = sd_event_add_time(event, &c->tick, CLOCK_MONOTONIC, now_usec(CLOCK_MONOTONIC), USEC_PER_MSEC, on_tick, c);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

S3Client *s3_client_free(S3Client *c)
{
        if (!c)
                return NULL;

        RequestList *const lists[] = { &c->finished, &c->flying, &c->waiting, &c->pausing };
        c->closing = true;
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (S3Request *r; (r = TAILQ_FIRST(lists[i]));) {
                        if (r->callback)
                                r->callback(-ECANCELED, &r->answer, r->userdata);
                        request_free(r);
                }
        sd_event_source_disable_unref(c->tick);
        if (c->secret_key)
                explicit_bzero(c->secret_key, strlen(c->secret_key));
        free(c->endpoint);
        free(c->region);
        free(c->bucket);
        free(c->access_key);
        free(c->secret_key);
        free(c->bucket_url);
        free(c->why);
        sd_event_unref(c->event);
        return mfree(c);
}
