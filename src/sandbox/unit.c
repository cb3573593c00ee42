/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/unit.h"

#include <stdio.h>

#include "basic/memory.h"
#include "basic/string-util.h"

#define MANAGER "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

struct Unit {
        sd_bus *bus;
        char *name;
        UnitCallbacks callbacks;
        void *userdata;
        sd_bus_slot *job_removed, *unit_removed, *disconnected, *start_reply;
        bool started_told, gone_told;
};

static void tell_started(Unit *u, int error)
{
        if (!u->started_told) {
                u->started_told = true;
                u->callbacks.on_started(u, error, u->userdata);
        }
}

static void tell_gone(Unit *u, int error)
{
        if (!u->gone_told) {
                u->gone_told = true;
                u->callbacks.on_gone(u, error, u->userdata);
        }
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        Unit *u = userdata;
        const char *path, *name, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) < 0 || !streq(name, u->name))
                return 0;

        /* The name is new, so the first job that ends for it is the one that starts it. */
        tell_started(u, streq(result, "done") ? 0 : streq(result, "timeout") ? -ETIMEDOUT : -EIO);
        return 0;
}

static int on_unit_removed(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        Unit *u = userdata;
        const char *name, *path;

        /* A unit that is removed had its start job end before; the order of the signals says so. */
        if (sd_bus_message_read(m, "so", &name, &path) >= 0 && streq(name, u->name) && u->started_told)
                tell_gone(u, 0);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        Unit *u = userdata;

        tell_started(u, -ECONNRESET);
        tell_gone(u, -ECONNRESET);
        return 0;
}

static int on_start_reply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        Unit *u = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(m);

        if (!e)
                return 0;

        /* Refused, so there is nothing to wait for. */
        tell_started(u, sd_bus_error_has_name(e, "org.freedesktop.systemd1.UnitExists") ? -EEXIST
                                                                                        : -sd_bus_error_get_errno(e));
        tell_gone(u, 0);
        return 0;
}

static int append_command(sd_bus_message *m, const char *property, char *const *argv, bool ignore_failure)
{
        int r;

        if (!argv || !*argv)
                return 0;

        if ((r = sd_bus_message_open_container(m, 'r', "sv")) < 0 || (r = sd_bus_message_append(m, "s", property)) < 0 ||
            (r = sd_bus_message_open_container(m, 'v', "a(sasas)")) < 0 ||
            (r = sd_bus_message_open_container(m, 'a', "(sasas)")) < 0 ||
            (r = sd_bus_message_open_container(m, 'r', "sasas")) < 0 ||
            (r = sd_bus_message_append(m, "s", argv[0])) < 0 ||
            (r = sd_bus_message_append_strv(m, (char **) argv)) < 0)
                return r;

        r = ignore_failure ? sd_bus_message_append(m, "as", 2, "no-env-expand", "ignore-failure")
                           : sd_bus_message_append(m, "as", 1, "no-env-expand");

        for (int i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_environment(sd_bus_message *m, char *const *environment)
{
        int r;

        if (!environment)
                return 0;

        if ((r = sd_bus_message_open_container(m, 'r', "sv")) < 0 ||
            (r = sd_bus_message_append(m, "s", "Environment")) < 0 ||
            (r = sd_bus_message_open_container(m, 'v', "as")) < 0 ||
            (r = sd_bus_message_append_strv(m, (char **) environment)) < 0 ||
            (r = sd_bus_message_close_container(m)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int append_log_fields(sd_bus_message *m, char *const *fields)
{
        int r;

        if (!fields)
                return 0;

        if ((r = sd_bus_message_open_container(m, 'r', "sv")) < 0 ||
            (r = sd_bus_message_append(m, "s", "LogExtraFields")) < 0 ||
            (r = sd_bus_message_open_container(m, 'v', "aay")) < 0 ||
            (r = sd_bus_message_open_container(m, 'a', "ay")) < 0)
                return r;

        STRV_FOREACH(f, fields)
                if (r >= 0)
                        r = sd_bus_message_append_array(m, 'y', *f, strlen(*f));

        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* Resource control and life cycle only: any sandboxing option of a user manager implies a user namespace of its own,
 * in which rootless Podman does not work. */
static int append_properties(sd_bus_message *m, const UnitParams *p)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)(sv)",
                                          "Description", "s", p->description,
                                          "Slice", "s", p->slice,
                                          "Type", "s", "notify",
                                          "NotifyAccess", "s", "all",
                                          "KillMode", "s", "mixed",
                                          "CollectMode", "s", "inactive-or-failed",
                                          "OOMPolicy", "s", "continue",
                                          "Delegate", "b", 1);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)(sv)(sv)",
                                          "MemoryMax", "t", p->memory_max_bytes,
                                          "MemorySwapMax", "t", UINT64_C(0),
                                          "TasksMax", "t", p->tasks_max,
                                          "TimeoutStartUSec", "t", p->start_timeout_usec,
                                          "TimeoutStopUSec", "t", p->stop_timeout_usec,
                                          "RuntimeMaxUSec", "t", p->runtime_max_usec);
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)(sv)",
                                          "StandardInputFileDescriptor", "h", p->input_fd,
                                          "StandardOutputFileDescriptor", "h", p->output_fd,
                                          "StandardErrorFileDescriptor", "h", p->output_fd);
        if (r >= 0)
                r = append_environment(m, p->environment);
        if (r >= 0)
                r = append_log_fields(m, p->log_fields);
        if (r >= 0)
                r = append_command(m, "ExecStartEx", p->exec_start, false);
        if (r >= 0)
                r = append_command(m, "ExecStopEx", p->exec_stop, true);
        if (r >= 0)
                r = append_command(m, "ExecStopPostEx", p->exec_stop_post, true);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int watch(Unit *u)
{
        int r;

        if ((r = sd_bus_match_signal_async(u->bus, &u->job_removed, MANAGER, "JobRemoved", on_job_removed, NULL, u)) < 0 ||
            (r = sd_bus_match_signal_async(u->bus, &u->unit_removed, MANAGER, "UnitRemoved", on_unit_removed, NULL, u)) < 0)
                return r;
        return sd_bus_match_signal_async(u->bus, &u->disconnected, "org.freedesktop.DBus.Local",
                                         "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                                         on_disconnected, NULL, u);
}

int unit_new(sd_bus *bus, const UnitParams *p, const UnitCallbacks *callbacks, void *userdata, Unit **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(unit_freep) Unit *u = new0(Unit, 1);
        int r;

        if (!u || !(u->name = strdup(p->name)))
                return -ENOMEM;
        u->bus = sd_bus_ref(bus);
        u->callbacks = *callbacks;
        u->userdata = userdata;

        r = watch(u);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", p->name, "fail");
        if (r >= 0)
                r = append_properties(m, p);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(sa(sv))", 0);
        if (r >= 0)
                r = sd_bus_call_async(bus, &u->start_reply, m, on_start_reply, u, p->start_timeout_usec);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(u);
        return 0;
}

static int ignore_reply(sd_bus_message *m, void *userdata, sd_bus_error *reterr_error)
{
        return 0;
}

int unit_stop(Unit *u)
{
        return sd_bus_call_method_async(u->bus, NULL, MANAGER, "StopUnit", ignore_reply, NULL, "ss", u->name, "replace");
}

int unit_restart(sd_bus *bus, const char *name)
{
        return sd_bus_call_method_async(bus, NULL, MANAGER, "RestartUnit", ignore_reply, NULL, "ss", name, "replace");
}

const char *unit_name(const Unit *u)
{
        return u->name;
}

Unit *unit_free(Unit *u)
{
        if (!u)
                return NULL;

        sd_bus_slot_unref(u->job_removed);
        sd_bus_slot_unref(u->unit_removed);
        sd_bus_slot_unref(u->disconnected);
        sd_bus_slot_unref(u->start_reply);
        sd_bus_unref(u->bus);
        free(u->name);
        return mfree(u);
}

int unit_bus_open(sd_event *event, sd_bus **ret, Fault *reterr_fault)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;

        int r = sd_bus_open_user(&bus);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL,
                                 "There is no user manager to run sandboxes in (%s): log in as this user, or give it "
                                 "one that stays with 'loginctl enable-linger'", strerror(-r));

        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, MANAGER, "Subscribe", ignore_reply, NULL, "");
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

int unit_manager_cgroup(sd_bus *bus, char **ret, Fault *reterr_fault)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        int r = sd_bus_get_property_string(bus, MANAGER, "ControlGroup", &error, ret);
        if (r < 0)
                return fault_set(reterr_fault, FAULT_SANDBOX_UNAVAILABLE, NULL, "The user manager does not answer: %s",
                                 error.message ? error.message : strerror(-r));
        return 0;
}
