/* The shared object, loaded as the host loads a native filter. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static void *object; /* its symbols are its own: dlopen without RTLD_GLOBAL, as the host does it */

void load(const char *path)
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

int held(void)
{
    int (*count)(void) = (int (*)(void)) dlsym(object, "nsgflowInstances");

    return count ? count() : 0;
}
