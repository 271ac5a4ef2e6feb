// Command plugin is built with -buildmode=c-shared: the shared object is
// Fluent Bit's native filter nsgflow and, by its other name, the input.
package main

/*
#cgo CFLAGS: -Wall -Wextra
#cgo LDFLAGS: -ldl -lpthread
#include <stdlib.h>
#include "filter.h"
#include "metrics.h"
*/
import "C"

import (
	"fmt"
	"sync"
	"time"
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

func main() {}

// instance is one [FILTER] section or one processor of the host.
type instance struct {
	mu     sync.Mutex // processors of 2.1.0 to 2.1.3 call from several threads
	filter *filter
	output output // memory of the chunk at hand
	notice notice
	lines  storage.Lines // about the files of the context: the host takes lines inside callbacks only

	metrics C.struct_metrics
	totals  []float64 // of the metrics, for the call that shows them
}

// show sets the metrics. Inside a callback only.
func (i *instance) show(f tables.FilterFigures) {
	i.totals = tables.FilterTotals(i.totals[:0], f)
	C.nsgflow_metrics_show(&i.metrics, (*C.double)(&i.totals[0]))
}

// instances holds them by the host's address for them, an integer here: the
// one thing that every callback of every release is given.
var (
	instancesMu sync.RWMutex
	instances   = map[uintptr]*instance{}
)

const (
	accepted = 0
	refused  = -1
)

//export nsgflowCheck
func nsgflowCheck(ins unsafe.Pointer) (code C.int) {
	code = refused
	defer recoverPanic(faultOf(ins))
	if _, err := tables.ParseFilterOptions(property(ins)); err != nil {
		log(ins, C.LOG_ERROR, err.Error())
		return refused
	}
	return accepted
}

//export nsgflowInit
func nsgflowInit(ins unsafe.Pointer) (code C.int) {
	code = refused
	defer recoverPanic(faultOf(ins))
	options, err := tables.ParseFilterOptions(property(ins))
	if err != nil {
		log(ins, C.LOG_ERROR, err.Error())
		return refused
	}
	i := &instance{}
	i.filter, err = newFilter(options, i.output.room, i.lines.Add)
	i.lines.Drain(logOf(ins))
	if err != nil {
		log(ins, C.LOG_ERROR, err.Error())
		return refused
	}
	instancesMu.Lock()
	instances[uintptr(ins)] = i
	instancesMu.Unlock()
	C.nsgflow_keep(ins)
	hasContext := C.int(0)
	if options.HasContext {
		hasContext = 1
	}
	C.nsgflow_metrics_create(ins, &i.metrics, hasContext)
	i.show(i.filter.figures(time.Now()))
	return accepted
}

//export nsgflowFilter
func nsgflowFilter(ins, data unsafe.Pointer, size C.size_t, out *unsafe.Pointer, outSize *C.size_t) (code C.int) {
	code = C.FILTER_NOTOUCH
	defer recoverPanic(faultOf(ins))
	instancesMu.RLock()
	i := instances[uintptr(ins)]
	instancesMu.RUnlock()
	if i == nil {
		return C.FILTER_NOTOUCH
	}
	i.mu.Lock()
	defer i.mu.Unlock()

	defer i.output.free()
	dst := i.output.room(nil, i.filter.firstRoom(int(size)))
	events, changed, fault := i.filter.run(unsafe.Slice((*byte)(data), size), dst)
	i.lines.Drain(logOf(ins))
	now := time.Now()
	figures := i.filter.figures(now)
	i.show(figures)
	if fault != "" {
		log(ins, C.LOG_ERROR, fault+": chunk passed on unchanged")
	}
	if warning := i.notice.due(figures.Counts, now); warning != "" {
		log(ins, C.LOG_WARN, warning)
	}
	if !changed {
		return C.FILTER_NOTOUCH
	}
	if len(events) == 0 {
		return C.FILTER_MODIFIED
	}
	start := i.output.handOver(events)
	if start == nil {
		log(ins, C.LOG_ERROR, fmt.Sprintf("no memory for %d bytes of events: chunk passed on unchanged", len(events)))
		return C.FILTER_NOTOUCH
	}
	*out, *outSize = start, C.size_t(len(events))
	return C.FILTER_MODIFIED
}

//export nsgflowExit
func nsgflowExit(ins unsafe.Pointer) C.int {
	defer recoverPanic(faultOf(ins))
	instancesMu.Lock()
	i := instances[uintptr(ins)]
	delete(instances, uintptr(ins))
	instancesMu.Unlock()
	if i != nil {
		i.filter.close()
		i.lines.Drain(logOf(ins))
		log(ins, C.LOG_INFO, summary(i.filter.counts().Counts))
	}
	return 0
}

// nsgflowInstances counts what is still held; zero once the host has called
// exit for each.
//
//export nsgflowInstances
func nsgflowInstances() C.int {
	instancesMu.RLock()
	defer instancesMu.RUnlock()
	return C.int(len(instances))
}

// faultOf logs an error of an instance.
func faultOf(ins unsafe.Pointer) func(string) {
	return func(text string) { log(ins, C.LOG_ERROR, text) }
}

// logOf writes lines to an instance's log.
func logOf(ins unsafe.Pointer) storage.Log {
	return func(level storage.Level, text string) { log(ins, C.int(level)+C.LOG_ERROR, text) }
}

func property(ins unsafe.Pointer) func(string) (string, bool) {
	return func(key string) (string, bool) {
		name := C.CString(key)
		defer C.free(unsafe.Pointer(name))
		value := C.nsgflow_property(ins, name)
		if value == nil {
			return "", false
		}
		return C.GoString(value), true
	}
}

func log(ins unsafe.Pointer, level C.int, text string) {
	line := C.CString(text)
	defer C.free(unsafe.Pointer(line))
	C.nsgflow_log(ins, level, line)
}
