/* SPDX-License-Identifier: Apache-2.0 */

#include "cell/message.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

/* What is left of the strings of a RUN. */
typedef struct Strings {
        const char *next;
        size_t left;
} Strings;

static const char *strings_take(Strings *strings)
{
        const char *string = strings->next;
        const char *end = memchr(string, '\0', strings->left);

        if (!end)
                return NULL;
        strings->left -= (size_t) (end - string) + 1;
        strings->next = end + 1;
        return string;
}

static bool file_name_is_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > NAME_MAX)
                return false;
        if (name[0] == '.' && (n == 1 || (n == 2 && name[1] == '.')))
                return false;
        return !memchr(name, '/', n);
}

static bool env_is_valid(const char *variable)
{
        return variable[0] != '=' && memchr(variable, '=', strlen(variable));
}

static bool counts_are_valid(const CellRun *run, size_t n_fds)
{
        return run->n_files <= CELL_FILES_MAX && run->n_args >= 1 && run->n_args <= CELL_STRV_MAX &&
               run->n_env <= CELL_STRV_MAX && run->n_rlimits <= CELL_RLIMITS_MAX && run->reserved == 0 &&
               n_fds == CELL_STDIO_FDS + run->n_files;
}

static int parse_strings(const CellRun *run, Strings *strings, CellProgram *ret)
{
        for (size_t i = 0; i < run->n_files; i++) {
                ret->files[i] = strings_take(strings);
                if (!ret->files[i] || !file_name_is_valid(ret->files[i]))
                        return -EBADMSG;
        }
        for (size_t i = 0; i < run->n_args; i++) {
                ret->args[i] = strings_take(strings);
                if (!ret->args[i])
                        return -EBADMSG;
        }
        for (size_t i = 0; i < run->n_env; i++) {
                ret->env[i] = strings_take(strings);
                if (!ret->env[i] || !env_is_valid(ret->env[i]))
                        return -EBADMSG;
        }
        ret->n_files = run->n_files;
        ret->args[run->n_args] = NULL;
        ret->env[run->n_env] = NULL;
        return strings->left == 0 && ret->args[0][0] != '\0' ? 0 : -EBADMSG;
}

static int parse_rlimits(const CellRun *run, CellProgram *ret)
{
        for (size_t i = 0; i < run->n_rlimits; i++) {
                if (run->rlimits[i].resource >= RLIM_NLIMITS || run->rlimits[i].reserved != 0)
                        return -EBADMSG;
                ret->rlimits[i] = run->rlimits[i];
        }
        ret->n_rlimits = run->n_rlimits;
        return 0;
}

int cell_header_parse(const void *packet, size_t size, CellHeader *ret)
{
        CellHeader header;

        if (size < sizeof header || size > CELL_MESSAGE_MAX)
                return -EBADMSG;
        memcpy(&header, packet, sizeof header);
        if (header.magic != CELL_MAGIC || header.version != CELL_VERSION || header.size != size || header.type == 0 ||
            header.type >= _CELL_MESSAGE_TYPE_MAX)
                return -EBADMSG;
        *ret = header;
        return 0;
}

int cell_run_parse(const void *packet, size_t size, size_t n_fds, CellProgram *ret)
{
        CellHeader header;
        CellRun run;
        Strings strings;
        int r;

        r = cell_header_parse(packet, size, &header);
        if (r < 0)
                return r;
        if (header.type != CELL_RUN || size < sizeof run)
                return -EBADMSG;

        memcpy(&run, packet, sizeof run);
        if (run.strings_size > CELL_STRINGS_MAX || run.strings_size != size - sizeof run ||
            !counts_are_valid(&run, n_fds))
                return -EBADMSG;

        r = parse_rlimits(&run, ret);
        if (r < 0)
                return r;
        strings = (Strings){ .next = (const char *) packet + sizeof run, .left = run.strings_size };
        return parse_strings(&run, &strings, ret);
}

int cell_go_check(const void *packet, size_t size, size_t n_fds)
{
        CellHeader header;
        int r;

        r = cell_header_parse(packet, size, &header);
        if (r < 0)
                return r;
        return header.type == CELL_GO && size == sizeof header && n_fds == 0 ? 0 : -EBADMSG;
}
