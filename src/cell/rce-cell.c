/* SPDX-License-Identifier: Apache-2.0 */

/* The supervisor for programs of any language: each is executed. */

#include "cell/program.h"
#include "cell/supervisor.h"
#include "cell/sys.h"

_Noreturn void rce_cell_main(void);

_Noreturn void rce_cell_main(void)
{
        supervisor_open();
        for (;;) {
                long pid;

                supervisor_next();
                pid = sys_fork();
                if (pid == 0) {
                        program_take();
                        program_execute();
                }
                supervisor_watch(pid);
        }
}
