/* A stand-in for Fluent Bit's input interface: loads a native input as its
 * releases do, runs an engine's loop and holds the input to the contract.
 * options.c says how it is called, script.c what it is told on stdin.
 * Exit: 0 fine, 255 start refused, 70 contract broken, 64 usage. */

#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "input.h"

struct state state = {.take = -1};
struct instance instances[MAX_INSTANCES];
int instance_count = 1;
int config;

void fail(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "host: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    fflush(NULL);
    _exit(code);
}

static void name_instances(void)
{
    for (int i = 0; i < MAX_INSTANCES; i++) {
        instances[i].number = i;
        instances[i].fd = -1;
        snprintf(instances[i].name, sizeof(instances[i].name), "nsgflow.%d", i);
    }
}

static volatile sig_atomic_t told_to_stop;

static void on_term(int signal)
{
    told_to_stop = signal;
}

static int refused(void)
{
    if (told_to_stop) {
        fprintf(stderr, "host: told to stop\n");
    }
    return EXIT_REFUSED;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    be(settings.release, settings.stride);
    for (int i = 0; i < settings.hidden_count; i++) {
        hide(settings.hidden[i]);
    }
    load(settings.object);
    name_instances();
    setvbuf(stdin, NULL, _IONBF, 0); /* poll tells what there is */
    signal(SIGTERM, on_term);
    if (settings.daemon && in_fork(0) != EXIT_REFUSED) {
        fail(EXIT_CONTRACT, "the forked child was not refused");
    }
    if (settings.threaded) {
        prctl(PR_SET_NAME, "flb-in-nsgflow.");
    }
    if (settings.cycles > 0) {
        state.holding = state.holding_left = 1;
        cycle(settings.cycles);
        return 0;
    }
    if (start_all() != 0) {
        return refused();
    }
    if (settings.daemon && in_fork(1) != EXIT_REFUSED) {
        fail(EXIT_CONTRACT, "a callback in a forked child failed");
    }
    print_state();
    run(settings.flush_ms);
    stop_all();
    check_silence();
    print_state();
    return 0;
}
