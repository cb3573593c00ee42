/* SPDX-License-Identifier: Apache-2.0 */
#include "language/language.h"

#include <dirent.h>
#include <stdio.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "build-config.h"

#define LANGUAGE_NAME_MAX 64

static const char *const isolation_table[_ISOLATION_MAX] = {
        [ISOLATION_CONTAINER] = "container",
};
DEFINE_STRING_TABLE(isolation, Isolation, _ISOLATION_MAX)

Language *language_free(Language *l)
{
        if (!l)
                return NULL;

        free(l->name);
        free(l->path);
        unit_file_free(l->file);
        free(l->version);
        strv_free(l->aliases);
        free(l->image);
        free(l->source_name);
        strv_free(l->compile_argv);
        strv_free(l->run_argv);
        free(l->lint_level);
        free(l->lint_grammar);
        strv_free(l->environment);
        strv_free(l->preload);
        fault_done(&l->broken);
        return mfree(l);
}

/* Names become parts of unit names, where a dash separates. */
static bool name_is_valid(const char *name)
{
        size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_+.");

        return n > 0 && n <= LANGUAGE_NAME_MAX && !name[n] && *name != '.';
}

static bool file_name_is_valid(const char *name)
{
        return *name && strlen(name) <= 255 && !strchr(name, '/') && !streq(name, ".") && !streq(name, "..");
}

static int set_string(const char *value, char **field)
{
        return free_and_strdup(field, value);
}

static int set_words(const char *value, char ***field)
{
        char **words;
        int r = unit_file_split_words(value, &words);

        if (r < 0)
                return r;
        strv_free(*field);
        *field = words;
        return 0;
}

/* A program has a name, and the rest is up to it. */
static int set_command(const char *value, char ***field)
{
        int r = set_words(value, field);

        return r >= 0 && (!*field || isempty(**field)) ? -EINVAL : r;
}

static int set_file_name(const char *value, char **field)
{
        return file_name_is_valid(value) ? free_and_strdup(field, value) : -EINVAL;
}

static int set_lint_level(const char *value, char **field)
{
        if (!streq(value, "off") && !streq(value, "standard") && !streq(value, "strict"))
                return -EINVAL;
        return free_and_strdup(field, value);
}

static int set_isolation(const char *value, Isolation *field)
{
        int v = isolation_from_string(value);

        if (v < 0)
                return v;
        *field = (Isolation) v;
        return 0;
}

/* Sets a key that is ours. -ENOKEY when it is not, -EINVAL when its value is no good. */
static int set_own(Language *l, const char *key, const char *value)
{
        if (streq(key, "Version"))
                return set_string(value, &l->version);
        if (streq(key, "Aliases"))
                return set_words(value, &l->aliases);
        if (streq(key, "Source"))
                return set_file_name(value, &l->source_name);
        if (streq(key, "Compile"))
                return set_command(value, &l->compile_argv);
        if (streq(key, "Run"))
                return set_command(value, &l->run_argv);
        if (streq(key, "Lint"))
                return set_lint_level(value, &l->lint_level);
        if (streq(key, "LintGrammar"))
                return set_file_name(value, &l->lint_grammar);
        if (streq(key, "Output"))
                return parse_size(value, &l->limits.output_bytes);
        if (streq(key, "Preload"))
                return set_words(value, &l->preload);
        if (streq(key, "Isolation"))
                return set_isolation(value, &l->isolation);
        return -ENOKEY;
}

/* The limits, in systemd's words. Other keys of [Service] are left to the service manager. */
static int set_service(Language *l, const char *key, const char *value)
{
        uint64_t swap;

        if (streq(key, "MemoryMax"))
                return parse_size(value, &l->limits.memory_bytes);
        if (streq(key, "MemorySwapMax"))
                return parse_size(value, &swap) < 0 || swap != 0 ? -EINVAL : 0;
        if (streq(key, "TasksMax"))
                return parse_uint64(value, &l->limits.processes);
        if (streq(key, "CPUQuota"))
                return parse_percent(value, &l->limits.cpu_percent);
        if (streq(key, "LimitCPU"))
                return parse_usec(value, &l->limits.cpu_usec);
        if (streq(key, "RuntimeMaxSec"))
                return parse_usec(value, &l->limits.wall_usec);
        return 0;
}

/* What of Podman's part concerns us too. */
static int set_container(Language *l, const char *key, const char *value)
{
        _cleanup_(strv_freep) char **words = NULL;
        int r;

        if (streq(key, "Image"))
                return set_string(value, &l->image);
        if (!streq(key, "Environment"))
                return 0;

        r = unit_file_split_words(value, &words);
        if (r < 0)
                return r;
        STRV_FOREACH(w, words) {
                if (!strchr(*w, '='))
                        return -EINVAL;
                r = strv_extend(&l->environment, *w);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int apply_entry(Language *l, const UnitFileEntry *e, Fault *reterr_fault)
{
        int r = 0;

        if (!*e->value)
                return 0;
        /* White space kept it from continuing the line here; Podman does not look at that and would take the next. */
        if (endswith(e->value, "\\"))
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, e->key, "%s:%u: %s= ends in a backslash", l->path,
                                 e->line, e->key);

        if (streq(e->section, "X-Language"))
                r = set_own(l, e->key, e->value);
        else if (streq(e->section, "Service"))
                r = set_service(l, e->key, e->value);
        else if (streq(e->section, "Container"))
                r = set_container(l, e->key, e->value);

        if (r == -ENOKEY)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, e->key, "%s:%u: there is no %s= in [%s]", l->path,
                                 e->line, e->key, e->section);
        if (r == -EINVAL || r == -ERANGE)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, e->key, "%s:%u: '%s' is not a value of %s=",
                                 l->path, e->line, e->value, e->key);
        return r;
}

static int check_complete(Language *l, Fault *reterr_fault)
{
        JobLimits unbounded = { UINT64_MAX, UINT64_MAX, UINT64_MAX, USEC_INFINITY, USEC_INFINITY, UINT64_MAX };
        _cleanup_(fault_done) Fault fault = { 0 };
        const struct {
                const char *section, *key;
                bool present;
        } needed[] = {
                { "Container", "Image", l->image },
                { "X-Language", "Source", l->source_name },
                { "X-Language", "Run", l->run_argv },
        };

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (!needed[i].present)
                        return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, needed[i].key, "%s: %s= in [%s] is missing",
                                         l->path, needed[i].key, needed[i].section);

        int r = job_limits_check(&l->limits, &unbounded, &fault);
        if (r == -EBADMSG)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, fault.field, "%s: %s", l->path, fault.detail);
        return r;
}

/* A language that knows its name and path but nothing else yet. */
static int language_new(const char *name, const char *path, Language **ret)
{
        _cleanup_(language_freep) Language *l = new0(Language, 1);

        if (!l)
                return -ENOMEM;

        l->limits = JOB_LIMITS_DEFAULT;
        l->isolation = ISOLATION_CONTAINER;
        l->name = strdup(name);
        l->path = strdup(path);
        l->lint_level = strdup("off");
        l->lint_grammar = strdup(name);
        if (!l->name || !l->path || !l->lint_level || !l->lint_grammar)
                return -ENOMEM;

        *ret = TAKE_PTR(l);
        return 0;
}

static int language_read(Language *l, const char *text, size_t size, Fault *reterr_fault)
{
        if (!name_is_valid(l->name))
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, NULL,
                                 "%s: a language's name is made of a-z 0-9 _ + and ., at most %d of them", l->path,
                                 LANGUAGE_NAME_MAX);

        int r = unit_file_parse(l->path, text, size, FAULT_BROKEN_LANGUAGE, &l->file, reterr_fault);
        for (size_t i = 0; r >= 0 && i < l->file->n_entries; i++)
                r = apply_entry(l, &l->file->entries[i], reterr_fault);

        return r < 0 ? r : check_complete(l, reterr_fault);
}

int language_parse(const char *name, const char *path, const char *text, size_t size, Language **ret, Fault *reterr_fault)
{
        _cleanup_(language_freep) Language *l = NULL;
        int r = language_new(name, path, &l);

        if (r >= 0)
                r = language_read(l, text, size, reterr_fault);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

LanguageRegistry *language_registry_free(LanguageRegistry *r)
{
        if (!r)
                return NULL;

        for (size_t i = 0; i < r->n_languages; i++)
                language_free(r->languages[i]);
        free(r->languages);
        return mfree(r);
}

static Language *registry_by_name(LanguageRegistry *registry, const char *name)
{
        for (size_t i = 0; i < registry->n_languages; i++)
                if (streq(registry->languages[i]->name, name))
                        return registry->languages[i];
        return NULL;
}

/* A file that cannot be used stays in the registry with its fault, so that it can be listed and explained. */
static int registry_add(LanguageRegistry *registry, const char *name, const char *path)
{
        _cleanup_(language_freep) Language *l = NULL;
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;

        int r = language_new(name, path, &l);
        if (r < 0)
                return r;

        r = read_file(path, UNIT_FILE_BYTES_MAX, &text, &size);
        if (r < 0 && r != -ENOMEM)
                r = fault_set(&l->broken, FAULT_BROKEN_LANGUAGE, NULL, "%s: %s", path, strerror(-r));
        else if (r >= 0)
                r = language_read(l, text, size, &l->broken);
        if (r < 0 && r != -EBADMSG)
                return r;

        r = GROW_ARRAY(registry->languages, registry->n_allocated, registry->n_languages + 1);
        if (r < 0)
                return r;
        registry->languages[registry->n_languages++] = TAKE_PTR(l);
        return 0;
}

static int registry_add_directory(LanguageRegistry *registry, const char *directory)
{
        _cleanup_(freep) char *name = NULL;
        DIR *d = opendir(directory);
        int r = 0;

        if (!d)
                return errno == ENOENT ? 0 : -errno;

        for (struct dirent *e; r >= 0 && (e = readdir(d));) {
                if (e->d_name[0] == '.' || !endswith(e->d_name, ".container"))
                        continue;

                _cleanup_(freep) char *path = format_string("%s/%s", directory, e->d_name);
                free(name);
                name = strndup(e->d_name, strlen(e->d_name) - STRLEN(".container"));
                r = !path || !name ? -ENOMEM : registry_by_name(registry, name) ? 0 : registry_add(registry, name, path);
        }

        closedir(d);
        return r;
}

static int compare_languages(const void *a, const void *b)
{
        return strcmp((*(Language *const *) a)->name, (*(Language *const *) b)->name);
}

int language_registry_load(char *const *directories, LanguageRegistry **ret)
{
        char *const usual[] = { (char *) RCE_CONF_DIR "/languages", (char *) RCE_DATA_DIR "/languages", NULL };
        _cleanup_(language_registry_freep) LanguageRegistry *registry = new0(LanguageRegistry, 1);

        if (!registry)
                return -ENOMEM;

        STRV_FOREACH(d, directories ? directories : usual) {
                int r = registry_add_directory(registry, *d);
                if (r < 0)
                        return r;
        }

        if (registry->n_languages > 0)
                qsort(registry->languages, registry->n_languages, sizeof(Language *), compare_languages);
        *ret = TAKE_PTR(registry);
        return 0;
}

int language_registry_find(LanguageRegistry *registry, const char *name, Language **ret, Fault *reterr_fault)
{
        Language *l = registry_by_name(registry, name);

        for (size_t i = 0; !l && i < registry->n_languages; i++)
                if (strv_contains(registry->languages[i]->aliases, name))
                        l = registry->languages[i];

        if (!l)
                return fault_set(reterr_fault, FAULT_UNKNOWN_LANGUAGE, "language",
                                 "There is no language called '%s'; 'rcectl language list' shows those there are", name);
        if (l->broken.detail)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "language", "%s", l->broken.detail);

        *ret = l;
        return 0;
}

static bool has_extension(const Language *l, const char *extension)
{
        const char *own = l->source_name ? strrchr(l->source_name, '.') : NULL;

        return !l->broken.detail && own && extension && streq(own, extension);
}

Language *language_registry_guess(LanguageRegistry *registry, const char *file_name)
{
        const char *extension = strrchr(file_name, '.');
        Language *best = NULL;

        for (size_t i = 0; i < registry->n_languages; i++) {
                Language *l = registry->languages[i];

                if (has_extension(l, extension) && (!best || strlen(l->name) < strlen(best->name)))
                        best = l;
        }
        return best;
}

static size_t count_preloaded(const Language *l, char *const *modules)
{
        size_t n = 0;

        STRV_FOREACH(m, modules)
                n += strv_contains(l->preload, *m);
        return n;
}

Language *language_registry_refine(LanguageRegistry *registry, Language *l, char *const *modules)
{
        const char *extension = strrchr(l->source_name, '.');
        size_t most = count_preloaded(l, modules);
        Language *best = l;

        for (size_t i = 0; i < registry->n_languages; i++) {
                Language *other = registry->languages[i];
                size_t n = has_extension(other, extension) ? count_preloaded(other, modules) : 0;

                if (n > most) {
                        most = n;
                        best = other;
                }
        }
        return best;
}
