/* Where host and plugin call each other: each side's manners are checked here. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "input.h"

/* An engine must not be held up for longer than this, on a busy machine. */
enum { MOST_MS = 2000, MOST_EXIT_MS = 5000 };

_Thread_local enum visit visiting;

typedef int init_callback(void *ins, void *config, void *data);
typedef int callback(void *context, void *config);
typedef void void_callback(void *context, void *config);

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

static long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A visit may stand within another: an append calls cb_pause. */
struct call {
    enum visit before;
    long began;
};

static struct call enter(enum visit what)
{
    struct call call = {visiting, now_ms()};

    visiting = what;
    return call;
}

static long leave(struct call call, long most_ms, const char *what)
{
    long took = now_ms() - call.began;

    visiting = call.before;
    if (took > most_ms) {
        fail(EXIT_CONTRACT, "%s held the engine for %ld ms", what, took);
    }
    return took;
}

/* The host's functions are for callbacks, on the engine's thread. */
static void inside(const char *function)
{
    if (visiting == OUTSIDE) {
        fail(EXIT_CONTRACT, "%s called outside a callback", function);
    }
}

/* What a plugin finds with dlsym. */

const char *flb_input_get_property(const char *key, struct instance *ins)
{
    size_t length = strlen(key);

    inside("flb_input_get_property");
    for (int i = 0; i < ins->count; i++) {
        if (strncasecmp(ins->properties[i], key, length) == 0 && ins->properties[i][length] == '=') {
            return ins->properties[i] + length + 1;
        }
    }
    return NULL;
}

const char *flb_input_name(struct instance *ins)
{
    return ins->name;
}

void flb_input_set_context(struct instance *ins, void *context)
{
    inside("flb_input_set_context");
    ins->context = context;
}

int flb_input_set_collector_event(struct instance *ins, int (*cb)(void *, void *, void *), int fd, void *of)
{
    if (visiting != INIT || of != &config || ins->fd >= 0) {
        fail(EXIT_CONTRACT, "flb_input_set_collector_event outside cb_init, or twice");
    }
    ins->collect = cb;
    ins->fd = fd;
    ins->collecting = 1;
    return ins->number;
}

int flb_input_collector_pause(int collector, struct instance *ins)
{
    inside("flb_input_collector_pause");
    if (collector != ins->number) {
        fail(EXIT_CONTRACT, "flb_input_collector_pause of a collector %d", collector);
    }
    ins->collecting = 0;
    return 0;
}

size_t flb_input_chunk_total_size(struct instance *ins)
{
    inside("flb_input_chunk_total_size");
    return held(ins);
}

/* Outputs get what is there once the engine is back in its loop. */
int flb_engine_flush(void *of, void *plugin_of_it)
{
    if (visiting != COLLECT || of != &config || plugin_of_it) {
        fail(EXIT_CONTRACT, "flb_engine_flush outside a collector, or of something else");
    }
    state.flushes++;
    return 0;
}

int flb_input_log_check(struct instance *ins, int level)
{
    (void) ins;
    inside("flb_input_log_check");
    return level <= 3;
}

void flb_log_print(int level, const char *file, int line, const char *format, ...)
{
    static const char *const names[] = {"off", "error", "warn", "info", "debug", "trace"};
    char text[8192];
    va_list args;

    (void) file, (void) line;
    inside("flb_log_print");
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "[%5s] %s\n", level >= 0 && level <= 5 ? names[level] : "?", text);
}

static uint32_t sum_of(const unsigned char *data, size_t size)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = sum * 31 + data[i];
    }
    return sum;
}

/* A segment that was refused is the next one to be offered again. */
static int append(struct instance *ins, long told, const void *data, size_t size)
{
    long records = count_records(data, size);
    uint32_t sum = sum_of(data, size);

    if (visiting != COLLECT || !ins->running) {
        fail(EXIT_CONTRACT, "append outside a collector");
    }
    if (ins->paused) {
        fail(EXIT_CONTRACT, "append while paused");
    }
    if (records != told || records == 0) {
        fail(EXIT_CONTRACT, "append of %ld records was told of %ld", records, told);
    }
    if (ins->refused_size && (ins->refused_size != size || ins->refused_sum != sum)) {
        fail(EXIT_CONTRACT, "a segment was refused, and another one is offered");
    }
    state.appends++;
    if (state.take == 0) {
        ins->refused_size = size;
        ins->refused_sum = sum;
        state.refused++;
        return -1;
    }
    ins->refused_size = 0;
    state.take -= state.take > 0;
    keep(ins, data, size);
    state.records += records;
    if (settings.limit && held(ins) > settings.limit) {
        ins->over = 1;
        pause_input(ins);
    }
    return 0;
}

int flb_input_log_append_records(struct instance *ins, size_t records, const char *tag, size_t tag_len,
                                 const void *data, size_t size)
{
    if (tag || tag_len) {
        fail(EXIT_CONTRACT, "append with a tag");
    }
    return append(ins, records, data, size);
}

/* From 2.0 on, a function of this name has other arguments. */
int flb_input_chunk_append_raw(struct instance *ins, const char *tag, size_t tag_len, const void *data, size_t size)
{
    if (tag || tag_len || layout->size != 128) {
        fail(EXIT_CONTRACT, "flb_input_chunk_append_raw with a tag, or in a host that is not 1.9");
    }
    return append(ins, count_records(data, size), data, size);
}

/* What the host calls. */

static void *object;

/* What the Go proxy does when it loads a plugin. Its struct
 * flb_plugin_proxy_def has 48 bytes in 5.1.1. */
static void register_proxied(void)
{
    int (*registered)(void *) = (int (*)(void *)) dlsym(object, "FLBPluginRegister");

    if (!registered || registered(calloc(1, 48)) < 0) {
        fail(EXIT_REFUSED, "the Go proxy could not register it");
    }
}

void load(const char *path)
{
    char absolute[4096];
    void *found;

    if (!realpath(path, absolute) || !(object = dlopen(path, RTLD_LAZY))) {
        fail(EXIT_REFUSED, "cannot load %s: %s", path, dlerror());
    }
    found = dlsym(object, "in_nsgflow_plugin");
    if (!found || !dlsym(object, "nsgflowInputs")) {
        fail(EXIT_REFUSED, "%s lacks the symbol in_nsgflow_plugin or nsgflowInputs", path);
    }
    memcpy(plugin, found, layout->size);
    if (!plugin[layout->name] || strcmp(plugin[layout->name], "nsgflow") != 0) {
        fail(EXIT_REFUSED, "the name of the plugin is elsewhere");
    }
    if (settings.proxied) {
        register_proxied();
    }
}

static int inputs(void)
{
    int (*count)(void) = (int (*)(void)) dlsym(object, "nsgflowInputs");

    return count();
}

/* The numbered name stands behind other things in the instance. */
int start(struct instance *ins)
{
    enum { NAME = 16 };
    init_callback *cb = (init_callback *) plugin[layout->init];
    struct call call;
    int result;

    for (int i = 0; i < ins->count; i++) {
        if (!knows(ins->properties[i])) {
            fprintf(stderr, "[error] [config] %s: unknown configuration property '%s'\n", ins->name,
                    ins->properties[i]);
            return -1;
        }
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

/* The eventfds of inputs that have exited, opened again: nobody rings them. */
static int decoys[MAX_INSTANCES], decoy_count;

static void put_decoy(int fd)
{
    int made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (made != fd) {
        dup2(made, fd);
        close(made);
    }
    decoys[decoy_count++] = fd;
}

static void look_at_decoys(void)
{
    uint64_t rung;

    for (; decoy_count > 0; decoy_count--) {
        if (read(decoys[decoy_count - 1], &rung, sizeof(rung)) > 0) {
            fail(EXIT_CONTRACT, "the eventfd was rung after cb_exit");
        }
        close(decoys[decoy_count - 1]);
    }
}

/* Whatever rings every 100 ms has its time. */
void check_silence(void)
{
    usleep(250000);
    look_at_decoys();
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
    if (decoy_count == MAX_INSTANCES) {
        look_at_decoys();
    }
    put_decoy(fd);
    drop(ins);
    destroy_metrics(ins);
    memset(ins->own, 0xa5, sizeof(ins->own));
}
