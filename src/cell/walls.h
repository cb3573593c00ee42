/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What makes a cell of a process that was cloned into new namespaces. Afterwards it is an ordinary user without any
 * capability under the filter of a job, for ever, and so is whatever it starts; all but its socket is closed. */

#include "cell/message.h"

/* The namespaces of a cell, for clone(2). */
#define WALLS_NAMESPACES                                                                                               \
        (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP)

/* Of whoever cloned, as it sees itself. */
typedef struct CellIds {
        unsigned uid, gid;
} CellIds;

/* 0, or a negative errno and the step that failed: then the process has to end. */
long walls_put_up(const CellPlan *plan, const CellIds *outer, CellStep *ret_step);
