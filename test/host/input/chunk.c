/* Chunks of records, between append and delivery: in memory, or in files that
 * are mapped and named as the host's. Delivered is what stands in DIR/out: a
 * chunk gets there by a rename, so that a kill delivers it once or not at all. */

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "input.h"

/* A chunk is closed when it is that large. Of files, so many are up: mapped,
 * and counted by flb_input_chunk_total_size. */
enum { CHUNK_SIZE = 2 << 20, MAX_UP = 2 };

/* The head of a chunk file: c1 00, four bytes of a checksum or zero, and at ten
 * the length of the content in four bytes, big-endian. */
enum { HEAD = 24, CHECKSUM = 2, LENGTH = 10 };

struct chunk {
    struct chunk *next; /* older */
    char file[64];
    int fd;             /* -1: in memory, or down */
    unsigned char *data;
    size_t size;        /* with the head */
    size_t mapped;      /* 0: not */
};

static void path_of(char *path, size_t size, const char *folder, const struct instance *ins, const char *file)
{
    snprintf(path, size, "%s/%s/%s/%s", settings.dir, folder, ins->name, file);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void die(const char *what, const char *path)
{
    fail(EXIT_USAGE, "%s %s: %s", what, path, strerror(errno));
}

static void resize(struct chunk *c, size_t size)
{
    if (c->fd < 0) {
        c->data = realloc(c->data, size);
    }
    else {
        if (ftruncate(c->fd, size) != 0) {
            die("cannot grow", c->file);
        }
        c->data = c->mapped ? mremap(c->data, c->mapped, size, MREMAP_MAYMOVE)
                            : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
        c->mapped = size;
    }
    if (!c->data || c->data == MAP_FAILED) {
        die("no memory for", c->file);
    }
}

static void put_down(struct chunk *c)
{
    if (c->mapped) {
        munmap(c->data, c->mapped);
        close(c->fd);
        c->mapped = 0;
        c->data = NULL;
        c->fd = -1;
    }
}

/* The name is the host's: process, seconds, nanoseconds filled with blanks. */
static struct chunk *new_chunk(struct instance *ins)
{
    struct chunk *c = calloc(1, sizeof(*c));
    struct timespec now;
    char path[4096];
    int up = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(c->file, sizeof(c->file), "%i-%lu.%4lu.flb", (int) getpid(), (unsigned long) now.tv_sec,
             (unsigned long) now.tv_nsec);
    c->fd = -1;
    if (settings.filesystem) {
        path_of(path, sizeof(path), "storage", ins, c->file);
        c->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (c->fd < 0) {
            die("cannot make", path);
        }
    }
    resize(c, HEAD);
    memset(c->data, 0, HEAD);
    c->data[0] = 0xc1;
    if (settings.checksum) {
        memcpy(c->data + CHECKSUM, "sum!", 4);
    }
    c->size = HEAD;
    c->next = ins->chunks;
    ins->chunks = c;
    for (struct chunk *old = c; settings.filesystem && old; old = old->next) {
        if (++up > MAX_UP) {
            put_down(old);
        }
    }
    return c;
}

void keep(struct instance *ins, const void *data, size_t size)
{
    struct chunk *c = ins->chunks && ins->chunks->size < CHUNK_SIZE ? ins->chunks : new_chunk(ins);
    size_t length;

    resize(c, c->size + size);
    memcpy(c->data + c->size, data, size);
    c->size += size;
    length = c->size - HEAD;
    for (int i = 3; i >= 0; i--, length >>= 8) {
        c->data[LENGTH + i] = length;
    }
    if (all_held() > state.most) {
        state.most = all_held();
    }
}

/* Files of an earlier process are mapped as well, whatever kind of storage the
 * input has now. They do not count as the instance's. */
void find_backlog(struct instance *ins)
{
    char path[4096];
    struct dirent *found;
    DIR *dir;

    path_of(path, sizeof(path), "storage", ins, "");
    dir = opendir(path);
    while (dir && (found = readdir(dir))) {
        struct chunk *c;
        struct stat info;

        if (found->d_name[0] == '.') {
            continue;
        }
        c = calloc(1, sizeof(*c));
        snprintf(c->file, sizeof(c->file), "%.63s", found->d_name);
        path_of(path, sizeof(path), "storage", ins, c->file);
        c->fd = open(path, O_RDWR | O_CLOEXEC);
        if (c->fd < 0 || fstat(c->fd, &info) != 0) {
            die("cannot open", path);
        }
        c->size = info.st_size;
        resize(c, c->size);
        c->next = ins->backlog;
        ins->backlog = c;
    }
    if (dir) {
        closedir(dir);
    }
}

static void write_out(struct instance *ins, const struct chunk *c)
{
    char path[4096];
    int fd;

    path_of(path, sizeof(path), "new", ins, c->file);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, c->data, c->size) != (ssize_t) c->size || close(fd) != 0) {
        die("cannot write", path);
    }
}

static void deliver_one(struct instance *ins, struct chunk *c, int file)
{
    char from[4096], to[4096];

    if (!file) {
        write_out(ins, c);
    }
    put_down(c);
    path_of(from, sizeof(from), file ? "storage" : "new", ins, c->file);
    path_of(to, sizeof(to), "out", ins, c->file);
    if (rename(from, to) != 0) {
        die("cannot deliver", from);
    }
    free(c->data);
    free(c);
}

void deliver(struct instance *ins)
{
    struct chunk *left = state.holding_left ? ins->backlog : NULL;

    for (struct chunk *c, *next = left ? NULL : ins->backlog; (c = next);) {
        next = c->next;
        deliver_one(ins, c, 1);
    }
    for (struct chunk *c, *next = ins->chunks; (c = next); state.delivered++) {
        next = c->next;
        deliver_one(ins, c, settings.filesystem);
    }
    ins->chunks = NULL;
    ins->backlog = left;
}

/* What the host does at its end with chunks that no output has taken: files
 * stay, memory is gone. */
void drop(struct instance *ins)
{
    struct chunk **lists[] = {&ins->chunks, &ins->backlog};

    for (int i = 0; i < 2; i++) {
        for (struct chunk *c, *next = *lists[i]; (c = next);) {
            next = c->next;
            put_down(c);
            free(c->data);
            free(c);
        }
        *lists[i] = NULL;
    }
}

size_t held(const struct instance *ins)
{
    size_t total = 0;

    for (const struct chunk *c = ins->chunks; c; c = c->next) {
        total += c->data ? c->size - HEAD : 0;
    }
    return total;
}

size_t all_held(void)
{
    size_t total = 0;

    for (const struct instance *ins = instances; ins < instances + MAX_INSTANCES; ins++) {
        for (const struct chunk *c = ins->chunks; c; c = c->next) {
            total += c->size - HEAD;
        }
    }
    return total;
}
