/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is wanted from the XML of S3 servers: the code and message of an error, the keys and times of a listing. Reads
 * exactly that, leniently, from bytes nobody vouches for. */

#include "basic/time-util.h"

typedef struct S3Error {
        char code[64];                   /* "NoSuchBucket"; letters and digits; empty when there is none */
        char message[256];               /* printable */
} S3Error;

/* Whatever the bytes are, *ret is filled; what does not fit is cut or left out. */
void s3_error_parse(const char *data, size_t size, S3Error *ret);

typedef struct S3Entry {
        char *key;                       /* s3_key_is_valid() */
        usec_t modified_usec;            /* since 1970 */
} S3Entry;

typedef struct S3List {
        S3Entry *entries;
        size_t n_entries, n_allocated;
        bool truncated;                  /* there is more behind the last one */
} S3List;

/* Keys that are not valid are none of ours and left out. A listing that cannot be understood is -EPROTO. */
int s3_list_parse(const char *data, size_t size, S3List *ret);

void s3_list_done(S3List *list);
