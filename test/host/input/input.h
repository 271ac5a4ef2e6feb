#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_INSTANCES = 4, MAX_PROPERTIES = 24, INSTANCE_SIZE = 512, PLUGIN_WORDS = 64 };
enum { EXIT_REFUSED = 255, EXIT_CONTRACT = 70, EXIT_USAGE = 64 };

/* struct flb_input_plugin of a release: its size, and the words of its members. */
struct layout {
    const char *release;
    size_t size;
    int name, init, pause, resume, exit;
};

struct chunk;

struct instance {
    _Alignas(void *) char own[INSTANCE_SIZE]; /* what a plugin sees: the numbered name among other things */
    char name[16];
    int number;
    char *properties[MAX_PROPERTIES];
    int count;
    void *context;
    int running;                              /* between init and exit */
    int paused;
    int over;                                 /* paused by a limit */
    int (*collect)(void *, void *, void *);
    int fd;                                   /* -1: no collector */
    int collecting;
    struct chunk *chunks, *backlog;           /* its own, and of an earlier process; newest first */
    size_t refused_size;                      /* of the segment that was refused; 0: none */
    uint32_t refused_sum;
};

/* What the driver is told, and what it may set. */
extern struct state {
    int take; /* appends, and refuse then; -1: all */
    int holding, holding_left; /* outputs take nothing, nothing of an earlier process */
    long appends, records, refused, flushes, resumes, delivered;
    size_t most; /* that the host ever held */
    long longest_ms; /* of cb_collect */
} state;

extern struct settings {
    const char *dir;
    int filesystem, checksum;
    int proxied;
    size_t limit; /* mem_buf_limit; 0: none */
} settings;

extern struct instance instances[MAX_INSTANCES];
extern int config; /* stands for struct flb_config */

/* What the thread is in, as far as this host called it. */
enum visit { OUTSIDE, INIT, COLLECT, PAUSE, RESUME, EXIT };
extern _Thread_local enum visit visiting;

/* release.c */
extern const struct layout *layout;
extern void *plugin[PLUGIN_WORDS]; /* the host's copy */
void be(const char *release, int stride);
void hide(const char *symbol);
int knows(const char *property);

/* chunk.c */
void keep(struct instance *ins, const void *data, size_t size);
void find_backlog(struct instance *ins);
void deliver(struct instance *ins);
void drop(struct instance *ins);
size_t held(const struct instance *ins); /* in chunks that are up */
size_t all_held(void);

/* records.c */
long count_records(const unsigned char *data, size_t size);

/* metrics.c */
void destroy_metrics(struct instance *ins);

/* callbacks.c */
void load(const char *path);
int start(struct instance *ins);
void collect(struct instance *ins);
void pause_input(struct instance *ins);
void resume_input(struct instance *ins);
void stop(struct instance *ins);
void check_silence(void);
void fail(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
