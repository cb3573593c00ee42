/* SPDX-License-Identifier: Apache-2.0 */
/* rce-api: takes jobs over HTTP and tells of them. Its sockets come from the service manager. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/socket.h>

#include "api/api-manager.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "build-config.h"

#define EXIT_USAGE 2
#define NAME_LENGTH_MAX 64
#define STATUS_USEC (5 * USEC_PER_SEC)

static const char *arg_config = NULL;
static const char *arg_name = "api";
static char **arg_languages = NULL;
static const char *arg_policies = NULL;

typedef struct Api {
        Daemon *daemon;
        Manager *manager;
        sd_event_source *timer;
        bool replaced;
} Api;

static void api_done(Api *a)
{
        sd_event_source_disable_unref(a->timer);
        manager_free(a->manager);
        daemon_free(a->daemon);
}

static int help(void)
{
        puts("rce-api [OPTIONS]\n\n"
             "Takes jobs over HTTP and tells of them. Started by systemd for rce-api.socket;\n"
             "configured by /etc/rce/rce.conf.\n\n"
             "Options:\n"
             "  -c, --config DIRECTORY     Where rce.conf is (/etc/rce)\n"
             "  -l, --languages DIRECTORY  Where languages are, instead of the usual places\n"
             "  -p, --policies DIRECTORY   Where lint policies are, instead of the usual places\n"
             "  -n, --name NAME            Tells the rce-api of one host apart (api)\n"
             "  -h, --help                 This text\n"
             "      --version              The version\n\n"
             "Examples:\n"
             "  systemctl enable --now rce-api.socket\n"
             "  systemd-socket-activate -l 127.0.0.1:8000 rce-api");
        return ferror(stdout) || fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(const char *words)
{
        fprintf(stderr, "rce-api: %s; see rce-api --help\n", words);
        return EXIT_USAGE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        enum { OPTION_VERSION = 256 };
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "languages", required_argument, NULL, 'l' },
                { "policies", required_argument, NULL, 'p' },
                { "name", required_argument, NULL, 'n' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "c:l:p:n:h", options, NULL)) >= 0;)
                switch (c) {
                case 'c':
                        arg_config = optarg;
                        break;
                case 'l':
                        if (strv_extend(&arg_languages, optarg) < 0)
                                return EXIT_FAILURE;
                        break;
                case 'p':
                        arg_policies = optarg;
                        break;
                case 'n':
                        arg_name = optarg;
                        break;
                case 'h':
                        return help();
                case OPTION_VERSION:
                        puts("rce-api " RCE_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return EXIT_USAGE;
                }

        if (optind < argc)
                return usage("it takes no operands");
        if (isempty(arg_name) || strlen(arg_name) > NAME_LENGTH_MAX)
                return usage("a name has 1 to 64 bytes");
        return -1;
}

/* --- sockets ------------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
        if (address->ss_family == AF_INET) {
                const struct sockaddr_in *in = (const struct sockaddr_in *) address;

                return ntohl(in->sin_addr.s_addr) >> 24 == 127;
        }
        return address->ss_family == AF_INET6 &&
               IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *) address)->sin6_addr);
}

/* Whoever reaches it may run programs and read everybody's: so far nobody has to say who he is. Through a Unix socket the
 * file's mode decides. */
static int check_socket(int fd)
{
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof(address), int_size = sizeof(int);
        int listening = 0;

        if (getsockname(fd, (struct sockaddr *) &address, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) < 0)
                return log_error_errno(errno, "Descriptor %i is no socket: %s", fd, strerror(errno));
        if (!listening)
                return log_error_errno(EINVAL, "Descriptor %i does not listen", fd);
        if (address.ss_family != AF_UNIX && !is_loopback(&address))
                return log_error_errno(EPERM, "It listens on an address that others can reach, and asks nobody who he is: "
                                              "put a proxy before it that does");
        return 0;
}

static int take_sockets(int *fds, size_t *ret_n)
{
        int n = daemon_listen_fds(fds, LISTEN_FDS_MAX);

        if (n < 0)
                return log_error_errno(n, "Cannot take the sockets: %s", strerror(-n));
        if (n == 0)
                return log_error_errno(ENOTCONN, "There are no sockets: start rce-api.socket");
        for (int i = 0; i < n; i++) {
                int r = check_socket(fds[i]);

                if (r < 0)
                        return r;
        }
        *ret_n = (size_t) n;
        return 0;
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void show_status(Api *a)
{
        char text[256];

        manager_status(a->manager, text, sizeof(text));
        daemon_status(a->daemon, "%s", text);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        show_status(userdata);
        (void) sd_event_source_set_time_relative(source, STATUS_USEC);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static void on_stop(void *userdata)
{
        Api *a = userdata;

        manager_drain(a->manager);
}

static void on_reload(void *userdata)
{
        Api *a = userdata;
        int r = manager_reload(a->manager);

        if (r < 0 && r != -ESTALE)
                log_error_errno(r, "Cannot reload: %s", strerror(-r));
}

static void on_drained(void *userdata)
{
        Api *a = userdata;

        daemon_exit(a->daemon, a->replaced ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void on_replaced(void *userdata)
{
        Api *a = userdata;

        if (a->replaced)
                return;
        log_error("Another rce-api of the name '%s' has started on this host; two need --name", arg_name);
        a->replaced = true;
        manager_drain(a->manager);
}

static int run(Api *a, const Config *config, const int *fds, size_t n_fds, Fault *reterr_fault)
{
        const DaemonCallbacks callbacks = { on_stop, on_reload, a };
        const ManagerParams params = {
                .config = config,
                .name = arg_name,
                .language_directories = arg_languages,
                .policy_directory = arg_policies,
                .listen_fds = fds,
                .n_listen_fds = n_fds,
                .on_drained = on_drained,
                .on_replaced = on_replaced,
                .userdata = a,
        };
        int r;

        if ((r = daemon_new(&callbacks, &a->daemon)) < 0 ||
            (r = manager_new(daemon_event(a->daemon), &params, &a->manager, reterr_fault)) < 0 ||
            (r = sd_event_add_time_relative(daemon_event(a->daemon), &a->timer, CLOCK_MONOTONIC, 0, 0, on_timer, a)) < 0)
                return r;

        daemon_ready(a->daemon);
        return daemon_run(a->daemon);
}

int main(int argc, char **argv)
{
        _cleanup_(config_done) Config config = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(api_done) Api a = { 0 };
        int fds[LISTEN_FDS_MAX];
        size_t n_fds = 0;

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        log_set_prefix("rce-api: ");
        if (take_sockets(fds, &n_fds) < 0)
                return EXIT_FAILURE;
        r = config_load(arg_config, &config, &fault);
        if (r >= 0)
                r = run(&a, &config, fds, n_fds, &fault);
        if (r == -EBADMSG && fault.detail)
                log_error("%s", fault.detail);
        else if (r < 0)
                log_error_errno(r, "Cannot go on: %s", strerror(-r));
        return r < 0 ? EXIT_FAILURE : r;
}
