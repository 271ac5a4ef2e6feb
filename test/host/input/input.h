#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_INSTANCES = 4, MAX_PROPERTIES = 24, INSTANCE_SIZE = 512, PLUGIN_WORDS = 64, MAX_HIDDEN = 8 };
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

/* As options.c reads them. */
extern struct settings {
    const char *dir, *object;
    const char *release;
    int stride;
    const char *hidden[MAX_HIDDEN]; /* symbols */
    int hidden_count;
    int filesystem, checksum;
    int proxied, threaded, daemon;
    size_t limit; /* mem_buf_limit; 0: none */
    int flush_ms, cycles;
} settings;

extern struct instance instances[MAX_INSTANCES];
extern int instance_count;
extern int config; /* stands for struct flb_config */

/* main.c */
void fail(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

/* options.c */
void read_options(int argc, char **argv);

/* engine.c */
int start_all(void);
void stop_all(void);
void turn(int wait_ms, int *command); /* command: whether to wait for one, and whether one has come */
void run(int flush_ms);

/* script.c */
void print_state(void);
int obey(void);

/* cycles.c */
void cycle(int count);

/* fork.c */
int in_fork(int begun);

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

/* object.c */
void load(const char *path);
int inputs(void); /* that have begun, as the plugin counts them */

/* visits.c */
enum visit { OUTSIDE, INIT, COLLECT, PAUSE, RESUME, EXIT };
extern _Thread_local enum visit visiting; /* what the thread is in, as far as this host called it */

/* A visit may stand within another: an append calls cb_pause. */
struct call {
    enum visit before;
    long began;
};

struct call enter(enum visit what);
long leave(struct call call, long most_ms, const char *what);
void inside(const char *function);
long now_ms(void);

/* callbacks.c */
int start(struct instance *ins);
void collect(struct instance *ins);
void pause_input(struct instance *ins);
void resume_input(struct instance *ins);
void stop(struct instance *ins);

/* silence.c */
void put_decoy(int fd);
void check_silence(void);

#endif
