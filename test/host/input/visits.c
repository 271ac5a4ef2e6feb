/* Visits: the time that a thread spends in one of the plugin's callbacks. No
 * visit is long, and the plugin calls the host within one only. */

#include <time.h>

#include "input.h"

_Thread_local enum visit visiting;

long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct call enter(enum visit what)
{
    struct call call = {visiting, now_ms()};

    visiting = what;
    return call;
}

long leave(struct call call, long most_ms, const char *what)
{
    long took = now_ms() - call.began;

    visiting = call.before;
    if (took > most_ms) {
        fail(EXIT_CONTRACT, "%s held the engine for %ld ms", what, took);
    }
    return took;
}

/* The host's functions are for callbacks, on the engine's thread. */
void inside(const char *function)
{
    if (visiting == OUTSIDE) {
        fail(EXIT_CONTRACT, "%s called outside a callback", function);
    }
}
