/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/identity.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "basic/memory.h"
#include "basic/string-util.h"
#include "ctl/ctl.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void identity_done(Identity *identity)
{
        free(identity->name);
        free(identity->home);
        free(identity->runtime_dir);
        *identity = (Identity){ 0 };
}

static int fill(const struct passwd *pw, Identity *ret)
{
        const char *own = getenv("XDG_RUNTIME_DIR");
        bool is_caller = pw->pw_uid == getuid();

        *ret = (Identity){
                .uid = pw->pw_uid,
                .gid = pw->pw_gid,
                .name = strdup(pw->pw_name),
                .home = strdup(pw->pw_dir),
                .runtime_dir = is_caller && !isempty(own) ? strdup(own) : format_string("/run/user/%u", pw->pw_uid),
                .is_caller = is_caller,
        };
        if (ret->name && ret->home && ret->runtime_dir)
                return 0;

        identity_done(ret);
        return -ENOMEM;
}

int identity_lookup(Identity *ret, Fault *reterr_fault)
{
        bool root = geteuid() == 0;
        const Config *config;

        int r = ctl_config(&config, reterr_fault);
        if (r < 0)
                return r;

        /* The static buffer of getpwnam() is fine: one thread, and the record is copied at once. */
        errno = 0;
        const struct passwd *pw = root ? getpwnam(config->user) : getpwuid(geteuid());
        if (pw)
                return fill(pw, ret);

        if (errno != 0 && errno != ENOENT && errno != ESRCH)
                return -errno;
        if (root)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "There is no user '%s', whose sandboxes root uses: install the package rce-worker, "
                                 "or run rcectl as a normal user",
                                 config->user);
        return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL, "User %u has no entry in the user database",
                         geteuid());
}

static int set_environment(const Identity *identity)
{
        _cleanup_(freep) char *bus = format_string("unix:path=%s/bus", identity->runtime_dir);

        if (!bus)
                return -ENOMEM;
        if (setenv("XDG_RUNTIME_DIR", identity->runtime_dir, true) < 0 ||
            setenv("DBUS_SESSION_BUS_ADDRESS", bus, !identity->is_caller) < 0)
                return -errno;
        return 0;
}

/* What root had set for itself (HOME, proxies, CONTAINERS_*, sudo's traces) is not for the worker's user. */
static int clean_environment(const Identity *identity)
{
        static const char *const kept[] = { "PATH", "LANG", "TERM", "NO_COLOR" };
        char *values[ELEMENTSOF(kept)] = { 0 };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                const char *e = getenv(kept[i]);

                if (e && !(values[i] = strdup(e)))
                        r = -ENOMEM;
        }

        if (r >= 0 && (clearenv() != 0 || setenv("PATH", PATH_DEFAULT, true) < 0 ||
                       setenv("HOME", identity->home, true) < 0 || setenv("USER", identity->name, true) < 0 ||
                       setenv("LOGNAME", identity->name, true) < 0))
                r = -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                if (r >= 0 && values[i] && setenv(kept[i], values[i], true) < 0)
                        r = -ENOMEM;
                free(values[i]);
        }
        return r;
}

static int change_ids(const Identity *identity)
{
        if (initgroups(identity->name, identity->gid) < 0 ||
            setresgid(identity->gid, identity->gid, identity->gid) < 0 ||
            setresuid(identity->uid, identity->uid, identity->uid) < 0)
                return -errno;

        /* Podman wants a directory it may enter, and where root stood need not be one. */
        return chdir("/") < 0 ? -errno : 0;
}

int identity_become(const Identity *identity)
{
        if (!identity->is_caller) {
                int r = clean_environment(identity);
                if (r >= 0)
                        r = change_ids(identity);
                if (r < 0)
                        return r;
        }
        return set_environment(identity);
}

int identity_assume(Fault *reterr_fault)
{
        _cleanup_(identity_done) Identity identity = { 0 };

        int r = identity_lookup(&identity, reterr_fault);
        if (r < 0)
                return r;

        if (access(identity.runtime_dir, F_OK) < 0)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "User '%s' has no user manager, %s does not exist: run `loginctl enable-linger %s` "
                                 "as root",
                                 identity.name, identity.runtime_dir, identity.name);
        return identity_become(&identity);
}
