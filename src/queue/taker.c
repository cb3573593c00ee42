/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/taker.h"

int taker_init(Taker *t, const TakerOperations *operations, void *userdata, const unsigned levels[], size_t n_queues)
{
        *t = (Taker){ .operations = operations, .userdata = userdata, .n_queues = n_queues };
        t->queues = new0(TakerQueue, n_queues + 1);
        if (!t->queues)
                return -ENOMEM;
        for (size_t i = 0; i < n_queues; i++) {
                t->queues[i].level = levels[i];
                t->level_max = MAX(t->level_max, levels[i]);
        }
        return 0;
}

void taker_done(Taker *t)
{
        t->queues = mfree(t->queues);
        t->n_queues = 0;
}

static void listen_to(Taker *t, size_t i, bool on)
{
        if (t->queues[i].listening == on)
                return;
        if (t->operations->listen(i, on, t->userdata) >= 0)
                t->queues[i].listening = on;
}

/* The first queue that may have something; n_queues when none has. */
static size_t find_queue(const Taker *t)
{
        for (unsigned level = t->level_max + 1; level-- > 0;)
                for (size_t k = 0; k < t->n_queues; k++) {
                        size_t i = (t->next + k) % t->n_queues;

                        if (t->queues[i].level == level && !t->queues[i].empty)
                                return i;
                }
        return t->n_queues;
}

/* No more is asked for than there is room. */
static void take(Taker *t)
{
        while (t->connected && t->getting < t->room) {
                size_t i = find_queue(t);

                if (i == t->n_queues || t->operations->get(i, t->userdata) < 0)
                        break;
                t->getting++;
        }

        for (size_t i = 0; i < t->n_queues; i++)
                listen_to(t, i, t->connected && t->room > 0 && t->queues[i].empty);
}

void taker_set_room(Taker *t, unsigned room)
{
        /* What was empty a while ago may not be so now, and while nobody listened nobody was told. */
        for (size_t i = 0; i < t->n_queues && t->room == 0; i++)
                t->queues[i].empty = false;
        t->room = room;
        take(t);
}

void taker_on_connected(Taker *t, bool connected)
{
        t->connected = connected;
        for (size_t i = 0; i < t->n_queues; i++)
                t->queues[i].empty = false;
        take(t);
}

static bool use_room(Taker *t)
{
        if (t->room == 0)
                return false;
        t->room--;
        return true;
}

/* Where one was there may be more. */
bool taker_on_ring(Taker *t, size_t queue)
{
        bool welcome = use_room(t);

        t->queues[queue].empty = false;
        listen_to(t, queue, false);
        take(t);
        return welcome;
}

bool taker_on_got(Taker *t, size_t queue)
{
        bool welcome = use_room(t);

        t->getting--;
        t->next = queue + 1;
        take(t);
        return welcome;
}

void taker_on_empty(Taker *t, size_t queue)
{
        t->getting--;
        t->queues[queue].empty = true;
        take(t);
}

void taker_on_failed(Taker *t)
{
        t->getting--;
}
