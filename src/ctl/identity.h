/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whose podman and whose user manager the sandboxes run under: the caller's; for root, those of the
 * user named in rce.conf (User=), since nothing here runs containers as root. */

#include <sys/types.h>

#include "basic/macro.h"
#include "shared/fault.h"

typedef struct Identity {
        uid_t uid;
        gid_t gid;
        char *name;
        char *home;
        char *runtime_dir;               /* /run/user/UID, or the caller's own $XDG_RUNTIME_DIR */
        bool is_caller;
} Identity;

void identity_done(Identity *identity);

/* Only looks; a missing user is a fault, a missing runtime directory is not. */
int identity_lookup(Identity *ret, Fault *reterr_fault);

/* Becomes it even if it has no runtime directory, for doctor's sake. */
int identity_become(const Identity *identity);

/* Looks it up and becomes it, for the rest of the process: ids, groups, and for root's sake a clean environment, with the working
 * directory at "/". Open what the command line names before. A missing user or runtime directory is a fault that says
 * what mends it. */
int identity_assume(Fault *reterr_fault);
