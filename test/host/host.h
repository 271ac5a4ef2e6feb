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

/* As options.c reads them. */
extern struct settings {
    const char *release, *object;
    int copies, rounds, threads;
    int streams, timing, memory, counters, hidden, unlike, daemon, help;
} settings;

extern struct instance instances[MAX_INSTANCES];
extern int instance_count;

/* main.c */
void fail(int code, const char *format, ...);

/* options.c */
void read_options(int argc, char **argv);

/* object.c */
void load(const char *path);
int held(void); /* instances, as the plugin counts them */

/* callbacks.c */
extern long nanoseconds, calls; /* of cb_filter */
int start(struct instance *ins);
struct chunk filter(struct instance *ins, struct chunk in);
void stop(struct instance *ins);

/* passes.c */
void read_chunks(void);
void run_rounds(void);
void run_stream(void (*reload)(void));
void run_threads(int count);
void write_results(void);

/* fork.c */
int run_forked(void);

/* usage.c */
long allocated(void);
long resident_kb(void);

/* release.c */
extern const struct layout *layout;
extern void *plugin[PLUGIN_SIZE / sizeof(void *)]; /* the host's copy */
void be(const char *release, int hidden, int unlike);
int knows(const char *property);
void print_options(void);

/* counters.c */
void have_metrics(struct instance *ins, int index, int unlike);
void begin_metrics(struct instance *ins);
void print_counters(void);

/* chunk.c */
int read_chunk(struct chunk *chunk);
void write_chunk(struct chunk chunk);
struct chunk copy_of(struct chunk chunk);
unsigned sum_of(struct chunk chunk);

#endif
