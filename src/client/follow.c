/* SPDX-License-Identifier: Apache-2.0 */

/* What arrives is looked at in a turn of the event loop of its own, since no request may be made or ended inside one. */
#include "client/follow.h"

#include "basic/string-util.h"
#include "client/event-stream.h"

#define RETRY_MIN_USEC (100 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (5 * USEC_PER_SEC)

/* The server says something every 15 s at least. */
#define SILENCE_MAX_USEC (45 * USEC_PER_SEC)

/* Of an answer that is a problem instead. */
#define PROBLEM_MAX ((size_t) 64 << 10)

struct Follow {
        Client *client;
        FollowParams params;
        char *path;
        HttpRequestHandle *request;
        EventStream stream;
        Buffer begin;                    /* the answer's first bytes */
        Answer answer;                   /* how the request ended, when has_answer */
        bool has_answer, is_event_stream;
        bool ended;
        usec_t lost_usec;                /* since when nothing is heard; 0: all is well */
        usec_t retry_usec;
        sd_event_source *work;           /* armed: there is something to look at */
        sd_event_source *timer;          /* of silence while there is a request, else of the next request */
};

/* --- ends ---------------------------------------------------------------------------------------------------------- */

static void drop_request(Follow *f)
{
        if (f->request)
                http_client_cancel(f->request);
        f->request = NULL;
        f->has_answer = false;
        answer_done(&f->answer);
}

static void follow_end(Follow *f, const Answer *problem)
{
        f->ended = true;
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        f->params.on_end(problem, f->params.userdata);
}

static void follow_fail(Follow *f, int error)
{
        bool nonsense = error == -EBADMSG || error == -EFBIG;
        Answer answer = { .error = error,
                          .message = nonsense ? (char *) "what the server sends is not what happens to a job" : NULL };

        follow_end(f, &answer);
}

static int arm_timer(Follow *f, usec_t usec)
{
        int r = sd_event_source_set_time_relative(f->timer, usec);

        return r < 0 ? r : sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

/* Tries again, unless that has gone on for too long. */
static void follow_lose(Follow *f, const Answer *problem)
{
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (f->lost_usec == 0) {
                _cleanup_(freep) char *why = answer_explain(problem);

                f->lost_usec = now;
                f->params.on_trouble(why ? why : "out of memory", f->params.userdata);
        } else if (now - f->lost_usec >= f->params.patience_usec) {
                follow_end(f, problem);
                return;
        }

        usec_t wait = MAX(f->retry_usec, problem->retry_after_usec);
        drop_request(f);        /* the problem may be of it */
        event_stream_restart(&f->stream);
        f->retry_usec = MIN(2 * f->retry_usec, RETRY_MAX_USEC);
        int r = arm_timer(f, wait);
        if (r < 0)
                follow_fail(f, r);
}

static void follow_lose_saying(Follow *f, int error, const char *why)
{
        Answer answer = { .error = error, .message = (char *) why };

        follow_lose(f, &answer);
}

/* --- what comes ---------------------------------------------------------------------------------------------------- */

static int on_data(const void *data, size_t size, void *userdata)
{
        Follow *f = userdata;
        int r;

        if ((r = buffer_append(&f->begin, data, MIN(size, PROBLEM_MAX - f->begin.size))) < 0 ||
            (r = event_stream_feed(&f->stream, data, size)) < 0 || (r = arm_timer(f, SILENCE_MAX_USEC)) < 0)
                return r;
        return sd_event_source_set_enabled(f->work, SD_EVENT_ONESHOT);
}

static void on_request_end(int error, HttpAnswer *http, const char *message, void *userdata)
{
        Follow *f = userdata;
        HttpAnswer whole = *http;

        f->request = NULL;
        if (error == -ECANCELED)
                return;

        /* The body of a problem went the way of the events. */
        whole.body = error == 0 && http->status != 200 ? f->begin : (Buffer){ 0 };
        if (answer_fill(&f->answer, error, &whole, message) < 0)
                f->answer = (Answer){ .error = -ENOMEM };
        f->is_event_stream = http->content_type && startswith(http->content_type, "text/event-stream");
        f->has_answer = true;
        (void) sd_event_source_set_enabled(f->work, SD_EVENT_ONESHOT);
}

static void be_well(Follow *f)
{
        if (f->lost_usec > 0)
                f->params.on_trouble(NULL, f->params.userdata);
        f->lost_usec = 0;
        f->retry_usec = RETRY_MIN_USEC;
        f->params.is_there = true;
}

/* The job is not there any more; or it is, and the server cannot say how it goes. */
static void take_error(Follow *f, const JobEvent *event)
{
        Answer gone = { .status = 404, .document = event->document };

        if (streq(event->code, "unknown_job"))
                follow_end(f, &gone);
        else
                follow_lose_saying(f, -ECONNRESET, event->detail);
}

static void take_event(Follow *f, const char *data, size_t size)
{
        _cleanup_(job_event_done) JobEvent event = { 0 };

        int r = job_event_parse(data, size, &event);
        if (r == -ENOENT)
                return;
        if (r < 0) {
                follow_fail(f, r);
                return;
        }
        if (event.type == JOB_EVENT_ERROR) {
                take_error(f, &event);
                return;
        }
        be_well(f);
        f->params.on_event(&event, f->params.userdata);
        if (event.type == JOB_EVENT_EXIT)
                follow_end(f, NULL);
}

static void take_answer(Follow *f)
{
        const Answer *a = &f->answer;
        bool away = a->error == -ECONNREFUSED || a->error == -EHOSTUNREACH;

        if (a->error == 0 && a->status == 200 && !f->is_event_stream)
                follow_fail(f, -EBADMSG);
        else if (a->error == 0 && a->status == 200)
                follow_lose_saying(f, -ECONNRESET, "the server ended the connection");
        else if (a->error == -ECONNRESET)
                follow_lose_saying(f, a->error, "the connection broke");
        else if (answer_is_transient(a) || (away && f->params.is_there))
                follow_lose(f, a);
        else
                follow_end(f, a);
}

static int on_work(sd_event_source *source, void *userdata)
{
        Follow *f = userdata;
        const char *data;
        size_t size;
        int r = 0;

        while (!f->ended && (r = event_stream_next(&f->stream, &data, &size)) > 0)
                take_event(f, data, size);
        if (f->ended)
                drop_request(f);
        else if (r < 0)
                follow_fail(f, r);
        else if (f->has_answer)
                take_answer(f);
        return 0;
}

/* --- requests ------------------------------------------------------------------------------------------------------ */

static int connect_now(Follow *f)
{
        _cleanup_(freep) char *last = f->stream.id ? format_string("Last-Event-ID: %s", f->stream.id) : NULL;

        if (f->stream.id && !last)
                return -ENOMEM;
        f->begin.size = 0;

        const ClientStream stream = {
                .path = f->path, .header = last, .on_data = on_data, .on_end = on_request_end, .userdata = f
        };
        int r = client_stream(f->client, &stream, &f->request);
        return r < 0 ? r : arm_timer(f, SILENCE_MAX_USEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Follow *f = userdata;

        if (f->request) {
                follow_lose_saying(f, -ETIMEDOUT, "nothing is heard from the server");
                return 0;
        }
        int r = connect_now(f);
        if (r < 0)
                follow_fail(f, r);
        return 0;
}

int follow_new(Client *client, const FollowParams *p, Follow **ret)
{
        _cleanup_(follow_freep) Follow *f = new0(Follow, 1);
        sd_event *event = client_event(client);
        int r;

        if (!f)
                return -ENOMEM;
        *f = (Follow){ .client = client, .params = *p, .retry_usec = RETRY_MIN_USEC };
        f->path = format_string("/v1/jobs/%s/events", p->job);
        if (!f->path)
                return -ENOMEM;

        if ((r = sd_event_add_defer(event, &f->work, on_work, f)) < 0 ||
            (r = sd_event_source_set_enabled(f->work, SD_EVENT_OFF)) < 0 ||
            (r = sd_event_add_time_relative(event, &f->timer, CLOCK_MONOTONIC, 0, 0, on_timer, f)) < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

Follow *follow_free(Follow *f)
{
        if (!f)
                return NULL;

        drop_request(f);
        event_stream_done(&f->stream);
        buffer_done(&f->begin);
        sd_event_source_disable_unref(f->work);
        sd_event_source_disable_unref(f->timer);
        free(f->path);
        return mfree(f);
}
