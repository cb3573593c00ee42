/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Reads files in the syntax of systemd: language files (Quadlet), what Podman's generator prints, and our own
 * configuration. Sections, Key=Value, comments by # or ;, lines continued by a backslash. Order and repetition are kept.
 *
 * Why not an INI library: those cut long lines, do not join continued ones, and do not say which line a value is from. */

#include "basic/macro.h"
#include "shared/fault.h"

#define UNIT_FILE_BYTES_MAX (256 * 1024)
#define UNIT_FILE_ENTRIES_MAX 4096

typedef struct UnitFileEntry {
        char *section;
        char *key;
        char *value;
        unsigned line;                   /* from 1; where the assignment begins */
} UnitFileEntry;

typedef struct UnitFile {
        char *path;                      /* as named in messages */
        UnitFileEntry *entries;
        size_t n_entries, n_allocated;
} UnitFile;

/* code is what a syntax error is called in the fault, whose detail begins with "PATH:LINE: ". */
int unit_file_parse(const char *path, const char *text, size_t size, FaultCode code, UnitFile **ret, Fault *reterr_fault);

/* The same from disk; a missing file is -ENOENT. */
int unit_file_load(const char *path, FaultCode code, UnitFile **ret, Fault *reterr_fault);

UnitFile *unit_file_free(UnitFile *f);
DEFINE_CLEANUP(UnitFile *, unit_file_free)

/* The last assignment counts, and an empty one takes the earlier ones back; NULL when there is none. */
const UnitFileEntry *unit_file_find(const UnitFile *f, const char *section, const char *key);

/* Splits a command line as systemd does: white space, '…' and "…", C escapes. */
int unit_file_split_words(const char *value, char ***ret_words);

/* Puts the specifiers in that depend on a unit's name: %n the whole name, %N and %p it without suffix, %j the last part of
 * that; and %t, the manager's runtime directory, and %%. Others are -EINVAL. */
int unit_file_expand(const char *value, const char *unit_name, const char *runtime_directory, char **ret);
