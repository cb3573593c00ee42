/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker-languages.h"

#include "basic/string-util.h"
#include "tests/unit/scratch.h"
#include "tests/unit/test.h"
#include "tests/unit/worker/fake-ports.h"

#define CONTAINER "[Container]\nImage=localhost/x\n[X-Language]\nSource=main.py\nRun=python3 main.py\n"

static int setup(void **state)
{
        fake = (FakePorts){ 0 };
        return scratch_setup(state);
}

static WorkerLanguages *load(void **state)
{
        char *const directories[] = { *state, NULL };
        WorkerLanguages *l;

        assert_int_equal(worker_languages_load(directories, &l), 0);
        return l;
}

static const WorkerLanguage *find(WorkerLanguages *l, const char *name)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        const WorkerLanguage *language;

        assert_int_equal(worker_languages_find(l, name, &language, &fault), 0);
        return language;
}

static void assert_not_found(WorkerLanguages *l, const char *name, FaultCode code)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        const WorkerLanguage *language;

        assert_int_equal(worker_languages_find(l, name, &language, &fault), -EBADMSG);
        assert_int_equal(fault.code, code);
}

static void assert_complaint(WorkerLanguages *l, const char *about)
{
        assert_int_equal(strv_length(worker_languages_complaints(l)), 1);
        assert_non_null(strstr(worker_languages_complaints(l)[0], about));
}

static void those_that_can_be_used_have_names(void **state)
{
        scratch_write(*state, "python.container", CONTAINER "Aliases=py\nLint=standard\nLintGrammar=python\n");
        scratch_write(*state, "shell.container", CONTAINER "Lint=off\nLintGrammar=python\n");
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);

        assert_int_equal(strv_length(worker_languages_names(l)), 2);
        assert_int_equal(strv_length(worker_languages_complaints(l)), 0);
        assert_ptr_equal(find(l, "python"), find(l, "py"));
        assert_non_null(find(l, "shell")->service);
        assert_not_found(l, "cobol", FAULT_UNKNOWN_LANGUAGE);
}

static void broken_one_is_left_out_and_complained_of(void **state)
{
        scratch_write(*state, "python.container", CONTAINER "LintGrammar=python\n");
        scratch_write(*state, "wrong.container", "[Container]\nImage=localhost/x\n");
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);

        assert_int_equal(strv_length(worker_languages_names(l)), 1);
        assert_complaint(l, "wrong");
}

static void what_podman_does_not_understand_is_left_out(void **state)
{
        scratch_write(*state, "python.container", CONTAINER "LintGrammar=python\n");
        fake.fail = -EBADMSG;
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);

        assert_int_equal(strv_length(worker_languages_names(l)), 0);
        assert_complaint(l, "python");
        assert_not_found(l, "python", FAULT_BROKEN_LANGUAGE);
}

static void languages_of_one_grammar_have_one_policy(void **state)
{
        scratch_write(*state, "a.container", CONTAINER "LintGrammar=python\n");
        scratch_write(*state, "b.container", CONTAINER "LintGrammar=python\n");
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);

        assert_non_null(find(l, "a")->policy);
        assert_ptr_equal(find(l, "a")->policy, find(l, "b")->policy);
}

static void the_request_chooses_the_level_or_the_language_does(void **state)
{
        scratch_write(*state, "python.container", CONTAINER "Lint=standard\nLintGrammar=python\n");
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);
        _cleanup_(fault_done) Fault fault = { 0 };
        const WorkerLanguage *python = find(l, "python");
        LintPolicy *policy;
        LintLevel level;

        assert_int_equal(worker_language_lint(python, NULL, &level, &policy, &fault), 0);
        assert_int_equal(level, LINT_STANDARD);
        assert_ptr_equal(policy, python->policy);
        assert_int_equal(worker_language_lint(python, "off", &level, &policy, &fault), 0);
        assert_int_equal(level, LINT_OFF);
        assert_int_equal(worker_language_lint(python, "mild", &level, &policy, &fault), -EBADMSG);
}

static void without_a_policy_only_unlooked_at_programs_run(void **state)
{
        scratch_write(*state, "cobol.container", CONTAINER "Lint=standard\nLintGrammar=cobol\n");
        _cleanup_(worker_languages_unrefp) WorkerLanguages *l = load(state);
        _cleanup_(fault_done) Fault fault = { 0 };
        const WorkerLanguage *cobol = find(l, "cobol");
        LintPolicy *policy;
        LintLevel level;

        assert_complaint(l, "cobol");
        assert_int_equal(worker_language_lint(cobol, "off", &level, &policy, &fault), 0);
        assert_int_equal(worker_language_lint(cobol, NULL, &level, &policy, &fault), -EBADMSG);
        assert_non_null(fault.detail);
}

static void who_holds_them_keeps_them(void **state)
{
        scratch_write(*state, "python.container", CONTAINER "LintGrammar=python\n");
        WorkerLanguages *l = load(state);
        _cleanup_(worker_languages_unrefp) WorkerLanguages *held = worker_languages_ref(l);

        worker_languages_unref(l);
        assert_string_equal(find(held, "python")->language->name, "python");
}

int main(void)
{
#define languages_test(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
        const struct CMUnitTest tests[] = {
                languages_test(those_that_can_be_used_have_names),
                languages_test(broken_one_is_left_out_and_complained_of),
                languages_test(what_podman_does_not_understand_is_left_out),
                languages_test(languages_of_one_grammar_have_one_policy),
                languages_test(the_request_chooses_the_level_or_the_language_does),
                languages_test(without_a_policy_only_unlooked_at_programs_run),
                languages_test(who_holds_them_keeps_them),
        };

        return cmocka_run_group_tests_name("worker-languages", tests, NULL, NULL);
}
