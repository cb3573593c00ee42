/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where blobs are kept, as the configuration says it. */

#include "shared/fault.h"

typedef struct BlobPlace {
        char *directory;                 /* absolute; or */
        char *endpoint, *bucket;
} BlobPlace;

int blob_place_parse(const char *uri, BlobPlace *ret, Fault *reterr_fault);
void blob_place_done(BlobPlace *p);
