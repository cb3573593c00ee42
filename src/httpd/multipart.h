/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A file out of a form (multipart/form-data, RFC 7578). */

#include "basic/memory.h"
#include "httpd/http-request.h"
#include "shared/fault.h"

#define MULTIPART_PARTS_MAX 64u

/* Zero-initialise, release with multipart_file_done(). */
typedef struct MultipartFile {
        char *filename;                  /* as the client says it: never a path to trust. NULL if it says none */
        Buffer content;
} MultipartFile;

/* The first part of that name. Other parts are passed over. -EBADMSG with the fault set (its field is the name) when
 * the body is no such form, is cut short, has too many parts, or has no such part. */
int http_request_read_multipart(const HttpRequest *request, const char *name, MultipartFile *ret, Fault *reterr_fault);

void multipart_file_done(MultipartFile *file);
