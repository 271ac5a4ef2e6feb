/* What is in use. */

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "host.h"

long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file) {
        if (fscanf(file, "%*s %ld", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

long allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return (long) (info.uordblks + info.hblkhd);
}
