/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The wire between the worker and the supervisor that is PID 1 inside a container.
 *
 * It is spoken over one SOCK_SEQPACKET pair: one packet is one message, a CellHeader followed by the body of its type,
 * in the machine's own byte order (both ends are always on one kernel). Descriptors travel by SCM_RIGHTS. The worker
 * trusts nothing that arrives, the supervisor trusts the worker but checks every size.
 *
 *     supervisor                              worker
 *     HELLO  ------------------------------>          the supervisor is up
 *            <------------------------------  RUN     a program, with its descriptors (see CellRun)
 *     READY  ------------------------------>          sent by the job's own process: SCM_CREDENTIALS, stamped by the
 *                                                     kernel, tell the worker its pid in the worker's namespace
 *            <------------------------------  GO      after the worker has put that pid into its cgroup
 *     EXIT   ------------------------------>          the program and everything it left behind are dead
 *     FAIL   ------------------------------>          instead of READY or EXIT: a step failed, the program did not run
 *
 * RUN may be sent again after EXIT (compile, then run). The supervisor ends when its socket does, and everything in the
 * container with it. This header is shared with code that has no libc: fixed-width types only. */

#include <stdint.h>

#define CELL_MAGIC UINT32_C(0x30454352)  /* "RCE0" */
#define CELL_VERSION UINT32_C(1)
#define CELL_SOCKET_FD 3                 /* where the supervisor finds its end */

#define CELL_MESSAGE_MAX (192u * 1024u)  /* bytes of one packet */
#define CELL_STRINGS_MAX (160u * 1024u)  /* bytes of all names, arguments and environment strings of a RUN */
#define CELL_FILES_MAX 64u               /* files one RUN may bring */
#define CELL_STRV_MAX 1024u              /* arguments, and environment strings, each */
#define CELL_RLIMITS_MAX 16u

typedef enum CellMessageType {
        CELL_HELLO = 1,
        CELL_RUN,
        CELL_READY,
        CELL_GO,
        CELL_EXIT,
        CELL_FAIL,
        _CELL_MESSAGE_TYPE_MAX,
} CellMessageType;

/* The step a FAIL names. */
typedef enum CellStep {
        CELL_STEP_PROTOCOL = 1,          /* a malformed or unexpected message */
        CELL_STEP_FILE,                  /* writing a file of the job into the working directory */
        CELL_STEP_FORK,
        CELL_STEP_STDIO,
        CELL_STEP_RLIMIT,
        CELL_STEP_CHDIR,
        CELL_STEP_PRCTL,
        CELL_STEP_EXEC,
        _CELL_STEP_MAX,
} CellStep;

typedef struct CellHeader {
        uint32_t magic;
        uint32_t version;
        uint32_t type;                   /* CellMessageType */
        uint32_t size;                   /* of the whole packet, this header included */
} CellHeader;

typedef struct CellRlimit {
        uint32_t resource;               /* RLIMIT_* */
        uint32_t reserved;
        uint64_t value;                  /* soft and hard; UINT64_MAX is RLIM_INFINITY */
} CellRlimit;

/* After the struct come strings_size bytes: n_files names, n_args arguments, n_env NAME=VALUE, each ending in NUL.
 * Descriptors: stdin, stdout, stderr, then one for each file, readable from offset 0 (a sealed memfd). File names are
 * single path components in the working directory. argv[0] without a slash is looked up in /usr/local/bin:/usr/bin:/bin. */
typedef struct CellRun {
        CellHeader header;
        uint32_t n_files;
        uint32_t n_args;
        uint32_t n_env;
        uint32_t n_rlimits;
        uint32_t strings_size;
        uint32_t reserved;
        CellRlimit rlimits[CELL_RLIMITS_MAX];
} CellRun;

typedef struct CellExit {
        CellHeader header;
        int32_t wait_status;             /* as from wait4(2) */
        uint32_t reserved;
        uint64_t user_usec;              /* of the program and all it waited for */
        uint64_t system_usec;
        uint64_t max_rss_bytes;          /* of the largest single process */
} CellExit;

typedef struct CellFail {
        CellHeader header;
        uint32_t step;                   /* CellStep */
        int32_t error;                   /* positive errno */
} CellFail;
