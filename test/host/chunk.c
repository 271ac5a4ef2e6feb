/* Chunks in frames: a length of 4 bytes, little-endian, and the bytes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

int read_chunk(struct chunk *chunk)
{
    unsigned char head[4];

    if (fread(head, 1, 4, stdin) != 4) {
        return 0;
    }
    chunk->size = head[0] | head[1] << 8 | head[2] << 16 | (size_t) head[3] << 24;
    chunk->data = malloc(chunk->size + 1);
    if (!chunk->data || fread(chunk->data, 1, chunk->size, stdin) != chunk->size) {
        fail(EXIT_USAGE, "input ends inside a frame of %zu bytes", chunk->size);
    }
    return 1;
}

void write_chunk(struct chunk chunk)
{
    unsigned char head[4] = {chunk.size, chunk.size >> 8, chunk.size >> 16, chunk.size >> 24};

    if (fwrite(head, 1, 4, stdout) != 4 || fwrite(chunk.data, 1, chunk.size, stdout) != chunk.size) {
        fail(EXIT_USAGE, "cannot write the result");
    }
}

struct chunk copy_of(struct chunk chunk)
{
    struct chunk copy = {malloc(chunk.size + 1), chunk.size};

    memcpy(copy.data, chunk.data, chunk.size);
    return copy;
}

unsigned sum_of(struct chunk chunk)
{
    unsigned sum = 0;

    for (size_t i = 0; i < chunk.size; i++) {
        sum = sum * 31 + chunk.data[i];
    }
    return sum;
}

