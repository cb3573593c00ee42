/* SPDX-License-Identifier: Apache-2.0 */
#include "language/language.h"

#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

/* What every language needs; more is put behind it. */
#define LEAST "[Container]\nImage=i\n[X-Language]\nSource=main.x\nRun=x\n"

static Language *parse(const char *text)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Language *l = NULL;
        int r = language_parse("test", "test.container", text, strlen(text), &l, &fault);

        if (r < 0)
                fail_msg("%s", fault.detail ? fault.detail : strerror(-r));
        fault_check_none(&fault);
        return l;
}

static void refuse_named(const char *name, const char *text, const char *field, const char *words)
{
        Language untouched, *l = &untouched;
        Fault fault = { 0 };

        assert_int_equal(language_parse(name, "test.container", text, strlen(text), &l, &fault), -EBADMSG);
        assert_ptr_equal(l, &untouched);
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, field, words);
}

static void refuse(const char *text, const char *field, const char *words)
{
        refuse_named("test", text, field, words);
}

static void assert_words(char **strv, const char *joined)
{
        _cleanup_(freep) char *s = strv_join(strv, "|");

        assert_string_equal(s, joined);
}

static LanguageRegistry *load(const char *first, const char *second)
{
        char *const directories[] = { (char *) first, (char *) second, NULL };
        LanguageRegistry *registry = NULL;

        assert_int_equal(language_registry_load(directories, &registry), 0);
        return registry;
}

static Language *find(LanguageRegistry *registry, const char *name)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Language *l = NULL;

        if (language_registry_find(registry, name, &l, &fault) < 0)
                fail_msg("%s", fault.detail);
        return l;
}

static void missing(LanguageRegistry *registry, const char *name, FaultCode code, const char *words)
{
        Language untouched, *l = &untouched;
        Fault fault = { 0 };

        assert_int_equal(language_registry_find(registry, name, &l, &fault), -EBADMSG);
        assert_ptr_equal(l, &untouched);
        fault_check(&fault, code, "language", words);
}

static void shipped_languages_have_the_documented_limits(void **state)
{
        static const struct {
                const char *name, *image, *grammar;
                uint64_t memory_bytes;
        } table[] = {
                { "python", "localhost/rce-python:latest", "python", UINT64_C(128) << 20 },
                { "datascience", "localhost/rce-datascience:latest", "python", UINT64_C(512) << 20 },
        };
        const char *directory = getenv("RCE_LANGUAGES");

        assert_non_null(directory);
        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(directory, NULL);
        assert_int_equal(registry->n_languages, ELEMENTSOF(table));

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Language *l = find(registry, table[i].name);

                assert_string_equal(l->image, table[i].image);
                assert_string_equal(l->version, "3.13");
                assert_string_equal(l->source_name, "main.py");
                assert_words(l->run_argv, "/usr/bin/python3|/work/main.py");
                assert_null(l->compile_argv);
                assert_string_equal(l->lint_level, "standard");
                assert_string_equal(l->lint_grammar, table[i].grammar);
                assert_int_equal(l->isolation, ISOLATION_CONTAINER);
                assert_true(l->limits.memory_bytes == table[i].memory_bytes);
                assert_true(l->limits.processes == 64);
                assert_true(l->limits.cpu_percent == 100);
                assert_true(l->limits.wall_usec == 10 * USEC_PER_SEC);
                assert_true(l->limits.cpu_usec == 10 * USEC_PER_SEC);
                assert_true(l->limits.output_bytes == 1 << 20);
        }
        assert_ptr_equal(find(registry, "py"), find(registry, "python"));
        assert_ptr_equal(find(registry, "python3"), find(registry, "python"));
        assert_ptr_equal(find(registry, "ds"), find(registry, "datascience"));
        assert_ptr_equal(language_registry_guess(registry, "examples/hello.py"), find(registry, "python"));
        assert_null(find(registry, "python")->preload);
        assert_words(find(registry, "datascience")->preload, "numpy|pandas|sklearn");
}

static void language_that_says_the_least_has_defaults(void **state)
{
        _cleanup_(language_freep) Language *l = parse(LEAST);
        JobLimits defaults = JOB_LIMITS_DEFAULT;

        assert_string_equal(l->name, "test");
        assert_string_equal(l->path, "test.container");
        assert_string_equal(l->image, "i");
        assert_string_equal(l->source_name, "main.x");
        assert_words(l->run_argv, "x");
        assert_string_equal(l->lint_level, "off");
        assert_string_equal(l->lint_grammar, "test");
        assert_memory_equal(&l->limits, &defaults, sizeof(defaults));
        assert_null(l->version);
        assert_null(l->aliases);
        assert_null(l->compile_argv);
        assert_null(l->environment);
        assert_null(l->preload);
        assert_int_equal(l->isolation, ISOLATION_CONTAINER);
        assert_null(l->broken.detail);
        assert_int_equal(l->file->n_entries, 3);
}

static void every_key_is_taken(void **state)
{
        _cleanup_(language_freep) Language *l =
                        parse("[Unit]\nDescription=whatever\n"
                              "[Container]\nImage=i\nNetwork=none\nEnvironment=A=1 'B=two words'\nEnvironment=C=\n"
                              "[Service]\nMemoryMax=256M\nMemorySwapMax=0\nTasksMax=7\nCPUQuota=150%\n"
                              "LimitCPU=5s\nRuntimeMaxSec=1min\nRestart=no\n"
                              "[X-Language]\nVersion=1.2 beta\nAliases=a b\nSource=main.c\n"
                              "Compile=cc -o 'a out' main.c\nRun=./a\\sout\n"
                              "Lint=strict\nLintGrammar=c\nOutput=64K\nPreload=numpy pandas\nIsolation=container\n");

        assert_words(l->environment, "A=1|B=two words|C=");
        assert_true(l->limits.memory_bytes == UINT64_C(256) << 20);
        assert_true(l->limits.processes == 7);
        assert_true(l->limits.cpu_percent == 150);
        assert_true(l->limits.cpu_usec == 5 * USEC_PER_SEC);
        assert_true(l->limits.wall_usec == USEC_PER_MINUTE);
        assert_true(l->limits.output_bytes == 64 * 1024);
        assert_string_equal(l->version, "1.2 beta");
        assert_words(l->aliases, "a|b");
        assert_string_equal(l->source_name, "main.c");
        assert_words(l->compile_argv, "cc|-o|a out|main.c");
        assert_words(l->run_argv, "./a out");
        assert_string_equal(l->lint_level, "strict");
        assert_string_equal(l->lint_grammar, "c");
        assert_words(l->preload, "numpy|pandas");
}

static void last_value_of_a_key_counts(void **state)
{
        _cleanup_(language_freep) Language *l = parse(LEAST "Source=other.x\nAliases=a b\nAliases=c\nRun=y z\n"
                                                            "[Service]\nMemoryMax=1G\nMemoryMax=64M\n");

        assert_string_equal(l->source_name, "other.x");
        assert_words(l->aliases, "c");
        assert_words(l->run_argv, "y|z");
        assert_true(l->limits.memory_bytes == UINT64_C(64) << 20);
}

static void bad_value_is_refused_with_its_line(void **state)
{
        static const struct {
                const char *more, *field, *words;
        } table[] = {
                { "Surce=x\n", "Surce", "test.container:6: there is no Surce= in [X-Language]" },
                { "source=x\n", "source", "test.container:6: there is no source= in [X-Language]" },
                { "Source=a/b\n", "Source", "test.container:6: 'a/b' is not a value of Source=" },
                { "Source=..\n", "Source", "test.container:6: '..'" },
                { "Source=.\n", "Source", "test.container:6: '.'" },
                { "LintGrammar=../python\n", "LintGrammar", "test.container:6: '../python'" },
                { "Run='x\n", "Run", "test.container:6: ''x' is not a value of Run=" },
                { "Run=\\q\n", "Run", "test.container:6: '\\q'" },
                { "Run=''\n", "Run", "test.container:6: '''' is not a value of Run=" },
                { "\n# more\nCompile=\"\" x\n", "Compile", "test.container:8: '\"\" x' is not a value of Compile=" },
                { "Aliases='\n", "Aliases", "test.container:6: '''" },
                { "Preload=\"\n", "Preload", "test.container:6: '\"'" },
                { "Lint=on\n", "Lint", "test.container:6: 'on' is not a value of Lint=" },
                { "Output=much\n", "Output", "test.container:6: 'much' is not a value of Output=" },
                { "Isolation=none\n", "Isolation", "test.container:6: 'none' is not a value of Isolation=" },
                { "[Service]\nMemoryMax=50%\n", "MemoryMax", "test.container:7: '50%' is not a value of MemoryMax=" },
                { "[Service]\nMemorySwapMax=1G\n", "MemorySwapMax",
                  "test.container:7: '1G' is not a value of MemorySwapMax=" },
                { "[Service]\nMemorySwapMax=x\n", "MemorySwapMax", "test.container:7: 'x'" },
                { "[Service]\nTasksMax=infinity\n", "TasksMax",
                  "test.container:7: 'infinity' is not a value of TasksMax=" },
                { "[Service]\nCPUQuota=1\n", "CPUQuota", "test.container:7: '1' is not a value of CPUQuota=" },
                { "[Service]\nLimitCPU=1:2\n", "LimitCPU", "test.container:7: '1:2' is not a value of LimitCPU=" },
                { "[Service]\nRuntimeMaxSec=1min 30s\n", "RuntimeMaxSec", "test.container:7: '1min 30s'" },
                { "[Service]\nTasksMax=99999999999999999999\n", "TasksMax",
                  "test.container:7: '99999999999999999999'" },
                { "[Container]\nEnvironment=A\n", "Environment",
                  "test.container:7: 'A' is not a value of Environment=" },
                { "[Container]\nEnvironment=A=1 'B\n", "Environment", "test.container:7: 'A=1 'B'" },
                { "Version=3\\ \n", "Version", "test.container:6: Version= ends in a backslash" },
                { "[Unit]\nDescription=C:\\\t\n", "Description", "test.container:7: Description= ends in a backslash" },
                { "nonsense\n", NULL, "test.container:6: expected Key=Value" },
                { "\xff\n", NULL, "test.container:6: not UTF-8 text" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(freep) char *text = format_string("%s%s", LEAST, table[i].more);

                refuse(text, table[i].field, table[i].words);
        }
}

static void language_without_what_it_needs_is_refused(void **state)
{
        refuse("", "Image", "test.container: Image= in [Container] is missing");
        refuse("[X-Language]\nSource=a\nRun=x\n", "Image", "Image= in [Container] is missing");
        refuse("[Container]\nImage=i\n[X-Language]\nRun=x\n", "Source", "Source= in [X-Language] is missing");
        refuse("[Container]\nImage=i\n[X-Language]\nSource=a\n", "Run", "Run= in [X-Language] is missing");
        refuse("[Container]\nImage=\n[X-Language]\nSource=a\nRun=x\n", "Image", "Image= in [Container] is missing");
        refuse("[Container]\nImage=i\n[X-Langauge]\nSource=a\nRun=x\n", "Source", "Source= in [X-Language] is missing");
}

static void limit_too_small_for_any_program_is_refused(void **state)
{
        refuse(LEAST "[Service]\nMemoryMax=1M\n", "memory", "test.container: The limit memory must be at least 4M");
        refuse(LEAST "[Service]\nTasksMax=0\n", "processes", "test.container: The limit processes must be at least 1");
        refuse(LEAST "[Service]\nRuntimeMaxSec=1ms\n", "wall_time", "must be at least 10ms");
        refuse(LEAST "Output=0\n", "output", "must be at least 1");
}

static void large_limits_are_for_the_configuration_to_bound(void **state)
{
        _cleanup_(language_freep) Language *l = parse(LEAST "[Service]\nMemoryMax=infinity\nRuntimeMaxSec=infinity\n");

        assert_true(l->limits.memory_bytes == UINT64_MAX);
        assert_true(l->limits.wall_usec == USEC_INFINITY);
}

static void names_are_fit_for_a_unit(void **state)
{
        char longest[66];

        memset(longest, 'a', sizeof(longest));
        longest[64] = '\0';
        const char *const good[] = { "a", "c++", "python3.13", "_x", "7", longest };
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(language_freep) Language *l = NULL;

                assert_row(language_parse(good[i], "x", LEAST, strlen(LEAST), &l, NULL) == 0, good[i]);
                assert_string_equal(l->name, good[i]);
        }

        longest[64] = 'a';
        longest[65] = '\0';
        const char *const bad[] = { "", "A", "a-b", ".a", "a b", "a/b", "a@b", "a%b", "\xc3\xbc", longest };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                refuse_named(bad[i], LEAST, NULL, "test.container: a language's name is made of a-z 0-9 _ + and .");
}

static void isolation_has_names(void **state)
{
        assert_string_equal(isolation_to_string(ISOLATION_CONTAINER), "container");
        assert_int_equal(isolation_from_string("container"), ISOLATION_CONTAINER);
        assert_null(isolation_to_string(_ISOLATION_MAX));
        assert_int_equal(isolation_from_string("none"), -EINVAL);
}

static void registry_is_sorted_and_takes_only_container_files(void **state)
{
        scratch_write(*state, "b.container", LEAST);
        scratch_write(*state, "a.container", LEAST);
        scratch_write(*state, "c.container", LEAST);
        scratch_write(*state, ".hidden.container", LEAST);
        scratch_write(*state, "d.container~", LEAST);
        scratch_write(*state, "README", "no");

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(*state, NULL);
        assert_int_equal(registry->n_languages, 3);
        assert_string_equal(registry->languages[0]->name, "a");
        assert_string_equal(registry->languages[1]->name, "b");
        assert_string_equal(registry->languages[2]->name, "c");
        assert_string_equal(registry->languages[0]->path, scratch_path(*state, "a.container"));
}

static void registry_of_nothing_is_empty(void **state)
{
        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(scratch_path(*state, "nowhere"), *state);

        assert_int_equal(registry->n_languages, 0);
        assert_null(language_registry_guess(registry, "a.py"));
        missing(registry, "python", FAULT_UNKNOWN_LANGUAGE, "There is no language called 'python'");
        assert_null(language_registry_free(NULL));
        assert_null(language_free(NULL));
}

static void directory_that_is_none_is_an_error(void **state)
{
        LanguageRegistry *registry = NULL;

        scratch_write(*state, "file", "");
        char *const directories[] = { (char *) scratch_path(*state, "file"), NULL };
        assert_int_equal(language_registry_load(directories, &registry), -ENOTDIR);
        assert_null(registry);
}

static void first_directory_wins_by_file_name(void **state)
{
        char first[256], second[256];

        scratch_make_directory(*state, "etc");
        scratch_make_directory(*state, "usr");
        strcpy(first, scratch_path(*state, "etc"));
        strcpy(second, scratch_path(*state, "usr"));
        scratch_write(first, "a.container", LEAST "Version=etc\n");
        scratch_write(second, "a.container", LEAST "Version=usr\n");
        scratch_write(second, "b.container", LEAST "Version=usr\n");
        scratch_write(first, "c.container", "broken");
        scratch_write(second, "c.container", LEAST);

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(first, second);
        assert_int_equal(registry->n_languages, 3);
        assert_string_equal(find(registry, "a")->version, "etc");
        assert_string_equal(find(registry, "b")->version, "usr");
        missing(registry, "c", FAULT_BROKEN_LANGUAGE, "/etc/c.container:1: expected Key=Value");

        _cleanup_(language_registry_freep) LanguageRegistry *other = load(second, first);
        assert_string_equal(find(other, "a")->version, "usr");
        assert_string_equal(find(other, "c")->image, "i");
}

static void broken_file_does_not_hurt_the_others(void **state)
{
        _cleanup_(freep) char *large = calloc(1, UNIT_FILE_BYTES_MAX + 1);

        scratch_write(*state, "good.container", LEAST);
        scratch_write(*state, "empty.container", "");
        scratch_write(*state, "syntax.container", "[Container]\n\nwrong\n");
        scratch_write(*state, "half.container", LEAST "Aliases=other\nLint=wrong\n");
        scratch_write(*state, "Bad-Name.container", LEAST);
        scratch_write_bytes(*state, "large.container", large, UNIT_FILE_BYTES_MAX + 1);
        scratch_make_directory(*state, "directory.container");
        assert_int_equal(symlink("nowhere", scratch_path(*state, "dangling.container")), 0);

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(*state, NULL);
        assert_int_equal(registry->n_languages, 8);
        assert_null(find(registry, "good")->broken.detail);
        missing(registry, "empty", FAULT_BROKEN_LANGUAGE, "/empty.container: Image= in [Container] is missing");
        missing(registry, "syntax", FAULT_BROKEN_LANGUAGE, "/syntax.container:3: expected Key=Value");
        missing(registry, "half", FAULT_BROKEN_LANGUAGE, "/half.container:7: 'wrong' is not a value of Lint=");
        missing(registry, "other", FAULT_BROKEN_LANGUAGE, "/half.container:7: ");
        missing(registry, "Bad-Name", FAULT_BROKEN_LANGUAGE, "/Bad-Name.container: a language's name is made of");
        missing(registry, "large", FAULT_BROKEN_LANGUAGE, "/large.container: File too large");
        missing(registry, "directory", FAULT_BROKEN_LANGUAGE, "/directory.container: Is a directory");
        missing(registry, "dangling", FAULT_BROKEN_LANGUAGE, "/dangling.container: No such file or directory");
        missing(registry, "nothing", FAULT_UNKNOWN_LANGUAGE, "There is no language called 'nothing'");
        assert_string_equal(language_registry_guess(registry, "a.x")->name, "good");
}

static void name_wins_over_an_alias(void **state)
{
        scratch_write(*state, "a.container", LEAST "Aliases=b c\n");
        scratch_write(*state, "b.container", LEAST "Aliases=a c\n");

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(*state, NULL);
        assert_string_equal(find(registry, "a")->name, "a");
        assert_string_equal(find(registry, "b")->name, "b");
        assert_string_equal(find(registry, "c")->name, "a");
        missing(registry, "", FAULT_UNKNOWN_LANGUAGE, "''");
        missing(registry, "b c", FAULT_UNKNOWN_LANGUAGE, "'b c'");
}

static void language_is_guessed_by_the_extension(void **state)
{
        static const struct {
                const char *file, *language;
        } table[] = {
                { "hello.py", "py" },       { "/a/b.c/hello.py", "py" }, { "x.tar.py", "py" },  { ".py", "py" },
                { "hello.c", "c" },         { "hello.PY", NULL },        { "hello.pyc", NULL }, { "hello", NULL },
                { "", NULL },               { "a.py/hello", NULL },      { "hello.", NULL },    { "-", NULL },
        };
        static const char text[] = "[Container]\nImage=i\n[X-Language]\nSource=%s\nRun=x\n";
        static const char *const languages[][2] = {
                { "apython.container", "main.py" }, { "py.container", "main.py" }, { "pypy.container", "main.py" },
                { "c.container", "prog.c" },        { "none.container", "Makefile" },
        };

        for (size_t i = 0; i < ELEMENTSOF(languages); i++) {
                _cleanup_(freep) char *file = format_string(text, languages[i][1]);

                scratch_write(*state, languages[i][0], file);
        }
        scratch_write(*state, "p.container", "[X-Language]\nSource=main.py\n");     /* broken */

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(*state, NULL);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Language *l = language_registry_guess(registry, table[i].file);

                assert_row(table[i].language ? l && streq(l->name, table[i].language) : !l, table[i].file);
        }
}

static void language_that_preloads_what_is_imported_is_preferred(void **state)
{
        static const char text[] = "[Container]\nImage=i\n[X-Language]\nSource=%s\nRun=x\nPreload=%s\n";
        static const char *const languages[][3] = {
                { "py.container", "main.py", "" }, { "science.container", "main.py", "numpy pandas" },
                { "arrays.container", "main.py", "numpy" }, { "c.container", "main.c", "numpy pandas requests" },
                { "make.container", "Makefile", "" },
        };
        static const struct {
                const char *from, *modules[4], *language;
        } table[] = {
                { "py", { NULL }, "py" },
                { "py", { "os", "json" }, "py" },
                { "py", { "numpy" }, "arrays" },
                { "py", { "os", "pandas" }, "science" },
                { "py", { "numpy", "pandas" }, "science" },
                { "py", { "requests" }, "py" },
                { "science", { "os" }, "science" },
                { "science", { "numpy" }, "science" },
                { "arrays", { "numpy", "pandas" }, "science" },
                { "c", { "sqlite3" }, "c" },
                { "make", { "numpy" }, "make" },
        };

        for (size_t i = 0; i < ELEMENTSOF(languages); i++) {
                _cleanup_(freep) char *file = format_string(text, languages[i][1], languages[i][2]);

                scratch_write(*state, languages[i][0], file);
        }

        scratch_write(*state, "broken.container", "[X-Language]\nSource=a.py\nPreload=numpy pandas requests os\n");

        _cleanup_(language_registry_freep) LanguageRegistry *registry = load(*state, NULL);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Language *l = language_registry_refine(registry, find(registry, table[i].from),
                                                       (char *const *) table[i].modules);

                assert_row(streq(l->name, table[i].language), table[i].language);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shipped_languages_have_the_documented_limits),
                cmocka_unit_test(language_that_says_the_least_has_defaults),
                cmocka_unit_test(every_key_is_taken),
                cmocka_unit_test(last_value_of_a_key_counts),
                cmocka_unit_test(bad_value_is_refused_with_its_line),
                cmocka_unit_test(language_without_what_it_needs_is_refused),
                cmocka_unit_test(limit_too_small_for_any_program_is_refused),
                cmocka_unit_test(large_limits_are_for_the_configuration_to_bound),
                cmocka_unit_test(names_are_fit_for_a_unit),
                cmocka_unit_test(isolation_has_names),
                scratch_unit_test(registry_is_sorted_and_takes_only_container_files),
                scratch_unit_test(registry_of_nothing_is_empty),
                scratch_unit_test(directory_that_is_none_is_an_error),
                scratch_unit_test(first_directory_wins_by_file_name),
                scratch_unit_test(broken_file_does_not_hurt_the_others),
                scratch_unit_test(name_wins_over_an_alias),
                scratch_unit_test(language_is_guessed_by_the_extension),
                scratch_unit_test(language_that_preloads_what_is_imported_is_preferred),
        };

        return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
