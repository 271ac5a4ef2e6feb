/* One release of Fluent Bit, as far as an input can tell: the struct of its own
 * inputs, the symbols that it has, the stride of its option tables. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"

static const struct layout layouts[] = {
    {"1.9", 128, 1, 4, 9, 10, 12},
    {"2.0.0", 144, 3, 6, 11, 12, 14},
    {"2.0.7", 152, 3, 6, 11, 12, 14},
    {"3.2.0", 160, 3, 6, 12, 13, 15},
    {"3.2.3", 208, 3, 6, 12, 13, 15},
    {"5.1", 232, 3, 6, 12, 13, 18},
    {"unknown", 240, 3, 6, 12, 13, 18}, /* begins like 5.1 */
    {"moved", 232, 3, 6, 13, 14, 18},   /* is as large as 5.1 */
};

const struct layout *layout;
void *plugin[PLUGIN_WORDS];
static size_t stride;

/* The host's own input, by which a plugin tells the layout. */
void *in_dummy_plugin[PLUGIN_WORDS];

/* The entry of a symbol of this program in its table, which dlsym and dladdr1
 * read: glibc hands out the entry itself. It is made writable. */
static ElfW(Sym) *entry(const char *symbol)
{
    size_t page = sysconf(_SC_PAGESIZE);
    ElfW(Sym) *sym = NULL;
    Dl_info info;
    void *at = dlsym(RTLD_DEFAULT, symbol);
    uintptr_t from;

    if (!at || !dladdr1(at, &info, (void **) &sym, RTLD_DL_SYMENT) || !sym || strcmp(info.dli_sname, symbol) != 0) {
        fail(EXIT_USAGE, "this host has no symbol %s", symbol);
    }
    from = (uintptr_t) sym & ~(page - 1);
    if (mprotect((void *) from, (uintptr_t) (sym + 1) - from, PROT_READ | PROT_WRITE) != 0) {
        fail(EXIT_USAGE, "the symbol table cannot be written");
    }
    return sym;
}

/* dlsym does not find a symbol without a value. */
void hide(const char *symbol)
{
    entry(symbol)->st_value = 0;
    if (dlsym(RTLD_DEFAULT, symbol)) {
        fail(EXIT_USAGE, "symbol %s is still found", symbol);
    }
}

void be(const char *release, int option_stride)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (strcmp(layouts[i].release, release) == 0) {
            layout = &layouts[i];
        }
    }
    if (!layout || (option_stride != 96 && option_stride != 104)) {
        fail(EXIT_USAGE, "no release %s with a stride of %d", release, option_stride);
    }
    entry("in_dummy_plugin")->st_size = layout->size;
    in_dummy_plugin[layout->name] = "dummy";
    in_dummy_plugin[layout->init] = (void *) fail;
    in_dummy_plugin[layout->pause] = (void *) fail;
    in_dummy_plugin[layout->resume] = (void *) fail;
    in_dummy_plugin[layout->exit] = (void *) fail;
    stride = option_stride;
    if (stride == 96) {
        hide("flb_config_map_translate_dynamic");
    }
    if (layout->size == 128) {
        hide("flb_input_log_append_records");
        hide("flb_input_log_check");
        hide("flb_input_get_cmt_instance");
    }
}

char *flb_config_map_translate_dynamic(void *unused, void *map)
{
    (void) unused, (void) map;
    return NULL;
}

int knows(const char *property)
{
    enum { NAME = 8 };
    const char *name;

    for (char *option = plugin[layout->name + 2]; (name = *(const char **) (option + NAME)); option += stride) {
        if (*(int *) option != 0) {
            fail(EXIT_CONTRACT, "option %s is not of type string", name);
        }
        if (strncasecmp(name, property, strlen(name)) == 0 && property[strlen(name)] == '=') {
            return 1;
        }
    }
    return 0;
}
