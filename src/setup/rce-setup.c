/* SPDX-License-Identifier: Apache-2.0 */
/* rce-setup: makes what the servers of this host need to have for us, as far as it is missing. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/log.h"
#include "basic/parse-util.h"
#include "build-config.h"
#include "setup/setup.h"

#define EXIT_USAGE 2

static const char *arg_config = NULL;
static usec_t arg_timeout_usec = 30 * USEC_PER_SEC;

static int help(void)
{
        puts("rce-setup [OPTIONS]\n\n"
             "Makes what an installed engine needs of the servers on this host, as far as it is\n"
             "missing: the database, the broker's user and virtual host, the bucket. Started by\n"
             "systemd as rce-setup.service; configured by /etc/rce/rce.conf.\n\n"
             "Options:\n"
             "  -c, --config DIRECTORY  Where rce.conf is (/etc/rce)\n"
             "  -t, --timeout TIME      How long to wait for servers that are starting (30s)\n"
             "  -h, --help              This text\n"
             "      --version           The version\n\n"
             "Examples:\n"
             "  systemctl restart rce-setup.service\n"
             "  /usr/libexec/rce/rce-setup --timeout 5s");
        return ferror(stdout) || fflush(stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int usage(const char *words)
{
        fprintf(stderr, "rce-setup: %s; see rce-setup --help\n", words);
        return EXIT_USAGE;
}

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        enum { OPTION_VERSION = 256 };
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "timeout", required_argument, NULL, 't' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "c:t:h", options, NULL)) >= 0;)
                switch (c) {
                case 'c':
                        arg_config = optarg;
                        break;
                case 't':
                        if (parse_usec(optarg, &arg_timeout_usec) < 0)
                                return usage("--timeout is a time, such as 30s");
                        break;
                case 'h':
                        return help();
                case OPTION_VERSION:
                        puts("rce-setup " RCE_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return EXIT_USAGE;
                }
        return optind < argc ? usage("it takes no operands") : -1;
}

/* What one step lacks does not keep the others from being done. */
static int run(const Config *config)
{
        const Setup s = { config, usec_add(now_usec(CLOCK_MONOTONIC), arg_timeout_usec) };
        bool failed = false;

        failed |= setup_broker(&s) < 0;
        failed |= setup_database(&s) < 0;
        failed |= setup_blobs(&s) < 0;
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        _cleanup_(config_done) Config config = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };

        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        log_set_prefix("rce-setup: ");
        r = config_load(arg_config, &config, &fault);
        if (r < 0) {
                (void) setup_failed(r, &fault);
                return EXIT_FAILURE;
        }
        return run(&config);
}
