/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a host needs to run sandboxes. Each check says what it found and, unless all is well, the command that mends it;
 * doctor.c has the table of them, doctor-host.c looks at the kernel and systemd, doctor-podman.c at containers. */

#include <json-c/json.h>

#include "ctl/identity.h"
#include "language/language.h"
#include "sandbox/host.h"

typedef enum DoctorState {
        DOCTOR_OK,
        DOCTOR_WARN,                     /* works, but with weaker limits or slower */
        DOCTOR_FAIL,                     /* no sandbox, or not for some language */
        _DOCTOR_STATE_MAX,
} DoctorState;

typedef struct Doctor {
        Identity identity;               /* whose sandboxes; we have become it when has_identity is set */
        bool has_identity;
        bool has_runtime;                /* and it has a runtime directory */
        SandboxHost *host;               /* NULL before check_user_manager(), and when it fails */
        bool podman_works;               /* set by check_storage() */
        LanguageRegistry *registry;
        struct json_object *rows;        /* {"check", "state", "found", "mend"} */
        unsigned n_states[_DOCTOR_STATE_MAX];
        int error;                       /* of ours, not the host's: the first one */
} Doctor;

/* mend may be NULL. An error of ours is kept in the doctor. */
void doctor_report(Doctor *d, const char *check, DoctorState state, const char *mend, const char *format, ...)
        _printf_(5, 6);

/* "apt install uidmap", or what the host's package manager calls it. */
#define DOCTOR_MEND_MAX 256
const char *doctor_install(char buf[static DOCTOR_MEND_MAX], const char *deb, const char *rpm);

void check_systemd(Doctor *d);
void check_cgroup(Doctor *d);
void check_linger(Doctor *d);
void check_user_manager(Doctor *d);
void check_controllers(Doctor *d);
void check_user_namespaces(Doctor *d);
void check_subordinate_ids(Doctor *d);
void check_id_mappers(Doctor *d);

void check_podman(Doctor *d);
void check_quadlet(Doctor *d);
void check_runtime(Doctor *d);
void check_storage(Doctor *d);
void check_files(Doctor *d);
void check_languages(Doctor *d);
void check_images(Doctor *d);
