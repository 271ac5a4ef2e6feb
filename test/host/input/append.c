/* The two functions by which an input hands over records. */

#include "input.h"

static uint32_t sum_of(const unsigned char *data, size_t size)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = sum * 31 + data[i];
    }
    return sum;
}

/* A segment that was refused is the next one to be retried. */
static int append(struct instance *ins, long told, const void *data, size_t size)
{
    long records = count_records(data, size);
    uint32_t sum = sum_of(data, size);

    if (visiting != COLLECT || !ins->running) {
        fail(EXIT_CONTRACT, "append outside a collector");
    }
    if (ins->paused) {
        fail(EXIT_CONTRACT, "append while paused");
    }
    if (records != told || records == 0) {
        fail(EXIT_CONTRACT, "append of %ld records was told of %ld", records, told);
    }
    if (ins->refused_size && (ins->refused_size != size || ins->refused_sum != sum)) {
        fail(EXIT_CONTRACT, "a segment was refused, and another one is offered");
    }
    state.appends++;
    if (state.take == 0) {
        ins->refused_size = size;
        ins->refused_sum = sum;
        state.refused++;
        return -1;
    }
    ins->refused_size = 0;
    state.take -= state.take > 0;
    keep(ins, data, size);
    state.records += records;
    if (settings.limit && held(ins) > settings.limit) {
        ins->over = 1;
        pause_input(ins);
    }
    return 0;
}

int flb_input_log_append_records(struct instance *ins, size_t records, const char *tag, size_t tag_len,
                                 const void *data, size_t size)
{
    if (tag || tag_len) {
        fail(EXIT_CONTRACT, "append with a tag");
    }
    return append(ins, records, data, size);
}

/* From 2.0 on, a function of this name has other arguments. */
int flb_input_chunk_append_raw(struct instance *ins, const char *tag, size_t tag_len, const void *data, size_t size)
{
    if (tag || tag_len || layout->size != 128) {
        fail(EXIT_CONTRACT, "flb_input_chunk_append_raw with a tag, or in a host that is not 1.9");
    }
    return append(ins, count_records(data, size), data, size);
}
