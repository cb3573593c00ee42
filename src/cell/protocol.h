/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The wire between the worker and the supervisors inside a container.
 *
 * It is spoken over SOCK_SEQPACKET pairs: one packet is one message, a CellHeader followed by the body of its type,
 * in the machine's own byte order (both ends are always on one kernel). Descriptors travel by SCM_RIGHTS. The worker
 * trusts nothing that arrives, the supervisors trust the worker but check every size.
 *
 *     supervisor                              worker
 *     HELLO  ------------------------------>          it is up; SCM_CREDENTIALS, stamped by the kernel, tell its pid in
 *                                                     the worker's namespace
 *            <------------------------------  ARM     fork a process that is going to be a program
 *     READY  ------------------------------>          sent by that process; again the kernel names its pid
 *            <------------------------------  RUN     to that process, once it is in its cgroup: a program, with its
 *                                                     descriptors (see CellProgramMessage)
 *     EXIT   ------------------------------>          the program and everything it left behind are dead
 *     FAIL   ------------------------------>          instead of any of the above: a step failed, no program runs
 *
 * ARM may be sent again after EXIT (compile, then run). A supervisor ends when its socket does, and everything in its
 * pid namespace with it. With Isolation=container, the one in process 1 of the container is that supervisor. With
 * Isolation=cell it makes more of its kind, each with a socket and namespaces of its own, and runs nothing itself:
 *
 *     HELLO  ------------------------------>
 *            <------------------------------  SERVE   for a language with a fork server: become it
 *     HELLO  ------------------------------>
 *            <------------------------------  MAKE    a cell; with the supervisor's end of its socket; any number
 *
 * What becomes of a MAKE is said on the cell's socket: HELLO, or FAIL. This header is shared with code that has no
 * libc: fixed-width types only. */

#include <stdint.h>

#define CELL_MAGIC UINT32_C(0x30454352)  /* "RCE0" */
#define CELL_VERSION UINT32_C(2)
#define CELL_SOCKET_FD 3                 /* where a supervisor finds its end */

#define CELL_MESSAGE_MAX (192u * 1024u)  /* bytes of one packet */
#define CELL_STRINGS_MAX (160u * 1024u)  /* bytes of all strings of a packet */
#define CELL_FILES_MAX 64u               /* files one RUN may bring */
#define CELL_STRV_MAX 1024u              /* arguments, and environment strings, each */
#define CELL_RLIMITS_MAX 16u
#define CELL_TMPFS_MAX 8u                /* directories that are a cell's own */
#define CELL_PATH_MAX 256u               /* bytes of the path of one, its NUL included */

#define CELL_WORK_DIRECTORY "/work"      /* where a program and its files are; a mount point of every image */
#define CELL_UID 1000                    /* whom a program in a cell takes itself for; the group too */

typedef enum CellMessageType {
        CELL_HELLO = 1,
        CELL_SERVE,
        CELL_MAKE,
        CELL_ARM,
        CELL_READY,
        CELL_RUN,
        CELL_EXIT,
        CELL_FAIL,
        _CELL_MESSAGE_TYPE_MAX,
} CellMessageType;

/* The step a FAIL names. */
typedef enum CellStep {
        CELL_STEP_PROTOCOL = 1,          /* a malformed or unexpected message */
        CELL_STEP_CLONE,                 /* new namespaces */
        CELL_STEP_IDS,                   /* the only user and group of a cell */
        CELL_STEP_ROOT,                  /* all of the image's tree read-only */
        CELL_STEP_DEV,
        CELL_STEP_PROC,
        CELL_STEP_TMPFS,
        CELL_STEP_LOOPBACK,
        CELL_STEP_CAPABILITIES,
        CELL_STEP_SECCOMP,
        CELL_STEP_FORK,
        CELL_STEP_FILE,                  /* writing a file of the job into the working directory */
        CELL_STEP_STDIO,
        CELL_STEP_RLIMIT,
        CELL_STEP_CHDIR,
        CELL_STEP_PRCTL,
        CELL_STEP_EXEC,
        CELL_STEP_RESUME,                /* the interpreter of a fork server could not go on as a new one */
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

/* RUN and SERVE. After the struct come strings_size bytes: n_files names, n_args arguments, n_env NAME=VALUE, each
 * ending in NUL. argv[0] without a slash is looked up in /usr/local/bin:/usr/bin:/bin. Descriptors of RUN: stdin,
 * stdout, stderr, then one for each file, readable from offset 0 (a sealed memfd). File names are single path
 * components in the working directory. SERVE has no descriptors, files and rlimits. */
typedef struct CellProgramMessage {
        CellHeader header;
        uint32_t n_files;
        uint32_t n_args;
        uint32_t n_env;
        uint32_t n_rlimits;
        uint32_t strings_size;
        uint32_t reserved;
        CellRlimit rlimits[CELL_RLIMITS_MAX];
} CellProgramMessage;

typedef enum CellTmpfsFlags {
        CELL_TMPFS_NOEXEC = 1,
        _CELL_TMPFS_FLAGS_ALL = CELL_TMPFS_NOEXEC,
} CellTmpfsFlags;

typedef struct CellTmpfs {
        uint64_t size_bytes;
        uint32_t flags;                  /* CellTmpfsFlags */
        uint32_t reserved;
} CellTmpfs;

/* MAKE. After the struct come strings_size bytes: n_tmpfs absolute paths, each ending in NUL, of directories of the
 * image. What is not named is read-only in the cell. One descriptor: the supervisor's end of the cell's socket. */
typedef struct CellMake {
        CellHeader header;
        uint32_t n_tmpfs;
        uint32_t strings_size;
        CellTmpfs tmpfs[CELL_TMPFS_MAX];
} CellMake;

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
