/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/quadlet.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "build-config.h"

#define GENERATED_BYTES_MAX (256 * 1024)

/* Appended to the language's file. %j of rce-sandbox-NAME-NUMBER is the number, which is also the user the sandbox has
 * inside, so that limits the kernel keeps per user are each sandbox's own. */
static const char addition[] =
        "\n[Container]\n"
        "ContainerName=%N\n"
        "User=%j\n"
        "Group=%j\n"
        "Pull=never\n"
        "Volume=" RCE_LIBEXEC_DIR "/rce-cell:" QUADLET_CELL_PATH ":ro\n"
        "PodmanArgs=--preserve-fds=1 --entrypoint=" QUADLET_CELL_PATH " --stop-signal=KILL --stop-timeout=0\n"
        "Exec=\n";

static const char *const generators[] = { "/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet" };

QuadletService *quadlet_service_free(QuadletService *s)
{
        if (!s)
                return NULL;

        strv_free(s->exec_start);
        strv_free(s->exec_stop);
        strv_free(s->exec_stop_post);
        strv_free(s->environment);
        return mfree(s);
}

/* Where the file lies while the generator reads it. Removes itself. */
typedef struct ScratchDirectory {
        char *path;
        char *file;
} ScratchDirectory;

static void scratch_done(ScratchDirectory *s)
{
        if (s->file)
                (void) unlink(s->file);
        if (s->path)
                (void) rmdir(s->path);
        free(s->file);
        free(s->path);
}

static int scratch_make(const Language *l, ScratchDirectory *ret)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_(freep) char *template = format_string("%s/rce-quadlet-XXXXXX", runtime ? runtime : "/tmp");

        if (!template)
                return -ENOMEM;
        if (!mkdtemp(template))
                return -errno;

        ret->path = TAKE_PTR(template);
        ret->file = format_string("%s/rce-sandbox-%s.container", ret->path, l->name);
        if (!ret->file)
                return -ENOMEM;

        _cleanup_(closep) int fd = open(ret->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        for (size_t i = 0; i < l->file->n_entries; i++) {
                const UnitFileEntry *e = &l->file->entries[i];

                if (dprintf(fd, "[%s]\n%s=%s\n", e->section, e->key, e->value) < 0)
                        return -errno;
        }
        return write_full(fd, addition, sizeof(addition) - 1);
}

/* Starts the generator on the directory, its output and its complaints in the two memory files. */
static int run_generator(const char *generator, const char *directory, int out_fd, int err_fd)
{
        _cleanup_(freep) char *variable = format_string("QUADLET_UNIT_DIRS=%s", directory);
        char *argv[] = { (char *) generator, (char *) "-dryrun", (char *) "-user", NULL };
        char *envp[] = { variable, (char *) "PATH=/usr/local/bin:/usr/bin:/bin", NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int status, r;

        if (!variable)
                return -ENOMEM;

        r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return -r;
        r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
        if (r == 0)
                r = posix_spawn(&pid, generator, &actions, NULL, argv, envp);
        posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int read_back(int fd, char **ret)
{
        size_t size;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return read_full(fd, GENERATED_BYTES_MAX, ret, &size);
}

/* The generator prints "---NAME---" above each unit; ours is the only one. */
static int strip_title(char *text, char **ret)
{
        char *unit = strstr(text, "---\n");

        *ret = unit ? strdup(unit + STRLEN("---\n")) : NULL;
        return *ret ? 0 : unit ? -ENOMEM : -ENOENT;
}

int quadlet_generate(const Language *l, char **ret_unit_text, Fault *reterr_fault)
{
        _cleanup_(scratch_done) ScratchDirectory scratch = { 0 };
        _cleanup_(freep) char *out = NULL, *err = NULL;
        const char *generator = NULL;
        int r;

        for (size_t i = 0; !generator && i < ELEMENTSOF(generators); i++)
                if (access(generators[i], X_OK) == 0)
                        generator = generators[i];
        if (!generator)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "Podman 4.9 or newer with Quadlet is not installed (apt install podman)");

        _cleanup_(closep) int out_fd = memfd_create("quadlet-out", MFD_CLOEXEC);
        _cleanup_(closep) int err_fd = memfd_create("quadlet-err", MFD_CLOEXEC);
        if (out_fd < 0 || err_fd < 0)
                return -errno;

        r = scratch_make(l, &scratch);
        if (r < 0)
                return r;

        int status = run_generator(generator, scratch.path, out_fd, err_fd);
        if (status < 0)
                return status;

        if ((r = read_back(out_fd, &out)) < 0 || (r = read_back(err_fd, &err)) < 0)
                return r;

        r = status == 0 ? strip_title(out, ret_unit_text) : -ENOENT;
        if (r == -ENOENT)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "language", "%s: Podman does not accept it: %s",
                                 l->path, strstrip(err));
        return r;
}

static int take_command(const UnitFile *f, const char *key, bool needed, char ***ret, Fault *reterr_fault)
{
        const UnitFileEntry *e = unit_file_find(f, "Service", key);

        if (!e)
                return needed ? fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, key, "%s: no %s= was generated", f->path,
                                          key)
                              : 0;

        /* A leading dash says that failure does not matter, which is how we treat cleaning up anyway. */
        const char *value = e->value + strspn(e->value, "-@:+!|");
        int r = unit_file_split_words(value, ret);
        if (r == -EINVAL || (r >= 0 && !*ret))
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, key, "%s:%u: %s= cannot be taken apart", f->path,
                                 e->line, key);
        return r;
}

static int take_environment(const UnitFile *f, char ***ret, Fault *reterr_fault)
{
        for (size_t i = 0; i < f->n_entries; i++) {
                const UnitFileEntry *e = &f->entries[i];
                _cleanup_(strv_freep) char **words = NULL;

                if (!streq(e->section, "Service") || !streq(e->key, "Environment"))
                        continue;

                int r = unit_file_split_words(e->value, &words);
                if (r == -EINVAL)
                        return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, e->key, "%s:%u: %s= cannot be taken apart",
                                         f->path, e->line, e->key);
                STRV_FOREACH(w, words)
                        if (r >= 0)
                                r = strv_extend(ret, *w);
                if (r < 0)
                        return r;
        }
        return 0;
}

int quadlet_service_parse(const char *path, const char *text, size_t size, QuadletService **ret, Fault *reterr_fault)
{
        _cleanup_(quadlet_service_freep) QuadletService *s = new0(QuadletService, 1);
        _cleanup_(unit_file_freep) UnitFile *f = NULL;
        int r;

        if (!s)
                return -ENOMEM;

        if ((r = unit_file_parse(path, text, size, FAULT_BROKEN_LANGUAGE, &f, reterr_fault)) < 0 ||
            (r = take_command(f, "ExecStart", true, &s->exec_start, reterr_fault)) < 0 ||
            (r = take_command(f, "ExecStop", false, &s->exec_stop, reterr_fault)) < 0 ||
            (r = take_command(f, "ExecStopPost", false, &s->exec_stop_post, reterr_fault)) < 0 ||
            (r = take_environment(f, &s->environment, reterr_fault)) < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

int quadlet_service_load(const Language *l, QuadletService **ret, Fault *reterr_fault)
{
        _cleanup_(freep) char *text = NULL;

        int r = quadlet_generate(l, &text, reterr_fault);
        if (r < 0)
                return r;
        return quadlet_service_parse(l->path, text, strlen(text), ret, reterr_fault);
}
