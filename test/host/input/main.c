/* A stand-in for Fluent Bit's input interface: loads a native input as its
 * releases do, runs an engine's loop and holds the input to the contract.
 *
 *   input-host -o DIR [-r RELEASE] [-s 96|104] [-x SYMBOL] [-F] [-k] [-m BYTES] [-f MS] [-l COUNT] [-n COUNT]
 *              [-h] [-p] [-d] [-t] OBJECT.so [key=value ...] [-- key=value ...]
 *
 *   -o DIR      chunks: DIR/storage/nsgflow.N, and delivered DIR/out/nsgflow.N
 *   -r RELEASE  be the first of this layout: 1.9, 2.0.0, 2.0.7, 3.2.0, 3.2.3, 5.1
 *               (this one by default), or unknown
 *   -s STRIDE   of option tables: 96, or 104 as from 5.0.3 on (104)
 *   -x SYMBOL   be without this function
 *   -F          chunks are files (storage.type filesystem), else in memory
 *   -k          with a checksum in each (storage.checksum on)
 *   -m BYTES    mem_buf_limit: pause from inside the append that reaches it
 *   -f MS       deliver so often (100)
 *   -l COUNT    take so many appends, from the beginning
 *   -n COUNT    init and exit so many times more, and print what is in use
 *   -h          hold on, from the beginning
 *   -p          the same object is loaded as a plugin of the Go proxy, too
 *   -d          fork as daemon mode does
 *   -t          call from a thread that is named as one of a threaded input
 *
 * Every group of options after "--" is one more instance. Commands come on
 * stdin, a line each; each is answered by a line of JSON with the state:
 *   status | take COUNT | hold on|off|left | storage memory|filesystem | pause |
 *   resume | exit N | reload
 * take: so many appends, and refuse all others; -1: take all. hold on: outputs
 * take nothing; left: not what an earlier process has left. storage: what a changed configuration says at the next reload.
 * The end of stdin ends the host as SIGTERM does.
 * Exit: 0 fine, 255 start refused, 70 contract broken, 64 usage. */

#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "input.h"

struct state state = {.take = -1};
struct settings settings;
struct instance instances[MAX_INSTANCES];
int config;
static int instance_count = 1;

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int start_all(void)
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
static void stop_all(void)
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
static void turn(int wait_ms, int *command)
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

static void print_state(void)
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

/* Runs one command. At the end of stdin it returns 0. */
static int obey(void)
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
        stop_all();
        if (start_all() != 0) {
            exit(EXIT_REFUSED);
        }
    }
    else if (strcmp(line, "pause\n") == 0 || strcmp(line, "resume\n") == 0) {
        for (struct instance *ins = instances; ins < instances + instance_count; ins++) {
            if (ins->running) {
                (*line == 'p' ? pause_input : resume_input)(ins);
            }
        }
    }
    else if (strcmp(line, "status\n") != 0) {
        fail(EXIT_USAGE, "no command %s", line);
    }
    print_state();
    return 1;
}

static void run(int flush_ms)
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

static int open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir && readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

static void print_usage(const char *when)
{
    struct mallinfo2 info = mallinfo2();
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    check_silence();
    fprintf(stderr, "host: %s: %d files, %zu bytes allocated, %ld KB resident\n", when, open_files(),
            info.uordblks + info.hblkhd, pages * (sysconf(_SC_PAGESIZE) / 1024));
    usleep(500000); /* for those who watch the Go runtime */
}

/* The first tenth of the cycles makes what is made once. Each appends
 * something, or has a while to. */
static void cycle(int count)
{
    for (int i = 1; i <= count; i++) {
        long appends = state.appends, until = now_ms() + 500;
        int none = 0;

        if (start_all() != 0) {
            exit(EXIT_REFUSED);
        }
        while (state.appends == appends && now_ms() < until) {
            turn(10, &none);
        }
        stop_all();
        if (i == count / 10 || i == count) {
            print_usage(i == count ? "at the end" : "after a tenth");
        }
    }
}

/* The child of a fork gets every callback, against the clock: none may enter
 * Go, hang or crash. Before the input has begun, it must refuse to. */
static int in_fork(int begun)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int code = 0;

        alarm(10);
        if (!begun) {
            _exit(start(&instances[0]) != 0 ? EXIT_REFUSED : EXIT_CONTRACT);
        }
        collect(&instances[0]);
        pause_input(&instances[0]);
        resume_input(&instances[0]);
        visiting = EXIT;
        code = ((int (*)(void *, void *)) plugin[layout->exit])(instances[0].context, &config);
        _exit(code == 0 ? EXIT_REFUSED : EXIT_CONTRACT);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fail(EXIT_CONTRACT, "the forked child hung or crashed");
    }
    return WEXITSTATUS(status);
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
    const char *release = "5.1";
    const char *hidden[8];
    int stride = 104, flush_ms = 100, cycles = 0, daemon = 0, threaded = 0, hidden_count = 0, opt;

    while ((opt = getopt(argc, argv, "+o:r:s:x:Fkm:f:l:n:hpdt")) != -1) {
        switch (opt) {
        case 'o': settings.dir = optarg; break;
        case 'r': release = optarg; break;
        case 's': stride = atoi(optarg); break;
        case 'x': hidden[hidden_count++ % 8] = optarg; break;
        case 'F': settings.filesystem = 1; break;
        case 'k': settings.checksum = 1; break;
        case 'm': settings.limit = atol(optarg); break;
        case 'f': flush_ms = atoi(optarg); break;
        case 'l': state.take = atoi(optarg); break;
        case 'n': cycles = atoi(optarg); break;
        case 'h': state.holding = state.holding_left = 1; break;
        case 'p': settings.proxied = 1; break;
        case 'd': daemon = 1; break;
        case 't': threaded = 1; break;
        default: return EXIT_USAGE;
        }
    }
    if (!settings.dir || optind == argc) {
        fail(EXIT_USAGE, "usage: input-host -o DIR [options] OBJECT.so [key=value ...]");
    }
    be(release, stride);
    for (int i = 0; i < hidden_count && i < 8; i++) {
        hide(hidden[i]);
    }
    load(argv[optind]);
    for (int i = optind + 1; i < argc; i++) {
        struct instance *last = &instances[instance_count - 1];

        if (strcmp(argv[i], "--") == 0 && instance_count < MAX_INSTANCES) {
            instance_count++;
        }
        else if (last->count < MAX_PROPERTIES) {
            last->properties[last->count++] = argv[i];
        }
    }
    for (int i = 0; i < MAX_INSTANCES; i++) {
        instances[i].number = i;
        instances[i].fd = -1;
        snprintf(instances[i].name, sizeof(instances[i].name), "nsgflow.%d", i);
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* poll tells what there is */
    signal(SIGTERM, on_term);
    if (daemon && in_fork(0) != EXIT_REFUSED) {
        fail(EXIT_CONTRACT, "the forked child was not refused");
    }
    if (threaded) {
        prctl(PR_SET_NAME, "flb-in-nsgflow.");
    }
    if (cycles > 0) {
        state.holding = state.holding_left = 1;
        cycle(cycles);
        return 0;
    }
    if (start_all() != 0) {
        return refused();
    }
    if (daemon && in_fork(1) != EXIT_REFUSED) {
        fail(EXIT_CONTRACT, "a callback in a forked child failed");
    }
    print_state();
    run(flush_ms);
    stop_all();
    check_silence();
    print_state();
    return 0;
}
