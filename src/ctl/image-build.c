/* SPDX-License-Identifier: Apache-2.0 */
/* build.sh writes a root file system to a pipe, podman import reads it: nothing of the size of an image lies on a disk
 * in between. We hold the pipe's writing end too until build.sh has ended well. So a build that broke off never looks
 * like the end of the tar to podman, which is ended first, and a broken image cannot come to be. */
#include "ctl/image.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "build-config.h"
#include "ctl/ctl.h"
#include "ctl/podman.h"
#include "ctl/process.h"
#include "ctl/view.h"

#define REFERENCE_PREFIX "localhost/rce-"
#define REFERENCE_SUFFIX ":latest"
#define NAME_BYTES_MAX 64
#define LOG_LINES_SHOWN 20

static const char *const image_method_table[_IMAGE_METHOD_MAX] = {
        [IMAGE_MMDEBSTRAP] = "mmdebstrap",
        [IMAGE_CONTAINERFILE] = "containerfile",
};
DEFINE_STRING_TABLE(image_method, ImageMethod, _IMAGE_METHOD_MAX)

static const char *const recipe_directories[] = { RCE_CONF_DIR "/images", RCE_DATA_DIR "/images" };

bool image_name_is_valid(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

        return n > 0 && n <= NAME_BYTES_MAX && !name[n] && !strchr("._-", *name);
}

char *image_reference(const char *name)
{
        return format_string(REFERENCE_PREFIX "%s" REFERENCE_SUFFIX, name);
}

char *image_name_of_reference(const char *reference)
{
        const char *name = startswith(reference, REFERENCE_PREFIX);

        if (!name || !endswith(name, REFERENCE_SUFFIX))
                return NULL;

        char *copy = memdup_nul(name, strlen(name) - STRLEN(REFERENCE_SUFFIX));
        return copy && image_name_is_valid(copy) ? copy : mfree(copy);
}

static int recipe_find(const char *name, char **ret_path, Fault *reterr_fault)
{
        for (size_t i = 0; i < ELEMENTSOF(recipe_directories); i++) {
                _cleanup_(freep) char *path = format_string("%s/%s", recipe_directories[i], name);
                _cleanup_(freep) char *packages = format_string("%s/packages", path);

                if (!path || !packages)
                        return -ENOMEM;
                if (access(packages, R_OK) >= 0) {
                        *ret_path = TAKE_PTR(path);
                        return 0;
                }
        }
        return fault_set(reterr_fault, FAULT_UNKNOWN_LANGUAGE, NULL,
                         "There is no recipe for an image '%s': neither %s/%s/packages nor %s/%s/packages", name,
                         recipe_directories[0], name, recipe_directories[1], name);
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int image_recipes(char ***ret_names)
{
        _cleanup_(strv_freep) char **names = NULL;

        for (size_t i = 0; i < ELEMENTSOF(recipe_directories); i++) {
                DIR *d = opendir(recipe_directories[i]);
                int r = 0;

                for (const struct dirent *e; d && r >= 0 && (e = readdir(d));) {
                        _cleanup_(freep) char *packages =
                                format_string("%s/%s/packages", recipe_directories[i], e->d_name);

                        if (!packages)
                                r = -ENOMEM;
                        else if (image_name_is_valid(e->d_name) && !strv_contains(names, e->d_name) &&
                                 access(packages, F_OK) >= 0)
                                r = strv_extend(&names, e->d_name);
                }
                if (d)
                        closedir(d);
                if (r < 0)
                        return r;
        }

        if (names)
                qsort(names, strv_length(names), sizeof(char *), compare_strings);
        *ret_names = TAKE_PTR(names);
        return 0;
}

/* A log needs a reader only when something fails, so it is memory. */
static int log_new(void)
{
        int fd = memfd_create("rcectl-log", MFD_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static void log_show(int fd)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (lseek(fd, 0, SEEK_SET) < 0 || read_full(fd, 16 * 1024 * 1024, &text, &size) < 0)
                return;

        const char *p = text + size;
        for (unsigned lines = 0; p > text && lines <= LOG_LINES_SHOWN;)
                if (*--p == '\n' && p + 1 < text + size)
                        lines++;
        fprintf(stderr, "%s%s", p > text ? "  …" : "", p);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void) remove(path);
        return 0;
}

static void scratch_remove(char **path)
{
        if (*path)
                (void) nftw(*path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        freep(path);
}

/* Where mmdebstrap and podman put what is too large for /tmp; they clean up when asked to end, and what is left
 * nevertheless goes with the directory. mmdebstrap's other ids must be able to enter it. */
static int scratch_make(char **ret)
{
        _cleanup_(scratch_remove) char *path = strdup("/var/tmp/rcectl-XXXXXX");

        if (!path)
                return -ENOMEM;
        if (!mkdtemp(path)) {
                path = mfree(path);
                return -errno;
        }
        if (chmod(path, 0711) < 0 || setenv("TMPDIR", path, true) < 0)
                return -errno;

        *ret = TAKE_PTR(path);
        return 0;
}

/* A status that is not 0 as a fault, with the log before it. */
static int check_status(const char *what, int status, int log_fd, Fault *reterr_fault)
{
        char text[PROCESS_STATUS_MAX];

        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;

        log_show(log_fd);
        return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL, "%s %s; the end of its log is above", what,
                         process_format_status(text, status));
}

static int wait_checked(pid_t pid, const char *what, int log_fd, Fault *reterr_fault)
{
        int status;

        int r = process_wait(pid, &status);
        return r < 0 ? r : check_status(what, status, log_fd, reterr_fault);
}

static int build_start(const char *recipe, const ImageBuild *build, int output_fd, int log_fd, pid_t *ret,
                       Fault *reterr_fault)
{
        const char *argv[8] = { RCE_DATA_DIR "/images/build.sh", "--suite", build->suite };
        size_t n = 3;

        if (build->mirror) {
                argv[n++] = "--mirror";
                argv[n++] = build->mirror;
        }
        argv[n] = recipe;

        int r = process_require("mmdebstrap", "mmdebstrap", reterr_fault);
        if (r < 0)
                return r;
        return process_start(&(ProcessParams){ argv, -EBADF, output_fd, log_fd }, ret);
}

/* An image that was there before under this name, and is not any more what the name means, is removed. */
static int replaced(const char *reference, const PodmanImage *before, Fault *reterr_fault)
{
        _cleanup_(podman_image_done) PodmanImage after = { 0 };
        char size[VIEW_SIZE_MAX];

        int r = podman_image_find(reference, &after, reterr_fault);
        if (r <= 0)
                return r;

        if (before->id && !streq(before->id, after.id))
                podman_image_remove(before->id);
        ctl_progress("%s: %s", reference, view_format_size(size, after.size_bytes));
        return 0;
}

/* With a builder, tar_fd is what it writes, and held_fd the other end of that. Whatever happens, it is waited for. */
static int import_tar(const char *reference, int tar_fd, pid_t builder, int *held_fd, int log_fd, Fault *reterr_fault)
{
        pid_t importer;

        int r = podman_import_start(reference, tar_fd, log_fd, &importer, reterr_fault);
        if (r < 0) {
                if (builder > 0)
                        process_end(builder);
                return r;
        }

        if (builder > 0) {
                r = wait_checked(builder, "mmdebstrap", log_fd, reterr_fault);
                if (r < 0) {
                        process_end(importer);
                        return r;
                }
                *held_fd = safe_close(*held_fd);
        }
        return wait_checked(importer, "podman import", log_fd, reterr_fault);
}

static int build_with_mmdebstrap(const char *reference, const char *recipe, const ImageBuild *build, int log_fd,
                                 Fault *reterr_fault)
{
        pid_t builder;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;

        _cleanup_(closep) int reading = fds[0], writing = fds[1];
        int r = build_start(recipe, build, writing, log_fd, &builder, reterr_fault);
        return r < 0 ? r : import_tar(reference, reading, builder, &writing, log_fd, reterr_fault);
}

static int build_with_containerfile(const char *reference, const char *recipe, const ImageBuild *build, int log_fd,
                                    Fault *reterr_fault)
{
        _cleanup_(freep) char *suite = format_string("SUITE=%s", build->suite);
        _cleanup_(freep) char *context = format_string("recipe=%s", recipe);
        const char *const argv[] = {
                "podman", "build", "--squash-all", "--tag", reference, "--build-arg", suite,
                "--build-context", context, "--file", RCE_DATA_DIR "/images/Containerfile", RCE_DATA_DIR "/images",
                NULL,
        };
        pid_t pid;

        if (!suite || !context)
                return -ENOMEM;

        int r = process_start(&(ProcessParams){ argv, -EBADF, log_fd, log_fd }, &pid);
        return r < 0 ? r : wait_checked(pid, "podman build", log_fd, reterr_fault);
}

static int build_into_podman(const char *name, const char *recipe, const ImageBuild *build, int log_fd,
                             Fault *reterr_fault)
{
        _cleanup_(podman_image_done) PodmanImage before = { 0 };
        _cleanup_(freep) char *reference = image_reference(name);

        if (!reference)
                return -ENOMEM;

        int r = podman_image_find(reference, &before, reterr_fault);
        if (r < 0)
                return r;
        r = build->method == IMAGE_CONTAINERFILE ?
                    build_with_containerfile(reference, recipe, build, log_fd, reterr_fault) :
                    build_with_mmdebstrap(reference, recipe, build, log_fd, reterr_fault);
        return r < 0 ? r : replaced(reference, &before, reterr_fault);
}

static void unlink_file(char **path)
{
        if (*path)
                (void) unlink(*path);
        freep(path);
}

/* Into a new file beside the one wanted, which it becomes when all of it is there. Devices, pipes and stdout are written
 * to as they are. */
static int build_into_file(const char *recipe, const ImageBuild *build, int log_fd, Fault *reterr_fault)
{
        _cleanup_(unlink_file) char *temporary = NULL;
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;
        pid_t builder;

        if (streq(build->output, "-")) {
                fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        } else if (stat(build->output, &st) >= 0 && !S_ISREG(st.st_mode)) {
                fd = open(build->output, O_WRONLY | O_CLOEXEC);
        } else {
                char *path = format_string("%s.XXXXXX", build->output);

                fd = path ? mkostemp(path, O_CLOEXEC) : -1;
                if (fd < 0)
                        free(path);
                else
                        temporary = path;
        }
        if (fd < 0)
                return fault_set(reterr_fault, FAULT_INVALID_REQUEST, "output", "Cannot write %s: %s", build->output,
                                 strerror(errno));

        int r = build_start(recipe, build, fd, log_fd, &builder, reterr_fault);
        if (r < 0)
                return r;
        r = wait_checked(builder, "mmdebstrap", log_fd, reterr_fault);
        if (r < 0)
                return r;

        if (temporary && (fchmod(fd, 0644) < 0 || rename(temporary, build->output) < 0))
                return -errno;
        temporary = mfree(temporary);
        return 0;
}

int image_build(const char *name, const ImageBuild *build, Fault *reterr_fault)
{
        _cleanup_(scratch_remove) char *scratch = NULL;
        _cleanup_(freep) char *recipe = NULL;
        usec_t begin = now_usec(CLOCK_MONOTONIC);
        char elapsed[TIMESPAN_MAX];

        int r = recipe_find(name, &recipe, reterr_fault);
        if (r < 0)
                return r;
        r = scratch_make(&scratch);
        if (r < 0)
                return r;

        _cleanup_(closep) int log_fd = log_new();
        if (log_fd < 0)
                return log_fd;

        ctl_progress("Building image '%s' from Debian %s with %s, this takes a while …", name, build->suite,
                     image_method_to_string(build->method));
        r = build->output ? build_into_file(recipe, build, log_fd, reterr_fault) :
                            build_into_podman(name, recipe, build, log_fd, reterr_fault);
        if (r >= 0)
                ctl_progress("Done in %s", format_timespan(elapsed, now_usec(CLOCK_MONOTONIC) - begin));
        return r;
}

int image_load(const char *name, int tar_fd, Fault *reterr_fault)
{
        _cleanup_(scratch_remove) char *scratch = NULL;
        _cleanup_(podman_image_done) PodmanImage before = { 0 };
        _cleanup_(freep) char *reference = image_reference(name);

        if (!reference)
                return -ENOMEM;
        int r = scratch_make(&scratch);
        if (r < 0)
                return r;

        _cleanup_(closep) int log_fd = log_new();
        if (log_fd < 0)
                return log_fd;

        r = podman_image_find(reference, &before, reterr_fault);
        if (r >= 0)
                r = import_tar(reference, tar_fd, 0, NULL, log_fd, reterr_fault);
        return r < 0 ? r : replaced(reference, &before, reterr_fault);
}
