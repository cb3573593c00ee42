/* SPDX-License-Identifier: Apache-2.0 */
/* rce-worker: takes jobs from the queue and runs them in sandboxes. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "worker/worker-manager.h"

#define EXIT_USAGE 2
#define NAME_MAX_LENGTH 64

static const char *arg_name = "1";

static int help(void)
{
        puts("rce-worker [OPTIONS]\n\n"
             "Takes jobs from the queue and runs them in sandboxes of the caller's user manager.\n"
             "Started by systemd as rce-worker@NAME.service; configured by /etc/rce/rce.conf.\n\n"
             "Options:\n"
             "  -n, --name NAME  Tells the workers of one host apart (1)\n"
             "  -h, --help       This text\n"
             "      --version    The version\n\n"
             "Examples:\n"
             "  systemctl enable --now rce-worker@1 rce-worker@2\n"
             "  rce-worker --name test");
        return EXIT_SUCCESS;
}

static int usage(const char *words)
{
        fprintf(stderr, "rce-worker: %s; see rce-worker --help\n", words);
        return EXIT_USAGE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        enum { OPTION_VERSION = 256 };
        static const struct option options[] = {
                { "name", required_argument, NULL, 'n' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "n:h", options, NULL)) >= 0;)
                switch (c) {
                case 'n':
                        arg_name = optarg;
                        break;
                case 'h':
                        return help();
                case OPTION_VERSION:
                        puts("rce-worker " RCE_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return EXIT_USAGE;
                }

        if (optind < argc)
                return usage("it takes no operands");
        if (isempty(arg_name) || strlen(arg_name) > NAME_MAX_LENGTH)
                return usage("a name has 1 to 64 bytes");
        return -1;
}

/* Where our user manager is, which a system service is not told. */
static int find_user_manager(void)
{
        char directory[64];

        snprintf(directory, sizeof(directory), "/run/user/%u", getuid());
        return setenv("XDG_RUNTIME_DIR", directory, false) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
        _cleanup_(worker_manager_freep) WorkerManager *m = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        log_set_prefix("rce-worker: ");
        r = find_user_manager();
        if (r >= 0)
                r = worker_manager_new(arg_name, &m, &fault);
        if (r == -EBADMSG)
                log_error("%s", fault.detail);
        else if (r < 0)
                log_error("Cannot start: %s", strerror(-r));
        if (r < 0)
                return EXIT_FAILURE;

        r = worker_manager_run(m);
        if (r < 0)
                log_error("The event loop failed: %s", strerror(-r));
        return r < 0 ? EXIT_FAILURE : r;
}
