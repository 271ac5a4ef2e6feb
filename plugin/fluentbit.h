#ifndef NSGFLOW_FLUENTBIT_H
#define NSGFLOW_FLUENTBIT_H

/* What the filter and the inputs need of the host. */

#include <stddef.h>

/* Log levels, as every supported release numbers them. */
enum { LOG_ERROR = 1, LOG_WARN = 2, LOG_INFO = 3 };

/* A line in the host's log, in its form. */
void nsgflow_print(int level, const char *kind, const char *name, const char *text);

extern const char nsgflow_version[];

/* Set in a child that the host forked off after loading: no call into Go. */
extern int nsgflow_forked;
extern const char nsgflow_daemon_text[];

/* A copy of out that the host may free; NULL when memory is short. */
void *nsgflow_copy(const void *out, size_t size);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The option tables of options.h, and the host's form of them: elements of
 * 96 bytes, from 5.0.3 on 104, and an end whose name is NULL. */
struct option_text {
    const char *key, *fallback, *text;
};
enum { STRIDE = 96, STRIDE_5_0_3 = 104 };
#define CONFIG_MAP_SIZE(options) ((COUNT(options) + 1) * STRIDE_5_0_3)

/* Fills map, which is zeroed and as large as CONFIG_MAP_SIZE says. */
void nsgflow_config_map(char *map, const struct option_text *options, size_t count);

#endif
