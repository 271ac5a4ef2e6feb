/* Daemon mode: the host forks, and there is no Go runtime in the child. */

#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

/* The child of a fork gets every callback, against the clock: the plugin has
 * to refuse the start, and must not hang or crash whatever comes after. */
int run_forked(void)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        unsigned char nothing[] = {0x92, 0x00, 0x80};
        struct chunk in = {nothing, sizeof(nothing)};
        struct chunk out;
        int refused;

        alarm(10);
        refused = start(&instances[0]) != 0;
        out = filter(&instances[0], in);
        instances[0].context = &instances[0];
        stop(&instances[0]);
        if (!refused || out.size != in.size) {
            _exit(EXIT_CONTRACT);
        }
        _exit(EXIT_REFUSED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fail(EXIT_CONTRACT, "the forked child hung or crashed");
    }
    return WEXITSTATUS(status);
}
