/* The engine: it starts and stops all inputs, waits for their eventfds and lets
 * outputs take chunks. */

#include <poll.h>

#include "input.h"

int start_all(void)
{
    for (int i = 0; i < instance_count; i++) {
        if (start(&instances[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

static void deliver_all(void)
{
    for (struct instance *ins = instances; !state.holding && ins < instances + instance_count; ins++) {
        deliver(ins);
        if (ins->running && ins->over) {
            resume_input(ins);
        }
    }
}

/* Inputs pause twice, outputs get their time, inputs exit. */
void stop_all(void)
{
    for (int twice = 0; twice < 2; twice++) {
        for (struct instance *ins = instances; ins < instances + instance_count; ins++) {
            if (ins->running) {
                pause_input(ins);
                ins->over = 0;
            }
        }
    }
    deliver_all();
    for (struct instance *ins = instances; ins < instances + instance_count; ins++) {
        if (ins->running) {
            stop(ins);
        }
    }
}

/* One turn of the engine's loop, of at most so long. */
void turn(int wait_ms, int *command)
{
    struct pollfd fds[1 + MAX_INSTANCES] = {{*command ? 0 : -1, POLLIN, 0}};

    for (int i = 0; i < MAX_INSTANCES; i++) {
        struct instance *ins = &instances[i];
        fds[1 + i] = (struct pollfd) {ins->running && ins->collecting ? ins->fd : -1, POLLIN, 0};
    }
    poll(fds, 1 + MAX_INSTANCES, wait_ms);
    for (int i = 0; i < MAX_INSTANCES; i++) {
        if (fds[1 + i].revents) {
            collect(&instances[i]);
        }
    }
    *command = fds[0].revents != 0;
}

/* Runs until the script ends. Outputs take chunks every so often, and when an
 * input asks for it. */
void run(int flush_ms)
{
    long due = now_ms() + flush_ms, asked = state.flushes;
    int command;

    do {
        long wait = due - now_ms();

        command = 1;
        turn(wait > 0 ? wait : 0, &command);
        if (now_ms() >= due || state.flushes != asked) {
            deliver_all();
            due = now_ms() + flush_ms;
            asked = state.flushes;
        }
    } while (!command || obey());
}
