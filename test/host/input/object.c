/* The shared object, loaded as the host loads a native input. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"

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

int inputs(void)
{
    int (*count)(void) = (int (*)(void)) dlsym(object, "nsgflowInputs");

    return count();
}
