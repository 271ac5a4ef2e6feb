/* The functions that a plugin finds with dlsym: properties, names, collectors,
 * log lines. append.c, metrics.c and release.c have the others. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "input.h"

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
int flb_engine_dispatch(uint64_t id, struct instance *ins, void *of)
{
    if (visiting != COLLECT || of != &config || id != 0 || !ins->collect) {
        fail(EXIT_CONTRACT, "flb_engine_dispatch outside a collector, or of something else");
    }
    state.flushes++;
    return 0;
}

/* It would flush what other inputs hold as well. */
int flb_engine_flush(void *of, void *plugin_of_it)
{
    (void) of, (void) plugin_of_it;
    fail(EXIT_CONTRACT, "flb_engine_flush");
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
