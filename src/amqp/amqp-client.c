/* SPDX-License-Identifier: Apache-2.0 */
#include "amqp/amqp-client.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "amqp/amqp-private.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"

/* How long amqp_client_free() lets the thread finish what it is at. */
#define STOP_PATIENCE_SEC 1

void command_free(Command *c)
{
        if (!c)
                return;
        free(c->queue);
        free(c->exchange);
        free(c->key);
        free(c->body);
        free(c);
}

void event_free(Event *e)
{
        if (!e)
                return;
        free(e->queue);
        free(e->key);
        free(e->death);
        free(e->body);
        free(e->why);
        free(e);
}

static void signal_fd(int fd)
{
        (void) !write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* Who finds the queue empty has to wake the other side, which takes all of it. */
void amqp_post(AmqpClient *c, Event *e)
{
        (void) pthread_mutex_lock(&c->lock);
        bool wake = TAILQ_EMPTY(&c->events);
        TAILQ_INSERT_TAIL(&c->events, e, entry);
        (void) pthread_mutex_unlock(&c->lock);
        if (wake)
                signal_fd(c->event_fd);
}

static void submit(AmqpClient *c, Command *command)
{
        (void) pthread_mutex_lock(&c->lock);
        bool wake = TAILQ_EMPTY(&c->commands);
        TAILQ_INSERT_TAIL(&c->commands, command, entry);
        (void) pthread_mutex_unlock(&c->lock);
        if (wake)
                signal_fd(c->command_fd);
}

/* --- what the thread says ------------------------------------------------------------------------------------------ */

static AmqpDelivery delivery_of(const Event *e)
{
        return (AmqpDelivery){
                .tag = e->tag,
                .queue = e->queue,
                .key = e->key,
                .death = e->death,
                .redelivered = e->redelivered,
                .body = e->body,
                .size = e->size,
        };
}

static void count_confirm(AmqpClient *c, const Reply *reply, int error)
{
        c->counters.waiting--;
        if (error < 0) {
                c->counters.failed++;
                return;
        }
        c->counters.confirmed++;
        c->counters.confirm_usec += now_usec(CLOCK_MONOTONIC) - reply->since_usec;
}

static void count_delivery(AmqpClient *c)
{
        c->counters.delivered++;
}

/* e is NULL when the answer is that there will be none. */
static void give_reply(AmqpClient *c, const Reply *reply, int error, const Event *e)
{
        AmqpDelivery d;

        switch (reply->type) {
        case REPLY_NONE:
                break;
        case REPLY_CONFIRM:
                count_confirm(c, reply, error);
                /* fall through */
        case REPLY_BOUND:
                if (reply->done)
                        reply->done(error, reply->userdata);
                break;
        case REPLY_GOT:
                if (!e || !e->body) {
                        reply->got(error, NULL, reply->userdata);
                        break;
                }
                count_delivery(c);
                d = delivery_of(e);
                reply->got(0, &d, reply->userdata);
                break;
        case REPLY_DEPTH:
                reply->depth(error, e ? e->n_messages : 0, reply->userdata);
                break;
        }
}

static void on_state(AmqpClient *c, const Event *e)
{
        if (e->connected && !c->connected)
                c->counters.connects++;
        c->connected = e->connected;
        c->blocked = e->blocked;
        if (c->params.on_state)
                c->params.on_state(e->connected, e->blocked, e->why ? e->why : "", c->params.userdata);
}

static void handle(AmqpClient *c, Event *e)
{
        AmqpDelivery d;

        switch (e->type) {
        case EVENT_REPLY:
                give_reply(c, &e->reply, e->error, e);
                break;
        case EVENT_DELIVERY:
                count_delivery(c);
                d = delivery_of(e);
                c->params.on_delivery(&d, c->params.userdata);
                break;
        case EVENT_STATE:
                on_state(c, e);
                break;
        }
        event_free(e);
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        EventQueue events = TAILQ_HEAD_INITIALIZER(events);
        AmqpClient *c = userdata;
        uint64_t count;
        Event *e;

        (void) !read(fd, &count, sizeof(count));

        (void) pthread_mutex_lock(&c->lock);
        TAILQ_CONCAT(&events, &c->events, entry);
        (void) pthread_mutex_unlock(&c->lock);

        while ((e = TAILQ_FIRST(&events))) {
                TAILQ_REMOVE(&events, e, entry);
                handle(c, e);
        }
        return 0;
}

/* --- the outside --------------------------------------------------------------------------------------------------- */

static Command *command_new(CommandType type, const char *queue, const char *exchange, const char *key)
{
        Command *c = new0(Command, 1);

        if (!c)
                return NULL;
        c->type = type;
        if (free_and_strdup(&c->queue, queue) < 0 || free_and_strdup(&c->exchange, exchange) < 0 ||
            free_and_strdup(&c->key, key) < 0) {
                command_free(c);
                return NULL;
        }
        return c;
}

int amqp_publish(AmqpClient *c, const AmqpMessage *m, AmqpDone callback, void *userdata)
{
        if (c->counters.waiting >= c->params.queue_max)
                return -ENOBUFS;

        Command *command = command_new(COMMAND_PUBLISH, NULL, m->exchange, m->key);
        if (!command || !(command->body = memdup_nul(m->body, m->size))) {
                command_free(command);
                return -ENOMEM;
        }

        command->size = m->size;
        command->persistent = m->persistent;
        command->mandatory = m->mandatory;
        command->reply = (Reply){
                .type = REPLY_CONFIRM,
                .done = callback,
                .userdata = userdata,
                .since_usec = now_usec(CLOCK_MONOTONIC),
        };
        c->counters.published++;
        c->counters.waiting++;
        submit(c, command);
        return 0;
}

static int submit_tag(AmqpClient *c, CommandType type, uint64_t tag)
{
        Command *command = command_new(type, NULL, NULL, NULL);

        if (!command)
                return -ENOMEM;
        command->tag = tag;
        submit(c, command);
        return 0;
}

int amqp_ack(AmqpClient *c, uint64_t tag)
{
        return submit_tag(c, COMMAND_ACK, tag);
}

int amqp_requeue(AmqpClient *c, uint64_t tag)
{
        return submit_tag(c, COMMAND_REQUEUE, tag);
}

int amqp_reject(AmqpClient *c, uint64_t tag)
{
        return submit_tag(c, COMMAND_REJECT, tag);
}

static int submit_call(AmqpClient *c, Command *command, const Reply *reply)
{
        if (!command)
                return -ENOMEM;
        command->reply = *reply;
        submit(c, command);
        return 0;
}

int amqp_get(AmqpClient *c, const char *queue, AmqpGot callback, void *userdata)
{
        return submit_call(c, command_new(COMMAND_GET, queue, NULL, NULL),
                           &(Reply){ .type = REPLY_GOT, .got = callback, .userdata = userdata });
}

int amqp_depth(AmqpClient *c, const char *queue, AmqpDepth callback, void *userdata)
{
        return submit_call(c, command_new(COMMAND_DEPTH, queue, NULL, NULL),
                           &(Reply){ .type = REPLY_DEPTH, .depth = callback, .userdata = userdata });
}

int amqp_bind(AmqpClient *c, const char *queue, const char *exchange, const char *key, AmqpDone callback,
              void *userdata)
{
        return submit_call(c, command_new(COMMAND_BIND, queue, exchange, key),
                           &(Reply){ .type = REPLY_BOUND, .done = callback, .userdata = userdata });
}

int amqp_unbind(AmqpClient *c, const char *queue, const char *exchange, const char *key)
{
        return submit_call(c, command_new(COMMAND_UNBIND, queue, exchange, key), &(Reply){ 0 });
}

int amqp_consume(AmqpClient *c, const char *queue, bool on)
{
        Command *command = command_new(COMMAND_CONSUME, queue, NULL, NULL);

        if (command)
                command->on = on;
        return submit_call(c, command, &(Reply){ 0 });
}

bool amqp_client_ready(const AmqpClient *c)
{
        return c->connected && !c->blocked;
}

const AmqpCounters *amqp_client_counters(const AmqpClient *c)
{
        return &c->counters;
}

/* Signals are for the loop; the thread is started with all of them blocked. */
static int start_thread(AmqpClient *c)
{
        sigset_t all, before;

        (void) sigfillset(&all);
        int r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&c->thread, NULL, amqp_thread_main, c);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        c->thread_started = r == 0;
        return -r;
}

int amqp_client_new(sd_event *event, const AmqpClientParams *p, AmqpClient **ret)
{
        _cleanup_(amqp_client_freep) AmqpClient *c = new0(AmqpClient, 1);
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->commands);
        TAILQ_INIT(&c->events);
        (void) pthread_mutex_init(&c->lock, NULL);
        c->socket_fd = c->command_fd = c->event_fd = -EBADF;
        c->event = sd_event_ref(event);
        c->params = *p;

        c->command_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->command_fd < 0 || c->event_fd < 0)
                return -errno;

        if ((r = free_and_strdup(&c->host, p->host)) < 0 || (r = free_and_strdup(&c->vhost, p->vhost)) < 0 ||
            (r = free_and_strdup(&c->user, p->user)) < 0 || (r = free_and_strdup(&c->password, p->password)) < 0 ||
            (r = free_and_strdup(&c->name, p->name)) < 0 ||
            (r = sd_event_add_io(event, &c->source, c->event_fd, EPOLLIN, on_events, c)) < 0 ||
            (r = start_thread(c)) < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

static void stop_thread(AmqpClient *c)
{
        struct timespec until;

        (void) pthread_mutex_lock(&c->lock);
        c->stop = true;
        (void) pthread_mutex_unlock(&c->lock);
        signal_fd(c->command_fd);

        (void) clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += STOP_PATIENCE_SEC;
        if (pthread_timedjoin_np(c->thread, NULL, &until) == 0)
                return;

        (void) pthread_mutex_lock(&c->lock);
        if (c->socket_fd >= 0)
                (void) shutdown(c->socket_fd, SHUT_RDWR);
        (void) pthread_mutex_unlock(&c->lock);
        (void) pthread_join(c->thread, NULL);
}

/* What the thread had answered is told as it is, all else is cancelled. A callback may ask for more meanwhile. */
static void settle(AmqpClient *c)
{
        Command *command;
        Event *e;

        while ((e = TAILQ_FIRST(&c->events))) {
                TAILQ_REMOVE(&c->events, e, entry);
                if (e->type == EVENT_REPLY)
                        give_reply(c, &e->reply, e->error, e);
                event_free(e);
        }
        while ((command = TAILQ_FIRST(&c->commands))) {
                TAILQ_REMOVE(&c->commands, command, entry);
                give_reply(c, &command->reply, -ECANCELED, NULL);
                command_free(command);
        }
}

AmqpClient *amqp_client_free(AmqpClient *c)
{
        if (!c)
                return NULL;

        if (c->thread_started)
                stop_thread(c);
        c->connected = false;
        sd_event_source_disable_unref(c->source);
        settle(c);
        sd_event_unref(c->event);
        safe_close(c->command_fd);
        safe_close(c->event_fd);
        (void) pthread_mutex_destroy(&c->lock);
        if (c->password)
                explicit_bzero(c->password, strlen(c->password));
        free(c->host);
        free(c->vhost);
        free(c->user);
        free(c->password);
        free(c->name);
        return mfree(c);
}
