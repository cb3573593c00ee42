/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker says. The library's whole-message calls wait without end for the rest of a message, so messages are put
 * together here, frame by frame. Decoded frames live in a pool that is given back before each frame, so nothing of one is
 * kept. */
#include <inttypes.h>
#include <stdio.h>

#include "amqp/amqp-private.h"
#include "basic/string-util.h"

#define BODY_BYTES_MAX (64u * 1024u * 1024u)

static char *copy_text(amqp_bytes_t b)
{
        return memdup_nul(b.bytes, b.len);
}

static int broken(Thread *t)
{
        return amqp_failed(t, "The broker broke the protocol");
}

void amqp_incoming_reset(Incoming *i)
{
        event_free(i->event);
        buffer_done(&i->body);
        *i = (Incoming){ 0 };
}

static void confirm(Thread *t, uint64_t sequence, bool multiple, int error)
{
        Command *next;

        for (Command *c = TAILQ_FIRST(&t->unconfirmed); c && c->sequence <= sequence; c = next) {
                next = TAILQ_NEXT(c, entry);
                if (!multiple && c->sequence != sequence)
                        continue;
                TAILQ_REMOVE(&t->unconfirmed, c, entry);
                t->n_unconfirmed--;
                amqp_post_reply(t, c, c->returned ? -ENOENT : error);
                command_free(c);
        }
}

/* --- answers to calls ---------------------------------------------------------------------------------------------- */

/* The call that is answered next, which must be of this type. */
static Command *take_call(Thread *t, CommandType type)
{
        Command *c = TAILQ_FIRST(&t->calls);

        if (!c || c->type != type)
                return NULL;
        TAILQ_REMOVE(&t->calls, c, entry);
        return c;
}

static int answer_call(Thread *t, CommandType type)
{
        Command *c = take_call(t, type);

        if (!c)
                return broken(t);
        amqp_post_reply(t, c, 0);
        command_free(c);
        return 0;
}

static int answer_depth(Thread *t, const amqp_queue_declare_ok_t *m)
{
        Command *c = take_call(t, COMMAND_DEPTH);

        if (!c)
                return broken(t);

        Event *e = amqp_event_new(EVENT_REPLY);
        e->reply = c->reply;
        e->n_messages = m->message_count;
        amqp_post(t->client, e);
        command_free(c);
        return 0;
}

/* --- messages ------------------------------------------------------------------------------------------------------ */

static Event *begin(Thread *t, amqp_channel_t channel, int kind, uint64_t tag, bool redelivered, amqp_bytes_t key)
{
        Incoming *i = &t->incoming[channel];
        Event *e;

        amqp_incoming_reset(i);
        i->kind = kind;
        i->event = e = amqp_event_new(kind == INCOMING_GOT ? EVENT_REPLY : EVENT_DELIVERY);
        e->tag = t->epoch << TAG_EPOCH_SHIFT | (tag & TAG_MASK);
        e->redelivered = redelivered;
        e->key = copy_text(key);
        return e;
}

/* The consumer's tag is its queue, "#" and a number. */
static int begin_delivery(Thread *t, amqp_channel_t channel, const amqp_basic_deliver_t *m)
{
        Event *e = begin(t, channel, INCOMING_DELIVERY, m->delivery_tag, m->redelivered, m->routing_key);

        e->queue = copy_text(m->consumer_tag);
        char *number = e->queue ? strrchr(e->queue, '#') : NULL;
        if (number)
                *number = '\0';
        return 0;
}

/* The call stays first in the row until its message is complete. */
static int begin_got(Thread *t, amqp_channel_t channel, const amqp_basic_get_ok_t *m)
{
        const Command *c = TAILQ_FIRST(&t->calls);

        if (!c || c->type != COMMAND_GET)
                return broken(t);

        Event *e = begin(t, channel, INCOMING_GOT, m->delivery_tag, m->redelivered, m->routing_key);
        e->queue = strdup(c->queue);
        return 0;
}

static int finish(Thread *t, Incoming *i)
{
        if (i->kind == INCOMING_RETURN) {
                if (i->returned)
                        i->returned->returned = true;   /* the confirm follows */
                amqp_incoming_reset(i);
                return 0;
        }

        Event *e = i->event;
        e->size = i->body.size;
        e->body = buffer_take(&i->body);
        if (!e->body || !e->queue || !e->key)
                return amqp_failed(t, "Out of memory"); /* it comes again */

        if (i->kind == INCOMING_GOT) {
                Command *c = take_call(t, COMMAND_GET);

                if (!c)
                        return broken(t);
                e->reply = c->reply;
                command_free(c);
        }
        amqp_post(t->client, TAKE_PTR(i->event));
        amqp_incoming_reset(i);
        return 0;
}

/* The reason of the first death, which the broker notes on dead letters. */
static char *find_death(const amqp_basic_properties_t *p)
{
        static const char key[] = "x-first-death-reason";

        for (int i = 0; (p->_flags & AMQP_BASIC_HEADERS_FLAG) && i < p->headers.num_entries; i++) {
                const amqp_table_entry_t *e = &p->headers.entries[i];

                if (e->value.kind == AMQP_FIELD_KIND_UTF8 && e->key.len == sizeof(key) - 1 &&
                    memcmp(e->key.bytes, key, sizeof(key) - 1) == 0)
                        return copy_text(e->value.value.bytes);
        }
        return NULL;
}

/* By its id, which is its sequence on this connection, a message that comes back is known again. */
static Command *find_returned(Thread *t, const amqp_basic_properties_t *p)
{
        char id[24] = "";
        Command *c;

        if ((p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) && p->message_id.len < sizeof(id))
                memcpy(id, p->message_id.bytes, p->message_id.len);

        uint64_t sequence = strtoull(id, NULL, 10);
        TAILQ_FOREACH(c, &t->unconfirmed, entry)
                if (c->sequence == sequence)
                        return c;
        return NULL;
}

static int on_header(Thread *t, const amqp_frame_t *f)
{
        Incoming *i = &t->incoming[f->channel];
        const amqp_basic_properties_t *p = f->payload.properties.decoded;

        if (i->kind == INCOMING_NONE || f->payload.properties.body_size > BODY_BYTES_MAX)
                return broken(t);

        i->expected = f->payload.properties.body_size;
        i->has_header = true;
        if (i->kind == INCOMING_RETURN)
                i->returned = find_returned(t, p);
        else
                i->event->death = find_death(p);
        return i->expected == 0 ? finish(t, i) : 0;
}

static int on_body(Thread *t, const amqp_frame_t *f)
{
        Incoming *i = &t->incoming[f->channel];
        amqp_bytes_t fragment = f->payload.body_fragment;

        if (!i->has_header || fragment.len > i->expected - i->body.size)
                return broken(t);
        if (buffer_append(&i->body, fragment.bytes, fragment.len) < 0)
                return amqp_failed(t, "Out of memory");
        return i->body.size == i->expected ? finish(t, i) : 0;
}

/* --- frames -------------------------------------------------------------------------------------------------------- */

static int on_blocked(Thread *t, bool blocked, amqp_bytes_t reason)
{
        t->blocked = blocked;
        snprintf(t->why, sizeof(t->why), "%.*s", (int) reason.len, (const char *) reason.bytes);
        amqp_post_state(t, true);
        return 0;
}

static int on_closed(Thread *t, amqp_bytes_t text)
{
        return amqp_failed(t, "%.*s", (int) text.len, (const char *) text.bytes);
}

static int on_method(Thread *t, const amqp_frame_t *f)
{
        void *m = f->payload.method.decoded;

        switch (f->payload.method.id) {
        case AMQP_BASIC_ACK_METHOD:
                confirm(t, ((amqp_basic_ack_t *) m)->delivery_tag, ((amqp_basic_ack_t *) m)->multiple, 0);
                return 0;
        case AMQP_BASIC_NACK_METHOD:
                confirm(t, ((amqp_basic_nack_t *) m)->delivery_tag, ((amqp_basic_nack_t *) m)->multiple, -ENOBUFS);
                return 0;
        case AMQP_BASIC_DELIVER_METHOD:
                return begin_delivery(t, f->channel, m);
        case AMQP_BASIC_RETURN_METHOD:
                amqp_incoming_reset(&t->incoming[f->channel]);
                t->incoming[f->channel].kind = INCOMING_RETURN;
                return 0;
        case AMQP_BASIC_GET_OK_METHOD:
                return begin_got(t, f->channel, m);
        case AMQP_BASIC_GET_EMPTY_METHOD:
                return answer_call(t, COMMAND_GET);
        case AMQP_QUEUE_DECLARE_OK_METHOD:
                return answer_depth(t, m);
        case AMQP_QUEUE_BIND_OK_METHOD:
                return answer_call(t, COMMAND_BIND);
        case AMQP_CONNECTION_BLOCKED_METHOD:
                return on_blocked(t, true, ((amqp_connection_blocked_t *) m)->reason);
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
                return on_blocked(t, false, amqp_empty_bytes);
        case AMQP_BASIC_CANCEL_METHOD:
                return amqp_failed(t, "The broker took a queue away");  /* connecting anew declares it again */
        case AMQP_CHANNEL_CLOSE_METHOD:
                return on_closed(t, ((amqp_channel_close_t *) m)->reply_text);
        case AMQP_CONNECTION_CLOSE_METHOD:
                return on_closed(t, ((amqp_connection_close_t *) m)->reply_text);
        default:
                return 0;       /* answers nobody waits for */
        }
}

static int on_frame(Thread *t, const amqp_frame_t *f)
{
        if (f->channel > CHANNEL_CONSUME)
                return broken(t);

        switch (f->frame_type) {
        case AMQP_FRAME_METHOD:
                return on_method(t, f);
        case AMQP_FRAME_HEADER:
                return on_header(t, f);
        case AMQP_FRAME_BODY:
                return on_body(t, f);
        default:
                return 0;
        }
}

int amqp_receive(Thread *t)
{
        for (;;) {
                struct timeval now = { 0 };
                amqp_frame_t frame;

                amqp_maybe_release_buffers(t->connection);
                int status = amqp_simple_wait_frame_noblock(t->connection, &frame, &now);
                if (status == AMQP_STATUS_TIMEOUT)
                        return 0;

                int r = amqp_check_status(t, status, "receive");
                if (r >= 0)
                        r = on_frame(t, &frame);
                if (r < 0)
                        return r;
        }
}
