/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/blob.h"

#include "basic/string-util.h"
#include "blob/blob-place.h"
#include "blob/blob-private.h"
#include "blob/directory-queue.h"
#include "blob/recent.h"

#define CONNECT_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define CHECK_USEC (1 * USEC_PER_SEC)

struct BlobStore {
        sd_event *event;
        BlobParams params;               /* the numbers and callbacks of them */
        Recent *recent;
        BlobCounters counters;
        bool ready, told, closing;
        char *why;

        /* either a directory */
        DirectoryQueue *queue;
        sd_event_source *done_source;
        sd_event_source *check_timer;    /* while nothing can be put */

        /* or a server */
        HttpClient *http;
        S3Client *s3;

        BlobRequestList spared;          /* puts that have nothing to do */
        sd_event_source *spared_source;
};

static void request_free(BlobRequest *r)
{
        free(r->data);
        free(r->why);
        buffer_done(&r->result.data);
        strv_free(r->result.keys);
        free(r);
}

static void tell(BlobStore *b, bool ready, const char *why)
{
        if (b->told && b->ready == ready && streq(b->why ? b->why : "", why))
                return;

        b->ready = ready;
        b->told = true;
        (void) free_and_strdup(&b->why, why);
        if (b->params.on_state)
                b->params.on_state(ready, why, b->params.userdata);
}

static void count(BlobStore *b, const BlobRequest *r, int error)
{
        BlobCounters *c = &b->counters;

        c->waiting--;
        if (r->verb == BLOB_PUT) {
                c->waiting_bytes -= r->size;
                c->put_usec += now_usec(CLOCK_MONOTONIC) - r->begin_usec;
        }
        c->failures += error < 0 && error != -ENOENT && error != -ECANCELED;
        c->corruptions += error == -EBADMSG;
}

static void remember(BlobStore *b, const BlobRequest *r, int error)
{
        if (r->verb == BLOB_PUT && error >= 0 && !r->spared)
                recent_add(b->recent, r->result.key, r->begin_usec);
        else if (r->verb == BLOB_DELETE || error == -ENOENT || error == -EBADMSG)
                recent_remove(b->recent, r->result.key);
}

/* A directory has no connection to lose: whether it works is what the last put says. */
static void judge_directory(BlobStore *b, const BlobRequest *r, int error, const char *why)
{
        if (!b->queue || b->closing || (r->verb != BLOB_PUT && r->verb != BLOB_CHECK) || error == -ENOMEM)
                return;
        tell(b, error >= 0, error < 0 ? why : "");
        if (error < 0 && sd_event_source_set_time_relative(b->check_timer, CHECK_USEC) >= 0)
                (void) sd_event_source_set_enabled(b->check_timer, SD_EVENT_ONESHOT);
}

void blob_request_end(BlobRequest *r, int error, const char *why)
{
        BlobStore *b = r->store;

        if (error < 0 && !why)
                why = error == -ECANCELED ? "Cancelled" : strerror(-error);
        if (r->verb != BLOB_CHECK) {
                count(b, r, error);
                remember(b, r, error);
        }
        judge_directory(b, r, error, why);

        r->result.why = error < 0 ? why : NULL;
        if (r->callback)
                r->callback(error, &r->result, r->userdata);
        request_free(r);
}

static void end_all(BlobRequestList *list)
{
        for (BlobRequest *r; (r = TAILQ_FIRST(list));) {
                TAILQ_REMOVE(list, r, entry);
                blob_request_end(r, r->error, r->why);
        }
}

static int on_directory_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        BlobStore *b = userdata;
        BlobRequestList done = TAILQ_HEAD_INITIALIZER(done);

        directory_queue_collect(b->queue, &done);
        end_all(&done);
        return 0;
}

static int on_spared(sd_event_source *source, void *userdata)
{
        BlobStore *b = userdata;
        BlobRequestList list = TAILQ_HEAD_INITIALIZER(list);

        TAILQ_CONCAT(&list, &b->spared, entry);
        end_all(&list);
        return 0;
}

static int request_new(BlobStore *b, BlobVerb verb, const char *key, BlobCallback callback, void *userdata,
                       BlobRequest **ret)
{
        if (b->closing)
                return -ECANCELED;
        if (key && !blob_key_is_valid(key))
                return -EINVAL;
        if (b->counters.waiting >= b->params.queue_max)
                return -ENOBUFS;

        BlobRequest *r = new0(BlobRequest, 1);
        if (!r)
                return -ENOMEM;
        r->store = b;
        r->verb = verb;
        r->callback = callback;
        r->userdata = userdata;
        r->begin_usec = now_usec(CLOCK_MONOTONIC);
        if (key)
                memcpy(r->result.key, key, BLOB_KEY_SIZE);
        *ret = r;
        return 0;
}

/* Takes the request, also on failure. */
static int request_send(BlobStore *b, BlobRequest *r, BlobRequest **ret)
{
        if (b->queue)
                directory_queue_add(b->queue, r);
        else {
                int k = blob_s3_send(b->s3, r);

                if (k < 0) {
                        request_free(r);
                        return k;
                }
                /* The S3 client has its own copy, for as long as it needs one. */
                r->data = mfree(r->data);
        }

        b->counters.waiting++;
        if (r->verb == BLOB_PUT)
                b->counters.waiting_bytes += r->size;
        if (ret)
                *ret = r;
        return 0;
}

/* Answers without doing anything, though not at once. */
static int spare(BlobStore *b, BlobRequest *r, BlobRequest **ret)
{
        int k = sd_event_source_set_enabled(b->spared_source, SD_EVENT_ONESHOT);

        if (k < 0) {
                request_free(r);
                return k;
        }
        r->spared = true;
        TAILQ_INSERT_TAIL(&b->spared, r, entry);
        b->counters.waiting++;
        b->counters.waiting_bytes += r->size;
        b->counters.spared_puts++;
        if (ret)
                *ret = r;
        return 0;
}

int blob_put(BlobStore *b, const void *data, size_t size, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        BlobRequest *r;

        if (size > b->params.size_max)
                return -EFBIG;
        if (b->counters.waiting_bytes + size > b->params.queue_bytes_max)
                return -ENOBUFS;

        int k = request_new(b, BLOB_PUT, NULL, callback, userdata, &r);
        if (k < 0)
                return k;
        r->size = size;
        k = blob_key_of(data, size, r->result.key);
        if (k < 0) {
                request_free(r);
                return k;
        }
        b->counters.puts++;
        b->counters.put_bytes += size;

        if (recent_has(b->recent, r->result.key, r->begin_usec))
                return spare(b, r, ret);

        r->data = memdup_nul(data, size);
        if (!r->data) {
                request_free(r);
                return -ENOMEM;
        }
        return request_send(b, r, ret);
}

int blob_get(BlobStore *b, const char *key, size_t size_max, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        BlobRequest *r;

        int k = request_new(b, BLOB_GET, key, callback, userdata, &r);
        if (k < 0)
                return k;
        r->size_max = size_max;
        b->counters.gets++;
        return request_send(b, r, ret);
}

int blob_exists(BlobStore *b, const char *key, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        BlobRequest *r;

        int k = request_new(b, BLOB_EXISTS, key, callback, userdata, &r);
        return k < 0 ? k : request_send(b, r, ret);
}

int blob_prepare(BlobStore *b, BlobCallback callback, void *userdata, BlobRequest **ret)
{
        BlobRequest *r;

        int k = request_new(b, BLOB_PREPARE, NULL, callback, userdata, &r);
        return k < 0 ? k : request_send(b, r, ret);
}

int blob_list(BlobStore *b, const char *after, usec_t age_usec, BlobCallback callback, void *userdata,
              BlobRequest **ret)
{
        BlobRequest *r;

        int k = request_new(b, BLOB_LIST, after, callback, userdata, &r);
        if (k < 0)
                return k;
        r->age_usec = age_usec;
        return request_send(b, r, ret);
}

int blob_delete(BlobStore *b, const char *key, usec_t age_usec, BlobCallback callback, void *userdata,
                BlobRequest **ret)
{
        BlobRequest *r;

        int k = request_new(b, BLOB_DELETE, key, callback, userdata, &r);
        if (k < 0)
                return k;
        r->age_usec = age_usec;
        b->counters.deletes++;
        recent_remove(b->recent, key);
        return request_send(b, r, ret);
}

void blob_cancel(BlobRequest *r)
{
        r->callback = NULL;
        /* A thread may have it; then it comes back. */
        if (r->s3) {
                s3_cancel(TAKE_PTR(r->s3));
                blob_request_end(r, -ECANCELED, NULL);
        }
}

bool blob_store_ready(const BlobStore *b)
{
        return b->ready;
}

BlobCounters blob_store_counters(const BlobStore *b)
{
        BlobCounters c = b->counters;

        if (b->queue)
                directory_queue_count(b->queue, &c.batches, &c.batched_puts);
        if (b->s3) {
                c.retries = s3_client_counters(b->s3)->retries;
                c.outages = s3_client_counters(b->s3)->outages;
        }
        return c;
}

/* Finds out whether something could be put, for on_state(). */
static int check_directory(BlobStore *b)
{
        BlobRequest *r = new0(BlobRequest, 1);

        if (!r)
                return -ENOMEM;
        r->store = b;
        r->verb = BLOB_CHECK;
        directory_queue_add(b->queue, r);
        return 0;
}

static int on_check(sd_event_source *source, uint64_t usec, void *userdata)
{
        BlobStore *b = userdata;

        return b->ready ? 0 : check_directory(b);
}

static int use_directory(BlobStore *b, const char *path, Fault *reterr_fault)
{
        int r = directory_queue_new(path, &b->queue, reterr_fault);

        if (r >= 0)
                r = sd_event_add_io(b->event, &b->done_source, directory_queue_fd(b->queue), EPOLLIN, on_directory_done,
                                    b);
        if (r >= 0)
                r = sd_event_add_time(b->event, &b->check_timer, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_check, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->check_timer, SD_EVENT_OFF);
        return r < 0 ? r : check_directory(b);
}

static void on_s3_state(bool connected, const char *why, void *userdata)
{
        tell(userdata, connected, why);
}

static int use_s3(BlobStore *b, const BlobPlace *place, const BlobParams *p, Fault *reterr_fault)
{
        int r = http_client_new(b->event,
                                &(HttpClientParams){
                                                .connections_max = p->connections_max,
                                                .queue_max = p->connections_max + 1,
                                                .connect_timeout_usec = MIN(CONNECT_TIMEOUT_USEC, p->timeout_usec),
                                                .request_timeout_usec = p->timeout_usec,
                                },
                                &b->http);
        if (r < 0)
                return r;

        return s3_client_new(b->event, b->http,
                             &(S3Params){
                                     .place = {
                                             .endpoint = place->endpoint,
                                             .region = p->region ? p->region : "us-east-1",
                                             .bucket = place->bucket,
                                             .access_key = p->access_key,
                                             .secret_key = p->secret_key,
                                             .virtual_host = p->virtual_host,
                                     },
                                     .parallel_max = p->connections_max,
                                     .queue_max = p->queue_max,
                                     .patience_usec = p->patience_usec,
                                     .on_state = on_s3_state,
                                     .userdata = b,
                             },
                             &b->s3, reterr_fault);
}

int blob_store_new(sd_event *event, const BlobParams *p, BlobStore **ret, Fault *reterr_fault)
{
        _cleanup_(blob_store_freep) BlobStore *b = NULL;
        _cleanup_(blob_place_done) BlobPlace place = { 0 };

        int r = blob_place_parse(p->uri, &place, reterr_fault);
        if (r < 0)
                return r;

        b = new0(BlobStore, 1);
        if (!b)
                return -ENOMEM;
        b->event = sd_event_ref(event);
        b->params = *p;
        b->params.uri = b->params.region = b->params.access_key = b->params.secret_key = NULL;
        TAILQ_INIT(&b->spared);
        b->recent = recent_new(p->spare_usec > 0 ? p->spare_usec : BLOB_SPARE_USEC);
        if (!b->recent)
                return -ENOMEM;

        r = sd_event_add_defer(event, &b->spared_source, on_spared, b);
        if (r >= 0)
                r = sd_event_source_set_enabled(b->spared_source, SD_EVENT_OFF);
        if (r >= 0)
                r = place.directory ? use_directory(b, place.directory, reterr_fault)
                                    : use_s3(b, &place, p, reterr_fault);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(b);
        return 0;
}

BlobStore *blob_store_free(BlobStore *b)
{
        BlobRequestList done = TAILQ_HEAD_INITIALIZER(done);
        BlobRequest *r;

        if (!b)
                return NULL;

        b->closing = true;
        TAILQ_FOREACH(r, &b->spared, entry)
        r->error = -ECANCELED;
        TAILQ_CONCAT(&done, &b->spared, entry);
        if (b->queue) {
                directory_queue_stop(b->queue);
                directory_queue_collect(b->queue, &done);
        }
        end_all(&done);
        b->s3 = s3_client_free(b->s3);
        b->http = http_client_free(b->http);
        b->queue = directory_queue_free(b->queue);

        sd_event_source_disable_unref(b->spared_source);
        sd_event_source_disable_unref(b->done_source);
        sd_event_source_disable_unref(b->check_timer);
        recent_free(b->recent);
        free(b->why);
        sd_event_unref(b->event);
        return mfree(b);
}
