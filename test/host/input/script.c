/* The script: commands on stdin, a line each. Each is answered by a line of JSON
 * with the state:
 *
 *   status | take COUNT | hold on|off|left | storage memory|filesystem | pause |
 *   resume | exit N | reload
 *
 * take: so many appends, and refuse all others; -1: take all. hold on: outputs
 * take nothing; left: not what an earlier process has left. storage: what a
 * changed configuration says at the next reload. The end of stdin ends the host
 * as SIGTERM does. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

void print_state(void)
{
    size_t total = all_held();
    int paused = 0;

    for (struct instance *ins = instances; ins < instances + instance_count; ins++) {
        paused += ins->running && ins->paused;
    }
    printf("{\"appends\":%ld,\"records\":%ld,\"refused\":%ld,\"flushes\":%ld,\"paused\":%d,\"resumes\":%ld,"
           "\"held\":%zu,\"most\":%zu,\"delivered\":%ld,\"longest\":%ld}\n",
           state.appends, state.records, state.refused, state.flushes, paused, state.resumes, total, state.most,
           state.delivered, state.longest_ms);
    fflush(stdout);
}

static void reload(void)
{
    stop_all();
    if (start_all() != 0) {
        exit(EXIT_REFUSED);
    }
}

static void each_running(void (*call)(struct instance *))
{
    for (struct instance *ins = instances; ins < instances + instance_count; ins++) {
        if (ins->running) {
            call(ins);
        }
    }
}

/* Runs one command. At the end of stdin it returns 0. */
int obey(void)
{
    char line[64], on[8] = "";
    int number = 0;

    if (!fgets(line, sizeof(line), stdin)) {
        return 0;
    }
    if (sscanf(line, "take %d", &number) == 1) {
        state.take = number;
    }
    else if (sscanf(line, "hold %7s", on) == 1) {
        state.holding = strcmp(on, "on") == 0;
        state.holding_left = strcmp(on, "off") != 0;
    }
    else if (sscanf(line, "storage %7s", on) == 1) {
        settings.filesystem = strcmp(on, "memory") != 0;
    }
    else if (sscanf(line, "exit %d", &number) == 1 && number < instance_count && instances[number].running) {
        pause_input(&instances[number]);
        stop(&instances[number]);
    }
    else if (strcmp(line, "reload\n") == 0) {
        reload();
    }
    else if (strcmp(line, "pause\n") == 0) {
        each_running(pause_input);
    }
    else if (strcmp(line, "resume\n") == 0) {
        each_running(resume_input);
    }
    else if (strcmp(line, "status\n") != 0) {
        fail(EXIT_USAGE, "no command %s", line);
    }
    print_state();
    return 1;
}
