/* SPDX-License-Identifier: Apache-2.0 */

#include "cell/message.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

/* What is left of the strings of a packet. */
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

/* Absolute, and no component of it leads upwards. */
static bool directory_is_valid(const char *path)
{
        size_t n = strlen(path);

        if (n < 2 || n >= CELL_PATH_MAX || path[0] != '/' || path[1] == '/')
                return false;
        for (size_t i = 0; i + 2 < n; i++)
                if (path[i] == '/' && path[i + 1] == '.' && path[i + 2] == '.' && (i + 3 == n || path[i + 3] == '/'))
                        return false;
        return true;
}

static bool counts_are_valid(const CellProgramMessage *message)
{
        return message->n_files <= CELL_FILES_MAX && message->n_args >= 1 && message->n_args <= CELL_STRV_MAX &&
               message->n_env <= CELL_STRV_MAX && message->n_rlimits <= CELL_RLIMITS_MAX && message->reserved == 0;
}

static int parse_strings(const CellProgramMessage *message, Strings *strings, CellProgram *ret)
{
        for (size_t i = 0; i < message->n_files; i++) {
                ret->files[i] = strings_take(strings);
                if (!ret->files[i] || !file_name_is_valid(ret->files[i]))
                        return -EBADMSG;
        }
        for (size_t i = 0; i < message->n_args; i++) {
                ret->args[i] = strings_take(strings);
                if (!ret->args[i])
                        return -EBADMSG;
        }
        for (size_t i = 0; i < message->n_env; i++) {
                ret->env[i] = strings_take(strings);
                if (!ret->env[i] || !env_is_valid(ret->env[i]))
                        return -EBADMSG;
        }
        ret->n_files = message->n_files;
        ret->args[message->n_args] = NULL;
        ret->env[message->n_env] = NULL;
        return strings->left == 0 && ret->args[0][0] != '\0' ? 0 : -EBADMSG;
}

static int parse_rlimits(const CellProgramMessage *message, CellProgram *ret)
{
        for (size_t i = 0; i < message->n_rlimits; i++) {
                if (message->rlimits[i].resource >= RLIM_NLIMITS || message->rlimits[i].reserved != 0)
                        return -EBADMSG;
                ret->rlimits[i] = message->rlimits[i];
        }
        ret->n_rlimits = message->n_rlimits;
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

static int program_parse(const void *packet, size_t size, CellMessageType type, CellProgram *ret)
{
        CellProgramMessage message;
        CellHeader header;
        Strings strings;
        int r;

        r = cell_header_parse(packet, size, &header);
        if (r < 0)
                return r;
        if (header.type != type || size < sizeof message)
                return -EBADMSG;

        memcpy(&message, packet, sizeof message);
        if (message.strings_size > CELL_STRINGS_MAX || message.strings_size != size - sizeof message ||
            !counts_are_valid(&message))
                return -EBADMSG;

        r = parse_rlimits(&message, ret);
        if (r < 0)
                return r;
        strings = (Strings){ .next = (const char *) packet + sizeof message, .left = message.strings_size };
        return parse_strings(&message, &strings, ret);
}

int cell_run_parse(const void *packet, size_t size, size_t n_fds, CellProgram *ret)
{
        int r;

        r = program_parse(packet, size, CELL_RUN, ret);
        if (r < 0)
                return r;
        return n_fds == CELL_STDIO_FDS + ret->n_files ? 0 : -EBADMSG;
}

int cell_serve_parse(const void *packet, size_t size, size_t n_fds, CellProgram *ret)
{
        int r;

        r = program_parse(packet, size, CELL_SERVE, ret);
        if (r < 0)
                return r;
        return n_fds == 0 && ret->n_files == 0 && ret->n_rlimits == 0 ? 0 : -EBADMSG;
}

static bool tmpfs_is_valid(const CellTmpfs *tmpfs)
{
        return tmpfs->size_bytes > 0 && (tmpfs->flags & ~(uint32_t) _CELL_TMPFS_FLAGS_ALL) == 0 && tmpfs->reserved == 0;
}

int cell_make_parse(const void *packet, size_t size, size_t n_fds, CellPlan *ret)
{
        CellHeader header;
        Strings strings;
        CellMake make;
        int r;

        r = cell_header_parse(packet, size, &header);
        if (r < 0)
                return r;
        if (header.type != CELL_MAKE || size < sizeof make || n_fds != 1)
                return -EBADMSG;

        memcpy(&make, packet, sizeof make);
        if (make.strings_size > CELL_STRINGS_MAX || make.strings_size != size - sizeof make ||
            make.n_tmpfs > CELL_TMPFS_MAX)
                return -EBADMSG;

        strings = (Strings){ .next = (const char *) packet + sizeof make, .left = make.strings_size };
        for (size_t i = 0; i < make.n_tmpfs; i++) {
                ret->paths[i] = strings_take(&strings);
                ret->tmpfs[i] = make.tmpfs[i];
                if (!ret->paths[i] || !directory_is_valid(ret->paths[i]) || !tmpfs_is_valid(&make.tmpfs[i]))
                        return -EBADMSG;
        }
        ret->n_tmpfs = make.n_tmpfs;
        return strings.left == 0 ? 0 : -EBADMSG;
}

int cell_arm_check(const void *packet, size_t size, size_t n_fds)
{
        CellHeader header;
        int r;

        r = cell_header_parse(packet, size, &header);
        if (r < 0)
                return r;
        return header.type == CELL_ARM && size == sizeof header && n_fds == 0 ? 0 : -EBADMSG;
}
