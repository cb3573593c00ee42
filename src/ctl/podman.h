/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What we ask of podman, as whoever we are (see identity.h). A podman that does not work, or is not there, is
 * FAULT_SANDBOX_UNAVAILABLE. */

#include <sys/types.h>

#include "basic/macro.h"
#include "shared/fault.h"

typedef struct PodmanImage {
        char *id;
        char *created;                   /* RFC 3339 */
        uint64_t size_bytes;
} PodmanImage;

void podman_image_done(PodmanImage *image);

/* 1 if it is there, 0 if not; ret may be NULL for the answer alone, which is cheaper. */
int podman_image_find(const char *name, PodmanImage *ret, Fault *reterr_fault);

/* Major and minor, of "5.4.2" for instance. */
int podman_version(char **ret_text, unsigned *ret_major, unsigned *ret_minor, Fault *reterr_fault);

/* "overlay", "vfs". Making its storage ready is what a rootless podman stumbles over first. */
int podman_storage_driver(char **ret, Fault *reterr_fault);

/* Starts an import of a root file system, as a tar on tar_fd, with the settings all our images have. It is complete
 * when the process has ended well; ended before its input does, it leaves no image. */
int podman_import_start(const char *name, int tar_fd, int log_fd, pid_t *ret, Fault *reterr_fault);

/* Forgets an image another one has replaced; one that is still in use stays. */
void podman_image_remove(const char *id);
