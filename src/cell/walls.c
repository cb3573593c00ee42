/* SPDX-License-Identifier: Apache-2.0 */

/* The order matters. Ids come first, since nothing may be mounted before. The tree of mounts is a copy of the
 * container's, because the kernel gives a less privileged namespace all of it or nothing; as a whole it becomes read-
 * only, whatever it was before, and is then covered where a program needs something of its own. Nobody in here will
 * ever have the right to uncover it, so that a change of the root on top would not hide anything more, but it would
 * cost a sixth of all this. Devices are bound before /dev is covered, and the kernel lets /proc be mounted only while
 * another is wholly visible. Capabilities go when all that needs them is done, and the filter, which also refuses
 * most of what is done here, is the last wall. */

#include "cell/walls.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "cell/seccomp-filter.h"
#include "cell/sys.h"
#include "cell/text.h"

#define INODE_BYTES 1024u /* of a tmpfs; what an inode costs the kernel */
#define PLAIN_FLAGS (MS_NOSUID | MS_NODEV)
#define EMPTY_DIRECTORY "/run" /* has nothing for programs, but that a container is one */

typedef struct Cell {
        const CellPlan *plan;
        const CellIds *outer;
} Cell;

static long write_file(const char *path, const char *value)
{
        long fd, r;

        fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
        if (fd < 0)
                return fd;
        r = sys_write((int) fd, value, strlen(value));
        sys_close((int) fd);
        return r < 0 ? r : 0;
}

static long write_map(const char *path, unsigned outer_id)
{
        char buffer[TEXT_MAX];
        Text text = TEXT_IN(buffer);

        text_add_number(&text, CELL_UID);
        text_add(&text, " ");
        text_add_number(&text, outer_id);
        text_add(&text, " 1");
        return write_file(path, buffer);
}

/* A process that may not be dumped does not own its files in /proc. Nobody else is in here yet who could use the
 * moment. */
static long take_ids(const Cell *cell)
{
        long r;

        r = sys_prctl(PR_SET_DUMPABLE, 1);
        if (r >= 0)
                r = write_file("/proc/self/setgroups", "deny");
        if (r >= 0)
                r = write_map("/proc/self/uid_map", cell->outer->uid);
        if (r >= 0)
                r = write_map("/proc/self/gid_map", cell->outer->gid);
        if (r >= 0)
                r = sys_prctl(PR_SET_DUMPABLE, 0);
        return r;
}

static long seal_root(const Cell *cell)
{
        const struct mount_attr attributes = {
                .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
                .propagation = MS_PRIVATE,
        };
        long r;

        r = sys_mount_setattr("/", AT_RECURSIVE, &attributes);
        return r < 0 ? r : sys_chdir("/");
}

static long bind_device(const char *name)
{
        char old[TEXT_MAX], new[TEXT_MAX];
        Text old_path = TEXT_IN(old), new_path = TEXT_IN(new);
        long fd;

        text_add(&old_path, "/dev/");
        text_add(&old_path, name);
        text_add(&new_path, CELL_WORK_DIRECTORY "/");
        text_add(&new_path, name);
        fd = sys_openat(AT_FDCWD, new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        if (fd < 0)
                return fd;
        sys_close((int) fd);
        return sys_mount(old, new, NULL, MS_BIND, NULL);
}

/* Made elsewhere and moved, while the old one is still needed. */
static long make_dev(const Cell *cell)
{
        static const char *const devices[] = { "null", "zero", "full", "random", "urandom", "tty" };
        static const char *const links[][2] = {
                { "/proc/self/fd", CELL_WORK_DIRECTORY "/fd" },
                { "/proc/self/fd/0", CELL_WORK_DIRECTORY "/stdin" },
                { "/proc/self/fd/1", CELL_WORK_DIRECTORY "/stdout" },
                { "/proc/self/fd/2", CELL_WORK_DIRECTORY "/stderr" },
                { "pts/ptmx", CELL_WORK_DIRECTORY "/ptmx" },
        };
        const unsigned long flags = MS_NOSUID | MS_NOEXEC;
        long r;

        r = sys_mount("tmpfs", CELL_WORK_DIRECTORY, "tmpfs", flags, "size=64k,nr_inodes=32,mode=755");
        for (size_t i = 0; i < sizeof devices / sizeof devices[0] && r >= 0; i++)
                r = bind_device(devices[i]);
        for (size_t i = 0; i < sizeof links / sizeof links[0] && r >= 0; i++)
                r = sys_symlink(links[i][0], links[i][1]);
        if (r >= 0)
                r = sys_mkdir(CELL_WORK_DIRECTORY "/shm", 0755);
        if (r >= 0)
                r = sys_mkdir(CELL_WORK_DIRECTORY "/pts", 0755);
        if (r >= 0)
                r = sys_mount(NULL, CELL_WORK_DIRECTORY, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
        if (r >= 0)
                r = sys_mount(CELL_WORK_DIRECTORY, "/dev", NULL, MS_MOVE, NULL);
        if (r >= 0)
                r = sys_mount("devpts", "/dev/pts", "devpts", flags, "newinstance,ptmxmode=0666,mode=0620");
        return r;
}

/* Both cover what containers do not show of the machine either, where the kernel has it. */
static long cover_file(const char *path)
{
        long r = sys_mount("/dev/null", path, NULL, MS_BIND, NULL);

        return r == -ENOENT ? 0 : r;
}

static long cover_directory(const char *path)
{
        long r = sys_mount(EMPTY_DIRECTORY, path, NULL, MS_BIND, NULL);

        return r == -ENOENT ? 0 : r;
}

static long protect_directory(const char *path)
{
        long r;

        r = sys_mount(path, path, NULL, MS_BIND, NULL);
        if (r >= 0)
                r = sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | PLAIN_FLAGS | MS_NOEXEC, NULL);
        return r;
}

static long make_proc(const Cell *cell)
{
        static const char *const files[] = { "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                             "/proc/timer_list", "/proc/sched_debug", "/proc/sysrq-trigger" };
        static const char *const directories[] = { "/proc/acpi", "/proc/asound", "/proc/bus",     "/proc/fs",
                                                   "/proc/irq",  "/proc/scsi",   "/sys/fs/cgroup" };
        long r;

        r = sys_mount("proc", "/proc", "proc", PLAIN_FLAGS | MS_NOEXEC, NULL);
        if (r >= 0)
                r = sys_mount("tmpfs", EMPTY_DIRECTORY, "tmpfs", MS_RDONLY | PLAIN_FLAGS | MS_NOEXEC,
                              "size=4k,nr_inodes=2,mode=755");
        for (size_t i = 0; i < sizeof files / sizeof files[0] && r >= 0; i++)
                r = cover_file(files[i]);
        for (size_t i = 0; i < sizeof directories / sizeof directories[0] && r >= 0; i++)
                r = cover_directory(directories[i]);
        if (r >= 0)
                r = protect_directory("/proc/sys");
        return r;
}

static long mount_tmpfs(const char *path, const CellTmpfs *tmpfs)
{
        const unsigned long flags = PLAIN_FLAGS | (tmpfs->flags & CELL_TMPFS_NOEXEC ? MS_NOEXEC : 0);
        char buffer[TEXT_MAX];
        Text options = TEXT_IN(buffer);

        text_add(&options, "mode=1777,uid=");
        text_add_number(&options, CELL_UID);
        text_add(&options, ",gid=");
        text_add_number(&options, CELL_UID);
        text_add(&options, ",size=");
        text_add_number(&options, tmpfs->size_bytes);
        text_add(&options, ",nr_inodes=");
        text_add_number(&options, tmpfs->size_bytes / INODE_BYTES + 2);
        return sys_mount("tmpfs", path, "tmpfs", flags, buffer);
}

static long make_tmpfs(const Cell *cell)
{
        long r = 0;

        for (size_t i = 0; i < cell->plan->n_tmpfs && r >= 0; i++)
                r = mount_tmpfs(cell->plan->paths[i], &cell->plan->tmpfs[i]);
        return r;
}

static long bring_up_loopback(const Cell *cell)
{
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        long fd, r;

        fd = sys_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return fd;
        r = sys_ioctl((int) fd, SIOCSIFFLAGS, &request);
        sys_close((int) fd);
        return r;
}

static long drop_capabilities(const Cell *cell)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];
        long r = 0;

        for (unsigned long capability = 0; r >= 0; capability++)
                r = sys_prctl(PR_CAPBSET_DROP, capability);
        if (r != -EINVAL) /* beyond the last one */
                return r;
        r = sys_capset(&header, none);
        if (r >= 0)
                r = sys_prctl(PR_SET_NO_NEW_PRIVS, 1);
        return r;
}

static long load_filter(const Cell *cell)
{
        static struct sock_filter filter[] = { CELL_SECCOMP_FILTER };
        const struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };

        return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &program);
}

long walls_put_up(const CellPlan *plan, const CellIds *outer, CellStep *ret_step)
{
        static const struct {
                CellStep step;
                long (*put_up)(const Cell *cell);
        } walls[] = {
                { CELL_STEP_IDS, take_ids },
                { CELL_STEP_ROOT, seal_root },
                { CELL_STEP_DEV, make_dev },
                { CELL_STEP_PROC, make_proc },
                { CELL_STEP_TMPFS, make_tmpfs },
                { CELL_STEP_LOOPBACK, bring_up_loopback },
                { CELL_STEP_CAPABILITIES, drop_capabilities },
                { CELL_STEP_SECCOMP, load_filter },
        };
        const Cell cell = { .plan = plan, .outer = outer };

        for (size_t i = 0; i < sizeof walls / sizeof walls[0]; i++) {
                long r = walls[i].put_up(&cell);

                if (r < 0) {
                        *ret_step = walls[i].step;
                        return r;
                }
        }
        return 0;
}
