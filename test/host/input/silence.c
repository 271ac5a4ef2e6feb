/* After its exit an input rings no eventfd. A decoy stands where each was. */

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "input.h"

/* The eventfds of inputs that have exited, opened again: nobody rings them. */
static int decoys[MAX_INSTANCES], decoy_count;

static void look_at_decoys(void)
{
    uint64_t rung;

    for (; decoy_count > 0; decoy_count--) {
        if (read(decoys[decoy_count - 1], &rung, sizeof(rung)) > 0) {
            fail(EXIT_CONTRACT, "the eventfd was rung after cb_exit");
        }
        close(decoys[decoy_count - 1]);
    }
}

void put_decoy(int fd)
{
    int made;

    if (decoy_count == MAX_INSTANCES) {
        look_at_decoys();
    }
    made = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (made != fd) {
        dup2(made, fd);
        close(made);
    }
    decoys[decoy_count++] = fd;
}

/* Whatever rings every 100 ms has its time. */
void check_silence(void)
{
    usleep(250000);
    look_at_decoys();
}
