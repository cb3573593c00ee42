/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Blobs as files, in 256 directories by the first two digits of their keys. Everything here blocks. One thread may
 * put while another uses the rest; other processes may do so at the same time.
 *
 * All functions that return an int may return any negative errno. */

#include "basic/time-util.h"
#include "blob/blob-key.h"
#include "shared/fault.h"

typedef struct Directory Directory;

typedef struct DirectoryPut {
        const char *key;
        const void *data;
        size_t size;
        int error;                       /* how it went */
        bool again;                      /* the name was taken already */
} DirectoryPut;

/* Makes what is missing below an existing parent, and removes what writers that are gone have left unfinished. */
int directory_open(const char *path, Directory **ret, Fault *reterr_fault);
Directory *directory_close(Directory *d);
DEFINE_CLEANUP(Directory *, directory_close)

/* All of them, with as few waits for the disk as possible. One without an error survives a crash of the machine;
 * of the others nothing can be seen, unless the disk failed so late that nobody can say. */
void directory_put(Directory *d, DirectoryPut *puts, size_t n);

/* Whether something could be put now. */
int directory_check(Directory *d);

/* -EBADMSG if the bytes are not those of the key, -EFBIG if there are more than size_max. */
int directory_get(Directory *d, const char *key, size_t size_max, char **ret, size_t *ret_size);
int directory_exists(Directory *d, const char *key);

/* If it was last put at least age_usec ago. One that is gone, or younger, is fine. */
int directory_delete(Directory *d, const char *key, usec_t age_usec);

/* A part of those behind a key, or of all when it is empty, that were last put at least age_usec ago, in their order;
 * position is brought forward to where to go on, if *ret_more says so. */
int directory_list(Directory *d, char position[static BLOB_KEY_SIZE], usec_t age_usec, char ***ret_keys,
                   bool *ret_more);
