/* SPDX-License-Identifier: Apache-2.0 */
/* A blob is written under its own name, and brought to the disk together with its directory. A crash may leave part of one,
 * which nobody was told of; whoever reads compares the digest. So a name that is taken already proves nothing, and what is
 * put under it is written to another file first, brought to the disk, and renamed: who has read the name of a blob that is
 * stored only ever sees all of it.
 *
 * The waits for the disk are what costs. One or two files are synchronised one by one, their directories too:
 * that waits for nothing but them. More share one syncfs(), which is 5 times faster for ten and 6 times for a hundred,
 * although it also waits for what others have written to that file system; those that were renamed share another one.
 *
 * Unfinished files lie in a directory of the process, which it holds locked; one that is not locked belongs to
 * nobody any more. The lock of the directory at the top is held exclusively while somebody starts, and between
 * looking at a file and deleting it; shared while files are renamed: so none is deleted that has just been
 * put again. */
#include "blob/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"

#define SHARDS 256
#define SYNC_EACH_MAX 2
#define LIST_MAX 1000
#define TEMPORARY_PREFIX "tmp."
#define CHECK_SIZE (64 * 1024)

#define SHARD_SIZE sizeof("ab")
#define FILE_SIZE (SHARD_SIZE + BLOB_KEY_SIZE)
#define NAME_SIZE sizeof("0123456789abcdef")

struct Directory {
        char *path;
        int fd;                          /* of who deletes, lists and reads */
        int put_fd;                      /* the same, for who puts: a lock belongs to the open file */
        int temporary_fd;
        char temporary[sizeof(TEMPORARY_PREFIX) + NAME_SIZE];
        mode_t directory_mode, file_mode;
        uint64_t n_files;
};

static void shard_of(const char *key, char ret[static SHARD_SIZE])
{
        (void) snprintf(ret, SHARD_SIZE, "%.2s", key);
}

static void file_of(const char *key, char ret[static FILE_SIZE])
{
        (void) snprintf(ret, FILE_SIZE, "%.2s/%.*s", key, BLOB_KEY_SIZE - 1, key);
}

static int lock(int fd, int operation)
{
        while (flock(fd, operation) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int make_directory(Directory *d, const char *name)
{
        struct stat st;

        if (mkdirat(d->fd, name, d->directory_mode & 0777) < 0)
                return errno == EEXIST ? 0 : -errno;
        /* What holds for the directory at the top holds below it, whatever the umask is. The group is inherited, and so is
         * the bit that makes it so; a unit with RestrictSUIDSGID= could not set that. */
        if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if ((st.st_mode & 07777) != d->directory_mode && fchmodat(d->fd, name, d->directory_mode, 0) < 0)
                return -errno;
        return 1;
}

static int make_shards(Directory *d)
{
        bool made = false;

        for (unsigned i = 0; i < SHARDS; i++) {
                char name[SHARD_SIZE];

                (void) snprintf(name, sizeof(name), "%02x", i & 0xff);
                int r = make_directory(d, name);
                if (r < 0)
                        return r;
                made = made || r > 0;
        }
        return made && syncfs(d->fd) < 0 ? -errno : 0;
}

/* Removes the temporary directory of a process that is gone, if it is. */
static void remove_dead(Directory *d, const char *name)
{
        _cleanup_(closep) int fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return;

        DIR *dir = fdopendir(dup(fd));
        if (!dir)
                return;
        for (struct dirent *e; (e = readdir(dir));)
                if (e->d_name[0] != '.')
                        (void) unlinkat(fd, e->d_name, 0);
        (void) closedir(dir);
        (void) unlinkat(d->fd, name, AT_REMOVEDIR);
}

static void remove_all_dead(Directory *d)
{
        int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);

        if (!dir) {
                safe_close(fd);
                return;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (startswith(e->d_name, TEMPORARY_PREFIX))
                        remove_dead(d, e->d_name);
        (void) closedir(dir);
}

static int make_temporary(Directory *d)
{
        uint64_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -errno;
        (void) snprintf(d->temporary, sizeof(d->temporary), TEMPORARY_PREFIX "%016llx", (unsigned long long) random);

        int r = make_directory(d, d->temporary);
        if (r < 0)
                return r;
        d->temporary_fd = openat(d->fd, d->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return d->temporary_fd < 0 ? -errno : lock(d->temporary_fd, LOCK_EX | LOCK_NB);
}

static int prepare(Directory *d)
{
        int r = lock(d->fd, LOCK_EX);
        if (r < 0)
                return r;

        remove_all_dead(d);
        r = make_shards(d);
        if (r >= 0)
                r = make_temporary(d);
        (void) lock(d->fd, LOCK_UN);
        return r;
}

static int open_top(Directory *d)
{
        struct stat st;

        if (mkdir(d->path, 0700) < 0) {
                if (errno != EEXIST)
                        return -errno;
        } else if (chmod(d->path, 0750) < 0)
                return -errno;
        d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        d->put_fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d->fd < 0 || d->put_fd < 0 || fstat(d->fd, &st) < 0)
                return -errno;

        d->directory_mode = st.st_mode & 07777;
        d->file_mode = (st.st_mode & 0444) | 0600;
        return 0;
}

int directory_open(const char *path, Directory **ret, Fault *reterr_fault)
{
        _cleanup_(directory_closep) Directory *d = new0(Directory, 1);

        if (!d)
                return -ENOMEM;
        d->fd = d->put_fd = d->temporary_fd = -EBADF;
        d->path = strdup(path);
        if (!d->path)
                return -ENOMEM;

        int r = open_top(d);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "Cannot open the directory for blobs '%s': %s", path, strerror(-r));
        r = prepare(d);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_BROKEN_CONFIG, NULL,
                                 "Cannot write to the directory for blobs '%s': %s", path, strerror(-r));

        *ret = TAKE_PTR(d);
        return 0;
}

Directory *directory_close(Directory *d)
{
        if (!d)
                return NULL;

        if (d->temporary_fd >= 0)
                (void) unlinkat(d->fd, d->temporary, AT_REMOVEDIR);
        safe_close(d->temporary_fd);
        safe_close(d->put_fd);
        safe_close(d->fd);
        free(d->path);
        return mfree(d);
}

/* The mode is as it should be, whatever the umask is. */
static int fill(Directory *d, int fd, const void *data, size_t size, bool sync)
{
        struct stat st;

        if (fstat(fd, &st) < 0 || ((st.st_mode & 07777) != d->file_mode && fchmod(fd, d->file_mode) < 0))
                return -errno;
        int r = write_full(fd, data, size);
        return r >= 0 && sync && fdatasync(fd) < 0 ? -errno : r;
}

static int write_temporary(Directory *d, const char *name, const void *data, size_t size, bool sync)
{
        _cleanup_(closep) int fd = openat(d->temporary_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, d->file_mode);
        if (fd < 0)
                return -errno;

        int r = fill(d, fd, data, size, sync);
        if (r < 0)
                (void) unlinkat(d->temporary_fd, name, 0);
        return r;
}

/* Unless somebody has put another one there meanwhile. */
static void remove_partial(Directory *d, int fd, const char *file)
{
        struct stat ours, there;

        if (lock(d->put_fd, LOCK_EX) < 0)
                return;
        if (fstat(fd, &ours) >= 0 && fstatat(d->put_fd, file, &there, AT_SYMLINK_NOFOLLOW) >= 0 &&
            ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
                (void) unlinkat(d->put_fd, file, 0);
        (void) lock(d->put_fd, LOCK_UN);
}

/* -EEXIST if the name is taken. */
static int write_new(Directory *d, const char *key, const void *data, size_t size, bool sync)
{
        char file[FILE_SIZE];

        file_of(key, file);
        _cleanup_(closep) int fd = openat(d->put_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, d->file_mode);
        if (fd < 0)
                return -errno;

        int r = fill(d, fd, data, size, sync);
        if (r < 0)
                remove_partial(d, fd, file);
        return r;
}

static void temporary_name(uint64_t number, char ret[static NAME_SIZE])
{
        (void) snprintf(ret, NAME_SIZE, "%016llx", (unsigned long long) number);
}

static int reveal(Directory *d, const char *name, const char *key)
{
        char file[FILE_SIZE];

        file_of(key, file);
        if (renameat(d->temporary_fd, name, d->put_fd, file) >= 0)
                return 0;

        int r = -errno;
        (void) unlinkat(d->temporary_fd, name, 0);
        return r;
}

static int sync_shard(Directory *d, const char *key)
{
        char name[SHARD_SIZE];

        shard_of(key, name);
        _cleanup_(closep) int fd = openat(d->put_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static void fail_all(DirectoryPut *puts, size_t n, int error)
{
        for (size_t i = 0; i < n; i++)
                if (puts[i].error >= 0)
                        puts[i].error = error;
}

/* Gives those that wait under temporary names, by their numbers, their own. */
static int reveal_all(Directory *d, DirectoryPut *puts, size_t n, uint64_t first)
{
        char name[NAME_SIZE];
        int r = lock(d->put_fd, LOCK_SH);

        for (size_t i = 0; i < n; i++) {
                if (puts[i].error < 0 || !puts[i].again)
                        continue;
                temporary_name(first + i, name);
                if (r >= 0)
                        puts[i].error = reveal(d, name, puts[i].key);
                else
                        (void) unlinkat(d->temporary_fd, name, 0);
        }
        return r < 0 ? r : lock(d->put_fd, LOCK_UN);
}

void directory_put(Directory *d, DirectoryPut *puts, size_t n)
{
        bool each = n <= SYNC_EACH_MAX, again = false;
        uint64_t first = d->n_files;
        char name[NAME_SIZE];

        d->n_files += n;
        for (size_t i = 0; i < n; i++) {
                DirectoryPut *p = &puts[i];

                p->error = write_new(d, p->key, p->data, p->size, each);
                p->again = p->error == -EEXIST;
                if (p->again) {
                        temporary_name(first + i, name);
                        p->error = write_temporary(d, name, p->data, p->size, each);
                        again = true;
                }
        }

        int r = each || syncfs(d->put_fd) >= 0 ? 0 : -errno;
        if (again) {
                int k = reveal_all(d, puts, n, first);
                r = r < 0 ? r : k;
        }
        for (size_t i = 0; each && i < n; i++)
                if (puts[i].error >= 0)
                        puts[i].error = sync_shard(d, puts[i].key);
        if (r >= 0 && again && !each && syncfs(d->put_fd) < 0)
                r = -errno;
        if (r < 0)
                fail_all(puts, n, r);
}

int directory_check(Directory *d)
{
        static const char nothing[CHECK_SIZE];
        char name[NAME_SIZE];

        temporary_name(d->n_files++, name);
        int r = write_temporary(d, name, nothing, sizeof(nothing), true);
        if (r >= 0 && unlinkat(d->temporary_fd, name, 0) < 0)
                r = -errno;
        return r;
}

static int read_exactly(int fd, char *data, size_t size)
{
        for (size_t done = 0; done < size;) {
                ssize_t k = read(fd, data + done, size - done);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        return -EBADMSG;
                done += (size_t) k;
        }
        return 0;
}

int directory_get(Directory *d, const char *key, size_t size_max, char **ret, size_t *ret_size)
{
        char file[FILE_SIZE], found[BLOB_KEY_SIZE];
        struct stat st;

        file_of(key, file);
        _cleanup_(closep) int fd = openat(d->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        if ((uint64_t) st.st_size > size_max)
                return -EFBIG;

        size_t size = (size_t) st.st_size;
        _cleanup_(freep) char *data = malloc(size + 1);
        if (!data)
                return -ENOMEM;
        data[size] = '\0';

        int r = read_exactly(fd, data, size);
        if (r >= 0)
                r = blob_key_of(data, size, found);
        if (r < 0)
                return r;
        if (!streq(key, found))
                return -EBADMSG;

        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int directory_exists(Directory *d, const char *key)
{
        char file[FILE_SIZE];
        struct stat st;

        file_of(key, file);
        return fstatat(d->fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Whether a file is that old; -ENOENT if there is none. */
static int is_old(int fd, const char *file, usec_t age_usec)
{
        usec_t now = now_usec(CLOCK_REALTIME);
        struct stat st;

        if (fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        usec_t then = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC + (usec_t) st.st_mtim.tv_nsec / 1000;
        return usec_add(then, age_usec) <= now || age_usec == 0;
}

int directory_delete(Directory *d, const char *key, usec_t age_usec)
{
        char file[FILE_SIZE];

        int r = lock(d->fd, LOCK_EX);
        if (r < 0)
                return r;

        file_of(key, file);
        r = is_old(d->fd, file, age_usec);
        if (r > 0 && unlinkat(d->fd, file, 0) < 0)
                r = -errno;
        (void) lock(d->fd, LOCK_UN);
        return r < 0 && r != -ENOENT ? r : 0;
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int add_key(char ***keys, size_t *n, size_t *n_allocated, const char *key)
{
        int r = GROW_ARRAY(*keys, *n_allocated, *n + 2);
        if (r < 0)
                return r;

        char *copy = strdup(key);
        if (!copy)
                return -ENOMEM;
        (*keys)[(*n)++] = copy;
        (*keys)[*n] = NULL;
        return 0;
}

/* The old ones of one directory behind a position. */
static int list_shard(DIR *dir, const char *position, usec_t age_usec, char ***ret_keys, size_t *ret_n)
{
        _cleanup_(strv_freep) char **keys = NULL;
        size_t n = 0, n_allocated = 0;

        for (struct dirent *e; (e = readdir(dir));) {
                if (!blob_key_is_valid(e->d_name) || strcmp(e->d_name, position) <= 0)
                        continue;

                int r = is_old(dirfd(dir), e->d_name, age_usec);
                if (r > 0)
                        r = add_key(&keys, &n, &n_allocated, e->d_name);
                if (r < 0 && r != -ENOENT)
                        return r;
        }

        if (n > 0)
                qsort(keys, n, sizeof(char *), compare_keys);
        *ret_keys = TAKE_PTR(keys);
        *ret_n = n;
        return 0;
}

int directory_list(Directory *d, char position[static BLOB_KEY_SIZE], usec_t age_usec, char ***ret_keys, bool *ret_more)
{
        char shard[SHARD_SIZE];
        size_t n;

        /* A position at the end of a directory is in the next one. */
        shard_of(*position ? position : "00", shard);
        if (*position && strspn(position + 2, "f") == BLOB_KEY_SIZE - 3)
                (void) snprintf(shard, sizeof(shard), "%02lx", (strtoul(shard, NULL, 16) + 1) & 0xff);

        int fd = openat(d->fd, shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        DIR *dir = fdopendir(fd);
        if (!dir) {
                int r = -errno;

                safe_close(fd);
                return r;
        }
        int r = list_shard(dir, position, age_usec, ret_keys, &n);
        (void) closedir(dir);
        if (r < 0)
                return r;

        if (n > LIST_MAX) {
                for (size_t i = LIST_MAX; i < n; i++)
                        (*ret_keys)[i] = mfree((*ret_keys)[i]);
                memcpy(position, (*ret_keys)[LIST_MAX - 1], BLOB_KEY_SIZE);
                *ret_more = true;
                return 0;
        }
        memset(position, 'f', BLOB_KEY_SIZE - 1);
        memcpy(position, shard, SHARD_SIZE - 1);
        position[BLOB_KEY_SIZE - 1] = '\0';
        *ret_more = !streq(shard, "ff");
        return 0;
}
