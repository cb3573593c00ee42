/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "ctl/doctor.h"
#include "ctl/image.h"
#include "ctl/podman.h"
#include "ctl/process.h"
#include "lint/lint.h"
#include "sandbox/quadlet.h"

#define PODMAN_MAJOR_MIN 4
#define PODMAN_MINOR_MIN 9

void check_podman(Doctor *d)
{
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *text = NULL;
        char mend[DOCTOR_MEND_MAX];
        unsigned major, minor;

        doctor_install(mend, "podman", "podman");
        int r = process_require("podman", "podman", &fault);
        if (r < 0) {
                doctor_report(d, "podman", DOCTOR_FAIL, mend, "%s", r == -EBADMSG ? fault.detail : strerror(-r));
                return;
        }

        r = podman_version(&text, &major, &minor, &fault);
        if (r == -EBADMSG)
                doctor_report(d, "podman", DOCTOR_FAIL, "mend what it complains about", "%s", fault.detail);
        else if (r < 0)
                doctor_report(d, "podman", DOCTOR_FAIL, NULL, "podman cannot be started: %s", strerror(-r));
        else if (major < PODMAN_MAJOR_MIN || (major == PODMAN_MAJOR_MIN && minor < PODMAN_MINOR_MIN))
                doctor_report(d, "podman", DOCTOR_FAIL, "upgrade to a release with a newer podman",
                              "podman %s is older than %d.%d", text, PODMAN_MAJOR_MIN, PODMAN_MINOR_MIN);
        else
                doctor_report(d, "podman", DOCTOR_OK, NULL, "podman %s", text);
}

static const Language *first_working(const LanguageRegistry *registry)
{
        for (size_t i = 0; i < registry->n_languages; i++)
                if (!registry->languages[i]->broken.detail)
                        return registry->languages[i];
        return NULL;
}

/* By trying: what counts is that the generator can be run. What it says of a language is for check_languages(). */
void check_quadlet(Doctor *d)
{
        const Language *l = first_working(d->registry);
        _cleanup_(fault_done) Fault fault = { 0 };
        _cleanup_(freep) char *unit = NULL;
        char mend[DOCTOR_MEND_MAX];

        if (!l)
                return;

        int r = quadlet_generate(l, &unit, &fault);
        if (r == -EBADMSG && fault.code == FAULT_SANDBOX_UNAVAILABLE)
                doctor_report(d, "quadlet", DOCTOR_FAIL, doctor_install(mend, "podman", "podman"), "%s", fault.detail);
        else if (r < 0 && r != -EBADMSG)
                doctor_report(d, "quadlet", DOCTOR_FAIL, NULL, "Podman's generator cannot be run: %s", strerror(-r));
        else
                doctor_report(d, "quadlet", DOCTOR_OK, NULL, "Podman's generator runs");
}

void check_runtime(Doctor *d)
{
        _cleanup_(fault_done) Fault crun = { 0 }, runc = { 0 };
        char mend[DOCTOR_MEND_MAX];

        doctor_install(mend, "crun", "crun");
        if (process_require("crun", "crun", &crun) >= 0)
                doctor_report(d, "runtime", DOCTOR_OK, NULL, "crun is there");
        else if (process_require("runc", "runc", &runc) >= 0)
                doctor_report(d, "runtime", DOCTOR_WARN, mend, "there is runc, but crun starts sandboxes faster");
        else
                doctor_report(d, "runtime", DOCTOR_FAIL, mend, "there is no crun");
}

/* The first thing that really exercises a rootless podman, so failures of all kinds show here. */
void check_storage(Doctor *d)
{
        _cleanup_(fault_done) Fault missing = { 0 }, fault = { 0 };
        _cleanup_(freep) char *driver = NULL;

        if (!d->has_runtime || process_require("podman", "podman", &missing) < 0)
                return;         /* said by check_user_manager(), check_podman() */

        int r = podman_storage_driver(&driver, &fault);
        if (r < 0)
                doctor_report(d, "storage", DOCTOR_FAIL, "mend what podman complains about; `podman info` says more",
                              "%s", r == -EBADMSG ? fault.detail : strerror(-r));
        else if (streq(driver, "vfs"))
                doctor_report(d, "storage", DOCTOR_WARN,
                              "use a kernel from 5.13 on, or install fuse-overlayfs; then podman system reset",
                              "podman copies whole images (vfs), which is slow");
        else
                doctor_report(d, "storage", DOCTOR_OK, NULL, "podman uses %s", driver);
        d->podman_works = r >= 0;
}

void check_files(Doctor *d)
{
        static const struct {
                const char *path;
                int mode;
        } files[] = {
                { RCE_DATA_DIR "/seccomp.json", R_OK },
                { RCE_LIBEXEC_DIR "/rce-cell", X_OK },
        };
        char mend[DOCTOR_MEND_MAX];
        bool complete = true;

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (access(files[i].path, files[i].mode) < 0) {
                        complete = false;
                        doctor_report(d, "files", DOCTOR_FAIL, doctor_install(mend, "rce-worker", "rce-worker"),
                                      "%s: %s", files[i].path, strerror(errno));
                }
        if (complete)
                doctor_report(d, "files", DOCTOR_OK, NULL, "the seccomp profile and the supervisor are installed");
}

/* The policy its programs are looked at with. */
static int try_policy(const Language *l, Fault *reterr_fault)
{
        _cleanup_(lint_policy_freep) LintPolicy *policy = NULL;
        _cleanup_(freep) char *path = NULL;

        if (streq(l->lint_level, lint_level_to_string(LINT_OFF)))
                return 0;

        int r = lint_policy_find(l->lint_grammar, &path);
        if (r == -ENOENT || r == -EINVAL)
                return fault_set(reterr_fault, FAULT_BROKEN_LANGUAGE, "lint", "%s: there is no lint policy for '%s'",
                                 l->path, l->lint_grammar);
        return r < 0 ? r : lint_policy_load(l->lint_grammar, path, &policy, reterr_fault);
}

static void check_language(Doctor *d, const Language *l)
{
        _cleanup_(freep) char *check = format_string("language %s", l->name);
        _cleanup_(freep) char *mend = format_string("correct %s; rce-language(5) has all keys", l->path);
        _cleanup_(freep) char *unit = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };

        if (!check || !mend) {
                d->error = -ENOMEM;
                return;
        }
        if (l->broken.detail) {
                doctor_report(d, check, DOCTOR_FAIL, mend, "%s", l->broken.detail);
                return;
        }

        int r = quadlet_generate(l, &unit, &fault);
        if (r == -EBADMSG && fault.code == FAULT_SANDBOX_UNAVAILABLE)
                r = 0;          /* said by check_quadlet(), and no fault of the language */
        if (r >= 0)
                r = try_policy(l, &fault);
        if (r == -EBADMSG && fault.code == FAULT_BROKEN_POLICY)
                doctor_report(d, check, DOCTOR_FAIL, "correct that; rce-lint(5) says how policies are written", "%s",
                              fault.detail);
        else if (r < 0)
                doctor_report(d, check, DOCTOR_FAIL, mend, "%s", r == -EBADMSG ? fault.detail : strerror(-r));
        else
                doctor_report(d, check, DOCTOR_OK, NULL, "%s", l->path);
}

void check_languages(Doctor *d)
{
        char mend[DOCTOR_MEND_MAX];

        if (d->registry->n_languages == 0)
                doctor_report(d, "languages", DOCTOR_FAIL, doctor_install(mend, "rce-worker", "rce-worker"),
                              "there are none in " RCE_CONF_DIR "/languages and " RCE_DATA_DIR "/languages");
        for (size_t i = 0; i < d->registry->n_languages; i++)
                check_language(d, d->registry->languages[i]);
}

static void check_image(Doctor *d, const char *reference)
{
        _cleanup_(freep) char *name = image_name_of_reference(reference);
        _cleanup_(freep) char *mend =
                name ? format_string("rcectl image build %s", name) : format_string("podman pull %s", reference);
        _cleanup_(fault_done) Fault fault = { 0 };

        if (!mend) {
                d->error = -ENOMEM;
                return;
        }

        int r = podman_image_find(reference, NULL, &fault);
        if (r > 0)
                doctor_report(d, "image", DOCTOR_OK, NULL, "%s is there", reference);
        else if (r == 0)
                doctor_report(d, "image", DOCTOR_FAIL, mend, "%s is missing", reference);
        else if (r == -EBADMSG)
                doctor_report(d, "image", DOCTOR_FAIL, NULL, "%s", fault.detail);
        else
                d->error = r;
}

void check_images(Doctor *d)
{
        _cleanup_(strv_freep) char **seen = NULL;

        if (!d->podman_works)
                return;         /* said by check_podman() or check_storage() */

        for (size_t i = 0; i < d->registry->n_languages; i++) {
                const Language *l = d->registry->languages[i];

                if (l->broken.detail || strv_contains(seen, l->image))
                        continue;
                check_image(d, l->image);

                int r = strv_extend(&seen, l->image);
                if (r < 0) {
                        d->error = r;
                        return;
                }
        }
}
