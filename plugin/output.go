package main

/*
#include <stdlib.h>
#include "filter.h"
*/
import "C"

import (
	"slices"
	"unsafe"
)

// output is the memory of a chunk's events. It is the host's own kind, so that
// the events are written where the host will free them.
type output struct {
	blocks []unsafe.Pointer
}

// room is a slice with the content of out and a capacity of size bytes; nil where
// there is no memory.
func (o *output) room(out []byte, size int) []byte {
	block := C.nsgflow_room(C.size_t(size))
	if block == nil {
		return nil
	}
	o.blocks = append(o.blocks, block)
	more := unsafe.Slice((*byte)(block), size)[:len(out)]
	copy(more, out)
	return more
}

// handOver makes events the host's. They are handed over where they are, unless
// they are elsewhere, or most of the block would be left empty. nil: there is no
// memory.
func (o *output) handOver(events []byte) unsafe.Pointer {
	start := unsafe.Pointer(&events[0])
	if i := slices.Index(o.blocks, start); i >= 0 && cap(events) < 2*len(events)+roomSlack {
		o.blocks = slices.Delete(o.blocks, i, i+1)
		return start
	}
	return C.nsgflow_copy(start, C.size_t(len(events)))
}

// free gives back all that has not been handed over.
func (o *output) free() {
	for _, block := range o.blocks {
		C.free(block)
	}
	o.blocks = o.blocks[:0]
}
