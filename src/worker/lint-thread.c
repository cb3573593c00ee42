/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/lint-thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/memory.h"

struct LintTask {
        TAILQ_ENTRY(LintTask) entry;
        LintThread *thread;
        bool begun;                      /* no longer in the queue of the waiting; under the lock */
        WorkerLanguages *languages;      /* for the policy's sake; the loop's, as they count their references */
        LintPolicy *policy;
        LintLevel level;
        char *text;
        size_t size;
        LintTaskDone callback;           /* the loop's; NULL once it is forgotten */
        void *userdata;

        int error;
        Fault fault;
        LintResult *result;
};

typedef TAILQ_HEAD(LintQueue, LintTask) LintQueue;

struct LintThread {
        sd_event_source *source;
        pthread_t thread;
        bool started;
        int done_fd;

        pthread_mutex_t lock;
        pthread_cond_t wanted;
        LintQueue waiting, done;         /* under the lock, as the next */
        bool stop;
};

static void task_free(LintTask *task)
{
        worker_languages_unref(task->languages);
        lint_result_free(task->result);
        fault_done(&task->fault);
        free(task->text);
        free(task);
}

/* The thread: the next task, or NULL when it is time to end. */
static LintTask *wait_for_task(LintThread *t)
{
        LintTask *task = NULL;

        (void) pthread_mutex_lock(&t->lock);
        while (!t->stop && !(task = TAILQ_FIRST(&t->waiting)))
                (void) pthread_cond_wait(&t->wanted, &t->lock);
        if (t->stop)
                task = NULL;
        if (task) {
                TAILQ_REMOVE(&t->waiting, task, entry);
                task->begun = true;
        }
        (void) pthread_mutex_unlock(&t->lock);
        return task;
}

static void *thread_main(void *userdata)
{
        LintThread *t = userdata;

        for (LintTask *task; (task = wait_for_task(t));) {
                task->error = lint_run(task->policy, task->level, task->text, task->size, &task->result, &task->fault);

                (void) pthread_mutex_lock(&t->lock);
                TAILQ_INSERT_TAIL(&t->done, task, entry);
                (void) pthread_mutex_unlock(&t->lock);
                (void) !write(t->done_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        }
        return NULL;
}

static void tell(LintTask *task, int error)
{
        if (task->callback)
                task->callback(error, error == -EBADMSG ? &task->fault : NULL, error < 0 ? NULL : task->result,
                               task->userdata);
        task_free(task);
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        LintQueue done = TAILQ_HEAD_INITIALIZER(done);
        LintThread *t = userdata;
        uint64_t count;
        LintTask *task;

        (void) !read(fd, &count, sizeof(count));

        (void) pthread_mutex_lock(&t->lock);
        TAILQ_CONCAT(&done, &t->done, entry);
        (void) pthread_mutex_unlock(&t->lock);

        while ((task = TAILQ_FIRST(&done))) {
                TAILQ_REMOVE(&done, task, entry);
                tell(task, task->error);
        }
        return 0;
}

/* Signals are for the loop. */
static int start_thread(LintThread *t)
{
        sigset_t all, before;

        (void) sigfillset(&all);
        int r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r != 0)
                return -r;
        r = pthread_create(&t->thread, NULL, thread_main, t);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        t->started = r == 0;
        return -r;
}

int lint_thread_new(sd_event *event, LintThread **ret)
{
        _cleanup_(lint_thread_freep) LintThread *t = new0(LintThread, 1);
        int r;

        if (!t)
                return -ENOMEM;
        TAILQ_INIT(&t->waiting);
        TAILQ_INIT(&t->done);
        (void) pthread_mutex_init(&t->lock, NULL);
        (void) pthread_cond_init(&t->wanted, NULL);

        t->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (t->done_fd < 0)
                return -errno;

        r = sd_event_add_io(event, &t->source, t->done_fd, EPOLLIN, on_done, t);
        if (r >= 0)
                r = start_thread(t);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(t);
        return 0;
}

LintThread *lint_thread_free(LintThread *t)
{
        LintTask *task;

        if (!t)
                return NULL;

        if (t->started) {
                (void) pthread_mutex_lock(&t->lock);
                t->stop = true;
                (void) pthread_cond_signal(&t->wanted);
                (void) pthread_mutex_unlock(&t->lock);
                (void) pthread_join(t->thread, NULL);
        }

        TAILQ_FOREACH(task, &t->waiting, entry)
                task->begun = true;
        TAILQ_CONCAT(&t->done, &t->waiting, entry);
        while ((task = TAILQ_FIRST(&t->done))) {
                TAILQ_REMOVE(&t->done, task, entry);
                tell(task, -ECANCELED);
        }

        sd_event_source_disable_unref(t->source);
        safe_close(t->done_fd);
        (void) pthread_cond_destroy(&t->wanted);
        (void) pthread_mutex_destroy(&t->lock);
        return mfree(t);
}

int lint_thread_run(LintThread *t, WorkerLanguages *languages, LintPolicy *policy, LintLevel level, const char *text,
                    size_t size, LintTaskDone callback, void *userdata, LintTask **ret)
{
        LintTask *task = new0(LintTask, 1);

        if (!task)
                return -ENOMEM;

        *task = (LintTask){
                .thread = t,
                .languages = worker_languages_ref(languages),
                .policy = policy,
                .level = level,
                .text = memdup_nul(text, size),
                .size = size,
                .callback = callback,
                .userdata = userdata,
        };
        if (!task->text) {
                task_free(task);
                return -ENOMEM;
        }

        (void) pthread_mutex_lock(&t->lock);
        TAILQ_INSERT_TAIL(&t->waiting, task, entry);
        (void) pthread_cond_signal(&t->wanted);
        (void) pthread_mutex_unlock(&t->lock);
        *ret = task;
        return 0;
}

void lint_task_forget(LintTask *task)
{
        LintThread *t = task->thread;

        (void) pthread_mutex_lock(&t->lock);
        bool begun = task->begun;
        if (!begun)
                TAILQ_REMOVE(&t->waiting, task, entry);
        (void) pthread_mutex_unlock(&t->lock);

        /* What is begun comes back to the loop, which then has nobody to tell. */
        task->callback = NULL;
        if (!begun)
                task_free(task);
}
