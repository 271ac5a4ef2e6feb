#ifndef HOST_H
#define HOST_H

#include <stddef.h>

/* Built once for each: the size of an option table's element. */
#ifndef STRIDE
#define STRIDE 104
#endif

enum { MAX_INSTANCES = 16, MAX_PROPERTIES = 16, MAX_THREADS = 16, INSTANCE_SIZE = 512, PLUGIN_SIZE = 88 };
enum { EXIT_REFUSED = 255, EXIT_CONTRACT = 70, EXIT_USAGE = 64 };

struct layout {
    const char *release;
    size_t size;     /* of struct flb_filter_plugin */
    int callbacks;   /* word of the first callback */
    int pre_run;     /* is it pre_run? */
    size_t level;    /* offsets in struct flb_filter_instance */
    size_t name;
    size_t context;
    int input;       /* is the input instance an argument of cb_filter? */
};

struct instance {
    _Alignas(void *) char own[INSTANCE_SIZE]; /* what a plugin sees: level, name, context, metrics at their places */
    const char *name;
    char *properties[MAX_PROPERTIES];
    int count;
    void *context;
    int exited;
};

struct chunk {
    unsigned char *data;
    size_t size;
};

/* release.c */
extern const struct layout *layout;
extern void *plugin[PLUGIN_SIZE / sizeof(void *)]; /* the host's copy */
void be(const char *release, int hidden, int unlike, struct instance *instances);
int knows(const char *property);
void print_options(void);

/* counters.c */
void have_metrics(struct instance *ins, int index, int unlike);
void print_counters(void);

/* chunk.c */
int read_chunk(struct chunk *chunk);
void write_chunk(struct chunk chunk);
struct chunk copy_of(struct chunk chunk);
unsigned sum_of(struct chunk chunk);

/* host.c */
void fail(int code, const char *format, ...);

#endif
