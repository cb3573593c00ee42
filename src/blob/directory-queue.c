/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/directory-queue.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

typedef struct Lane {
        DirectoryQueue *queue;
        pthread_t thread;
        bool started;
        pthread_cond_t filled;
        BlobRequestList waiting;
} Lane;

enum { LANE_PUT, LANE_REST, _LANE_MAX };

struct DirectoryQueue {
        Directory *directory;
        int done_fd;

        pthread_mutex_t lock;            /* of all below and of the lanes' lists */
        Lane lanes[_LANE_MAX];
        BlobRequestList done;
        bool stopping;
        uint64_t n_batches, n_puts;
};

/* Errors of system calls as those of blobs. */
static int error_of_errno(int error)
{
        switch (error) {
        case -EDQUOT:
        case -ENOSPC:
                return -ENOSPC;
        case -EPERM:
        case -EROFS:
        case -EACCES:
                return -EACCES;
        case -ENOMEM:
        case -EBADMSG:
        case -EFBIG:
        case -ENOENT:
        case 0:
                return error;
        default:
                return -EIO;
        }
}

static void say(BlobRequest *r, int error)
{
        r->error = error_of_errno(error);
        /* Where a put goes to has to be there. */
        if (r->error == -ENOENT && (r->verb == BLOB_PUT || r->verb == BLOB_CHECK || r->verb == BLOB_LIST))
                r->error = -ENXIO;

        if (r->error == -EBADMSG)
                r->why = format_string("The blob %s is damaged", r->result.key);
        else if (r->error == -ENOENT)
                r->why = format_string("There is no blob %s", r->result.key);
        else if (r->error == -EFBIG)
                r->why = format_string("The blob %s is too large", r->result.key);
        else if (r->error < 0)
                r->why = format_string("The directory for blobs: %s", strerror(-error));
}

static void put_all(DirectoryQueue *q, BlobRequestList *batch)
{
        _cleanup_(freep) DirectoryPut *puts = NULL;
        size_t n = 0, i = 0;
        BlobRequest *r;

        TAILQ_FOREACH(r, batch, entry)
        if (r->verb == BLOB_CHECK)
                say(r, directory_check(q->directory));
        else
                n++;
        if (n == 0)
                return;

        puts = new0(DirectoryPut, n);
        TAILQ_FOREACH(r, batch, entry)
        if (r->verb == BLOB_PUT && puts)
                puts[i++] = (DirectoryPut){ .key = r->result.key, .data = r->data, .size = r->size };
        if (puts)
                directory_put(q->directory, puts, n);
        i = 0;
        TAILQ_FOREACH(r, batch, entry)
        if (r->verb == BLOB_PUT)
                say(r, puts ? puts[i++].error : -ENOMEM);

        pthread_mutex_lock(&q->lock);
        q->n_batches++;
        q->n_puts += n;
        pthread_mutex_unlock(&q->lock);
}

static int do_one(Directory *d, BlobRequest *r)
{
        BlobResult *result = &r->result;

        switch (r->verb) {
        case BLOB_GET:
                return directory_get(d, result->key, r->size_max, &result->data.data, &result->data.size);
        case BLOB_EXISTS:
                return directory_exists(d, result->key);
        case BLOB_DELETE:
                return directory_delete(d, result->key, r->age_usec);
        case BLOB_LIST:
                return directory_list(d, result->key, r->age_usec, &result->keys, &result->more);
        default:
                return 0;
        }
}

static void hand_back(DirectoryQueue *q, BlobRequestList *list)
{
        uint64_t one = 1;

        pthread_mutex_lock(&q->lock);
        TAILQ_CONCAT(&q->done, list, entry);
        pthread_mutex_unlock(&q->lock);
        /* Full is impossible, and woken is woken. */
        (void) !write(q->done_fd, &one, sizeof(one));
}

/* Everything that waits; false when it is time to end. */
static bool take_all(Lane *lane, BlobRequestList *ret)
{
        DirectoryQueue *q = lane->queue;

        TAILQ_INIT(ret);
        pthread_mutex_lock(&q->lock);
        while (TAILQ_EMPTY(&lane->waiting) && !q->stopping)
                pthread_cond_wait(&lane->filled, &q->lock);
        bool go_on = !q->stopping;
        if (go_on)
                TAILQ_CONCAT(ret, &lane->waiting, entry);
        pthread_mutex_unlock(&q->lock);
        return go_on;
}

static void *put_thread(void *userdata)
{
        Lane *lane = userdata;
        BlobRequestList batch;

        while (take_all(lane, &batch)) {
                put_all(lane->queue, &batch);
                hand_back(lane->queue, &batch);
        }
        return NULL;
}

static bool take_one(Lane *lane, BlobRequestList *ret)
{
        DirectoryQueue *q = lane->queue;
        BlobRequest *r = NULL;

        TAILQ_INIT(ret);
        pthread_mutex_lock(&q->lock);
        while (!q->stopping && !(r = TAILQ_FIRST(&lane->waiting)))
                pthread_cond_wait(&lane->filled, &q->lock);
        if (r) {
                TAILQ_REMOVE(&lane->waiting, r, entry);
                TAILQ_INSERT_TAIL(ret, r, entry);
        }
        pthread_mutex_unlock(&q->lock);
        return r;
}

static void *rest_thread(void *userdata)
{
        Lane *lane = userdata;
        BlobRequestList one;

        while (take_one(lane, &one)) {
                BlobRequest *r = TAILQ_FIRST(&one);

                say(r, do_one(lane->queue->directory, r));
                hand_back(lane->queue, &one);
        }
        return NULL;
}

/* Signals are the event loop's. */
static int start_lane(Lane *lane, void *(*function)(void *userdata))
{
        sigset_t all, before;

        (void) sigfillset(&all);
        int r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(&lane->thread, NULL, function, lane);
                lane->started = r == 0;
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        return -r;
}

int directory_queue_new(const char *path, DirectoryQueue **ret, Fault *reterr_fault)
{
        _cleanup_(directory_queue_freep) DirectoryQueue *q = new0(DirectoryQueue, 1);

        if (!q)
                return -ENOMEM;
        (void) pthread_mutex_init(&q->lock, NULL);
        TAILQ_INIT(&q->done);
        for (size_t i = 0; i < _LANE_MAX; i++) {
                q->lanes[i].queue = q;
                TAILQ_INIT(&q->lanes[i].waiting);
                (void) pthread_cond_init(&q->lanes[i].filled, NULL);
        }
        q->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (q->done_fd < 0)
                return -errno;

        int r = directory_open(path, &q->directory, reterr_fault);
        if (r >= 0)
                r = start_lane(&q->lanes[LANE_PUT], put_thread);
        if (r >= 0)
                r = start_lane(&q->lanes[LANE_REST], rest_thread);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(q);
        return 0;
}

void directory_queue_stop(DirectoryQueue *q)
{
        pthread_mutex_lock(&q->lock);
        q->stopping = true;
        for (size_t i = 0; i < _LANE_MAX; i++)
                pthread_cond_signal(&q->lanes[i].filled);
        pthread_mutex_unlock(&q->lock);

        for (size_t i = 0; i < _LANE_MAX; i++) {
                Lane *lane = &q->lanes[i];
                BlobRequest *r;

                if (TAKE(lane->started, false))
                        (void) pthread_join(lane->thread, NULL);
                TAILQ_FOREACH(r, &lane->waiting, entry)
                r->error = -ECANCELED;
                TAILQ_CONCAT(&q->done, &lane->waiting, entry);
        }
}

DirectoryQueue *directory_queue_free(DirectoryQueue *q)
{
        if (!q)
                return NULL;

        directory_queue_stop(q);
        directory_close(q->directory);
        safe_close(q->done_fd);
        for (size_t i = 0; i < _LANE_MAX; i++)
                (void) pthread_cond_destroy(&q->lanes[i].filled);
        (void) pthread_mutex_destroy(&q->lock);
        return mfree(q);
}

int directory_queue_fd(const DirectoryQueue *q)
{
        return q->done_fd;
}

void directory_queue_add(DirectoryQueue *q, BlobRequest *r)
{
        Lane *lane = &q->lanes[r->verb == BLOB_PUT || r->verb == BLOB_CHECK ? LANE_PUT : LANE_REST];

        pthread_mutex_lock(&q->lock);
        TAILQ_INSERT_TAIL(&lane->waiting, r, entry);
        pthread_cond_signal(&lane->filled);
        pthread_mutex_unlock(&q->lock);
}

void directory_queue_collect(DirectoryQueue *q, BlobRequestList *ret)
{
        uint64_t count;

        (void) !read(q->done_fd, &count, sizeof(count));
        pthread_mutex_lock(&q->lock);
        TAILQ_CONCAT(ret, &q->done, entry);
        pthread_mutex_unlock(&q->lock);
}

void directory_queue_count(DirectoryQueue *q, uint64_t *ret_batches, uint64_t *ret_puts)
{
        pthread_mutex_lock(&q->lock);
        *ret_batches = q->n_batches;
        *ret_puts = q->n_puts;
        pthread_mutex_unlock(&q->lock);
}
