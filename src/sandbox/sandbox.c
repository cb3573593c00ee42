/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/string-util.h"
#include "sandbox/container.h"
#include "sandbox/output.h"
#include "sandbox/rlimits.h"

/* From a kill to its effect, before the whole unit is killed instead. */
#define KILL_GRACE_USEC (2 * USEC_PER_SEC)
#define CPU_CHECK_USEC (10 * USEC_PER_MSEC)
#define REASON_MAX 512

typedef enum State { STARTING, ARMING, RUNNING, DRAINING, FINISHED, GONE } State;

struct Sandbox {
        SandboxHost *host;
        const Language *language;
        JobLimits limits;
        usec_t start_timeout_usec, stop_timeout_usec;
        SandboxCallbacks callbacks;
        void *userdata;

        State state;
        bool compiling;
        char **run_argv;                 /* with the request's arguments */
        char **environment;
        int source_fd;
        int stdin_fd;
        int output_fds[_SANDBOX_STREAM_MAX];    /* writing ends, until the program has them */

        Container *container;
        JobCgroup cgroup;

        sd_event_source *deadline_source, *cpu_source;
        OutputPipe *output[_SANDBOX_STREAM_MAX];
        bool output_ended[_SANDBOX_STREAM_MAX];

        bool exited;                     /* exit is valid */
        CellExit exit;
        usec_t begin_usec;
        usec_t cpu_base_usec;            /* used by the compiler */
        int kill_verdict;                /* JobVerdict that ended it before its time, or -1 */
        JobResult result;
};

static void finish_if_drained(Sandbox *s);

/* --- ending ------------------------------------------------------------------------------------------------------ */

static void arm_deadline(Sandbox *s, usec_t usec)
{
        (void) sd_event_source_set_time(s->deadline_source, usec_add(now_usec(CLOCK_MONOTONIC), usec));
        (void) sd_event_source_set_enabled(s->deadline_source, SD_EVENT_ONESHOT);
}

/* Everything in the unit, the container runtime included. */
static void kill_all(Sandbox *s)
{
        container_kill(s->container);
        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++)
                s->output_fds[i] = safe_close(s->output_fds[i]);
}

/* Ends the job with this verdict. Only the first one counts. */
static void end_job(Sandbox *s, JobVerdict verdict, const char *reason)
{
        if (s->state >= FINISHED || s->kill_verdict >= 0)
                return;

        s->kill_verdict = (int) verdict;
        if (reason)
                (void) free_and_strdup(&s->result.reason, reason);
        (void) sd_event_source_set_enabled(s->cpu_source, SD_EVENT_OFF);

        if (s->state == RUNNING && job_cgroup_kill(&s->cgroup) >= 0) {
                /* The supervisor sees it die and reports as ever. */
                arm_deadline(s, KILL_GRACE_USEC);
                return;
        }

        kill_all(s);
        s->state = DRAINING;
        arm_deadline(s, KILL_GRACE_USEC);
        finish_if_drained(s);
}

static void _printf_(2, 3) fail(Sandbox *s, const char *format, ...)
{
        char reason[REASON_MAX];
        va_list ap;

        va_start(ap, format);
        vsnprintf(reason, sizeof(reason), format, ap);
        va_end(ap);
        end_job(s, JOB_VERDICT_INTERNAL_ERROR, reason);
}

static JobVerdict verdict_of_exit(const Sandbox *s, bool oom_killed)
{
        int status = s->exit.wait_status;

        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return JOB_VERDICT_OK;
        if (oom_killed)
                return JOB_VERDICT_MEMORY_LIMIT;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
                return JOB_VERDICT_TIME_LIMIT;
        if (s->compiling)
                return JOB_VERDICT_COMPILE_ERROR;
        return WIFSIGNALED(status) ? JOB_VERDICT_SIGNALLED : JOB_VERDICT_RUNTIME_ERROR;
}

static void account(Sandbox *s)
{
        JobCgroupUsage usage = { 0 };

        s->result.exit_code = -1;
        s->result.signal = 0;
        if (s->begin_usec > 0)
                s->result.wall_usec = now_usec(CLOCK_MONOTONIC) - s->begin_usec;

        if (s->cgroup.fd >= 0 && job_cgroup_usage(&s->cgroup, &usage) >= 0) {
                s->result.cpu_usec = usage.cpu_usec;
                s->result.memory_peak_bytes = usage.memory_peak_bytes;
        }

        if (s->exited) {
                if (usage.cpu_usec == 0)
                        s->result.cpu_usec = s->exit.user_usec + s->exit.system_usec;
                if (usage.memory_peak_bytes == 0) {
                        s->result.memory_peak_bytes = s->exit.max_rss_bytes;
                        s->result.memory_peak_is_rss = true;
                }
                if (WIFEXITED(s->exit.wait_status))
                        s->result.exit_code = WEXITSTATUS(s->exit.wait_status);
                else if (WIFSIGNALED(s->exit.wait_status))
                        s->result.signal = WTERMSIG(s->exit.wait_status);
                s->result.verdict = verdict_of_exit(s, usage.oom_killed);
        }
}

static void finish(Sandbox *s)
{
        s->state = FINISHED;
        if (s->kill_verdict >= 0)
                s->result.verdict = (JobVerdict) s->kill_verdict;
        if (s->begin_usec > 0 && s->result.wall_usec == 0)
                s->result.wall_usec = now_usec(CLOCK_MONOTONIC) - s->begin_usec;

        (void) sd_event_source_set_enabled(s->cpu_source, SD_EVENT_OFF);
        arm_deadline(s, s->stop_timeout_usec);

        /* With its socket the supervisor ends, and with it the container and the unit. */
        container_hang_up(s->container);
        s->callbacks.on_finished(s, &s->result, s->userdata);
}

static void finish_if_drained(Sandbox *s)
{
        if (s->state == DRAINING && s->output_ended[SANDBOX_STDOUT] && s->output_ended[SANDBOX_STDERR])
                finish(s);
}

/* The job is dead and its supervisor well: what is left to do is to read what it wrote. */
static void drain(Sandbox *s)
{
        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++)
                s->output_fds[i] = safe_close(s->output_fds[i]);
        s->state = DRAINING;
        arm_deadline(s, KILL_GRACE_USEC);
        finish_if_drained(s);
}

/* --- handing the program over -------------------------------------------------------------------------------------- */

static int send_program(Sandbox *s)
{
        bool first = s->source_fd >= 0;
        CellFile file = { s->language->source_name, s->source_fd };
        CellRlimit rlimits[CELL_RLIMITS_MAX];
        CellCommand command = {
                .argv = s->compiling ? s->language->compile_argv : s->run_argv,
                .environment = s->environment,
                .files = &file,
                .n_files = first ? 1 : 0,
                .rlimits = rlimits,
                .n_rlimits = rlimits_of_job(&s->limits, s->host, rlimits),
                .stdin_fd = s->stdin_fd,
                .stdout_fd = s->output_fds[SANDBOX_STDOUT],
                .stderr_fd = s->output_fds[SANDBOX_STDERR],
        };
        _cleanup_(closep) int null_fd = -EBADF;

        if (s->compiling) {
                /* What the user sends is for the program. */
                null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (null_fd < 0)
                        return -errno;
                command.stdin_fd = null_fd;
        }

        int r = cell_link_send_run(container_link(s->container), &command, NULL);
        if (r < 0)
                return r;

        s->source_fd = safe_close(s->source_fd);
        if (!s->compiling) {
                s->stdin_fd = safe_close(s->stdin_fd);
                for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++)
                        s->output_fds[i] = safe_close(s->output_fds[i]);
        }
        return 0;
}

/* Wants a process that is going to be the program. */
static void arm(Sandbox *s)
{
        int r = cell_link_send_arm(container_link(s->container));
        if (r < 0)
                fail(s, "The sandbox could not be told to get ready: %s", strerror(-r));
        else
                s->state = ARMING;
}

static void on_hello(Sandbox *s)
{
        if (s->state == STARTING)
                arm(s);
        else
                fail(s, "The supervisor in the sandbox spoke out of turn");
}

/* How long the program certainly stays below its limit of processor time. */
static usec_t cpu_time_left(const Sandbox *s, usec_t used)
{
        usec_t left = used < s->limits.cpu_usec ? s->limits.cpu_usec - used : 0;
        uint64_t percent = s->host->has_cpu ? s->limits.cpu_percent : 100 * (uint64_t) sysconf(_SC_NPROCESSORS_ONLN);
        usec_t wall = left / percent * 100;

        return MAX(wall, CPU_CHECK_USEC);
}

static void on_ready(Sandbox *s, pid_t pid)
{
        JobCgroupUsage usage = { 0 };

        int r = s->state == ARMING ? 0 : -EPROTO;
        if (r >= 0 && s->cgroup.fd < 0)
                r = job_cgroup_make(&s->cgroup, container_cgroup(s->container), 0);
        if (r >= 0)
                r = job_cgroup_limit(&s->cgroup, &s->limits);
        if (r >= 0)
                r = job_cgroup_add(&s->cgroup, pid);
        if (r >= 0)
                r = job_cgroup_usage(&s->cgroup, &usage);
        if (r < 0) {
                fail(s, "The program could not be put into its control group: %s", strerror(-r));
                return;
        }

        r = send_program(s);
        if (r < 0) {
                fail(s, "The program could not be handed to the sandbox: %s", strerror(-r));
                return;
        }

        s->cpu_base_usec = usage.cpu_usec;
        s->begin_usec = now_usec(CLOCK_MONOTONIC);
        s->state = RUNNING;
        arm_deadline(s, s->limits.wall_usec);
        (void) sd_event_source_set_time(s->cpu_source, usec_add(s->begin_usec, cpu_time_left(s, 0)));
        (void) sd_event_source_set_enabled(s->cpu_source, SD_EVENT_ONESHOT);
}

/* --- events -------------------------------------------------------------------------------------------------------- */

static void on_exit_report(Sandbox *s, const CellExit *e)
{
        if (s->state != RUNNING) {
                fail(s, "The supervisor in the sandbox spoke out of turn");
                return;
        }

        s->exit = *e;
        s->exited = true;
        account(s);
        (void) sd_event_source_set_enabled(s->cpu_source, SD_EVENT_OFF);

        if (s->compiling && s->kill_verdict < 0 && s->result.verdict == JOB_VERDICT_OK) {
                s->compiling = s->exited = false;
                arm_deadline(s, s->start_timeout_usec);
                arm(s);
                return;
        }

        drain(s);
}

static void on_fail_report(Sandbox *s, const CellFail *f)
{
        if (s->state != ARMING && s->state != RUNNING) {
                fail(s, "The supervisor in the sandbox spoke out of turn");
                return;
        }

        if (s->kill_verdict < 0) {
                s->kill_verdict = JOB_VERDICT_INTERNAL_ERROR;
                free(s->result.reason);
                s->result.reason = format_string("The sandbox could not run the program: %s: %s",
                                                 cell_step_to_string((CellStep) f->step), strerror(f->error));
        }
        drain(s);
}

static void on_container_message(Container *c, const CellMessage *m, void *userdata)
{
        Sandbox *s = userdata;

        switch (m->type) {
        case CELL_HELLO:
                on_hello(s);
                break;
        case CELL_READY:
                on_ready(s, m->pid);
                break;
        case CELL_EXIT:
                on_exit_report(s, &m->exit);
                break;
        case CELL_FAIL:
                on_fail_report(s, &m->fail);
                break;
        default:
                fail(s, "The supervisor in the sandbox broke the protocol");
        }
}

static void on_container_failed(Container *c, const char *reason, void *userdata)
{
        fail(userdata, "%s", reason);
}

static void on_container_gone(Container *c, int error, void *userdata)
{
        Sandbox *s = userdata;

        if (s->state < FINISHED) {
                /* It went away under a running job. What it wrote before is still in the pipes. */
                if (s->kill_verdict < 0)
                        fail(s, "The sandbox ended under the program");
                if (s->state < FINISHED)
                        finish(s);
        }
        if (s->state == FINISHED) {
                s->state = GONE;
                s->callbacks.on_gone(s, error, s->userdata);
        }
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Sandbox *s = userdata;
        char span[TIMESPAN_MAX];

        switch (s->state) {
        case STARTING:
        case ARMING:
                fail(s, "The sandbox was not ready within %s", format_timespan(span, s->start_timeout_usec));
                break;
        case RUNNING:
                if (s->kill_verdict >= 0) {
                        /* It was killed and is not dead yet, or its supervisor does not say so. */
                        account(s);
                        kill_all(s);
                        s->state = DRAINING;
                        arm_deadline(s, KILL_GRACE_USEC);
                } else {
                        char reason[REASON_MAX];

                        snprintf(reason, sizeof(reason), "The program ran longer than %s",
                                 format_timespan(span, s->limits.wall_usec));
                        end_job(s, JOB_VERDICT_TIME_LIMIT, reason);
                }
                break;
        case DRAINING:
                /* Nobody can be writing any more, or whoever does is beyond our reach. */
                kill_all(s);
                finish(s);
                break;
        case FINISHED:
                kill_all(s);
                s->state = GONE;
                s->callbacks.on_gone(s, -ETIMEDOUT, s->userdata);
                break;
        case GONE:
                break;
        }
        return 0;
}

static int on_cpu_check(sd_event_source *source, uint64_t usec, void *userdata)
{
        Sandbox *s = userdata;
        JobCgroupUsage usage;
        char span[TIMESPAN_MAX], reason[REASON_MAX];

        if (s->state != RUNNING || job_cgroup_usage(&s->cgroup, &usage) < 0)
                return 0;

        usec_t used = usage.cpu_usec - s->cpu_base_usec;
        if (used >= s->limits.cpu_usec) {
                snprintf(reason, sizeof(reason), "The program used more than %s of processor time",
                         format_timespan(span, s->limits.cpu_usec));
                end_job(s, JOB_VERDICT_TIME_LIMIT, reason);
                return 0;
        }

        (void) sd_event_source_set_time(source, usec_add(now_usec(CLOCK_MONOTONIC), cpu_time_left(s, used)));
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static SandboxStream stream_of(const Sandbox *s, const OutputPipe *o)
{
        return o == s->output[SANDBOX_STDOUT] ? SANDBOX_STDOUT : SANDBOX_STDERR;
}

static void on_output_data(OutputPipe *o, const char *data, size_t size, void *userdata)
{
        Sandbox *s = userdata;

        if (s->callbacks.on_output)
                s->callbacks.on_output(s, stream_of(s, o), data, size, s->userdata);
}

static void on_output_overflow(OutputPipe *o, void *userdata)
{
        Sandbox *s = userdata;
        char reason[REASON_MAX];

        snprintf(reason, sizeof(reason), "The program wrote more than %" PRIu64 " bytes to %s", s->limits.output_bytes,
                 stream_of(s, o) == SANDBOX_STDOUT ? "stdout" : "stderr");
        end_job(s, JOB_VERDICT_OUTPUT_LIMIT, reason);
}

static void on_output_end(OutputPipe *o, void *userdata)
{
        Sandbox *s = userdata;

        s->output_ended[stream_of(s, o)] = true;
        finish_if_drained(s);
}

/* --- birth --------------------------------------------------------------------------------------------------------- */

static int add_timers(Sandbox *s)
{
        usec_t never = USEC_INFINITY;
        int r;

        if ((r = sd_event_add_time(s->host->event, &s->deadline_source, CLOCK_MONOTONIC, never, 1, on_deadline, s)) < 0 ||
            (r = sd_event_add_time(s->host->event, &s->cpu_source, CLOCK_MONOTONIC, never, 1, on_cpu_check, s)) < 0)
                return r;

        /* A limit that is reached comes before more output. */
        (void) sd_event_source_set_priority(s->deadline_source, SD_EVENT_PRIORITY_IMPORTANT);
        (void) sd_event_source_set_priority(s->cpu_source, SD_EVENT_PRIORITY_IMPORTANT);
        arm_deadline(s, s->start_timeout_usec);
        return sd_event_source_set_enabled(s->cpu_source, SD_EVENT_OFF);
}

static int add_streams(Sandbox *s)
{
        static const OutputCallbacks callbacks = { on_output_data, on_output_overflow, on_output_end };
        JobOutput *outputs[_SANDBOX_STREAM_MAX] = { &s->result.out, &s->result.err };

        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++) {
                int r = output_pipe_new(s->host->event, outputs[i], s->limits.output_bytes, &callbacks, s,
                                        &s->output[i], &s->output_fds[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What the program finds in its environment: the usual, the language's, the request's; later ones win. */
static int build_environment(Sandbox *s, char *const *request)
{
        static const char *const usual[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8", "TMPDIR=/tmp",
                                             NULL };
        char *const *const layers[] = { (char *const *) usual, s->language->environment, request };

        for (size_t i = 0; i < ELEMENTSOF(layers); i++)
                STRV_FOREACH(w, layers[i]) {
                        int r = strv_env_replace(&s->environment, *w);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int prepare(Sandbox *s, const SandboxParams *p)
{
        int r;

        s->source_fd = memfd_new_sealed("source", p->source, p->source_size);
        if (s->source_fd < 0)
                return s->source_fd;

        s->stdin_fd = fcntl(p->stdin_fd, F_DUPFD_CLOEXEC, 3);
        if (s->stdin_fd < 0)
                return -errno;

        s->run_argv = strv_copy(s->language->run_argv);
        if (!s->run_argv)
                return -ENOMEM;
        STRV_FOREACH(a, p->args)
                if ((r = strv_extend(&s->run_argv, *a)) < 0)
                        return r;

        if ((r = build_environment(s, p->environment)) < 0 || (r = add_timers(s)) < 0)
                return r;
        return add_streams(s);
}

/* What the protocol has no room for is found out now, not when the container is up. */
static int check_request(const Sandbox *s, Fault *reterr_fault)
{
        const CellFile file = { s->language->source_name, -EBADF };
        const CellCommand command = { .argv = s->run_argv, .environment = s->environment, .files = &file, .n_files = 1 };

        return cell_command_check(&command, reterr_fault);
}

static int start_container(Sandbox *s, const SandboxParams *p)
{
        static const ContainerCallbacks callbacks = { on_container_message, on_container_failed, on_container_gone };
        ContainerParams params = {
                .language = s->language,
                .service = p->service,
                .log_fields = p->log_fields,
                .memory_bytes = s->limits.memory_bytes,
                .tasks = s->limits.processes,
                .start_timeout_usec = p->start_timeout_usec,
                .stop_timeout_usec = p->stop_timeout_usec,
                .runtime_max_usec = usec_add(usec_add(s->limits.wall_usec, s->limits.wall_usec), p->start_timeout_usec),
        };

        return container_new(s->host, &params, &callbacks, s, &s->container);
}

int sandbox_new(SandboxHost *host, const SandboxParams *p, const SandboxCallbacks *callbacks, void *userdata,
                Sandbox **ret, Fault *reterr_fault)
{
        _cleanup_(sandbox_freep) Sandbox *s = new0(Sandbox, 1);
        int r;

        if (!s)
                return -ENOMEM;

        *s = (Sandbox){
                .host = host,
                .language = p->language,
                .limits = p->limits,
                .start_timeout_usec = p->start_timeout_usec,
                .stop_timeout_usec = p->stop_timeout_usec,
                .callbacks = *callbacks,
                .userdata = userdata,
                .compiling = p->language->compile_argv,
                .source_fd = -EBADF,
                .stdin_fd = -EBADF,
                .output_fds = { -EBADF, -EBADF },
                .cgroup = JOB_CGROUP_NULL,
                .kill_verdict = -1,
                .result = { .verdict = JOB_VERDICT_INTERNAL_ERROR, .exit_code = -1 },
        };

        if ((r = prepare(s, p)) < 0 || (r = check_request(s, reterr_fault)) < 0 ||
            (r = start_container(s, p)) < 0)
                return r;

        *ret = TAKE_PTR(s);
        return 0;
}

void sandbox_cancel(Sandbox *s)
{
        end_job(s, JOB_VERDICT_CANCELLED, NULL);
}

const char *sandbox_unit_name(const Sandbox *s)
{
        return container_name(s->container);
}

const JobResult *sandbox_result(const Sandbox *s)
{
        return &s->result;
}

const Fault *sandbox_fault(const Sandbox *s)
{
        return container_fault(s->container);
}

Sandbox *sandbox_free(Sandbox *s)
{
        if (!s)
                return NULL;

        (void) job_cgroup_done(&s->cgroup);
        container_free(s->container);
        sd_event_source_disable_unref(s->deadline_source);
        sd_event_source_disable_unref(s->cpu_source);
        for (size_t i = 0; i < _SANDBOX_STREAM_MAX; i++) {
                output_pipe_free(s->output[i]);
                safe_close(s->output_fds[i]);
        }
        safe_close(s->source_fd);
        safe_close(s->stdin_fd);
        strv_free(s->run_argv);
        strv_free(s->environment);
        job_result_done(&s->result);
        return mfree(s);
}
