/* A stand-in for Fluent Bit: loads a native filter as its releases do, feeds
 * it chunks and holds it to the contract of the filter callback. options.c says
 * how it is called. Built with -DSTRIDE=104 its option table is that of 5.0.3
 * and later, with 96 that of older releases.
 * Exit: 0 fine, 255 start refused, 70 contract broken, 64 usage. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

struct instance instances[MAX_INSTANCES];
int instance_count = 1;

void fail(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "host: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(code);
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

static void stop_all(void)
{
    for (int i = 0; i < instance_count; i++) {
        stop(&instances[i]);
    }
}

/* As a host does that is told to reload: all end before any starts. */
static void reload(void)
{
    stop_all();
    if (held() != 0) {
        fail(EXIT_CONTRACT, "%d instances are left after exit", held());
    }
    for (int i = 0; i < instance_count; i++) {
        instances[i].context = NULL;
        instances[i].exited = 0;
        begin_metrics(&instances[i]);
    }
    if (start_all() != 0) {
        exit(EXIT_REFUSED);
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    be(settings.release, settings.hidden, settings.unlike);
    load(settings.object);
    if (settings.help) {
        print_options();
        return 0;
    }
    if (settings.daemon) {
        return run_forked();
    }
    if (start_all() != 0) {
        return EXIT_REFUSED;
    }
    if (settings.streams) {
        run_stream(reload);
    }
    read_chunks();
    run_rounds();
    if (settings.threads > 1) {
        run_threads(settings.threads);
    }
    stop_all();
    if (settings.counters) {
        print_counters();
    }
    if (held() != 0) {
        fail(EXIT_CONTRACT, "%d instances are left after exit", held());
    }
    write_results();
    return fflush(stdout) == 0 ? 0 : EXIT_USAGE;
}
