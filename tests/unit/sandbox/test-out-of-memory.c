/* SPDX-License-Identifier: Apache-2.0 */

/* Every allocation of ours fails once, one at a time: the call says -ENOMEM, leaves its results alone and, says
 * LeakSanitizer, keeps nothing. The linker puts our functions in the place of the allocator's (see meson.build). */

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "job/result.h"
#include "sandbox/cell-link.h"
#include "sandbox/quadlet.h"
#include "shared/config.h"
#include "shared/json-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

static size_t n_allocations, failing;    /* the one that fails, counted from 1; 0: none */

static bool fails(void)
{
        if (failing == 0 || ++n_allocations != failing)
                return false;
        errno = ENOMEM;
        return true;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
        return fails() ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
        return fails() ? NULL : __real_calloc(n, size);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
        return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__wrap_strdup(const char *s)
{
        return fails() ? NULL : __real_strdup(s);
}

char *__real_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n)
{
        return fails() ? NULL : __real_strndup(s, n);
}

_printf_(2, 0) int __real_vasprintf(char **ret, const char *format, va_list ap);
_printf_(2, 0) int __wrap_vasprintf(char **ret, const char *format, va_list ap);
int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
        if (!fails())
                return __real_vasprintf(ret, format, ap);
        *ret = (void *) 1;              /* undefined, says the manual */
        return -1;
}

/* Repeats the call with each allocation failing in turn, until there was none left to fail. Something is allocated. */
static void each_fails(int (*call)(void *userdata), void *userdata)
{
        for (failing = 1;; failing++) {
                n_allocations = 0;
                int r = call(userdata);

                if (n_allocations < failing) {
                        assert_int_equal(r, 0);
                        break;
                }
                if (r != -ENOMEM)
                        fail_msg("allocation %zu failed, and it returned %d", failing, r);
        }
        assert_true(failing > 1);
        failing = 0;
}

static int call_strings(void *userdata)
{
        _cleanup_(strv_freep) char **words = NULL, **copy = NULL;
        _cleanup_(freep) char *joined = NULL, *escaped = NULL;
        int r;

        if ((r = strv_split("a b c d e f g h i", &words)) < 0 || (r = strv_extend(&words, "x=1")) < 0 ||
            (r = strv_extendf(&words, "%d", 1)) < 0 || (r = strv_env_replace(&words, "x=2")) < 0 ||
            (r = strv_env_replace(&words, "y=2")) < 0)
                return r;

        copy = strv_copy(words);
        joined = copy ? strv_join(copy, ", ") : NULL;
        escaped = joined ? string_escape(joined, strlen(joined)) : NULL;
        return escaped ? 0 : -ENOMEM;
}

static void strings(void **state)
{
        each_fails(call_strings, NULL);
}

static int call_files(void *userdata)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        return read_file(userdata, 100000, &text, &size);
}

static void files_that_are_read(void **state)
{
        char zeros[40000] = { 0 };

        scratch_write_bytes(*state, "file", zeros, sizeof(zeros));
        each_fails(call_files, (void *) scratch_path(*state, "file"));
}

static int call_unit_file(void *userdata)
{
        static const char text[] = "[A]\n# c\nx=1\\\n2\ny='a b' \\x41 c\nz=%n %N %j %t %%\n[B]\nz=\n";
        _cleanup_(unit_file_freep) UnitFile *f = NULL;
        _cleanup_(strv_freep) char **words = NULL;
        _cleanup_(freep) char *expanded = NULL;
        int r;

        if ((r = unit_file_parse("x", text, strlen(text), FAULT_BROKEN_CONFIG, &f, NULL)) < 0) {
                assert_null(f);
                return r;
        }
        if ((r = unit_file_split_words(f->entries[1].value, &words)) < 0 ||
            (r = unit_file_expand(f->entries[2].value, "a-b.service", "/run/user/1", &expanded)) < 0)
                assert_true(!words || !expanded);
        return r;
}

static void unit_file(void **state)
{
        each_fails(call_unit_file, NULL);
}

/* A fault that there is no memory for is no fault. */
static int call_fault(void *userdata)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = fault_set(&fault, FAULT_TOO_LARGE, "field", "%s", "detail");

        if (r == -ENOMEM)
                fault_check_none(&fault);
        return r == -EBADMSG ? 0 : r;
}

static void fault(void **state)
{
        each_fails(call_fault, NULL);
}

static int call_config(void *userdata)
{
        _cleanup_(config_done) Config c = { 0 };
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = config_load(userdata, &c, &fault);

        fault_check_none(&fault);
        assert_true(r == 0 ? c.user && c.language : !c.user && !c.language);
        return r;
}

static void configuration(void **state)
{
        scratch_make_directory(*state, "rce.conf.d");
        scratch_write(*state, "rce.conf", "[Sandbox]\nUser=a\n[Limits]\nMemory=1G\n");
        scratch_write(*state, "rce.conf.d/a.conf", "[Sandbox]\nUser=\nLanguage=l\n");
        each_fails(call_config, *state);
}

static int call_json(void *userdata)
{
        _cleanup_(json_putp) struct json_object *result = NULL, *limits = NULL;
        JobResult r = { .reason = (char *) "x" };
        JobLimits l = JOB_LIMITS_DEFAULT;
        int k = buffer_append(&r.out.bytes, "\xff", 1);

        if (k >= 0)
                k = job_result_to_json(&r, &result);
        if (k >= 0)
                k = job_limits_to_json(&l, &limits);
        assert_true(k == 0 ? result && limits : !limits);
        buffer_done(&r.out.bytes);
        return k;
}

static void result(void **state)
{
        each_fails(call_json, NULL);
}

static const char language_text[] =
        "[Container]\nImage=i\nEnvironment=A=1 B=2\n[Service]\nMemoryMax=64M\n[X-Language]\nVersion=1\nAliases=a b\n"
        "Source=main.x\nCompile=c d\nRun=x y\nLint=strict\nLintGrammar=g\nPreload=m n\nIsolation=container\n";

static int call_language(void *userdata)
{
        _cleanup_(language_freep) Language *l = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = language_parse("x", "x.container", language_text, strlen(language_text), &l, &fault);

        fault_check_none(&fault);
        assert_true((r == 0) == (l != NULL));
        return r;
}

static void language(void **state)
{
        each_fails(call_language, NULL);
}

static int call_registry(void *userdata)
{
        char *const directories[] = { userdata, NULL };
        _cleanup_(language_registry_freep) LanguageRegistry *registry = NULL;
        int r = language_registry_load(directories, &registry);

        assert_true(r == 0 ? registry && registry->n_languages == 2 : !registry);
        return r;
}

static void languages_of_a_directory(void **state)
{
        scratch_write(*state, "x.container", language_text);
        scratch_write(*state, "broken.container", "[Container]\nwrong\n");
        each_fails(call_registry, *state);
}

static int call_service(void *userdata)
{
        static const char text[] =
                        "[Service]\nEnvironment=A=1 'B=2 3'\nExecStart=x %N\nExecStop=-x\nExecStopPost=x y\n";
        _cleanup_(quadlet_service_freep) QuadletService *s = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        int r = quadlet_service_parse("x", text, strlen(text), &s, &fault);

        fault_check_none(&fault);
        assert_true((r == 0) == (s != NULL));
        return r;
}

static void generated_service(void **state)
{
        each_fails(call_service, NULL);
}

static int call_run(void *userdata)
{
        char *argv[] = { (char *) "a", NULL }, *environment[] = { (char *) "B=1", NULL };
        const CellCommand command = { .argv = argv, .environment = environment, .stdin_fd = STDIN_FILENO,
                                      .stdout_fd = STDOUT_FILENO, .stderr_fd = STDERR_FILENO };
        int ours, theirs;
        char byte;

        assert_int_equal(cell_link_new(&ours, &theirs), 0);
        int r = cell_link_send_run(ours, &command, NULL);
        assert_int_equal(recv(theirs, &byte, 1, MSG_DONTWAIT), r == 0 ? 1 : -1);
        safe_close(ours);
        safe_close(theirs);
        return r;
}

static void program_that_is_sent(void **state)
{
        each_fails(call_run, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(strings),
                scratch_unit_test(files_that_are_read),
                cmocka_unit_test(unit_file),
                cmocka_unit_test(fault),
                scratch_unit_test(configuration),
                cmocka_unit_test(result),
                cmocka_unit_test(language),
                scratch_unit_test(languages_of_a_directory),
                cmocka_unit_test(generated_service),
                cmocka_unit_test(program_that_is_sent),
        };

        return cmocka_run_group_tests_name("out-of-memory", tests, NULL, NULL);
}
