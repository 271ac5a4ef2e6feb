/* The callbacks of the plugin, as the engine calls them. What cb_filter returns
 * is checked. */

#include <stdio.h>
#include <time.h>

#include "host.h"

enum { MODIFIED = 1, NOTOUCH = 2 };

long nanoseconds, calls;

typedef int callback(void *, void *, void *);
typedef int exit_callback(void *, void *);
typedef int filter_callback(const void *, size_t, const char *, int, void **, size_t *, void *, ...);

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

int start(struct instance *ins)
{
    callback *cb = (callback *) plugin[layout->callbacks];

    if (!knows_all(ins)) {
        return -1;
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

static int call_filter(struct instance *ins, struct chunk in, struct chunk *out)
{
    filter_callback *cb = (filter_callback *) plugin[layout->callbacks + layout->pre_run + 1];
    struct timespec start, end;
    int result;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
    if (layout->input) {
        result = cb(in.data, in.size, "tag", 3, (void **) &out->data, &out->size, ins, NULL, ins->context, NULL);
    }
    else {
        result = cb(in.data, in.size, "tag", 3, (void **) &out->data, &out->size, ins, ins->context, NULL);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    __atomic_add_fetch(&nanoseconds, (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec,
                       __ATOMIC_RELAXED);
    __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    return result;
}

/* One instance's turn. The chunk is the caller's; so is the result. */
struct chunk filter(struct instance *ins, struct chunk in)
{
    struct chunk out = {(unsigned char *) "unset", 99};
    unsigned sum = sum_of(in);
    int result = call_filter(ins, in, &out);

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

void stop(struct instance *ins)
{
    exit_callback *cb = (exit_callback *) plugin[layout->callbacks + layout->pre_run + 2];

    if (ins->context) {
        cb(ins->context, NULL);
    }
    ins->exited = 1;
}
