/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: global options, the table of verbs, and what all verbs say in the same way. */
#include "ctl/ctl.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "build-config.h"

bool arg_quiet = false;
bool arg_json = false;

typedef struct Verb {
        const char *name;
        const char *synopsis;
        const char *help;
        int (*function)(int argc, char **argv);
} Verb;

static const Verb verbs[] = {
        { "run", "FILE|-", "Run a program in a sandbox, its output live", verb_run },
        { "submit", "FILE|-", "Submit a program, and print the id of its job", verb_submit },
        { "status", "JOB", "How a job is, and how it ended", verb_status },
        { "logs", "JOB", "What a job has printed, and prints", verb_logs },
        { "cancel", "JOB...", "Cancel jobs that wait or run", verb_cancel },
        { "list", "", "The jobs, newest first", verb_list },
        { "workers", "", "Who runs the jobs", verb_workers },
        { "queue", "", "How many jobs wait, and for how long", verb_queue },
        { "journal", "JOB", "All that this host's journal knows of a job", verb_journal },
        { "lint", "FILE...", "Show what the linter finds in programs", verb_lint },
        { "language", "list | show NAME", "The languages, and what will really run", verb_language },
        { "image", "list | build | load", "The images the sandboxes are made from", verb_image },
        { "doctor", "", "What this host lacks, and how to mend it", verb_doctor },
        { "db", "migrate | status", "The schema of the database", verb_db },
};

static const struct {
        int code;
        const char *text;
} exit_codes[] = {
#define CTL_EXIT_ROW(name, value, text) { value, text },
        CTL_EXIT_TABLE(CTL_EXIT_ROW)
#undef CTL_EXIT_ROW
};

static int help(void)
{
        puts("rcectl [OPTIONS] VERB …\n\n"
             "Runs untrusted programs in sandboxes that are made for one run and thrown away.\n\n"
             "Verbs:");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %-9s %-20s %s\n", verbs[i].name, verbs[i].synopsis, verbs[i].help);

        puts("\nOptions:\n" CTL_HELP_COMMON "      --version           Show the version\n\n"
             "Exit codes (of `run`: the program's own, unless it did not end by itself):");
        for (size_t i = 0; i < ELEMENTSOF(exit_codes); i++)
                printf("  %-9d %s\n", exit_codes[i].code, exit_codes[i].text);
        printf("  %-9s run: the program died of signal N\n", "128+N");

        puts("\nExamples:\n"
             "  rcectl run hello.py              Run it; its exit code is rcectl's\n"
             "  rcectl run --help                All about limits, input and arguments\n"
             "  rcectl logs -f $(rcectl submit hello.py)\n"
             "  rcectl doctor                    When something does not work\n\n"
             "See also the man page rcectl(1).");
        return CTL_EXIT_OK;
}

int ctl_config(const Config **ret, Fault *reterr_fault)
{
        static Config config;
        static bool loaded = false;

        if (!loaded) {
                int r = config_load(NULL, &config, reterr_fault);
                if (r < 0)
                        return r;
                loaded = true;
        }
        *ret = &config;
        return 0;
}

int ctl_usage(const char *verb, const char *format, ...)
{
        if (format) {
                va_list ap;

                fprintf(stderr, "rcectl%s%s: ", verb ? " " : "", verb ? verb : "");
                va_start(ap, format);
                vfprintf(stderr, format, ap);
                va_end(ap);
                fputc('\n', stderr);
        }
        fprintf(stderr, "Try 'rcectl%s%s --help'.\n", verb ? " " : "", verb ? verb : "");
        return CTL_EXIT_USAGE;
}

void ctl_progress(const char *format, ...)
{
        va_list ap;

        if (arg_quiet)
                return;

        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
}

bool ctl_colour(int fd)
{
        const char *term = getenv("TERM");

        return isempty(getenv("NO_COLOR")) && term && !streq(term, "dumb") && isatty(fd) > 0;
}

static int exit_of_fault(const Fault *fault)
{
        switch (fault->code) {
        case FAULT_INVALID_REQUEST:
                return CTL_EXIT_USAGE;
        case FAULT_TOO_LARGE:
                /* The program's text, or else something of the command line. */
                return fault->field && streq(fault->field, "source") ? CTL_EXIT_REJECTED : CTL_EXIT_USAGE;
        case FAULT_INVALID_SOURCE:
                return CTL_EXIT_REJECTED;
        case FAULT_UNKNOWN_LANGUAGE:
                return CTL_EXIT_NOT_FOUND;
        default:
                return CTL_EXIT_ENGINE;
        }
}

int ctl_report(int error, const Fault *fault, const char *what)
{
        const char *separator = what ? ": " : "";

        if (error == -EBADMSG && fault && fault->detail) {
                log_error("%s%s%s", what ? what : "", separator, fault->detail);
                return exit_of_fault(fault);
        }

        log_error("%s%s%s", what ? what : "", separator, strerror(-error));
        return error == -ENOENT ? CTL_EXIT_NOT_FOUND : CTL_EXIT_ENGINE;
}

int ctl_exit_of_result(const JobResult *result)
{
        switch (result->verdict) {
        case JOB_VERDICT_TIME_LIMIT:
                return CTL_EXIT_TIME_LIMIT;
        case JOB_VERDICT_MEMORY_LIMIT:
                return CTL_EXIT_MEMORY_LIMIT;
        case JOB_VERDICT_OUTPUT_LIMIT:
                return CTL_EXIT_OUTPUT_LIMIT;
        case JOB_VERDICT_REJECTED:
                return CTL_EXIT_REJECTED;
        case JOB_VERDICT_CANCELLED:
                return CTL_EXIT_INTERRUPTED;
        case JOB_VERDICT_INTERNAL_ERROR:
                return CTL_EXIT_ENGINE;
        default:
                return result->signal > 0 ? CTL_EXIT_SIGNAL + result->signal : MAX(result->exit_code, 0);
        }
}

static const Verb *find_verb(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

/* Returns -1 to go on with the verb at optind, else the exit code. */
static int parse_argv(int argc, char **argv)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "quiet", no_argument, NULL, 'q' },
                { "version", no_argument, NULL, CTL_OPTION_COMMON },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "+hq", options, NULL)) >= 0;)
                switch (c) {
                case 'h':
                        return help();
                case 'q':
                        arg_quiet = true;
                        break;
                case CTL_OPTION_COMMON:
                        puts("rcectl " RCE_VERSION);
                        return CTL_EXIT_OK;
                default:
                        return ctl_usage(NULL, NULL);
                }
        return -1;
}

static int run_verb(int argc, char **argv)
{
        int r = parse_argv(argc, argv);
        if (r >= 0)
                return r;

        if (optind >= argc)
                return ctl_usage(NULL, "a verb is missing");
        if (streq(argv[optind], "help"))
                return help();

        const Verb *verb = find_verb(argv[optind]);
        if (!verb)
                return ctl_usage(NULL, "there is no verb '%s'", argv[optind]);

        _cleanup_(freep) char *name = format_string("rcectl %s", verb->name);
        if (!name)
                return log_oom();

        argv[optind] = name;
        argc -= optind;
        argv += optind;
        optind = 0;     /* glibc: begin anew, and permute operands again */
        return verb->function(argc, argv);
}

/* Whoever started us may have closed some; a file of ours must not take the place of a standard stream. */
static int open_missing_streams(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd < 0)
                return -errno;
        (void) close(fd);
        return 0;
}

int main(int argc, char **argv)
{
        log_set_prefix("rcectl: ");
        if (open_missing_streams() < 0)
                return CTL_EXIT_ENGINE;

        if (argc > 0)
                argv[0] = (char *) "rcectl";

        int r = run_verb(argc, argv);
        if (r < 0)
                r = CTL_EXIT_ENGINE;

        if (fflush(stdout) != 0 || ferror(stdout)) {
                log_error("Failed to write the output: %s", strerror(errno));
                return CTL_EXIT_ENGINE;
        }
        return r;
}
