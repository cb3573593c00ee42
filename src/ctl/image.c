/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/image.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"
#include "ctl/identity.h"
#include "ctl/podman.h"
#include "ctl/process.h"
#include "ctl/view.h"
#include "language/language.h"
#include "shared/json-util.h"

typedef struct Arguments {
        ImageBuild build;
        bool all, missing;
        bool has_build_options;
        char **operands;                 /* behind the sub-verb */
} Arguments;

static int help(void)
{
        puts("rcectl image [OPTIONS] list\n"
             "rcectl image [OPTIONS] build NAME… | --all\n"
             "rcectl image [OPTIONS] load NAME FILE|-\n\n"
             "The images the sandboxes are made from. `build` follows a recipe of this host,\n"
             "`load` takes the tar of a root file system; both make localhost/rce-NAME:latest.\n\n"
             "Options of list:\n"
             "  -j, --json              Print JSON\n\n"
             "Options of build:\n"
             "  -a, --all               Build all there are recipes for\n"
             "      --missing           Leave out those that are there\n"
             "  -o, --output FILE       Write a tar instead, for `load` on another host; - is stdout\n"
             "      --method METHOD     mmdebstrap (default), or containerfile: needs a registry\n"
             "      --suite SUITE       The Debian release, trixie unless told\n"
             "      --mirror URI        A Debian mirror, the one of this host's apt unless told\n\n"
             "Options:\n" CTL_HELP_COMMON "\n"
             "Examples:\n"
             "  rcectl image build python\n"
             "  rcectl image build datascience --output datascience.tar\n"
             "  rcectl image load datascience datascience.tar");
        return CTL_EXIT_OK;
}

static int add_languages(LanguageRegistry *registry, const char *image, struct json_object *row)
{
        struct json_object *names = json_object_new_array();

        int r = json_add(row, "languages", names);
        for (size_t i = 0; i < registry->n_languages && r >= 0; i++) {
                const Language *l = registry->languages[i];

                if (!l->broken.detail && streq(l->image, image))
                        r = json_array_append(names, json_object_new_string(l->name));
        }
        return r;
}

static int add_image(struct json_object *rows, LanguageRegistry *registry, const char *reference, Fault *reterr_fault)
{
        _cleanup_(podman_image_done) PodmanImage image = { 0 };
        _cleanup_(json_putp) struct json_object *row = json_object_new_object();

        if (!row)
                return -ENOMEM;

        int present = podman_image_find(reference, &image, reterr_fault);
        if (present < 0)
                return present;

        int r = json_add_string(row, "image", reference);
        if (r >= 0)
                r = json_add_bool(row, "present", present > 0);
        if (r >= 0)
                r = present > 0 ? json_add_uint(row, "size_bytes", image.size_bytes) :
                                  json_add_string(row, "size_bytes", NULL);
        if (r >= 0)
                r = json_add_string(row, "created", image.created);
        if (r >= 0)
                r = add_languages(registry, reference, row);
        return r < 0 ? r : json_array_append(rows, TAKE_PTR(row));
}

/* 2026-01-31T12:34:56.789Z to 2026-01-31 12:34 */
static int shorten_time(struct json_object *row)
{
        const char *created = view_string(row, "created");
        _cleanup_(freep) char *shorter = created ? strdup(created) : NULL;
        size_t n = STRLEN("2026-01-31T12:34");

        if (!shorter || strlen(shorter) < n)
                return 0;

        shorter[n] = '\0';
        shorter[STRLEN("2026-01-31")] = ' ';
        return json_add_string(row, "created", shorter);
}

static int print_images(struct json_object *rows, const void *userdata)
{
        static const Column columns[] = {
                { "image", "IMAGE" },     { "present", "PRESENT" },     { "size_bytes", "SIZE", COLUMN_SIZE },
                { "created", "CREATED" }, { "languages", "LANGUAGES" },
        };

        for (size_t i = 0; i < json_object_array_length(rows); i++) {
                int r = shorten_time(json_object_array_get_idx(rows, i));
                if (r < 0)
                        return r;
        }
        return view_table(rows, columns, ELEMENTSOF(columns));
}

static int list(const Arguments *a)
{
        _cleanup_(language_registry_freep) LanguageRegistry *registry = NULL;
        _cleanup_(json_putp) struct json_object *rows = json_object_new_array();
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(strv_freep) char **seen = NULL;

        if (!rows)
                return log_oom();

        int r = language_registry_load(NULL, &registry);
        if (r >= 0)
                r = identity_assume(&fault);
        for (size_t i = 0; r >= 0 && i < registry->n_languages; i++) {
                const Language *l = registry->languages[i];

                if (l->broken.detail || strv_contains(seen, l->image))
                        continue;
                r = strv_extend(&seen, l->image);
                if (r >= 0)
                        r = add_image(rows, registry, l->image, &fault);
        }
        if (r >= 0)
                r = view_print(rows, print_images, NULL);
        return r < 0 ? ctl_report(r, &fault, NULL) : CTL_EXIT_OK;
}

/* Whoever may have podman do it does; a tar is written as the caller. */
static int prepare(const ImageBuild *build, Fault *reterr_fault)
{
        int r = build && build->output ? 0 : identity_assume(reterr_fault);
        return r < 0 ? r : process_catch_signals();
}

static int report(int error, const Fault *fault, const char *name)
{
        if (error != -ECANCELED)
                return ctl_report(error, fault, name);

        log_error("Interrupted; nothing was left behind");
        return CTL_EXIT_INTERRUPTED;
}

static int is_present(const char *name, Fault *reterr_fault)
{
        _cleanup_(freep) char *reference = image_reference(name);
        int r = reference ? podman_image_find(reference, NULL, reterr_fault) : -ENOMEM;

        if (r > 0)
                ctl_progress("Image '%s' is there", name);
        return r;
}

static int build(const Arguments *a)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(strv_freep) char **all = NULL;
        int r = 0;

        if (a->all == (a->operands[0] != NULL))
                return ctl_usage("image", "build takes either names or --all");
        if (a->build.output && (a->all || a->missing || a->operands[1] || a->build.method != IMAGE_MMDEBSTRAP))
                return ctl_usage("image", "--output takes one image, built with mmdebstrap");
        if (a->build.output && streq(a->build.output, "-") && isatty(STDOUT_FILENO) > 0)
                return ctl_usage("image", "a tar is not for a terminal; say --output FILE");
        STRV_FOREACH(name, a->operands)
                if (!image_name_is_valid(*name))
                        return ctl_usage("image", "'%s' cannot be the name of an image", *name);

        if (a->all)
                r = image_recipes(&all);
        if (r >= 0)
                r = prepare(&a->build, &fault);
        if (r < 0)
                return report(r, &fault, NULL);

        STRV_FOREACH(name, a->all ? all : a->operands) {
                r = a->missing ? is_present(*name, &fault) : 0;
                if (r == 0)
                        r = image_build(*name, &a->build, &fault);
                if (r < 0)
                        return report(r, &fault, *name);
        }
        return CTL_EXIT_OK;
}

static int load(const Arguments *a)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        if (strv_length(a->operands) != 2)
                return ctl_usage("image", "load takes a name and a file");

        const char *name = a->operands[0], *file = a->operands[1];
        if (!image_name_is_valid(name))
                return ctl_usage("image", "'%s' cannot be the name of an image", name);

        fd = streq(file, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return ctl_report(-errno, NULL, file);
        if (fstat(fd, &st) >= 0 && S_ISDIR(st.st_mode))
                return ctl_report(-EISDIR, NULL, file);
        if (S_ISREG(st.st_mode) && st.st_size == 0) {
                log_error("%s: the file is empty", file);
                return CTL_EXIT_REJECTED;
        }

        int r = prepare(NULL, &fault);
        if (r >= 0)
                r = image_load(name, fd, &fault);
        return r < 0 ? report(r, &fault, file) : CTL_EXIT_OK;
}

enum { OPTION_METHOD = CTL_OPTION_COMMON, OPTION_SUITE, OPTION_MIRROR, OPTION_MISSING };

/* Returns -1 to go on, else the exit code. */
static int parse_argv(int argc, char **argv, Arguments *a)
{
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "quiet", no_argument, NULL, 'q' },
                { "json", no_argument, NULL, 'j' },
                { "all", no_argument, NULL, 'a' },
                { "missing", no_argument, NULL, OPTION_MISSING },
                { "output", required_argument, NULL, 'o' },
                { "method", required_argument, NULL, OPTION_METHOD },
                { "suite", required_argument, NULL, OPTION_SUITE },
                { "mirror", required_argument, NULL, OPTION_MIRROR },
                { 0 },
        };
        int method;

        for (int c; (c = getopt_long(argc, argv, "hqjao:", options, NULL)) >= 0;) {
                a->has_build_options = a->has_build_options || !(c == 'h' || c == 'q' || c == 'j');
                switch (c) {
                case 'h':
                        return help();
                case 'q':
                        arg_quiet = true;
                        break;
                case 'j':
                        arg_json = true;
                        break;
                case 'a':
                        a->all = true;
                        break;
                case OPTION_MISSING:
                        a->missing = true;
                        break;
                case 'o':
                        a->build.output = optarg;
                        break;
                case OPTION_METHOD:
                        method = image_method_from_string(optarg);
                        if (method < 0)
                                return ctl_usage("image", "--method is mmdebstrap or containerfile, not '%s'", optarg);
                        a->build.method = (ImageMethod) method;
                        break;
                case OPTION_SUITE:
                        a->build.suite = optarg;
                        break;
                case OPTION_MIRROR:
                        a->build.mirror = optarg;
                        break;
                default:
                        return ctl_usage("image", NULL);
                }
        }
        return -1;
}

int verb_image(int argc, char **argv)
{
        Arguments a = { .build.suite = "trixie" };

        int r = parse_argv(argc, argv, &a);
        if (r >= 0)
                return r;

        const char *what = argv[optind];
        if (!what)
                return ctl_usage("image", "one of list, build and load is missing");
        a.operands = argv + optind + 1;

        if (a.has_build_options && !streq(what, "build"))
                return ctl_usage("image", "only build has these options");
        if (arg_json && !streq(what, "list"))
                return ctl_usage("image", "only list has --json");

        if (streq(what, "list"))
                return a.operands[0] ? ctl_usage("image", "list takes no names") : list(&a);
        if (streq(what, "build"))
                return build(&a);
        if (streq(what, "load"))
                return load(&a);
        return ctl_usage("image", "'%s' is none of list, build and load", what);
}
