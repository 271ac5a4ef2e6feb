/* Passes: every chunk goes through the instances, again and again and in several
 * threads. Each pass must give what the first one gave. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static struct chunk *chunks, *results;
static size_t chunk_count;
static long bytes;

void read_chunks(void)
{
    for (struct chunk chunk; read_chunk(&chunk); chunk_count++) {
        chunks = realloc(chunks, (chunk_count + 1) * sizeof(*chunks));
        chunks[chunk_count] = chunk;
        bytes += chunk.size;
    }
    results = calloc(chunk_count + 1, sizeof(*results));
}

void write_results(void)
{
    for (size_t i = 0; i < chunk_count; i++) {
        write_chunk(results[i]);
        free(results[i].data);
        free(chunks[i].data);
    }
    free(results);
    free(chunks);
}

static struct chunk pipeline(struct chunk in)
{
    struct chunk work = copy_of(in);

    for (int i = 0; i < instance_count && work.size; i++) {
        struct chunk next = filter(&instances[i], work);

        free(work.data);
        work = next;
    }
    return work;
}

static int differs(struct chunk out, size_t i)
{
    return out.size != results[i].size || memcmp(out.data, results[i].data, out.size) != 0;
}

static void first_round(void)
{
    for (size_t i = 0; i < chunk_count; i++) {
        results[i] = pipeline(chunks[i]);
    }
}

static void next_round(void)
{
    for (size_t i = 0; i < chunk_count; i++) {
        struct chunk out = pipeline(chunks[i]);

        if (!settings.timing && differs(out, i)) {
            fail(EXIT_CONTRACT, "chunk %zu gives something else the next time", i);
        }
        free(out.data); /* at once, as the engine does when it has copied it */
    }
}

/* The first round makes what is made once: growth counts from there. */
void run_rounds(void)
{
    long in_use, resident;

    first_round();
    in_use = allocated();
    resident = resident_kb();
    for (int round = 1; round < settings.rounds; round++) {
        next_round();
    }
    if (settings.memory) {
        fprintf(stderr, "host: %ld chunks: %+ld bytes allocated, %+ld KB resident after the first %zu\n",
                calls, allocated() - in_use, resident_kb() - resident, chunk_count);
    }
    if (settings.timing) {
        fprintf(stderr, "host: %ld bytes, %ld calls of cb_filter: %ld ns, %ld ns each\n", bytes * settings.rounds,
                calls, nanoseconds, calls ? nanoseconds / calls : 0);
    }
}

/* Whoever writes to it waits for each result. */
void run_stream(void (*reload)(void))
{
    struct chunk in;

    while (read_chunk(&in)) {
        struct chunk out = {NULL, 0};

        if (in.size) {
            out = pipeline(in);
        }
        else {
            reload();
        }
        write_chunk(out);
        fflush(stdout);
        free(out.data);
        free(in.data);
    }
}

static void *worker(void *unused)
{
    for (size_t i = 0; i < chunk_count; i++) {
        struct chunk out = pipeline(chunks[i]);

        if (differs(out, i)) {
            fail(EXIT_CONTRACT, "threads disagree about chunk %zu", i);
        }
        free(out.data);
    }
    return unused;
}

void run_threads(int count)
{
    pthread_t threads[MAX_THREADS];

    for (int i = 0; i < count; i++) {
        pthread_create(&threads[i], NULL, worker, NULL);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}
