/* SPDX-License-Identifier: Apache-2.0 */

/* The first byte is the number of descriptors that came along, the rest is the packet. Whatever is accepted must be
 * what the supervisor relies on without looking again. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cell/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                abort();
}

/* Stands at the end of those before it, and ends inside the packet. Returns where the next one has to begin. */
static const char *require_string(const char *string, const char *expected, const char *end)
{
        require(string == expected);
        require(memchr(string, '\0', (size_t) (end - string)) != NULL);
        return string + strlen(string) + 1;
}

static void require_plan(const CellPlan *plan, const char *strings, const char *end)
{
        for (size_t i = 0; i < plan->n_tmpfs; i++) {
                const char *path = plan->paths[i];

                strings = require_string(path, strings, end);
                require(path[0] == '/' && path[1] != '/' && strlen(path) < CELL_PATH_MAX);
                require(plan->tmpfs[i].size_bytes > 0);
                for (const char *up = strstr(path, "/.."); up; up = strstr(up + 1, "/.."))
                        require(up[3] != '/' && up[3] != '\0');
        }
        require(strings == end && plan->n_tmpfs <= CELL_TMPFS_MAX);
}

static void require_program(const CellProgram *program, const char *strings, const char *end)
{
        size_t n_args = 0, n_env = 0;

        for (size_t i = 0; i < program->n_files; i++) {
                strings = require_string(program->files[i], strings, end);
                require(!strchr(program->files[i], '/') && strlen(program->files[i]) < 256);
                require(strcmp(program->files[i], "") != 0 && strcmp(program->files[i], ".") != 0 &&
                        strcmp(program->files[i], "..") != 0);
        }
        for (; program->args[n_args]; n_args++)
                strings = require_string(program->args[n_args], strings, end);
        for (; program->env[n_env]; n_env++)
                strings = require_string(program->env[n_env], strings, end);
        require(strings == end);
        require(n_args >= 1 && n_args <= CELL_STRV_MAX && n_env <= CELL_STRV_MAX && program->args[0][0] != '\0');
        for (size_t i = 0; i < program->n_rlimits; i++)
                require(program->rlimits[i].resource < RLIM_NLIMITS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static CellProgram program;
        static CellPlan plan;
        CellHeader header;
        size_t n_fds;
        char *packet;

        if (size < 1)
                return 0;
        n_fds = data[0];
        size--;
        /* Of its exact size, so that a sanitizer sees a read beyond it. */
        packet = malloc(size + (size == 0));
        require(packet != NULL);
        memcpy(packet, data + 1, size);

        if (cell_header_parse(packet, size, &header) == 0)
                require(header.size == size);
        if (cell_arm_check(packet, size, n_fds) == 0)
                require(size == sizeof header && n_fds == 0);
        if (cell_run_parse(packet, size, n_fds, &program) == 0) {
                require(n_fds == CELL_STDIO_FDS + program.n_files);
                require_program(&program, packet + sizeof(CellProgramMessage), packet + size);
        }
        if (cell_serve_parse(packet, size, n_fds, &program) == 0) {
                require(n_fds == 0 && program.n_files == 0 && program.n_rlimits == 0);
                require_program(&program, packet + sizeof(CellProgramMessage), packet + size);
        }
        if (cell_make_parse(packet, size, n_fds, &plan) == 0) {
                require(n_fds == 1);
                require_plan(&plan, packet + sizeof(CellMake), packet + size);
        }
        free(packet);
        return 0;
}
