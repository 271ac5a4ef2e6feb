/* One release of Fluent Bit, as far as a filter can tell: the struct layouts,
 * the functions that dlsym finds, and the walk along the option table. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "host.h"

static const struct layout layouts[] = {
    {"1.9", 72, 4, 0, 4, 8, 64, 0},
    {"2.1", 72, 4, 0, 8, 16, 72, 1}, /* to 2.1.3: later its context stands at 80 */
    {"2.2", 80, 4, 1, 8, 16, 80, 1},
    {"3.2", 88, 4, 1, 8, 16, 80, 1},
};

const struct layout *layout = &layouts[3];
void *plugin[PLUGIN_SIZE / sizeof(void *)];

/* What a plugin finds with dlsym. */

void *filter_grep_plugin[PLUGIN_SIZE / sizeof(void *)];

const char *flb_filter_get_property(const char *key, struct instance *ins)
{
    size_t length = strlen(key);

    for (int i = 0; i < ins->count; i++) {
        if (strncasecmp(ins->properties[i], key, length) == 0 && ins->properties[i][length] == '=') {
            return ins->properties[i] + length + 1;
        }
    }
    return NULL;
}

void flb_filter_set_context(struct instance *ins, void *context)
{
    ins->context = context;
    *(void **) (ins->own + layout->context) = context;
}

const char *flb_filter_name(struct instance *ins)
{
    return ins->name;
}

void flb_log_print(int level, const char *file, int line, const char *format, ...)
{
    static const char *const names[] = {"off", "error", "warn", "info", "debug", "trace"};
    char text[4096];
    va_list args;

    (void) file, (void) line;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "[%5s] %s\n", level >= 0 && level <= 5 ? names[level] : "?", text);
}

#if STRIDE == 104
char *flb_config_map_translate_dynamic(void *config, void *map)
{
    (void) config, (void) map;
    return NULL;
}

/* Offered by one build only, so that with -g there is a host that tells its
 * layout by its cmetrics and one that does not tell it at all. */
const char *cmt_version(void)
{
    return layout->pre_run ? "0.6.4" : "0.6.3";
}
#endif

/* The option table, walked with this build's stride. */

static char *option(int i)
{
    return (char *) plugin[3] + (size_t) i * STRIDE;
}

static const char *option_text(int i, size_t offset)
{
    return *(const char **) (option(i) + offset);
}

enum { OPTION_NAME = 8, OPTION_FALLBACK = 16, OPTION_TEXT = 40 };

int knows(const char *property)
{
    for (int i = 0; option_text(i, OPTION_NAME); i++) {
        size_t length = strlen(option_text(i, OPTION_NAME));

        if (strncasecmp(option_text(i, OPTION_NAME), property, length) == 0 && property[length] == '=') {
            return 1;
        }
    }
    return 0;
}

void print_options(void)
{
    printf("%s\n%s\n", (char *) plugin[1], (char *) plugin[2]);
    for (int i = 0; option_text(i, OPTION_NAME); i++) {
        const char *fallback = option_text(i, OPTION_FALLBACK);

        if (*(int *) option(i) != 0) {
            fail(EXIT_CONTRACT, "option %s is not of type string", option_text(i, OPTION_NAME));
        }
        printf("%s\t%s\t%s\n", option_text(i, OPTION_NAME), fallback ? fallback : "", option_text(i, OPTION_TEXT));
    }
}

void be(const char *release, int hidden, int unlike)
{
    static const char *const names[] = {"nsgflow.0", "nsgflow.1", "nsgflow.2",  "nsgflow.3",  "nsgflow.4",  "nsgflow.5",
                                        "nsgflow.6", "nsgflow.7", "nsgflow.8",  "nsgflow.9",  "nsgflow.10", "nsgflow.11",
                                        "nsgflow.12", "nsgflow.13", "nsgflow.14", "nsgflow.15"};
    size_t i = 0;

    while (i < 4 && strcmp(layouts[i].release, release) != 0) {
        i++;
    }
    if (i == 4) {
        fail(EXIT_USAGE, "no layout of release %s: 1.9, 2.1, 2.2, 3.2", release);
    }
    layout = &layouts[i];
    if (!hidden) {
        filter_grep_plugin[1] = "grep";
        filter_grep_plugin[layout->callbacks + layout->pre_run] = (void *) fail;
    }
    for (i = 0; i < MAX_INSTANCES; i++) {
        instances[i].name = names[i];
        strcpy(instances[i].own + layout->name, names[i]);
        *(int *) (instances[i].own + layout->level) = 3;
        have_metrics(&instances[i], i, unlike);
    }
}

