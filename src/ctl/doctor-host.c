/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "build-config.h"
#include "ctl/doctor.h"
#include "sandbox/cgroup.h"

#define DROP_IN_DIR "/etc/systemd/system/user@.service.d"
#define SYSTEMD_VERSION_MIN 254
#define SUBORDINATE_IDS_MIN 65536
#define TABLE_BYTES_MAX (4 * 1024 * 1024)

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

void check_systemd(Doctor *d)
{
        if (access("/run/systemd/system", F_OK) >= 0)
                doctor_report(d, "systemd", DOCTOR_OK, NULL, "this host was booted with systemd");
        else
                doctor_report(d, "systemd", DOCTOR_FAIL, "boot the host with systemd as its init",
                              "systemd does not run as PID 1 here, and sandboxes are its services");
}

void check_cgroup(Doctor *d)
{
        struct statfs fs;

        if (statfs("/sys/fs/cgroup", &fs) >= 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
                doctor_report(d, "cgroup", DOCTOR_OK, NULL, "control groups are version 2 only");
        else
                doctor_report(d, "cgroup", DOCTOR_FAIL,
                              "add systemd.unified_cgroup_hierarchy=1 to the kernel's command line and reboot",
                              "/sys/fs/cgroup is not a unified hierarchy of version 2");
}

void check_linger(Doctor *d)
{
        _cleanup_(freep) char *file = format_string("/var/lib/systemd/linger/%s", d->identity.name);
        _cleanup_(freep) char *mend = format_string("loginctl enable-linger %s", d->identity.name);

        if (!file || !mend)
                d->error = -ENOMEM;
        else if (access(file, F_OK) >= 0)
                doctor_report(d, "lingering", DOCTOR_OK, NULL, "the user manager of %s runs without a login",
                              d->identity.name);
        else if (d->identity.is_caller)
                doctor_report(d, "lingering", DOCTOR_WARN, mend, "sandboxes of %s end when %s logs out",
                              d->identity.name, d->identity.name);
        else
                doctor_report(d, "lingering", DOCTOR_FAIL, mend, "%s never logs in, so it needs lingering",
                              d->identity.name);
}

static int open_host(SandboxHost **ret, Fault *reterr_fault)
{
        sd_event *event = NULL;

        int r = sd_event_new(&event);
        if (r >= 0)
                r = sandbox_host_open(event, ret, reterr_fault);
        sd_event_unref(event);
        return r;
}

void check_user_manager(Doctor *d)
{
        _cleanup_(freep) char *mend =
                d->has_runtime ? format_string("systemctl restart user@%u.service; on Debian it needs dbus-user-session",
                                               d->identity.uid) :
                                 format_string("loginctl enable-linger %s", d->identity.name);
        _cleanup_(freep) char *version = NULL;
        _cleanup_(fault_done) Fault fault = { 0 };
        unsigned major;

        int r = mend ? open_host(&d->host, &fault) : -ENOMEM;
        if (r == -EBADMSG) {
                doctor_report(d, "user-manager", DOCTOR_FAIL, mend, "%s", fault.detail);
                return;
        }
        if (r >= 0)
                r = sd_bus_get_property_string(d->host->bus, MANAGER, "Version", NULL, &version);
        if (r < 0)
                doctor_report(d, "user-manager", DOCTOR_FAIL, mend, "it does not answer: %s", strerror(-r));
        else if (sscanf(version, "%u", &major) == 1 && major < SYSTEMD_VERSION_MIN)
                doctor_report(d, "user-manager", DOCTOR_WARN, "upgrade to a release with a newer systemd",
                              "it answers, but systemd %s is older than %d", version, SYSTEMD_VERSION_MIN);
        else
                doctor_report(d, "user-manager", DOCTOR_OK, NULL, "it answers on its bus, systemd %s", version);
}

/* What the kernel has and the user manager was not given is a matter of delegation, the rest one of the kernel. */
void check_controllers(Doctor *d)
{
        bool memory, pids, cpu;

        if (!d->host)
                return;

        const bool given[] = { d->host->has_memory, d->host->has_pids, d->host->has_cpu };
        if (given[0] && given[1] && given[2]) {
                doctor_report(d, "controllers", DOCTOR_OK, NULL, "memory, pids and cpu are delegated");
                return;
        }

        int r = cgroup_controllers("/", &memory, &pids, &cpu);
        bool known = r >= 0 && memory && pids && cpu;
        doctor_report(d, "controllers", DOCTOR_WARN,
                      known ? "mkdir -p " DROP_IN_DIR " && printf '[Service]\\nDelegate=cpu memory pids\\n' >" DROP_IN_DIR
                              "/delegate.conf && systemctl daemon-reload, then reboot" :
                              "boot a kernel with these control group controllers enabled",
                      "the user manager lacks%s%s%s: those limits hold per process only, not per job",
                      given[0] ? "" : " memory", given[1] ? "" : " pids", given[2] ? "" : " cpu");
}

/* -1 if there is no such sysctl, 1 if it is not 0. */
static int sysctl_is_set(const char *name)
{
        _cleanup_(freep) char *path = format_string("/proc/sys/%s", name), *text = NULL;
        uint64_t value;
        size_t size;

        if (!path || read_file(path, 64, &text, &size) < 0 || parse_uint64(strstrip(text), &value) < 0)
                return -1;
        return value > 0;
}

/* 0, or a negative errno, of really making one. In a child, since there is no way back. */
static int try_user_namespace(void)
{
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPROTO;
}

void check_user_namespaces(Doctor *d)
{
        static const char check[] = "user-namespaces";
        bool apparmor = sysctl_is_set("kernel/apparmor_restrict_unprivileged_userns") > 0;

        int r = try_user_namespace();
        if (r >= 0)
                doctor_report(d, check, DOCTOR_OK, NULL, "unprivileged user namespaces can be made");
        else if (sysctl_is_set("user/max_user_namespaces") == 0)
                doctor_report(d, check, DOCTOR_FAIL, "sysctl -w user.max_user_namespaces=15000",
                              "user.max_user_namespaces is 0");
        else if (sysctl_is_set("kernel/unprivileged_userns_clone") == 0)
                doctor_report(d, check, DOCTOR_FAIL, "sysctl -w kernel.unprivileged_userns_clone=1",
                              "kernel.unprivileged_userns_clone is 0");
        else if (apparmor)
                doctor_report(d, check, DOCTOR_WARN, NULL,
                              "AppArmor lets only some programs make them; podman and crun are among these");
        else
                doctor_report(d, check, DOCTOR_FAIL, "sysctl -w user.max_user_namespaces=15000",
                              "a user namespace cannot be made: %s", strerror(-r));
}

/* Sums up the lines "OWNER:FIRST:COUNT" of a user, by name or number. */
static uint64_t count_ids(const char *path, const Identity *identity)
{
        _cleanup_(freep) char *text = NULL, *number = format_string("%u", identity->uid);
        uint64_t total = 0, count;
        char *rest = NULL;
        size_t size;

        if (!number || read_file(path, TABLE_BYTES_MAX, &text, &size) < 0)
                return 0;

        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *first = strchr(line, ':'), *last = strrchr(line, ':');

                if (!first || first == last)
                        continue;
                *first = '\0';
                if ((streq(line, identity->name) || streq(line, number)) && parse_uint64(last + 1, &count) >= 0)
                        total += count;
        }
        return total;
}

void check_subordinate_ids(Doctor *d)
{
        uint64_t uids = count_ids("/etc/subuid", &d->identity), gids = count_ids("/etc/subgid", &d->identity);
        _cleanup_(freep) char *mend = format_string(RCE_LIBEXEC_DIR "/rce-subids %s", d->identity.name);

        if (!mend)
                d->error = -ENOMEM;
        else if (uids >= SUBORDINATE_IDS_MIN && gids >= SUBORDINATE_IDS_MIN)
                doctor_report(d, "subordinate-ids", DOCTOR_OK, NULL, "%" PRIu64 " user ids, %" PRIu64 " group ids",
                              uids, gids);
        else
                doctor_report(d, "subordinate-ids", DOCTOR_FAIL, mend,
                              "%s has %" PRIu64 " in /etc/subuid and %" PRIu64 " in /etc/subgid, of %d needed",
                              d->identity.name, uids, gids, SUBORDINATE_IDS_MIN);
}

/* newuidmap and newgidmap need privileges, by the set-user-ID bit or by file capabilities. */
void check_id_mappers(Doctor *d)
{
        static const char *const paths[] = { "/usr/bin/newuidmap", "/usr/bin/newgidmap" };
        char mend[DOCTOR_MEND_MAX];

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                struct stat st;

                if (stat(paths[i], &st) < 0) {
                        doctor_report(d, "id-mappers", DOCTOR_FAIL, doctor_install(mend, "uidmap", "shadow-utils"),
                                      "there is no %s", paths[i]);
                        return;
                }
                if (!(st.st_mode & S_ISUID) && getxattr(paths[i], "security.capability", NULL, 0) <= 0) {
                        snprintf(mend, sizeof(mend), "chmod u+s %s", paths[i]);
                        doctor_report(d, "id-mappers", DOCTOR_FAIL, mend,
                                      "%s has neither the set-user-ID bit nor capabilities", paths[i]);
                        return;
                }
        }
        doctor_report(d, "id-mappers", DOCTOR_OK, NULL, "newuidmap and newgidmap may map ids");
}
