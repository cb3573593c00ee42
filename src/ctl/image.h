/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Building and loading images; image.c reads the command line for it. An image called NAME is
 * localhost/rce-NAME:latest, and its recipe the directory images/NAME below /etc/rce or /usr/share/rce. */

#include "basic/macro.h"
#include "shared/fault.h"

typedef enum ImageMethod {
        IMAGE_MMDEBSTRAP,                /* from Debian packages, no registry needed */
        IMAGE_CONTAINERFILE,             /* by podman build, on a base image from a registry */
        _IMAGE_METHOD_MAX,
} ImageMethod;

const char *image_method_to_string(ImageMethod method);
int image_method_from_string(const char *s);

typedef struct ImageBuild {
        ImageMethod method;
        const char *suite;
        const char *mirror;              /* NULL: that of this host's apt */
        const char *output;              /* "-" or a file that gets the tar; NULL: podman gets it */
} ImageBuild;

/* Names are made of a-z 0-9 . _ -, beginning with a letter or digit. */
bool image_name_is_valid(const char *name);

/* "localhost/rce-NAME:latest" */
char *image_reference(const char *name);

/* NAME of such a reference, or NULL for any other image. */
char *image_name_of_reference(const char *reference);

/* All recipes, sorted. */
int image_recipes(char ***ret_names);

/* Both say what they do; when something fails, the end of its log is out before they return. Interrupted by a signal:
 * -ECANCELED, with nothing left behind. Whoever calls has become the one whose podman it is (see identity.h), and has
 * called process_catch_signals(). */
int image_build(const char *name, const ImageBuild *build, Fault *reterr_fault);
int image_load(const char *name, int tar_fd, Fault *reterr_fault);
