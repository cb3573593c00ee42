/* SPDX-License-Identifier: Apache-2.0 */
/* How results find their statement: libpq gives them back in the order the statements went out. Behind each statement a
 * Sync is sent, which makes it a transaction of its own and marks where its results end, also after an error. So there
 * are two queues, of what waits and of what is on its way, and the head of the second one is whom the next result is for.
 *
 * Known traps: the socket may change at every step of connecting, so it is watched anew at each; a name that needs DNS
 * blocks in PQconnectStart(), so hosts are given as addresses or socket directories. */
#include "pg/pg.h"

#include <endian.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

#define RECONNECT_MIN_USEC (100 * USEC_PER_MSEC)
#define RECONNECT_MAX_USEC (5 * USEC_PER_SEC)
#define CONNECT_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define IN_FLIGHT_MAX 256
#define REFUSALS_MAX 3                   /* of a statement the server sends back for reasons of its own */
#define PREPARED_NAME_MAX 64
#define PG_EPOCH_USEC (UINT64_C(946684800) * USEC_PER_SEC)

struct PgQuery {
        TAILQ_ENTRY(PgQuery) entry;
        const PgStatement *statement;
        PgParameters parameters;
        PgCallback callback;             /* NULL: nobody waits any more */
        void *userdata;
        usec_t queued_usec, sent_usec;   /* sent_usec is 0 until it is sent for the first time */
        unsigned refusals;
        unsigned serial;                 /* of the preparation it uses */
        bool prepares;                   /* that preparation was sent along with it */
        PGresult *result;                /* the last one that came, kept until its Sync */
        bool again;                      /* the server's refusal is a matter of trying again */
};

typedef TAILQ_HEAD(PgQueue, PgQuery) PgQueue;

/* A statement as this connection knows it. The serial is part of its name there, so that preparing it anew, when its plan
 * has become stale, does not meet the old one. */
typedef struct Prepared {
        const PgStatement *statement;
        unsigned serial;
} Prepared;

typedef enum PgState { PG_DOWN, PG_CONNECTING, PG_SETTING_UP, PG_READY } PgState;

struct PgConnection {
        sd_event *event;
        char *conninfo, *password, *setup;
        size_t queue_max;
        usec_t patience_usec;
        void (*on_state)(bool connected, const char *why, void *userdata);
        void *userdata;

        PgState state;
        PGconn *conn;
        sd_event_source *io, *timer, *patience, *kick;
        usec_t backoff_usec;
        char *why;                       /* it is down, as told last */

        PgQueue waiting, in_flight;
        Prepared *prepared;
        size_t n_prepared, n_prepared_allocated;
        unsigned last_serial;
        PgCounters counters;
};

/* What a callback sees is libpq's own result. */
static const PGresult *unwrap(const PgResult *r)
{
        return (const PGresult *) r;
}

static void flush(PgConnection *c);
static void lose(PgConnection *c, const char *why);

/* --- queries ------------------------------------------------------------------------------------------------------- */

static void query_free(PgQuery *q)
{
        pg_parameters_done(&q->parameters);
        PQclear(q->result);
        free(q);
}

/* The query must be off its queue already: the callback may do as it likes. */
static void query_finish(PgConnection *c, PgQuery *q, int error)
{
        if (error < 0)
                c->counters.failures++;
        if (q->callback)
                q->callback(error, (const PgResult *) q->result, q->userdata);
        query_free(q);
}

static void fail_all(PgConnection *c, PgQueue *queue, uint64_t *counter, int error)
{
        PgQuery *q;

        while ((q = TAILQ_FIRST(queue))) {
                TAILQ_REMOVE(queue, q, entry);
                (*counter)--;
                query_finish(c, q, error);
        }
}

/* Back to the head of the line, as if it had not been sent. */
static void send_back(PgConnection *c, PgQuery *q)
{
        PQclear(q->result);
        q->result = NULL;
        q->again = false;
        TAILQ_INSERT_HEAD(&c->waiting, q, entry);
        c->counters.waiting++;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static const Prepared *find_prepared(const PgConnection *c, const PgStatement *statement)
{
        for (size_t i = 0; i < c->n_prepared; i++)
                if (c->prepared[i].statement == statement)
                        return &c->prepared[i];
        return NULL;
}

/* The preparation this query used is of no use any more. */
static void unprepare(PgConnection *c, const PgQuery *q)
{
        for (size_t i = 0; i < c->n_prepared; i++)
                if (c->prepared[i].serial == q->serial) {
                        c->prepared[i] = c->prepared[--c->n_prepared];
                        return;
                }
}

static void prepared_name(char buf[static PREPARED_NAME_MAX], const PgStatement *statement, unsigned serial)
{
        (void) snprintf(buf, PREPARED_NAME_MAX, "%.48s.%u", statement->name, serial);
}

static int send_prepare(PgConnection *c, PgQuery *q)
{
        Oid types[PG_PARAMETERS_MAX];
        char name[PREPARED_NAME_MAX];

        for (size_t i = 0; i < q->parameters.n; i++)
                types[i] = (Oid) q->parameters.values[i].type;

        int r = GROW_ARRAY(c->prepared, c->n_prepared_allocated, c->n_prepared + 1);
        if (r < 0)
                return r;

        q->serial = ++c->last_serial;
        prepared_name(name, q->statement, q->serial);
        if (!PQsendPrepare(c->conn, name, q->statement->sql, (int) q->parameters.n, types))
                return -EIO;

        c->prepared[c->n_prepared++] = (Prepared){ q->statement, q->serial };
        return 0;
}

static int send_query(PgConnection *c, PgQuery *q)
{
        const char *values[PG_PARAMETERS_MAX];
        int sizes[PG_PARAMETERS_MAX], formats[PG_PARAMETERS_MAX];
        const PgParameters *p = &q->parameters;
        const Prepared *prepared = find_prepared(c, q->statement);
        char name[PREPARED_NAME_MAX];

        q->prepares = !prepared;
        if (prepared) {
                q->serial = prepared->serial;
        } else {
                int r = send_prepare(c, q);
                if (r < 0)
                        return r;
        }

        for (size_t i = 0; i < p->n; i++) {
                bool null = p->values[i].size < 0;

                /* An empty value at the very end of the bytes has no address when there are none. */
                values[i] = null ? NULL : p->bytes.data ? p->bytes.data + p->values[i].offset : "";
                sizes[i] = null ? 0 : p->values[i].size;
                formats[i] = 1;
        }

        prepared_name(name, q->statement, q->serial);
        return PQsendQueryPrepared(c->conn, name, (int) p->n, values, sizes, formats, 1) && PQpipelineSync(c->conn) ? 0
                                                                                                                   : -EIO;
}

/* Sends what waits, as far as the socket takes it, and watches for what the socket can do next. */
static void flush(PgConnection *c)
{
        int pending = PQflush(c->conn);
        PgQuery *q;

        while (pending == 0 && c->counters.in_flight < IN_FLIGHT_MAX && (q = TAILQ_FIRST(&c->waiting))) {
                TAILQ_REMOVE(&c->waiting, q, entry);
                TAILQ_INSERT_TAIL(&c->in_flight, q, entry);
                c->counters.waiting--;
                c->counters.in_flight++;
                if (q->sent_usec > 0)
                        c->counters.repeats++;
                q->sent_usec = now_usec(CLOCK_MONOTONIC);
                pending = send_query(c, q) < 0 ? -1 : PQflush(c->conn);
        }

        if (pending < 0) {
                lose(c, PQerrorMessage(c->conn));
                return;
        }
        (void) sd_event_source_set_io_events(c->io, EPOLLIN | (pending > 0 ? EPOLLOUT : 0));
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

/* Refusals that say nothing about the statement: the plan is stale, or another transaction was in the way. */
static bool try_again(PgConnection *c, PgQuery *q, const char *state)
{
        if (streq(state, "26000") || streq(state, "0A000")) {
                unprepare(c, q);
                return true;
        }
        /* These roll back, so it may be sent again whatever it does. */
        return streq(state, "40001") || streq(state, "40P01");
}

static void take_result(PgConnection *c, PgQuery *q, PGresult *result)
{
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

        switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
                /* The answer to a Prepare comes first and is replaced by the statement's own. */
                break;
        case PGRES_PIPELINE_ABORTED:
                PQclear(result);        /* follows the refusal we have */
                return;
        default:
                if (state && q->refusals < REFUSALS_MAX && try_again(c, q, state))
                        q->again = true;
                else if (q->prepares && !q->result)
                        unprepare(c, q);        /* it could not even be prepared */
        }

        PQclear(q->result);
        q->result = result;
}

/* Everything for the head has arrived. */
static void complete_head(PgConnection *c)
{
        PgQuery *q = TAILQ_FIRST(&c->in_flight);
        ExecStatusType status = PQresultStatus(q->result);

        TAILQ_REMOVE(&c->in_flight, q, entry);
        c->counters.in_flight--;
        c->counters.busy_usec += now_usec(CLOCK_MONOTONIC) - q->sent_usec;

        if (q->again) {
                q->refusals++;
                send_back(c, q);
                return;
        }
        query_finish(c, q, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : -EBADMSG);
}

static void receive(PgConnection *c)
{
        if (!PQconsumeInput(c->conn)) {
                lose(c, PQerrorMessage(c->conn));
                return;
        }

        while (c->state == PG_READY && !TAILQ_EMPTY(&c->in_flight) && !PQisBusy(c->conn)) {
                PGresult *result = PQgetResult(c->conn);

                if (PQstatus(c->conn) == CONNECTION_BAD) {
                        PQclear(result);
                        lose(c, PQerrorMessage(c->conn));
                        return;
                }
                if (!result)
                        continue;
                if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
                        PQclear(result);
                        complete_head(c);
                } else {
                        take_result(c, TAILQ_FIRST(&c->in_flight), result);
                }
        }
}

/* --- connecting ---------------------------------------------------------------------------------------------------- */

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

/* Says how it is, unless that is what was said last. */
static void tell(PgConnection *c, bool connected, const char *why)
{
        if (connected)
                c->why = mfree(c->why);
        else if ((c->why && streq(c->why, why)) || free_and_strdup(&c->why, why) < 0)
                return;

        if (c->on_state)
                c->on_state(connected, why, c->userdata);
}

/* Half to all of it, so that those who lost the same server do not come back in step. */
static usec_t jitter(usec_t usec)
{
        uint64_t random = 0;

        (void) getrandom(&random, sizeof(random), GRND_NONBLOCK);
        return usec / 2 + random % (usec / 2);
}

static void arm(sd_event_source *timer, usec_t in_usec)
{
        (void) sd_event_source_set_time(timer, usec_add(now_usec(CLOCK_MONOTONIC), in_usec));
        (void) sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* Gives the connection up. What was on its way goes out again if that is harmless, and is in doubt otherwise. */
static void lose(PgConnection *c, const char *why)
{
        _cleanup_(freep) char *reason = strdup(why ? why : "");
        PgQueue in_doubt = TAILQ_HEAD_INITIALIZER(in_doubt);
        PgQuery *q;

        c->state = PG_DOWN;
        c->io = sd_event_source_disable_unref(c->io);
        PQfinish(c->conn);
        c->conn = NULL;
        c->n_prepared = 0;

        c->backoff_usec = MIN(MAX(c->backoff_usec * 2, (usec_t) RECONNECT_MIN_USEC), (usec_t) RECONNECT_MAX_USEC);
        arm(c->timer, jitter(c->backoff_usec));

        while ((q = TAILQ_LAST(&c->in_flight, PgQueue))) {
                TAILQ_REMOVE(&c->in_flight, q, entry);
                c->counters.in_flight--;
                if (q->statement->repeatable)
                        send_back(c, q);
                else
                        TAILQ_INSERT_HEAD(&in_doubt, q, entry);
        }

        /* The patience of those who wait is looked at once the callbacks are through. */
        (void) sd_event_source_set_enabled(c->kick, SD_EVENT_ONESHOT);
        tell(c, false, reason ? strstrip(reason) : "");
        while ((q = TAILQ_FIRST(&in_doubt))) {
                TAILQ_REMOVE(&in_doubt, q, entry);
                query_finish(c, q, -ECONNRESET);
        }
}

/* A pipeline must not write notices to our stderr. */
static void ignore_notice(void *userdata, const PGresult *notice)
{
}

/* libpq closes a broken socket before we hear of it. Then it is too late to take it out of the epoll set, and if a child
 * process that is just being started holds a copy for a moment, it stays there and tells of a source that is no more. So
 * what is watched is a descriptor of our own. */
static int watch_socket(PgConnection *c, uint32_t events)
{
        c->io = sd_event_source_disable_unref(c->io);

        _cleanup_(closep) int fd = fcntl(PQsocket(c->conn), F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;

        int r = sd_event_add_io(c->event, &c->io, fd, events, on_io, c);
        if (r < 0)
                return r;
        r = sd_event_source_set_io_fd_own(c->io, true);
        if (r < 0)
                return r;
        TAKE_FD(fd);
        return 0;
}

static void begin_connecting(PgConnection *c)
{
        /* Those before dbname, which is the conninfo, may be set otherwise there. The timeouts are for a network that
         * went away without saying so. */
        static const char *const keywords[] = { "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
                                                "keepalives_count", "application_name", "dbname",
                                                "client_encoding",  "password",         NULL };
        const char *const values[] = { "15000", "10", "5", "3", program_invocation_short_name, c->conninfo,
                                       "UTF8",  c->password, NULL };

        c->state = PG_CONNECTING;
        c->conn = PQconnectStartParams(keywords, values, 1);
        if (!c->conn || PQstatus(c->conn) == CONNECTION_BAD || watch_socket(c, EPOLLOUT) < 0) {
                lose(c, c->conn ? PQerrorMessage(c->conn) : "Out of memory");
                return;
        }
        (void) PQsetNoticeReceiver(c->conn, ignore_notice, NULL);
        arm(c->timer, CONNECT_TIMEOUT_USEC);
}

static void become_ready(PgConnection *c)
{
        if (!PQenterPipelineMode(c->conn)) {
                lose(c, PQerrorMessage(c->conn));
                return;
        }
        c->state = PG_READY;
        c->backoff_usec = 0;
        (void) sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
        c->counters.connects++;
        tell(c, true, "");
        flush(c);
}

static void begin_setup(PgConnection *c)
{
        if (PQsetnonblocking(c->conn, 1) < 0 || watch_socket(c, EPOLLIN) < 0) {
                lose(c, PQerrorMessage(c->conn));
                return;
        }
        if (!c->setup) {
                become_ready(c);
                return;
        }

        c->state = PG_SETTING_UP;
        if (!PQsendQuery(c->conn, c->setup) || PQflush(c->conn) < 0)
                lose(c, PQerrorMessage(c->conn));
}

static void continue_setup(PgConnection *c)
{
        if (!PQconsumeInput(c->conn) || PQflush(c->conn) < 0) {
                lose(c, PQerrorMessage(c->conn));
                return;
        }

        while (!PQisBusy(c->conn)) {
                PGresult *result = PQgetResult(c->conn);
                ExecStatusType status = PQresultStatus(result);

                PQclear(result);
                if (!result) {
                        become_ready(c);
                        return;
                }
                if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
                        lose(c, PQerrorMessage(c->conn));
                        return;
                }
        }
}

static void continue_connecting(PgConnection *c)
{
        switch (PQconnectPoll(c->conn)) {
        case PGRES_POLLING_READING:
                if (watch_socket(c, EPOLLIN) < 0)
                        lose(c, "The socket is gone");
                break;
        case PGRES_POLLING_WRITING:
                if (watch_socket(c, EPOLLOUT) < 0)
                        lose(c, "The socket is gone");
                break;
        case PGRES_POLLING_OK:
                begin_setup(c);
                break;
        default:
                lose(c, PQerrorMessage(c->conn));
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        PgConnection *c = userdata;

        switch (c->state) {
        case PG_CONNECTING:
                continue_connecting(c);
                break;
        case PG_SETTING_UP:
                continue_setup(c);
                break;
        case PG_READY:
                if (revents & ~(uint32_t) EPOLLOUT)
                        receive(c);
                if (c->state == PG_READY)
                        flush(c);
                break;
        case PG_DOWN:
                break;
        }
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        PgConnection *c = userdata;

        if (c->state == PG_DOWN)
                begin_connecting(c);
        else if (c->state != PG_READY)
                lose(c, "The server did not answer in time");
        return 0;
}

/* Gives up what has become too old without a connection. */
static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
        PgConnection *c = userdata;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        PgQuery *q;

        while (c->state != PG_READY && (q = TAILQ_FIRST(&c->waiting)) && usec_add(q->queued_usec, c->patience_usec) <= now) {
                TAILQ_REMOVE(&c->waiting, q, entry);
                c->counters.waiting--;
                query_finish(c, q, q->sent_usec > 0 ? -ECONNRESET : -ENOTCONN);
        }

        q = TAILQ_FIRST(&c->waiting);
        if (q && c->state != PG_READY) {
                usec_t due = usec_add(q->queued_usec, c->patience_usec);

                arm(source, due > now ? due - now : 0);
        }
        return 0;
}

static int on_kick(sd_event_source *source, void *userdata)
{
        PgConnection *c = userdata;

        if (c->state == PG_READY)
                flush(c);
        else
                (void) on_patience(c->patience, 0, c);
        return 0;
}

/* --- the outside --------------------------------------------------------------------------------------------------- */

int pg_connection_new(sd_event *event, const PgConnectionParams *p, PgConnection **ret)
{
        _cleanup_(pg_connection_freep) PgConnection *c = new0(PgConnection, 1);
        int r;

        if (!c)
                return -ENOMEM;
        TAILQ_INIT(&c->waiting);
        TAILQ_INIT(&c->in_flight);
        c->event = sd_event_ref(event);
        c->queue_max = p->queue_max;
        c->patience_usec = p->patience_usec;
        c->on_state = p->on_state;
        c->userdata = p->userdata;

        if ((r = free_and_strdup(&c->conninfo, p->conninfo)) < 0 ||
            (r = free_and_strdup(&c->password, p->password)) < 0 || (r = free_and_strdup(&c->setup, p->setup)) < 0 ||
            (r = sd_event_add_time_relative(event, &c->timer, CLOCK_MONOTONIC, 0, 0, on_timer, c)) < 0 ||
            (r = sd_event_add_time(event, &c->patience, CLOCK_MONOTONIC, USEC_INFINITY, 0, on_patience, c)) < 0 ||
            (r = sd_event_add_defer(event, &c->kick, on_kick, c)) < 0 ||
            (r = sd_event_source_set_enabled(c->kick, SD_EVENT_OFF)) < 0)
                return r;

        *ret = TAKE_PTR(c);
        return 0;
}

PgConnection *pg_connection_free(PgConnection *c)
{
        if (!c)
                return NULL;

        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->timer);
        sd_event_source_disable_unref(c->patience);
        sd_event_source_disable_unref(c->kick);
        PQfinish(c->conn);
        c->state = PG_DOWN;
        fail_all(c, &c->in_flight, &c->counters.in_flight, -ECANCELED);
        fail_all(c, &c->waiting, &c->counters.waiting, -ECANCELED);

        sd_event_unref(c->event);
        free(c->prepared);
        free(c->why);
        free(c->conninfo);
        if (c->password)
                explicit_bzero(c->password, strlen(c->password));
        free(c->password);
        free(c->setup);
        return mfree(c);
}

bool pg_connection_ready(const PgConnection *c)
{
        return c->state == PG_READY;
}

const PgCounters *pg_connection_counters(const PgConnection *c)
{
        return &c->counters;
}

int pg_query(PgConnection *c, const PgStatement *statement, PgParameters *parameters, PgCallback callback,
             void *userdata, PgQuery **ret)
{
        _cleanup_(pg_parameters_done) PgParameters taken = TAKE(*parameters, (PgParameters){ 0 });

        if (taken.failed)
                return -ENOMEM;
        if (c->counters.waiting + c->counters.in_flight >= c->queue_max)
                return -ENOBUFS;

        PgQuery *q = new0(PgQuery, 1);
        if (!q)
                return -ENOMEM;
        q->statement = statement;
        q->parameters = TAKE(taken, (PgParameters){ 0 });
        q->callback = callback;
        q->userdata = userdata;
        q->queued_usec = now_usec(CLOCK_MONOTONIC);

        TAILQ_INSERT_TAIL(&c->waiting, q, entry);
        c->counters.waiting++;
        c->counters.queries++;

        /* Sent at the end of this turn, with whatever else comes up in it. */
        (void) sd_event_source_set_enabled(c->kick, SD_EVENT_ONESHOT);
        if (ret)
                *ret = q;
        return 0;
}

void pg_query_forget(PgQuery *q)
{
        q->callback = NULL;
}

/* --- results ------------------------------------------------------------------------------------------------------- */

size_t pg_result_rows(const PgResult *r)
{
        return r ? (size_t) PQntuples(unwrap(r)) : 0;
}

size_t pg_result_affected(const PgResult *r)
{
        return r ? strtoul(PQcmdTuples((PGresult *) unwrap(r)), NULL, 10) : 0;
}

const char *pg_result_state(const PgResult *r)
{
        const char *state = r ? PQresultErrorField(unwrap(r), PG_DIAG_SQLSTATE) : NULL;

        return state ? state : "";
}

const char *pg_result_message(const PgResult *r)
{
        const char *message = r ? PQresultErrorField(unwrap(r), PG_DIAG_MESSAGE_PRIMARY) : NULL;

        return message ? message : "";
}

bool pg_is_null(const PgResult *r, size_t row, unsigned column)
{
        return PQgetisnull(unwrap(r), (int) row, (int) column);
}

const void *pg_get_bytes(const PgResult *r, size_t row, unsigned column, size_t *ret_size)
{
        *ret_size = (size_t) PQgetlength(unwrap(r), (int) row, (int) column);
        return pg_is_null(r, row, column) ? NULL : PQgetvalue(unwrap(r), (int) row, (int) column);
}

bool pg_get_bool(const PgResult *r, size_t row, unsigned column)
{
        return *PQgetvalue(unwrap(r), (int) row, (int) column) != 0;
}

int64_t pg_get_int(const PgResult *r, size_t row, unsigned column)
{
        size_t size;
        const uint8_t *p = pg_get_bytes(r, row, column, &size);
        uint64_t value = p && size > 0 && (p[0] & 0x80) ? UINT64_MAX : 0;

        for (size_t i = 0; p && i < size; i++)
                value = value << 8 | p[i];
        return (int64_t) value;
}

const char *pg_get_text(const PgResult *r, size_t row, unsigned column)
{
        size_t size;
        const char *s = pg_get_bytes(r, row, column, &size);

        /* jsonb begins with the number of its version. */
        return s && PQftype(unwrap(r), (int) column) == PG_JSONB ? s + 1 : s;
}

const uint8_t *pg_get_uuid(const PgResult *r, size_t row, unsigned column)
{
        size_t size;
        const uint8_t *p = pg_get_bytes(r, row, column, &size);

        return size == PG_UUID_SIZE ? p : NULL;
}

usec_t pg_get_time(const PgResult *r, size_t row, unsigned column)
{
        return pg_is_null(r, row, column) ? USEC_INFINITY : (usec_t) pg_get_int(r, row, column) + PG_EPOCH_USEC;
}
