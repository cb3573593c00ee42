/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator: so many clients, each on a connection that is kept, each asking again as soon as it has its answer.
 *
 *      load --port PORT --clients N [--seconds N] [--bucket NAME --keys FILE]
 *
 * submits programs to rce-api, or puts the same bytes into a bucket; the file has an access key and a secret one on a line
 * each. Prints one JSON object. An answer that is neither "accepted" nor "come again later" counts as a failure, and
 * "later" as one too: the load is one that should be carried. It takes few cycles itself, and says how many. */
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "tests/bench/load.h"

#define ANSWER_MAX 8192
#define GRACE_USEC (30 * USEC_PER_SEC)   /* for the answers to the last requests */

typedef struct Load Load;

typedef struct Client {
        Load *load;
        int fd;
        Buffer request;
        char answer[ANSWER_MAX];
        size_t n_answer;
        usec_t sent_usec;                /* 0: no request is on its way */
} Client;

struct Load {
        Target target;
        uint16_t port;
        size_t n_clients, n_busy;
        Client *clients;
        int epoll_fd;
        usec_t begin_usec, end_usec;

        uint32_t *latencies;             /* in microseconds */
        size_t n_latencies, n_allocated;
        uint64_t n_failed, n_later;
        char first_failure[128];
};

static int client_fail(Client *c, const char *what)
{
        Load *l = c->load;

        if (l->n_failed++ == 0)
                (void) snprintf(l->first_failure, sizeof(l->first_failure), "%.*s", (int) strcspn(what, "\r\n"), what);
        return -EIO;
}

static int client_connect(Client *c)
{
        const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(c->load->port),
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        int one = 1;

        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (const struct sockaddr *) &address, sizeof(address)) < 0 ||
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
                return -errno;
        return epoll_ctl(c->load->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0 ? -errno : 0;
}

/* A request is far smaller than a socket's buffer, and the one before has been answered: it goes at once. */
static int client_send(Client *c)
{
        int r = target_next(&c->load->target, &c->request);

        if (r < 0)
                return r;
        c->n_answer = 0;
        c->sent_usec = now_usec(CLOCK_MONOTONIC);
        r = write_full(c->fd, c->request.data, c->request.size);
        if (r >= 0)
                c->load->n_busy++;
        return r;
}

static int count(Client *c, usec_t now)
{
        Load *l = c->load;
        int r = GROW_ARRAY(l->latencies, l->n_allocated, l->n_latencies + 1);
        int status = 0;

        if (r < 0)
                return r;
        l->latencies[l->n_latencies++] = (uint32_t) (now - c->sent_usec);
        if (sscanf(c->answer, "HTTP/1.1 %d", &status) == 1 && (status == 429 || status == 503))
                l->n_later++;
        if (status != 200 && status != 202)
                (void) client_fail(c, c->answer);
        return 0;
}

/* Whether the whole answer is here; all that we are told has a length. */
static int answer_is_whole(Client *c)
{
        uint64_t length = 0;

        c->answer[c->n_answer] = '\0';
        const char *end = strstr(c->answer, "\r\n\r\n");
        if (!end)
                return c->n_answer == ANSWER_MAX - 1 ? client_fail(c, "An answer without an end") : 0;
        const char *field = strcasestr(c->answer, "\r\nContent-Length: ");
        if (!field || field > end || sscanf(field, "%*[^:]: %" SCNu64, &length) != 1)
                return client_fail(c, "An answer without a length");
        return c->n_answer >= (size_t) (end + STRLEN("\r\n\r\n") - c->answer) + length;
}

static int client_read(Client *c)
{
        Load *l = c->load;
        ssize_t n = recv(c->fd, c->answer + c->n_answer, ANSWER_MAX - 1 - c->n_answer, MSG_DONTWAIT);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : client_fail(c, strerror(errno));
        if (n == 0)
                return client_fail(c, "The server closed the connection");
        c->n_answer += (size_t) n;

        int r = answer_is_whole(c);
        if (r <= 0)
                return r;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        l->n_busy--;
        r = count(c, now);
        return r < 0 || now >= l->end_usec ? r : client_send(c);
}

static int run(Load *l)
{
        struct epoll_event events[64];

        for (size_t i = 0; i < l->n_clients; i++) {
                l->clients[i].load = l;
                int r = client_connect(&l->clients[i]);
                if (r < 0)
                        return r;
        }

        usec_t length_usec = l->end_usec;
        l->begin_usec = now_usec(CLOCK_MONOTONIC);
        l->end_usec = l->begin_usec + length_usec;
        for (size_t i = 0; i < l->n_clients; i++) {
                int r = client_send(&l->clients[i]);
                if (r < 0)
                        return r;
        }
        while (l->n_busy > 0) {
                int n = epoll_wait(l->epoll_fd, events, ELEMENTSOF(events), (int) (GRACE_USEC / USEC_PER_MSEC));

                if (n == 0)
                        return -ETIMEDOUT;
                for (int i = 0; i < n; i++) {
                        int r = client_read(events[i].data.ptr);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

static usec_t cpu_usec(void)
{
        struct rusage u;

        (void) getrusage(RUSAGE_SELF, &u);
        return (usec_t) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * USEC_PER_SEC +
               (usec_t) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void report(const Load *l)
{
        double seconds = (double) (now_usec(CLOCK_MONOTONIC) - l->begin_usec) / (double) USEC_PER_SEC;
        size_t n = l->n_latencies;

        qsort(l->latencies, n, sizeof(uint32_t), compare);
        printf("{\"clients\": %zu, \"requests\": %zu, \"seconds\": %.3f, \"per_second\": %.1f, \"p50_msec\": %.3f, "
               "\"p99_msec\": %.3f, \"max_msec\": %.3f, \"failed\": %" PRIu64 ", \"later\": %" PRIu64 ", \"cpu_seconds\": %.3f}\n",
               l->n_clients, n, seconds, (double) n / seconds, l->latencies[n / 2] / 1000.0,
               l->latencies[n * 99 / 100] / 1000.0, l->latencies[n - 1] / 1000.0, l->n_failed, l->n_later,
               (double) cpu_usec() / (double) USEC_PER_SEC);
}

static int read_keys(Load *l, const char *path)
{
        char *keys;
        size_t size;
        int r = read_file(path, 4096, &keys, &size);

        if (r < 0)
                return r;
        /* They are held until the end. */
        l->target.access_key = strtok(keys, "\n");
        l->target.secret_key = strtok(NULL, "\n");
        return l->target.access_key && l->target.secret_key ? 0 : -EINVAL;
}

static int parse_argv(Load *l, int argc, char **argv)
{
        static const struct option options[] = {
                { "port", required_argument, NULL, 'p' },   { "clients", required_argument, NULL, 'c' },
                { "seconds", required_argument, NULL, 's' }, { "bucket", required_argument, NULL, 'b' },
                { "keys", required_argument, NULL, 'k' },   { 0 },
        };
        uint64_t port = 0, clients = 0;
        int option, r = 0;

        l->end_usec = 5 * USEC_PER_SEC;
        while (r >= 0 && (option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (option) {
                case 'p':
                        r = parse_uint64(optarg, &port);
                        break;
                case 'c':
                        r = parse_uint64(optarg, &clients);
                        break;
                case 's':
                        r = parse_usec(optarg, &l->end_usec);
                        break;
                case 'b':
                        l->target.bucket = optarg;
                        break;
                case 'k':
                        r = read_keys(l, optarg);
                        break;
                default:
                        r = -EINVAL;
                }
        if (r < 0 || optind < argc || port < 1 || port > UINT16_MAX || clients < 1 || clients > 10000 ||
            (l->target.bucket && !l->target.secret_key))
                return r < 0 ? r : -EINVAL;
        l->port = (uint16_t) port;
        l->n_clients = clients;
        return 0;
}

int main(int argc, char **argv)
{
        Load l = { .target.region = "us-east-1" };
        char host[32];

        int r = parse_argv(&l, argc, argv);
        if (r < 0) {
                fprintf(stderr, "usage: load --port PORT --clients N [--seconds N] [--bucket NAME --keys FILE]\n");
                return 2;
        }
        (void) snprintf(host, sizeof(host), "127.0.0.1:%u", l.port);
        l.target.host = host;
        l.clients = new0(Client, l.n_clients);
        l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (!l.clients || l.epoll_fd < 0 || getrandom(&l.target.run, sizeof(l.target.run), 0) < 0)
                return 1;

        r = run(&l);
        if (l.n_failed > 0)
                fprintf(stderr, "load: %" PRIu64 " failed; the first: %s\n", l.n_failed, l.first_failure);
        else if (r < 0)
                fprintf(stderr, "load: %s\n", strerror(-r));
        if (l.n_latencies > 0)
                report(&l);
        return r < 0 || l.n_failed > 0;
}
