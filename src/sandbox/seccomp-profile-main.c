/* SPDX-License-Identifier: Apache-2.0 */

/* rce-seccomp-profile: turns the policy into files while we are being built. */

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "sandbox/seccomp-policy.h"

static void print_action(const SeccompEntry *entry)
{
        const bool conditional = entry->n_conditions > 0;
        const int error = conditional ? entry->conditions[0].error : entry->error;

        printf("%s%s", conditional ? "allow or " : "", error == 0 ? "allow" : strerrorname_np(error));
}

/* One line a call: name, profiles, action, reason, with tabs between. */
static void list(void)
{
        const SeccompEntry *entries;
        size_t n;

        entries = seccomp_policy_entries(&n);
        for (size_t i = 0; i < n; i++)
                for (const char *const *name = entries[i].names; *name; name++) {
                        printf("%s\t%s%s%s\t", *name, entries[i].profiles & SECCOMP_JOB ? "job" : "",
                               entries[i].profiles == (SECCOMP_JOB | SECCOMP_OUTER) ? "," : "",
                               entries[i].profiles & SECCOMP_OUTER ? "outer" : "");
                        print_action(&entries[i]);
                        printf("\t%s\n", entries[i].reason);
                }
}

static int write_profile(SeccompProfile profile)
{
        int r;

        r = seccomp_policy_write_oci(stdout, profile);
        if (r < 0)
                fprintf(stderr, "rce-seccomp-profile: cannot write the profile: %s\n", strerror(-r));
        return r;
}

/* What a cell loads: an initializer, since there is no library in there to compile the policy. */
static int write_filter(void)
{
        struct sock_filter instruction;
        FILE *f = tmpfile();
        int r;

        if (!f)
                return -errno;
        r = seccomp_policy_export(SECCOMP_JOB, fileno(f));
        rewind(f);
        printf("/* Made from the table in sandbox/seccomp-policy.c. */\n#define CELL_SECCOMP_FILTER");
        while (r >= 0 && fread(&instruction, sizeof(instruction), 1, f) == 1)
                printf(" \\\n        { 0x%04x, %u, %u, 0x%08x },", instruction.code, instruction.jt, instruction.jf,
                       instruction.k);
        printf("\n");
        fclose(f);
        return r;
}

int main(int argc, char *argv[])
{
        int r = 0;

        if (argc == 2 && strcmp(argv[1], "--list") == 0)
                list();
        else if (argc == 2 && strcmp(argv[1], "job") == 0)
                r = write_profile(SECCOMP_JOB);
        else if (argc == 2 && strcmp(argv[1], "outer") == 0)
                r = write_profile(SECCOMP_OUTER);
        else if (argc == 2 && strcmp(argv[1], "--filter") == 0) {
                r = write_filter();
                if (r < 0)
                        fprintf(stderr, "rce-seccomp-profile: cannot make the filter: %s\n", strerror(-r));
        } else {
                fprintf(stderr, "Usage: rce-seccomp-profile job|outer|--filter|--list\n");
                return 2;
        }
        if (fflush(stdout) == EOF) {
                fprintf(stderr, "rce-seccomp-profile: cannot write: %s\n", strerror(errno));
                return EXIT_FAILURE;
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
