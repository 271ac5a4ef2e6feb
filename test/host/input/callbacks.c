/* The callbacks of the plugin, as the engine calls them. What each leaves behind
 * is checked. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "input.h"

/* An engine must not be held up for longer than this, on a busy machine. */
enum { MOST_MS = 2000, MOST_EXIT_MS = 5000 };

typedef int init_callback(void *ins, void *config, void *data);
typedef int callback(void *context, void *config);
typedef void void_callback(void *context, void *config);

static int knows_all(const struct instance *ins)
{
    for (int i = 0; i < ins->count; i++) {
        if (!knows(ins->properties[i])) {
            fprintf(stderr, "[error] [config] %s: unknown configuration property '%s'\n", ins->name,
                    ins->properties[i]);
            return 0;
        }
    }
    return 1;
}

/* The numbered name stands behind other things in the instance. */
int start(struct instance *ins)
{
    enum { NAME = 16 };
    init_callback *cb = (init_callback *) plugin[layout->init];
    struct call call;
    int result;

    if (!knows_all(ins)) {
        return -1;
    }
    memset(ins->own, 0, sizeof(ins->own));
    strcpy(ins->own + NAME, ins->name);
    ins->context = NULL;
    ins->fd = -1;
    ins->paused = ins->over = ins->refused_size = 0;
    find_backlog(ins);
    call = enter(INIT);
    result = cb(ins, &config, NULL);
    leave(call, MOST_EXIT_MS, "cb_init");
    if (result != 0) {
        fprintf(stderr, "[error] Failed initialize input %s\n", ins->name);
        return -1;
    }
    if (!ins->context || ins->fd < 0) {
        fail(EXIT_CONTRACT, "cb_init left no context or no collector");
    }
    ins->running = 1;
    return 0;
}

void collect(struct instance *ins)
{
    struct call call = enter(COLLECT);
    int result = ins->collect(ins, &config, ins->context);
    long took = leave(call, MOST_MS, "cb_collect");

    if (took > state.longest_ms) {
        state.longest_ms = took;
    }
    if (result != 0) {
        fail(EXIT_CONTRACT, "cb_collect returned %d", result);
    }
}

void pause_input(struct instance *ins)
{
    struct call call = enter(PAUSE);

    ins->paused = 1;
    ((void_callback *) plugin[layout->pause])(ins->context, &config);
    leave(call, MOST_MS, "cb_pause");
}

void resume_input(struct instance *ins)
{
    struct call call = enter(RESUME);

    ins->paused = ins->over = 0;
    state.resumes++;
    ((void_callback *) plugin[layout->resume])(ins->context, &config);
    leave(call, MOST_MS, "cb_resume");
}

void stop(struct instance *ins)
{
    struct call call;
    int before = inputs(), fd = ins->fd;

    call = enter(EXIT);
    ((callback *) plugin[layout->exit])(ins->context, &config);
    leave(call, MOST_EXIT_MS, "cb_exit");
    ins->running = 0;
    ins->fd = -1;
    if (inputs() != before - 1) {
        fail(EXIT_CONTRACT, "of %d inputs %d are left after cb_exit", before, inputs());
    }
    if (ins->collecting || fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
        fail(EXIT_CONTRACT, "cb_exit left its collector running or its eventfd open");
    }
    put_decoy(fd);
    drop(ins);
    destroy_metrics(ins);
    memset(ins->own, 0xa5, sizeof(ins->own));
}
