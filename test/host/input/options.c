/* How the stand-in is called:
 *
 *   input-host -o DIR [-r RELEASE] [-s 96|104] [-x SYMBOL] [-F] [-k] [-m BYTES] [-f MS] [-l COUNT] [-n COUNT]
 *              [-h] [-p] [-d] [-t] OBJECT.so [key=value ...] [-- key=value ...]
 *
 *   -o DIR      chunks: DIR/storage/nsgflow.N, and delivered DIR/out/nsgflow.N
 *   -r RELEASE  be the first of this layout: 1.9, 2.0.0, 2.0.7, 3.2.0, 3.2.3, 5.1
 *               (this one by default), or unknown
 *   -s STRIDE   of option tables: 96, or 104 as from 5.0.3 on (104)
 *   -x SYMBOL   be without this function
 *   -F          chunks are files (storage.type filesystem), else in memory
 *   -k          with a checksum in each (storage.checksum on)
 *   -m BYTES    mem_buf_limit: pause from inside the append that reaches it
 *   -f MS       deliver so often (100)
 *   -l COUNT    take so many appends, from the beginning
 *   -n COUNT    init and exit so many times more, and print what is in use
 *   -h          hold on, from the beginning
 *   -p          the same object is loaded as a plugin of the Go proxy, too
 *   -d          fork as daemon mode does
 *   -t          call from a thread that is named as one of a threaded input
 *
 * Every group of options after "--" is one more instance. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

struct settings settings = {.release = "5.1", .stride = 104, .flush_ms = 100};

static void be_without(const char *symbol)
{
    if (settings.hidden_count == MAX_HIDDEN) {
        fail(EXIT_USAGE, "more than %d symbols to be without", MAX_HIDDEN);
    }
    settings.hidden[settings.hidden_count++] = symbol;
}

static void read_flag(int flag)
{
    switch (flag) {
    case 'o': settings.dir = optarg; break;
    case 'r': settings.release = optarg; break;
    case 's': settings.stride = atoi(optarg); break;
    case 'x': be_without(optarg); break;
    case 'F': settings.filesystem = 1; break;
    case 'k': settings.checksum = 1; break;
    case 'm': settings.limit = atol(optarg); break;
    case 'f': settings.flush_ms = atoi(optarg); break;
    case 'l': state.take = atoi(optarg); break;
    case 'n': settings.cycles = atoi(optarg); break;
    case 'h': state.holding = state.holding_left = 1; break;
    case 'p': settings.proxied = 1; break;
    case 'd': settings.daemon = 1; break;
    case 't': settings.threaded = 1; break;
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

void read_options(int argc, char **argv)
{
    int flag;

    while ((flag = getopt(argc, argv, "+o:r:s:x:Fkm:f:l:n:hpdt")) != -1) {
        read_flag(flag);
    }
    if (!settings.dir || optind == argc) {
        fail(EXIT_USAGE, "usage: input-host -o DIR [options] OBJECT.so [key=value ...]");
    }
    settings.object = argv[optind];
    read_properties(argv + optind + 1);
}
