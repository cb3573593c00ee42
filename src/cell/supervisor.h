/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* PID 1 of the container: takes programs from the worker, one at a time, runs each as its child, reaps everything, and
 * leaves nothing alive between two of them. Exit status: 0 the worker hung up, 1 the worker broke the protocol or the
 * kernel refused what cannot be done without, 2 started in the wrong way. */

_Noreturn void supervisor_main(void);
