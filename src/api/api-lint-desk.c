/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api-lint-desk.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"
#include "basic/string-util.h"

#define GRAMMARS_MAX 16u

struct LintTask {
        TAILQ_ENTRY(LintTask) entry;
        char *grammar, *text;
        size_t size;
        LintLevel level;
        LintTaskDone callback;           /* the loop's; NULL once it is forgotten */
        void *userdata;

        int error;                       /* the thread's, until it is done */
        Fault fault;
        LintResult *result;
};

typedef TAILQ_HEAD(LintTasks, LintTask) LintTasks;

typedef struct CachedPolicy {
        char *grammar;
        LintPolicy *policy;
} CachedPolicy;

struct LintDesk {
        const char *directory;
        sd_event_source *source;
        pthread_t thread;
        bool started;
        int done_fd;
        unsigned n_tasks;                /* not told yet; the loop's */

        CachedPolicy policies[GRAMMARS_MAX];   /* the thread's */
        size_t n_policies;

        pthread_mutex_t lock;
        pthread_cond_t wanted;
        LintTasks waiting, done;         /* under the lock, as the next two */
        bool stop, reload;
};

static void task_free(LintTask *task)
{
        lint_result_free(task->result);
        fault_done(&task->fault);
        free(task->grammar);
        free(task->text);
        free(task);
}

/* --- in the thread ------------------------------------------------------------------------------------------------- */

static void forget_policies(LintDesk *desk)
{
        while (desk->n_policies > 0) {
                CachedPolicy *p = &desk->policies[--desk->n_policies];

                lint_policy_free(p->policy);
                free(p->grammar);
        }
}

static int open_policy(const LintDesk *desk, const char *grammar, LintPolicy **ret, Fault *reterr_fault)
{
        if (!desk->directory)
                return lint_policy_open(grammar, ret, reterr_fault);

        _cleanup_(freep) char *path = format_string("%s/%s.scm", desk->directory, grammar);
        return path ? lint_policy_load(grammar, path, ret, reterr_fault) : -ENOMEM;
}

static int find_policy(LintDesk *desk, const char *grammar, LintPolicy **ret, Fault *reterr_fault)
{
        for (size_t i = 0; i < desk->n_policies; i++)
                if (streq(desk->policies[i].grammar, grammar)) {
                        *ret = desk->policies[i].policy;
                        return 0;
                }

        if (desk->n_policies == GRAMMARS_MAX)
                forget_policies(desk);
        CachedPolicy p = { .grammar = strdup(grammar) };
        int r = p.grammar ? open_policy(desk, grammar, &p.policy, reterr_fault) : -ENOMEM;
        if (r < 0) {
                free(p.grammar);
                return r;
        }
        desk->policies[desk->n_policies++] = p;
        *ret = p.policy;
        return 0;
}

static int run_task(LintDesk *desk, LintTask *task)
{
        LintPolicy *policy = NULL;
        int r = task->level == LINT_OFF ? 0 : find_policy(desk, task->grammar, &policy, &task->fault);

        return r < 0 ? r : lint_run(policy, task->level, task->text, task->size, &task->result, &task->fault);
}

/* The next one, or NULL when it is time to end. */
static LintTask *wait_for_task(LintDesk *desk)
{
        LintTask *task = NULL;

        (void) pthread_mutex_lock(&desk->lock);
        while (!desk->stop && !(task = TAILQ_FIRST(&desk->waiting)))
                (void) pthread_cond_wait(&desk->wanted, &desk->lock);
        if (desk->stop)
                task = NULL;
        if (task)
                TAILQ_REMOVE(&desk->waiting, task, entry);
        if (desk->reload)
                forget_policies(desk);
        desk->reload = false;
        (void) pthread_mutex_unlock(&desk->lock);
        return task;
}

static void *thread_main(void *userdata)
{
        LintDesk *desk = userdata;

        for (LintTask *task; (task = wait_for_task(desk));) {
                task->error = run_task(desk, task);

                (void) pthread_mutex_lock(&desk->lock);
                TAILQ_INSERT_TAIL(&desk->done, task, entry);
                (void) pthread_mutex_unlock(&desk->lock);
                (void) !write(desk->done_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        }
        forget_policies(desk);
        return NULL;
}

/* --- in the loop --------------------------------------------------------------------------------------------------- */

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        LintTasks done = TAILQ_HEAD_INITIALIZER(done);
        LintDesk *desk = userdata;
        uint64_t count;
        LintTask *task;

        (void) !read(fd, &count, sizeof(count));
        (void) pthread_mutex_lock(&desk->lock);
        TAILQ_CONCAT(&done, &desk->done, entry);
        (void) pthread_mutex_unlock(&desk->lock);

        while ((task = TAILQ_FIRST(&done))) {
                TAILQ_REMOVE(&done, task, entry);
                desk->n_tasks--;
                if (task->callback)
                        task->callback(task->error, &task->fault, task->result, task->userdata);
                task_free(task);
        }
        return 0;
}

/* Signals are for the loop. */
static int start_thread(LintDesk *desk)
{
        sigset_t all, before;

        (void) sigfillset(&all);
        int r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&desk->thread, NULL, thread_main, desk);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        desk->started = r == 0;
        return -r;
}

int lint_desk_new(sd_event *event, const char *directory, LintDesk **ret)
{
        LintDesk *desk = new0(LintDesk, 1);
        int r;

        if (!desk)
                return -ENOMEM;
        desk->directory = directory;
        TAILQ_INIT(&desk->waiting);
        TAILQ_INIT(&desk->done);
        (void) pthread_mutex_init(&desk->lock, NULL);
        (void) pthread_cond_init(&desk->wanted, NULL);

        desk->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = desk->done_fd < 0 ? -errno : sd_event_add_io(event, &desk->source, desk->done_fd, EPOLLIN, on_done, desk);
        if (r >= 0)
                r = start_thread(desk);
        if (r < 0) {
                lint_desk_free(desk);
                return r;
        }
        *ret = desk;
        return 0;
}

LintDesk *lint_desk_free(LintDesk *desk)
{
        LintTask *task;

        if (!desk)
                return NULL;

        if (desk->started) {
                (void) pthread_mutex_lock(&desk->lock);
                desk->stop = true;
                (void) pthread_cond_signal(&desk->wanted);
                (void) pthread_mutex_unlock(&desk->lock);
                (void) pthread_join(desk->thread, NULL);
        }
        TAILQ_CONCAT(&desk->done, &desk->waiting, entry);
        while ((task = TAILQ_FIRST(&desk->done))) {
                TAILQ_REMOVE(&desk->done, task, entry);
                task_free(task);
        }
        sd_event_source_disable_unref(desk->source);
        safe_close(desk->done_fd);
        (void) pthread_cond_destroy(&desk->wanted);
        (void) pthread_mutex_destroy(&desk->lock);
        return mfree(desk);
}

int lint_desk_ask(LintDesk *desk, const char *grammar, LintLevel level, const char *text, size_t size,
                  LintTaskDone callback, void *userdata, LintTask **ret)
{
        if (desk->n_tasks >= LINT_TASKS_MAX)
                return -ENOBUFS;

        LintTask *task = new0(LintTask, 1);
        if (!task)
                return -ENOMEM;
        *task = (LintTask){ .grammar = strdup(grammar), .text = memdup_nul(text, size), .size = size, .level = level,
                            .callback = callback, .userdata = userdata };
        if (!task->grammar || !task->text) {
                task_free(task);
                return -ENOMEM;
        }

        desk->n_tasks++;
        (void) pthread_mutex_lock(&desk->lock);
        TAILQ_INSERT_TAIL(&desk->waiting, task, entry);
        (void) pthread_cond_signal(&desk->wanted);
        (void) pthread_mutex_unlock(&desk->lock);
        *ret = task;
        return 0;
}

/* It comes back to the loop all the same, which then has nobody to tell. */
void lint_task_forget(LintTask *task)
{
        task->callback = NULL;
}

void lint_desk_reload(LintDesk *desk)
{
        (void) pthread_mutex_lock(&desk->lock);
        desk->reload = true;
        (void) pthread_mutex_unlock(&desk->lock);
}
