/* A stand-in for Fluent Bit: loads a native filter as its releases do, feeds
 * it chunks and holds it to the contract of the filter callback.
 *
 *   host-STRIDE [-l RELEASE] [-n COUNT] [-r COUNT] [-j COUNT] [-t] [-m] [-c] [-g] [-u] [-d] [-h]
 *        OBJECT.so [key=value ...] [-- key=value ...] < frames > frames
 *
 *   -l 1.9|2.1|2.2|3.2  be this release, as far as a filter can tell (3.2)
 *   -n COUNT   that many instances of the last group of options (1)
 *   -r COUNT   go through the input that many times (1); results must agree
 *   -j COUNT   that many threads, each all of it; results must agree (1)
 *   -t         print the time spent in cb_filter, leave results uncompared
 *   -m         print how the memory in use grew after the first time through
 *   -c         print the counters of the instances
 *   -g         keep the own filters out of sight, by which a plugin tells layouts
 *   -u         be unlike the release in where an instance has its metrics
 *   -d         fork after loading, as daemon mode does
 *   -h         print the option table
 *
 * Every group of options after "--" is one more instance; a chunk goes through
 * them in order. A frame is a length of 4 bytes, little-endian, and the chunk.
 * Built with -DSTRIDE=104 its option table is that of 5.0.3 and later, with 96
 * that of older releases.
 * Exit: 0 fine, 255 start refused, 70 contract broken, 64 usage. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

enum { MODIFIED = 1, NOTOUCH = 2 };

static struct instance instances[MAX_INSTANCES];
static int instance_count = 1;
static long nanoseconds, calls;

typedef int callback(void *, void *, void *);
typedef int exit_callback(void *, void *);
typedef int filter_callback(const void *, size_t, const char *, int, void **, size_t *, void *, ...);

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

/* One instance's turn. The chunk is the caller's; so is the result. */
static struct chunk filter(struct instance *ins, struct chunk in)
{
    filter_callback *cb = (filter_callback *) plugin[layout->callbacks + layout->pre_run + 1];
    struct chunk out = {(unsigned char *) "unset", 99};
    unsigned sum = sum_of(in);
    struct timespec start, end;
    int result;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    if (layout->input) {
        result = cb(in.data, in.size, "tag", 3, (void **) &out.data, &out.size, ins, NULL, ins->context, NULL);
    }
    else {
        result = cb(in.data, in.size, "tag", 3, (void **) &out.data, &out.size, ins, ins->context, NULL);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    __atomic_add_fetch(&nanoseconds, (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec,
                       __ATOMIC_RELAXED);
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);

    if (sum_of(in) != sum) {
        fail(EXIT_CONTRACT, "cb_filter wrote to its input");
    }
    if (result == NOTOUCH) {
        if (out.data || out.size) {
            fail(EXIT_CONTRACT, "cb_filter left a buffer behind on an untouched chunk");
        }
        return copy_of(in);
    }
    if (result != MODIFIED) {
        fail(EXIT_CONTRACT, "cb_filter returned %d", result);
    }
    if (out.data == in.data && in.data) {
        fail(EXIT_CONTRACT, "cb_filter returned its input");
    }
    if (!out.data != !out.size) {
        fail(EXIT_CONTRACT, "cb_filter returned %zu bytes at %p", out.size, (void *) out.data);
    }
    return out;
}

static struct chunk pipeline(struct chunk in)
{
    struct chunk work = copy_of(in);

    for (int i = 0; i < instance_count && work.size; i++) {
        struct chunk next = filter(&instances[i], work);

        free(work.data);
        work = next;
    }
    return work;
}

static struct chunk *chunks, *results;
static size_t chunk_count;

static void *worker(void *unused)
{
    for (size_t i = 0; i < chunk_count; i++) {
        struct chunk out = pipeline(chunks[i]);

        if (out.size != results[i].size || memcmp(out.data, results[i].data, out.size) != 0) {
            fail(EXIT_CONTRACT, "threads disagree about chunk %zu", i);
        }
        free(out.data);
    }
    return unused;
}

static void run_threads(int count)
{
    pthread_t threads[MAX_THREADS];

    for (int i = 0; i < count; i++) {
        pthread_create(&threads[i], NULL, worker, NULL);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* Memory. */

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%*s %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return (long) (info.uordblks + info.hblkhd);
}

/* Start and end. */

static void *object; /* its symbols are its own: dlopen without RTLD_GLOBAL, as the host does it */

static void load(const char *path)
{
    const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char symbol[128] = "", absolute[4096];
    const char *dot = strrchr(file, '.');
    void *found;

    if (strncmp(file, "flb-", 4) != 0 || !dot) {
        fail(EXIT_USAGE, "%s: a native plugin is called flb-<type>_<name>.so", path);
    }
    snprintf(symbol, sizeof(symbol), "%.*s_plugin", (int) (dot - file - 4), file + 4);
    if (!realpath(path, absolute) || !(object = dlopen(absolute, RTLD_LAZY))) {
        fail(EXIT_REFUSED, "cannot load %s: %s", path, dlerror());
    }
    found = dlsym(object, symbol);
    if (!found) {
        fail(EXIT_REFUSED, "%s lacks the symbol %s", path, symbol);
    }
    memcpy(plugin, found, layout->size);
}

static int held(void)
{
    int (*count)(void) = (int (*)(void)) dlsym(object, "nsgflowInstances");

    return count ? count() : 0;
}

static int start(struct instance *ins)
{
    callback *cb = (callback *) plugin[layout->callbacks];

    for (int i = 0; i < ins->count; i++) {
        if (!knows(ins->properties[i])) {
            fprintf(stderr, "[error] [config] %s: unknown configuration property '%s'\n", ins->name,
                    ins->properties[i]);
            return -1;
        }
    }
    if (layout->pre_run && cb(ins, NULL, NULL) != 0) {
        fprintf(stderr, "[error] Failed pre_run callback on filter %s\n", ins->name);
        return -1;
    }
    cb = (callback *) plugin[layout->callbacks + layout->pre_run];
    if (cb(ins, NULL, NULL) != 0) {
        fprintf(stderr, "[error] Failed initialize filter %s\n", ins->name);
        return -1;
    }
    return 0;
}

static void stop(struct instance *ins)
{
    exit_callback *cb = (exit_callback *) plugin[layout->callbacks + layout->pre_run + 2];

    if (ins->context) {
        cb(ins->context, NULL);
    }
    ins->exited = 1;
}

/* The child of a fork gets every callback, against the clock: the plugin has
 * to refuse the start, and must not hang or crash whatever comes after. */
static int run_forked(void)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        unsigned char nothing[] = {0x92, 0x00, 0x80};
        struct chunk in = {nothing, sizeof(nothing)};
        struct chunk out;
        int refused;

        alarm(10);
        refused = start(&instances[0]) != 0;
        out = filter(&instances[0], in);
        instances[0].context = &instances[0];
        stop(&instances[0]);
        if (!refused || out.size != in.size) {
            _exit(EXIT_CONTRACT);
        }
        _exit(EXIT_REFUSED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fail(EXIT_CONTRACT, "the forked child hung or crashed");
    }
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    const char *release = "3.2";
    int copies = 1, rounds = 1, threads = 1, timing = 0, memory = 0, counters = 0, opt;
    int hidden = 0, unlike = 0, daemon = 0, help = 0;
    long bytes = 0, in_use = 0, resident = 0;
    struct instance *last = &instances[0];

    while ((opt = getopt(argc, argv, "+l:n:r:j:tmcgudh")) != -1) {
        switch (opt) {
        case 'l': release = optarg; break;
        case 'n': copies = atoi(optarg); break;
        case 'r': rounds = atoi(optarg); break;
        case 'j': threads = atoi(optarg); break;
        case 't': timing = 1; break;
        case 'm': memory = 1; break;
        case 'c': counters = 1; break;
        case 'g': hidden = 1; break;
        case 'u': unlike = 1; break;
        case 'd': daemon = 1; break;
        case 'h': help = 1; break;
        default: return EXIT_USAGE;
        }
    }
    if (optind == argc || threads > MAX_THREADS) {
        fail(EXIT_USAGE, "usage: host [options] OBJECT.so [key=value ...]");
    }
    be(release, hidden, unlike, instances);
    load(argv[optind]);
    if (help) {
        print_options();
        return 0;
    }

    for (int i = optind + 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && last < &instances[MAX_INSTANCES - 1]) {
            last++;
            instance_count++;
        }
        else if (last->count < MAX_PROPERTIES) {
            last->properties[last->count++] = argv[i];
        }
    }
    for (; copies > 1 && instance_count < MAX_INSTANCES; copies--) {
        struct instance *next = &instances[instance_count++];

        memcpy(next->properties, last->properties, sizeof(last->properties));
        next->count = last->count;
    }
    if (daemon) {
        return run_forked();
    }
    for (int i = 0; i < instance_count; i++) {
        if (start(&instances[i]) != 0) {
            return EXIT_REFUSED;
        }
    }

    for (struct chunk chunk; read_chunk(&chunk); chunk_count++) {
        chunks = realloc(chunks, (chunk_count + 1) * sizeof(*chunks));
        chunks[chunk_count] = chunk;
        bytes += chunk.size;
    }
    results = calloc(chunk_count + 1, sizeof(*results));
    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < chunk_count; i++) {
            struct chunk out = pipeline(chunks[i]);

            if (round == 0) {
                results[i] = out;
                continue;
            }
            if (!timing && (out.size != results[i].size || memcmp(out.data, results[i].data, out.size) != 0)) {
                fail(EXIT_CONTRACT, "chunk %zu gives something else the next time", i);
            }
            free(out.data); /* at once, as the engine does when it has copied it */
        }
        if (round == 0) {
            in_use = allocated();
            resident = resident_kb();
        }
    }
    if (memory) {
        fprintf(stderr, "host: %ld chunks: %+ld bytes allocated, %+ld KB resident after the first %zu\n",
                calls, allocated() - in_use, resident_kb() - resident, chunk_count);
    }
    if (timing) {
        fprintf(stderr, "host: %ld bytes, %ld calls of cb_filter: %ld ns, %ld ns each\n", bytes * rounds, calls,
                nanoseconds, calls ? nanoseconds / calls : 0);
    }
    if (threads > 1) {
        run_threads(threads);
    }
    for (int i = 0; i < instance_count; i++) {
        stop(&instances[i]);
    }
    if (counters) {
        print_counters();
    }
    if (held() != 0) {
        fail(EXIT_CONTRACT, "%d instances are left after exit", held());
    }
    for (size_t i = 0; i < chunk_count; i++) {
        write_chunk(results[i]);
        free(results[i].data);
        free(chunks[i].data);
    }
    free(results);
    free(chunks);
    return fflush(stdout) == 0 ? 0 : EXIT_USAGE;
}
