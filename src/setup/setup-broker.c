/* SPDX-License-Identifier: Apache-2.0 */
/* Whether all is well is found out as our daemons do: by connecting. Only a broker that refuses us is given a user. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "queue/queue.h"
#include "setup/setup-secret.h"
#include "setup/setup.h"

/* Who may run rabbitmqctl. */
#define RABBITMQ "rabbitmq"

#define OUTPUT_BYTES_MAX (1024 * 1024)

/* --- looking ------------------------------------------------------------------------------------------------------- */

typedef enum Answer { ANSWER_NONE, ANSWER_WELCOME, ANSWER_REFUSED } Answer;

typedef struct Knock {
        sd_event *event;
        Answer answer;
        char why[300];
} Knock;

/* Anything else, a closed port above all, may be a broker that is starting, and the queue goes on trying. */
static bool is_refusal(const char *why)
{
        return strstr(why, "ACCESS_REFUSED") || strstr(why, "NOT_ALLOWED");
}

static void on_state(bool ready, const char *why, void *userdata)
{
        Knock *k = userdata;

        if (!ready && isempty(why))
                return;
        snprintf(k->why, sizeof(k->why), "%s", why);
        k->answer = ready ? ANSWER_WELCOME : is_refusal(why) ? ANSWER_REFUSED : ANSWER_NONE;
        if (k->answer != ANSWER_NONE)
                (void) sd_event_exit(k->event, 0);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        Knock *k = userdata;

        return sd_event_exit(k->event, 0);
}

static int knock(const Setup *s, const char *password, Knock *ret)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(queue_freep) Queue *queue = NULL;
        JobIdMaker ids = { 0 };
        QueueParams p = QUEUE_PARAMS_DEFAULT;
        int r;

        if ((r = sd_event_new(&event)) < 0 || (r = job_id_make(&ids, now_usec(CLOCK_REALTIME), &p.incarnation)) < 0 ||
            (r = sd_event_add_time(event, NULL, CLOCK_MONOTONIC, s->deadline_usec, 0, on_deadline, ret)) < 0)
                return r;

        *ret = (Knock){ .event = event };
        p.role = QUEUE_WORKER;
        p.host = s->config->broker_host;
        p.port = (uint16_t) s->config->broker_port;
        p.vhost = s->config->broker_vhost;
        p.user = s->config->broker_user;
        p.password = password;
        p.name = "rce-setup";
        p.on_state = on_state;
        p.userdata = ret;
        r = queue_new(event, &p, &queue);
        return r < 0 ? r : sd_event_loop(event);
}

/* --- rabbitmqctl --------------------------------------------------------------------------------------------------- */

/* Ends the process it is in. A password it asks for comes on standard input, and only if it is named last, without
 * options. */
static void execute(char *const *argv, int input_fd, int output_fd)
{
        if (dup2(input_fd, STDIN_FILENO) >= 0 && dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0)
                (void) execvp(argv[0], argv);
        dprintf(output_fd, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static int rabbitmqctl(char *const *argv, const char *input, char **ret_output)
{
        _cleanup_(closep) int input_fd = memfd_new_sealed("input", input, strlen(input));
        _cleanup_(closep) int output_fd = memfd_create("output", MFD_CLOEXEC);
        size_t size;
        int status;

        if (input_fd < 0 || output_fd < 0)
                return input_fd < 0 ? input_fd : -errno;

        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                execute(argv, input_fd, output_fd);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;

        if (lseek(output_fd, 0, SEEK_SET) < 0)
                return -errno;
        int r = read_full(output_fd, OUTPUT_BYTES_MAX, ret_output, &size);
        return r < 0 ? r : -EREMOTEIO;
}

typedef struct Account {
        const Config *config;
        const char *password;
} Account;

/* Each of these may have been done before. */
static int create_account(const void *argument)
{
        const Account *a = argument;
        char *vhost = a->config->broker_vhost, *user = a->config->broker_user;
        _cleanup_(freep) char *input = format_string("%s\n", a->password), *output = NULL;
        int r;

#define RABBITMQCTL(...)                                                                                               \
        (output = mfree(output), rabbitmqctl((char *[]){ (char *) "rabbitmqctl", __VA_ARGS__, NULL }, input, &output))

        if (!input)
                return -ENOMEM;
        if ((r = RABBITMQCTL((char *) "add_vhost", vhost)) >= 0 &&
            (r = RABBITMQCTL((char *) "change_password", user)) < 0)
                r = RABBITMQCTL((char *) "add_user", user);
        if (r >= 0)
                r = RABBITMQCTL((char *) "set_permissions", (char *) "--vhost", vhost, user, (char *) ".*", (char *) ".*",
                                (char *) ".*");
        if (r < 0)
                log_error("rabbitmqctl failed: %s", output ? strstrip(output) : strerror(-r));
        explicit_bzero(input, strlen(input));
        return r;
}

/* --- the step ------------------------------------------------------------------------------------------------------ */

static bool is_here(const char *host)
{
        return streq(host, "localhost") || streq(host, "::1") || startswith(host, "127.");
}

static int prepare(const Setup *s, const char *password)
{
        const Config *c = s->config;
        Knock k;

        int r = knock(s, password, &k);
        if (r >= 0 && k.answer == ANSWER_REFUSED) {
                r = setup_run_as(RABBITMQ, create_account, &(Account){ c, password });
                if (r == -ESRCH)
                        log_error("There is no user " RABBITMQ ", who may manage the broker");
                if (r < 0)
                        return r;
                log_info("Made the user '%s' and the virtual host '%s' of RabbitMQ.", c->broker_user, c->broker_vhost);
                r = knock(s, password, &k);
        }
        if (r < 0)
                return log_error_errno(r, "Cannot ask the broker: %s", strerror(-r));
        if (k.answer != ANSWER_WELCOME) {
                log_error("The broker does not take us: %s", *k.why ? k.why : strerror(ETIMEDOUT));
                return -ECONNREFUSED;
        }
        log_info("RabbitMQ of this host takes the user '%s' on its virtual host '%s'.", c->broker_user, c->broker_vhost);
        return 0;
}

int setup_broker(const Setup *s)
{
        _cleanup_(secret_wipe) char *password = NULL;

        if (!is_here(s->config->broker_host)) {
                log_info("The broker is on %s: what it needs is done there.", s->config->broker_host);
                return 0;
        }
        int r = secret_get(&password);
        return r < 0 ? r : prepare(s, password);
}
