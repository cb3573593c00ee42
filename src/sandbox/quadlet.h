/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* From a language's Quadlet file to the service that runs it, by way of Podman's own generator, so that every key means
 * here what it means to Podman. Nothing is installed and nobody's manager is reloaded: the generator prints, we read. */

#include "language/language.h"

/* Where in the container the supervisor is. */
#define QUADLET_CELL_PATH "/run/rce-cell"

/* What of the generated service we pass on. Unit specifiers are still in it. */
typedef struct QuadletService {
        char **exec_start;
        char **exec_stop;
        char **exec_stop_post;
        char **environment;
} QuadletService;

/* The generated service as text. Blocks for as long as the generator runs, some tens of milliseconds. A file Podman
 * does not accept is FAULT_BROKEN_LANGUAGE with Podman's words; no Podman is FAULT_SANDBOX_UNAVAILABLE. */
int quadlet_generate(const Language *l, char **ret_unit_text, Fault *reterr_fault);

/* The same, taken apart. */
int quadlet_service_load(const Language *l, QuadletService **ret, Fault *reterr_fault);

/* From text, for tests and fuzzing. */
int quadlet_service_parse(const char *path, const char *text, size_t size, QuadletService **ret, Fault *reterr_fault);

QuadletService *quadlet_service_free(QuadletService *s);
DEFINE_CLEANUP(QuadletService *, quadlet_service_free)
