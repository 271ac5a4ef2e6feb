//go:build cgo

package main

/*
#include <stdlib.h>
#include "input.h"
*/
import "C"

import (
	"errors"
	"sync"
	"time"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// agent is what all inputs of the process share.
var agent = storage.NewAgent()

// inputs are the [INPUT] sections that are running, by handles that C keeps.
var (
	inputsMu   sync.Mutex
	inputs     = map[uintptr]*input{}
	lastHandle uintptr
)

// input is one [INPUT] section.
type input struct {
	ins     unsafe.Pointer // the host's; valid inside callbacks only
	bare    bool           // no option is configured: all comes from the environment
	feed    *feed
	metrics *inputMetrics
	shown   time.Time // when metrics were set
}

// metricsInterval is between two updates of the host's metrics.
const metricsInterval = 5 * time.Second

//export nsgflowInputInit
func nsgflowInputInit(ins unsafe.Pointer, wake C.int, handle *C.uintptr_t) (code C.int) {
	code = refused
	defer recoverPanic(faultOfInput(ins))
	bare := true
	options, err := tables.ParseInputOptions(func(key string) string {
		name := C.CString(key)
		defer C.free(unsafe.Pointer(name))
		value := C.GoString(C.nsgflow_input_property(ins, name))
		bare = bare && value == ""
		return value
	})
	if err == nil && besides(bare) {
		err = errTwice
	}
	if err != nil {
		logInput(ins, storage.Error, err.Error())
		return refused
	}
	tag, err := tables.ParseTag(C.GoString(C.nsgflow_input_tag(ins)))
	if err != nil {
		logInput(ins, storage.Error, err.Error())
		return refused
	}
	f, err := openFeed(agent, options, numberedName(ins), tag, func() { C.nsgflow_ring(wake) })
	if err != nil {
		logInput(ins, storage.Error, err.Error())
		return refused
	}
	i := &input{ins: ins, bare: bare, feed: f, metrics: newInputMetrics(ins)}
	inputsMu.Lock()
	lastHandle++
	inputs[lastHandle] = i
	*handle = C.uintptr_t(lastHandle)
	inputsMu.Unlock()
	i.show()
	return accepted
}

// errTwice is for an object that is loaded twice: the host makes two instances
// of a section then, and gives the options to one of them.
var errTwice = errors.New("a section without any option stands beside another: a Path of the plugins file is repeated, " +
	"or the section has to name its account and state_path")

// besides reports whether an instance without options stands beside another.
func besides(bare bool) bool {
	inputsMu.Lock()
	defer inputsMu.Unlock()
	for _, other := range inputs {
		if bare || other.bare {
			return true
		}
	}
	return false
}

// numberedName is the instance's, as the host numbers them: nsgflow.0.
func numberedName(ins unsafe.Pointer) string {
	return C.GoString(C.nsgflow_input_numbered(ins))
}

func inputOf(handle C.uintptr_t) *input {
	inputsMu.Lock()
	defer inputsMu.Unlock()
	return inputs[uintptr(handle)]
}

// nsgflowInputNext gives the segment to append now. It stays where it is until
// nsgflowInputAppended. It returns 0 where there is none.
//
//export nsgflowInputNext
func nsgflowInputNext(handle C.uintptr_t, held C.size_t, to *C.struct_segment) C.int {
	i := inputOf(handle)
	if i == nil {
		return 0
	}
	defer recoverPanic(faultOfInput(i.ins))
	s := i.feed.next(int(held))
	if s == nil {
		return 0
	}
	data := s.buffer.Bytes()
	s.pinned.Pin(&data[0])
	to.tag, to.tag_len = nil, 0
	if len(s.tag) > 0 {
		s.pinned.Pin(&s.tag[0])
		to.tag, to.tag_len = (*C.char)(unsafe.Pointer(&s.tag[0])), C.size_t(len(s.tag))
	}
	to.data, to.size, to.records = unsafe.Pointer(&data[0]), C.size_t(len(data)), C.size_t(s.records)
	return 1
}

//export nsgflowInputAppended
func nsgflowInputAppended(handle C.uintptr_t, taken C.int, held C.size_t) {
	if i := inputOf(handle); i != nil {
		defer recoverPanic(faultOfInput(i.ins))
		i.feed.done(taken != 0, int(held))
	}
}

// nsgflowInputTick says what there is to say, and whether the host should flush
// now.
//
//export nsgflowInputTick
func nsgflowInputTick(handle C.uintptr_t, held C.size_t) (flush C.int) {
	i := inputOf(handle)
	if i == nil {
		return 0
	}
	defer recoverPanic(faultOfInput(i.ins))
	i.feed.lines.Drain(i.log)
	if time.Since(i.shown) >= metricsInterval {
		i.show()
	}
	if i.feed.tick(int(held)) {
		return 1
	}
	return 0
}

//export nsgflowInputPause
func nsgflowInputPause(handle C.uintptr_t, paused C.int) {
	if i := inputOf(handle); i != nil {
		defer recoverPanic(faultOfInput(i.ins))
		i.feed.paused.Store(paused != 0)
		i.feed.wake()
	}
}

//export nsgflowInputExit
func nsgflowInputExit(handle C.uintptr_t, ins unsafe.Pointer, held C.size_t) {
	defer recoverPanic(faultOfInput(ins))
	i := inputOf(handle)
	if i == nil {
		return
	}
	inputsMu.Lock()
	delete(inputs, uintptr(handle))
	inputsMu.Unlock()
	if err := i.feed.close(int(held)); err != nil {
		i.log(storage.Error, err.Error())
	}
	i.feed.lines.Drain(i.log)
}

// nsgflowInputs counts the inputs that are running.
//
//export nsgflowInputs
func nsgflowInputs() C.int {
	inputsMu.Lock()
	defer inputsMu.Unlock()
	return C.int(len(inputs))
}

func (i *input) log(level storage.Level, text string) { logInput(i.ins, level, text) }

func (i *input) show() {
	i.shown = time.Now()
	i.metrics.show(i.feed)
}

// logInput writes a line to the host's log. Inside a callback only.
func logInput(ins unsafe.Pointer, level storage.Level, text string) {
	line := C.CString(text)
	defer C.free(unsafe.Pointer(line))
	C.nsgflow_input_log(ins, C.int(level)+C.LOG_ERROR, line)
}

// faultOfInput logs an error of an instance.
func faultOfInput(ins unsafe.Pointer) func(string) {
	return func(text string) { logInput(ins, storage.Error, text) }
}
