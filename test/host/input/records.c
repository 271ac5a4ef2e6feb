/* Counts records as the host does that a number was told to: a damaged one, or
 * one that is not [time, map], breaks the contract. */

#include "input.h"

static uint64_t number(const unsigned char *at, int bytes)
{
    uint64_t n = 0;

    while (bytes-- > 0) {
        n = n << 8 | *at++;
    }
    return n;
}

/* Behind the value at, or NULL where it does not end before the end. */
static const unsigned char *skip(const unsigned char *at, const unsigned char *end)
{
    unsigned char code = at < end ? *at++ : 0xc1;
    uint64_t values = 0, bytes = 0;
    int head = 0; /* bytes that hold a length */

    switch (code) {
    case 0xc0: case 0xc2: case 0xc3: break;
    case 0xc4: case 0xc5: case 0xc6: head = 1 << (code - 0xc4); break;
    case 0xc7: case 0xc8: case 0xc9: head = 1 << (code - 0xc7); bytes = 1; break;
    case 0xca: case 0xcb: bytes = 4 << (code - 0xca); break;
    case 0xcc: case 0xcd: case 0xce: case 0xcf: bytes = 1 << (code - 0xcc); break;
    case 0xd0: case 0xd1: case 0xd2: case 0xd3: bytes = 1 << (code - 0xd0); break;
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: bytes = 1 + (1 << (code - 0xd4)); break;
    case 0xd9: case 0xda: case 0xdb: head = 1 << (code - 0xd9); break;
    case 0xdc: case 0xdd: head = 2 << (code - 0xdc); break;
    case 0xde: case 0xdf: head = 2 << (code - 0xde); break;
    case 0xc1: return NULL;
    default:
        if (code >= 0x80 && code <= 0x9f) {
            values = (code & 0x0f) * (code < 0x90 ? 2 : 1);
        }
        else if (code >= 0xa0 && code <= 0xbf) {
            bytes = code & 0x1f;
        }
    }
    if (end - at < head) {
        return NULL;
    }
    if (code >= 0xdc && code <= 0xdf) {
        values = number(at, head) * (code >= 0xde ? 2 : 1);
    }
    else if (head) {
        bytes += number(at, head);
    }
    at += head;
    if ((uint64_t) (end - at) < bytes) {
        return NULL;
    }
    for (at += bytes; values > 0 && at; values--) {
        at = skip(at, end);
    }
    return at;
}

long count_records(const unsigned char *data, size_t size)
{
    enum { ARRAY_OF_2 = 0x92, TIME = 0xd7, EXT8 = 0xc7 };
    const unsigned char *at = data, *end = data + size;
    long count = 0;

    for (; at && at < end; count++) {
        if (end - at < 2 || at[0] != ARRAY_OF_2 || (at[1] != TIME && at[1] != EXT8)) {
            fail(EXIT_CONTRACT, "record %ld begins %02x %02x", count, at[0], end - at < 2 ? 0 : at[1]);
        }
        at = skip(at, end);
    }
    if (!at) {
        fail(EXIT_CONTRACT, "record %ld of a segment is cut short", count - 1);
    }
    return count;
}
