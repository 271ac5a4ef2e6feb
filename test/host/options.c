/* How the stand-in is called:
 *
 *   host-STRIDE [-l RELEASE] [-n COUNT] [-r COUNT] [-j COUNT] [-s] [-t] [-m] [-c] [-g] [-u] [-d] [-h]
 *        OBJECT.so [key=value ...] [-- key=value ...] < frames > frames
 *
 *   -l 1.9|2.1|2.2|3.2  be this release, as far as a filter can tell (3.2)
 *   -n COUNT   that many instances of the last group of options (1)
 *   -r COUNT   go through the input that many times (1); results must agree
 *   -j COUNT   that many threads, each all of it; results must agree (1)
 *   -t         print the time spent in cb_filter, leave results uncompared
 *   -m         print how the memory in use grew after the first time through
 *   -s         hand each result over before the next chunk is read; an empty chunk
 *              exits all instances and starts them anew, as a hot reload does
 *   -c         print the counters of the instances
 *   -g         keep the own filters out of sight, by which a plugin tells layouts
 *   -u         be unlike the release in where an instance has its metrics
 *   -d         fork after loading, as daemon mode does
 *   -h         print the option table
 *
 * Every group of options after "--" is one more instance; a chunk goes through
 * them in order. A frame is a length of 4 bytes, little-endian, and the chunk. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

struct settings settings = {.release = "3.2", .copies = 1, .rounds = 1, .threads = 1};

static void read_flag(int flag)
{
    switch (flag) {
    case 'l': settings.release = optarg; break;
    case 'n': settings.copies = atoi(optarg); break;
    case 'r': settings.rounds = atoi(optarg); break;
    case 'j': settings.threads = atoi(optarg); break;
    case 's': settings.streams = 1; break;
    case 't': settings.timing = 1; break;
    case 'm': settings.memory = 1; break;
    case 'c': settings.counters = 1; break;
    case 'g': settings.hidden = 1; break;
    case 'u': settings.unlike = 1; break;
    case 'd': settings.daemon = 1; break;
    case 'h': settings.help = 1; break;
    default: exit(EXIT_USAGE);
    }
}

static void read_properties(char **words)
{
    for (; *words; words++) {
        struct instance *last = &instances[instance_count - 1];

        if (strcmp(*words, "--") == 0 && instance_count < MAX_INSTANCES) {
            instance_count++;
        }
        else if (last->count < MAX_PROPERTIES) {
            last->properties[last->count++] = *words;
        }
    }
}

static void copy_last(int copies)
{
    const struct instance *last = &instances[instance_count - 1];

    for (; copies > 1 && instance_count < MAX_INSTANCES; copies--) {
        struct instance *next = &instances[instance_count++];

        memcpy(next->properties, last->properties, sizeof(last->properties));
        next->count = last->count;
    }
}

void read_options(int argc, char **argv)
{
    int flag;

    while ((flag = getopt(argc, argv, "+l:n:r:j:stmcgudh")) != -1) {
        read_flag(flag);
    }
    if (optind == argc || settings.threads > MAX_THREADS) {
        fail(EXIT_USAGE, "usage: host [options] OBJECT.so [key=value ...]");
    }
    settings.object = argv[optind];
    read_properties(argv + optind + 1);
    copy_last(settings.copies);
}
