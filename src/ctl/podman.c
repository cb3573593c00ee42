/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/podman.h"

#include <json-c/json.h>
#include <stdio.h>
#include <sys/wait.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "ctl/process.h"
#include "ctl/view.h"
#include "shared/json-util.h"

#define OUTPUT_BYTES_MAX (1024 * 1024)

void podman_image_done(PodmanImage *image)
{
        free(image->id);
        free(image->created);
        *image = (PodmanImage){ 0 };
}

/* Returns its exit code if that is no larger than last_good_code, else a fault with podman's own last words. */
static int podman_capture(const char *const *argv, int last_good_code, char **ret_output, Fault *reterr_fault)
{
        _cleanup_(freep) char *output = NULL, *complaint = NULL;
        char text[PROCESS_STATUS_MAX];
        int status;

        int r = process_require("podman", "podman", reterr_fault);
        if (r < 0)
                return r;
        r = process_capture(argv, OUTPUT_BYTES_MAX, &output, &complaint, &status);
        if (r < 0)
                return r;
        if (!WIFEXITED(status) || WEXITSTATUS(status) > last_good_code)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL, "`podman %s` %s: %s", argv[1],
                                 process_format_status(text, status), complaint);

        *ret_output = TAKE_PTR(output);
        return WEXITSTATUS(status);
}

static int parse_inspection(const char *text, PodmanImage *ret)
{
        _cleanup_(json_putp) struct json_object *document = json_tokener_parse(text);
        struct json_object *image = document && json_object_is_type(document, json_type_array) ?
                                            json_object_array_get_idx(document, 0) :
                                            NULL;
        struct json_object *size;

        if (!json_object_is_type(image, json_type_object) || !json_object_object_get_ex(image, "Size", &size))
                return -EPROTO;

        const char *id = view_string(image, "Id"), *created = view_string(image, "Created");
        if (!id || !created)
                return -EPROTO;

        *ret = (PodmanImage){ strdup(id), strdup(created), json_object_get_uint64(size) };
        if (ret->id && ret->created)
                return 0;

        podman_image_done(ret);
        return -ENOMEM;
}

int podman_image_find(const char *name, PodmanImage *ret, Fault *reterr_fault)
{
        const char *const exists[] = { "podman", "image", "exists", name, NULL };
        const char *const inspect[] = { "podman", "image", "inspect", "--format", "json", name, NULL };
        _cleanup_(freep) char *nothing = NULL, *text = NULL;

        int r = podman_capture(exists, 1, &nothing, reterr_fault);
        if (r < 0)
                return r;
        if (r > 0 || !ret)
                return r == 0;

        r = podman_capture(inspect, 0, &text, reterr_fault);
        if (r >= 0)
                r = parse_inspection(text, ret);
        if (r == -EPROTO)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "`podman image inspect %s` says something new", name);
        return r < 0 ? r : 1;
}

int podman_version(char **ret_text, unsigned *ret_major, unsigned *ret_minor, Fault *reterr_fault)
{
        static const char *const argv[] = { "podman", "--version", NULL };
        _cleanup_(freep) char *output = NULL;
        unsigned major, minor;

        int r = podman_capture(argv, 0, &output, reterr_fault);
        if (r < 0)
                return r;

        const char *number = startswith(strstrip(output), "podman version ");
        if (!number || sscanf(number, "%u.%u", &major, &minor) != 2)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "`podman --version` says something new");

        char *text = strdup(number);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        *ret_major = major;
        *ret_minor = minor;
        return 0;
}

int podman_storage_driver(char **ret, Fault *reterr_fault)
{
        static const char *const argv[] = { "podman", "info", "--format", "{{.Store.GraphDriverName}}", NULL };

        int r = podman_capture(argv, 0, ret, reterr_fault);
        if (r >= 0)
                strstrip(*ret);
        return r;
}

int podman_import_start(const char *name, int tar_fd, int log_fd, pid_t *ret, Fault *reterr_fault)
{
        const char *const argv[] = {
                "podman", "import", "--quiet",
                "--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin",
                "--change", "ENV LANG=C.UTF-8",
                "--change", "WORKDIR /work",
                "-", name, NULL,
        };

        int r = process_require("podman", "podman", reterr_fault);
        if (r < 0)
                return r;
        return process_start(&(ProcessParams){ argv, tar_fd, log_fd, log_fd }, ret);
}

void podman_image_remove(const char *id)
{
        const char *const argv[] = { "podman", "image", "rm", id, NULL };
        _cleanup_(freep) char *output = NULL;

        (void) podman_capture(argv, 0, &output, NULL);
}
