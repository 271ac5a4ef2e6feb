/* Cycles of init and exit: what is in use must not grow with them. */

#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "input.h"

static int open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");

    while (dir && readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

static void print_usage(const char *when)
{
    struct mallinfo2 info = mallinfo2();
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    check_silence();
    fprintf(stderr, "host: %s: %d files, %zu bytes allocated, %ld KB resident\n", when, open_files(),
            info.uordblks + info.hblkhd, pages * (sysconf(_SC_PAGESIZE) / 1024));
    usleep(500000); /* for those who watch the Go runtime */
}

/* The first tenth of the cycles makes what is made once. Each appends
 * something, or has a while to. */
void cycle(int count)
{
    for (int i = 1; i <= count; i++) {
        long appends = state.appends, until = now_ms() + 500;
        int none = 0;

        if (start_all() != 0) {
            exit(EXIT_REFUSED);
        }
        while (state.appends == appends && now_ms() < until) {
            turn(10, &none);
        }
        stop_all();
        if (i == count / 10 || i == count) {
            print_usage(i == count ? "at the end" : "after a tenth");
        }
    }
}
