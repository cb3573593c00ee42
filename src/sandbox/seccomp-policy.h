/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which system calls a program may make: one table, from which come the profile that Podman loads, the filter that we load
 * ourselves, and the page that explains each refusal. What the table does not name fails with ENOSYS, as on a kernel that
 * does not have it yet. Other system call interfaces of the machine (32 bit, x32) end the process with SIGSYS. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SECCOMP_DEFAULT_ERRNO ENOSYS
#define SECCOMP_CONDITIONS_MAX 2

typedef enum SeccompProfile {
        SECCOMP_JOB = 1 << 0,   /* what a program runs under */
        SECCOMP_OUTER = 1 << 1, /* a container whose supervisor nests sandboxes: a bit more than that */
} SeccompProfile;

/* Holds if (argument & mask) is one of the values, or if refuse is set, if it is none of them. Arguments are compared as
 * the kernel reads them, by their lower 32 bits. */
typedef struct SeccompCondition {
        unsigned argument;
        uint32_t mask;
        const uint32_t *values;
        size_t n_values;
        bool refuse;
        int error;              /* of a call for which it does not hold */
} SeccompCondition;

/* Without conditions, error says what becomes of the calls: 0 allows them. With conditions, they are allowed if all
 * hold. */
typedef struct SeccompEntry {
        const char *reason;
        const char *const *names;
        int profiles;           /* SeccompProfile, one or more */
        int error;
        size_t n_conditions;
        SeccompCondition conditions[SECCOMP_CONDITIONS_MAX];
} SeccompEntry;

/* The table, in the order in which people should read it. A call is in at most one entry of each profile. */
const SeccompEntry *seccomp_policy_entries(size_t *ret_n);

/* Writes the profile as the JSON that podman run --security-opt seccomp=FILE takes; the same on every architecture. */
int seccomp_policy_write_oci(FILE *f, SeccompProfile profile);

/* Confines the calling thread and its children for ever, and sets no_new_privs. Calls that the libseccomp in use does not
 * know yet fall under the default. Takes some milliseconds: the filter is compiled each time. */
int seccomp_policy_load(SeccompProfile profile);

/* The same filter as the struct sock_filter that the kernel takes, for this architecture. */
int seccomp_policy_export(SeccompProfile profile, int fd);
