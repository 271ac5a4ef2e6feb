//go:build cgo

/* The input for hosts whose layout input.c does not know: by the name
 * in_nsgflow.so the object is a plugin of Fluent Bit's Go proxy, which looks up
 * these functions. They are C functions because Go must not be entered in a
 * process that was forked off after loading. */

#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "proxy.h"
#include "fluentbit.h"
#include "options.h"

enum { PROXY_ERROR = 0, PROXY_OK = 1 };

/* struct flbgo_input_plugin, as far as it is the same in 2.0 to 5.1. */
struct proxy_plugin {
    void *name, *api;
    const char *instance;
};

static const char *instance;
int nsgflow_proxy_registered;

/* The level of the instance stands 20 bytes before its numbered name (2.1 to
 * 5.1), which stands at various places within the first few hundred bytes:
 * behind it are other ints. Where the name is not found, info is assumed. */
static int level(void)
{
    enum { FROM = 32, TO = 256, LEVEL = 20 };

    for (int i = FROM; instance && i < TO; i += sizeof(int)) {
        if (strncmp(instance + i, "nsgflow.", 8) == 0) {
            int level = *(const int *) (instance + i - LEVEL);
            return level < 0 || level > 6 ? LOG_INFO : level;
        }
    }
    return LOG_INFO;
}

void nsgflow_proxy_log(int at, const char *text)
{
    if (at <= level()) {
        nsgflow_print(at, "input", "nsgflow.0", text);
    }
}

void nsgflow_proxy_begin(void *plugin)
{
    instance = ((struct proxy_plugin *) plugin)->instance;
}

/* struct flb_plugin_proxy_def has a config_map at its end from 5.1.1 on, and
 * no version: its memory is that large then. (In 5.0.0 to 5.1.0 some
 * allocators make it that large as well; nobody reads it there.) */
void nsgflow_proxy_offer(void *def)
{
    enum { CONFIG_MAP = 40 };
    static char map[CONFIG_MAP_SIZE(input_options)];

    if (malloc_usable_size(def) < CONFIG_MAP + sizeof(void *)) {
        return;
    }
    nsgflow_config_map(map, input_options, COUNT(input_options));
    *(void **) ((char *) def + CONFIG_MAP) = map;
}

/* Up to 3.x a host goes on without an input that could not begin, and the
 * agent looks well: it is told to stop as by its service manager. From 4.0 on
 * the start fails by itself, and this signal comes too late to change its exit
 * code. */
static int refuse(void)
{
    kill(getpid(), SIGTERM);
    return PROXY_ERROR;
}

int FLBPluginRegister(void *def)
{
    nsgflow_proxy_registered = 1;
    return nsgflow_forked ? -1 : nsgflowProxyRegister(def);
}

int FLBPluginInit(void *plugin)
{
    nsgflow_proxy_begin(plugin);
    if (nsgflow_forked) {
        nsgflow_proxy_log(LOG_ERROR, nsgflow_daemon_text);
        return refuse();
    }
    return nsgflowProxyInit(plugin) == PROXY_OK ? PROXY_OK : refuse();
}

int FLBPluginInputCallback(void **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    return nsgflow_forked ? PROXY_OK : nsgflowProxyCollect(data, size);
}

int FLBPluginInputCleanupCallback(void *data)
{
    return nsgflow_forked ? PROXY_OK : nsgflowProxyTaken(data);
}

int FLBPluginExit(void)
{
    return nsgflow_forked ? PROXY_OK : nsgflowProxyExit();
}
