/* Daemon mode: the host forks, and there is no Go runtime in the child. */

#include <sys/wait.h>
#include <unistd.h>

#include "input.h"

/* The child of a fork gets every callback, against the clock: none may enter
 * Go, hang or crash. Before the input has begun, it must refuse to. */
int in_fork(int begun)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int code = 0;

        alarm(10);
        if (!begun) {
            _exit(start(&instances[0]) != 0 ? EXIT_REFUSED : EXIT_CONTRACT);
        }
        collect(&instances[0]);
        pause_input(&instances[0]);
        resume_input(&instances[0]);
        visiting = EXIT;
        code = ((int (*)(void *, void *)) plugin[layout->exit])(instances[0].context, &config);
        _exit(code == 0 ? EXIT_REFUSED : EXIT_CONTRACT);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        fail(EXIT_CONTRACT, "the forked child hung or crashed");
    }
    return WEXITSTATUS(status);
}
