/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/quadlet.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "tests/unit/fault-check.h"
#include "tests/unit/scratch.h"

static QuadletService *parse(const char *text)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        QuadletService *s = NULL;

        if (quadlet_service_parse("x.container", text, strlen(text), &s, &fault) < 0)
                fail_msg("%s", fault.detail);
        return s;
}

static void refuse(const char *text, const char *field, const char *words)
{
        QuadletService untouched, *s = &untouched;
        Fault fault = { 0 };

        assert_int_equal(quadlet_service_parse("x.container", text, strlen(text), &s, &fault), -EBADMSG);
        assert_ptr_equal(s, &untouched);
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, field, words);
}

static void assert_words(char **strv, const char *joined)
{
        _cleanup_(freep) char *s = strv_join(strv, "|");

        assert_string_equal(s, joined);
}

static void service_is_taken_apart(void **state)
{
        _cleanup_(quadlet_service_freep) QuadletService *s =
                parse("[X-Container]\nImage=i\n[Service]\nEnvironment=A=1 'B=2 3'\nEnvironment=C=%n\n"
                      "ExecStart=/usr/bin/podman run --name %N \"a b\" i\n"
                      "ExecStop=/usr/bin/podman rm -f %N\nExecStopPost=-/usr/bin/podman rm -v -f %N\n"
                      "[Install]\nExecStart=no\nEnvironment=D=no\n");

        assert_words(s->exec_start, "/usr/bin/podman|run|--name|%N|a b|i");
        assert_words(s->exec_stop, "/usr/bin/podman|rm|-f|%N");
        assert_words(s->exec_stop_post, "/usr/bin/podman|rm|-v|-f|%N");
        assert_words(s->environment, "A=1|B=2 3|C=%n");
}

static void service_may_have_no_more_than_a_command(void **state)
{
        _cleanup_(quadlet_service_freep) QuadletService *s = parse("[Service]\nExecStart=@!-x y\n");

        assert_words(s->exec_start, "x|y");
        assert_null(s->exec_stop);
        assert_null(s->exec_stop_post);
        assert_null(s->environment);
        assert_null(quadlet_service_free(NULL));
}

static void service_that_cannot_be_taken_apart_is_refused(void **state)
{
        refuse("", "ExecStart", "x.container: no ExecStart= was generated");
        refuse("[Service]\nExecStart=\n", "ExecStart", "x.container: no ExecStart= was generated");
        refuse("[Service]\nExecStart=-\n", "ExecStart", "x.container:2: ExecStart= cannot be taken apart");
        refuse("[Service]\nExecStart='x\n", "ExecStart", "x.container:2: ExecStart= cannot be taken apart");
        refuse("[Service]\nExecStart=x\nExecStop=\\q\n", "ExecStop", "x.container:3: ExecStop= cannot be taken apart");
        refuse("[Service]\nExecStart=x\nExecStopPost=\"\n", "ExecStopPost", "x.container:3: ExecStopPost= cannot");
        refuse("[Service]\nExecStart=x\nEnvironment=A=1 'B\n", "Environment",
               "x.container:3: Environment= cannot be taken apart");
        refuse("[Service]\nnonsense\n", NULL, "x.container:2: expected Key=Value");
}

/* --- with Podman's generator ------------------------------------------------------------------------------------- */

static bool have_generator(void)
{
        return access("/usr/libexec/podman/quadlet", X_OK) == 0 || access("/usr/lib/podman/quadlet", X_OK) == 0;
}

#define NEED_GENERATOR()                                                                                               \
        do {                                                                                                           \
                if (!have_generator()) {                                                                               \
                        print_message("Podman's Quadlet generator is not installed\n");                               \
                        skip();                                                                                        \
                }                                                                                                      \
        } while (0)

/* The generator's scratch files lie in the test's own directory, where it is seen whether any stays. */
static int setup(void **state)
{
        int r = scratch_setup(state);

        return r < 0 ? r : setenv("XDG_RUNTIME_DIR", *state, 1);
}

static size_t count_files(const char *directory)
{
        DIR *d = opendir(directory);
        size_t n = 0;

        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}

static Language *language(const char *name, const char *text)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        Language *l = NULL;

        if (language_parse(name, "x.container", text, strlen(text), &l, &fault) < 0)
                fail_msg("%s", fault.detail);
        return l;
}

static QuadletService *generate(const Language *l)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        QuadletService *s = NULL;
        int r = quadlet_service_load(l, &s, &fault);

        if (r < 0)
                fail_msg("%s", fault.detail ? fault.detail : strerror(-r));
        return s;
}

/* Whether the words have --option VALUE or --option=VALUE. */
static bool has_option(char **words, const char *option, const char *value)
{
        _cleanup_(freep) char *joined = format_string("%s=%s", option, value);

        STRV_FOREACH(w, words)
                if (streq(*w, joined) || (streq(*w, option) && w[1] && streq(w[1], value)))
                        return true;
        return false;
}

static void assert_walls(const Language *l)
{
        static const struct {
                const char *option, *value;
        } options[] = {
                { "--name", "%N" },
                { "--network", "none" },
                { "--cap-drop", "all" },
                { "--security-opt", "no-new-privileges" },
                { "--security-opt", "seccomp=/usr/share/rce/seccomp.json" },
                { "--user", "%j:%j" },
                { "--pull", "never" },
                { "--preserve-fds", "1" },
                { "--entrypoint", QUADLET_CELL_PATH },
        };
        _cleanup_(quadlet_service_freep) QuadletService *s = generate(l);

        assert_non_null(s->exec_start);
        assert_true(endswith(s->exec_start[0], "/podman"));
        assert_string_equal(s->exec_start[1], "run");
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (!has_option(s->exec_start, options[i].option, options[i].value)) {
                        _cleanup_(freep) char *all = strv_join(s->exec_start, " ");

                        fail_msg("%s has no %s %s: %s", l->name, options[i].option, options[i].value, all);
                }
        assert_true(strv_contains(s->exec_start, "--read-only"));
        assert_true(strv_contains(s->exec_start, "--read-only-tmpfs=false"));
        assert_string_equal(s->exec_start[strv_length(s->exec_start) - 1], l->image);
        STRV_FOREACH(w, s->exec_start) {
                assert_false(startswith(*w, "--privileged"));
                assert_false(startswith(*w, "--cap-add"));
                assert_false(startswith(*w, "--device"));
        }
        assert_non_null(s->exec_stop);
        assert_non_null(s->exec_stop_post);
}

static void shipped_languages_keep_every_wall(void **state)
{
        char *const directories[] = { getenv("RCE_LANGUAGES"), NULL };
        _cleanup_(language_registry_freep) LanguageRegistry *registry = NULL;

        NEED_GENERATOR();
        assert_non_null(directories[0]);
        assert_int_equal(language_registry_load(directories, &registry), 0);
        assert_int_equal(registry->n_languages, 2);
        for (size_t i = 0; i < registry->n_languages; i++)
                assert_walls(registry->languages[i]);
        assert_int_equal(count_files(*state), 0);
}

#define LEAST "[Container]\nImage=localhost/i:latest\n[X-Language]\nSource=main.x\nRun=x\n"

static void generated_commands_have_only_specifiers_we_know(void **state)
{
        NEED_GENERATOR();
        _cleanup_(language_freep) Language *l = language("c++.1", LEAST);
        _cleanup_(quadlet_service_freep) QuadletService *s = generate(l);
        char **const all[] = { s->exec_start, s->exec_stop, s->exec_stop_post, s->environment };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                STRV_FOREACH(w, all[i]) {
                        _cleanup_(freep) char *expanded = NULL;

                        assert_row(unit_file_expand(*w, "rce-sandbox-c++.1-7.service", "/run/user/1", &expanded) == 0,
                                   *w);
                }
}

static void own_walls_are_put_around_every_language(void **state)
{
        NEED_GENERATOR();
        _cleanup_(language_freep) Language *l =
                        language("x", "[Container]\nImage=localhost/i:latest\nUser=0\nGroup=0\n"
                                      "ContainerName=mine\nExec=sh -c evil\nPull=always\n"
                                      "[X-Language]\nSource=main.x\nRun=x\n");
        _cleanup_(quadlet_service_freep) QuadletService *s = generate(l);

        assert_true(has_option(s->exec_start, "--name", "%N"));
        assert_true(has_option(s->exec_start, "--user", "%j:%j"));
        assert_true(has_option(s->exec_start, "--pull", "never"));
        assert_false(has_option(s->exec_start, "--user", "0:0"));
        assert_false(strv_contains(s->exec_start, "evil"));
        assert_string_equal(s->exec_start[strv_length(s->exec_start) - 1], "localhost/i:latest");
}

static void key_podman_does_not_know_is_refused_in_podman_s_words(void **state)
{
        NEED_GENERATOR();
        _cleanup_(language_freep) Language *l = language("x", LEAST "[Container]\nNetwrok=none\n");
        Fault fault = { 0 };
        char untouched[1], *text = untouched;

        assert_int_equal(quadlet_generate(l, &text, &fault), -EBADMSG);
        assert_ptr_equal(text, untouched);
        assert_non_null(strstr(fault.detail, "x.container: Podman does not accept it: "));
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, "language", "Netwrok");

        QuadletService *s = NULL;
        assert_int_equal(quadlet_service_load(l, &s, &fault), -EBADMSG);
        fault_check(&fault, FAULT_BROKEN_LANGUAGE, "language", "Netwrok");
        assert_int_equal(count_files(*state), 0);
}

static void awkward_values_reach_podman_as_they_are(void **state)
{
        NEED_GENERATOR();
        _cleanup_(language_freep) Language *l =
                        language("x", "[Container]\nImage=localhost/i:latest\n"
                                      "Environment=\"A=two words\" B=%%n 'C=\"quoted\"' D=\xc3\xbc\n"
                                      "[X-Language]\nSource=main.x\nRun=x\n");
        _cleanup_(quadlet_service_freep) QuadletService *s = generate(l);

        assert_true(has_option(s->exec_start, "--env", "A=two words"));
        assert_true(has_option(s->exec_start, "--env", "B=%%n"));
        assert_true(has_option(s->exec_start, "--env", "C=\"quoted\""));
        assert_true(has_option(s->exec_start, "--env", "D=\xc3\xbc"));
}

static void scratch_directory_that_cannot_be_made_is_an_error(void **state)
{
        NEED_GENERATOR();
        _cleanup_(language_freep) Language *l = language("x", LEAST);
        Fault fault = { 0 };
        char *text = NULL;

        assert_int_equal(setenv("XDG_RUNTIME_DIR", scratch_path(*state, "nowhere"), 1), 0);
        size_t before = scratch_open_descriptors();
        assert_int_equal(quadlet_generate(l, &text, &fault), -ENOENT);
        fault_check_none(&fault);
        assert_null(text);
        assert_int_equal(scratch_open_descriptors(), before);
}

#define quadlet_unit_test(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(service_is_taken_apart),
                cmocka_unit_test(service_may_have_no_more_than_a_command),
                cmocka_unit_test(service_that_cannot_be_taken_apart_is_refused),
                quadlet_unit_test(shipped_languages_keep_every_wall),
                quadlet_unit_test(generated_commands_have_only_specifiers_we_know),
                quadlet_unit_test(own_walls_are_put_around_every_language),
                quadlet_unit_test(key_podman_does_not_know_is_refused_in_podman_s_words),
                quadlet_unit_test(awkward_values_reach_podman_as_they_are),
                quadlet_unit_test(scratch_directory_that_cannot_be_made_is_an_error),
        };

        return cmocka_run_group_tests_name("quadlet", tests, NULL, NULL);
}
