//go:build cgo

package main

/*
#include <stdlib.h>
#include "filter.h"
#include "input.h"
*/
import "C"

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/fluent/fluent-bit-go/input"

	"fluent-bit-nsgflow/nsgflow/blob"
)

// follower is the one input of the process: before Fluent Bit 4.1 the proxy's
// callbacks do not say which instance they are for.
var (
	followerMu sync.Mutex
	follower   *reader
)

// The results that the proxy takes.
const (
	proxyError = C.int(input.FLB_ERROR)
	proxyOK    = C.int(input.FLB_OK)
)

//export nsgflowInputRegister
func nsgflowInputRegister(def unsafe.Pointer) (code C.int) {
	code = -1
	defer surviveInput()
	code = C.int(input.FLBPluginRegister(def, "nsgflow", "Azure flow logs from Azure Storage"))
	C.nsgflow_input_offer(def)
	return code
}

//export nsgflowInputInit
func nsgflowInputInit(plugin unsafe.Pointer) (code C.int) {
	code = proxyError
	defer surviveInput()
	followerMu.Lock()
	defer followerMu.Unlock()
	if follower != nil {
		sayInput(blob.Error, "a second input nsgflow in one agent is not possible: name several containers in one, or run several agents with option shard")
		return proxyError
	}
	options, err := blob.Parse(func(key string) string { return input.FLBPluginConfigKey(plugin, key) })
	if err != nil {
		sayInput(blob.Error, err.Error())
		return proxyError
	}
	r := &reader{}
	if r.follower, err = blob.Open(context.Background(), options, r.lines.Add); err != nil {
		sayInput(blob.Error, err.Error())
		return proxyError
	}
	r.lag = options.CheckpointLag
	follower = r
	return proxyOK
}

//export nsgflowInputCollect
func nsgflowInputCollect(data *unsafe.Pointer, size *C.size_t) (code C.int) {
	code = proxyOK
	defer surviveInput()
	r := theFollower()
	if r == nil {
		return proxyOK
	}
	records, err := r.collect(time.Now())
	r.lines.Drain(sayInput)
	if err != nil {
		sayInput(blob.Error, err.Error())
	}
	if len(records) == 0 {
		return proxyOK
	}
	copied := C.nsgflow_copy(unsafe.Pointer(&records[0]), C.size_t(len(records)))
	if copied == nil {
		sayInput(blob.Error, fmt.Sprintf("no memory for %d bytes of records: they are read again after a restart", len(records)))
		return proxyOK
	}
	*data, *size = copied, C.size_t(len(records))
	return proxyOK
}

// nsgflowInputTaken is the proxy's cleanup callback: the host has copied the
// buffer. That does not say that it is safe yet: see blob.Follower.Commit.
//
//export nsgflowInputTaken
func nsgflowInputTaken(data unsafe.Pointer) (code C.int) {
	code = proxyOK
	defer surviveInput()
	C.free(data)
	if r := theFollower(); r != nil {
		r.taken()
	}
	return proxyOK
}

// nsgflowInputSettle waits until the host has put into chunks what it took.
//
//export nsgflowInputSettle
func nsgflowInputSettle() {
	defer surviveInput()
	if r := theFollower(); r != nil {
		time.Sleep(time.Until(r.took.Add(blob.Settled)))
	}
}

//export nsgflowInputPause
func nsgflowInputPause(paused C.int) {
	defer surviveInput()
	r := theFollower()
	switch {
	case r == nil:
	case paused != 0:
		r.follower.Pause()
	default:
		r.follower.Resume()
	}
}

//export nsgflowInputExit
func nsgflowInputExit() (code C.int) {
	code = proxyOK
	defer surviveInput()
	followerMu.Lock()
	r := follower
	follower = nil
	followerMu.Unlock()
	if r == nil {
		return proxyOK
	}
	err := r.follower.Close(r.lag + time.Second)
	r.lines.Drain(sayInput)
	if err != nil {
		sayInput(blob.Error, err.Error())
	}
	return proxyOK
}

func theFollower() *reader {
	followerMu.Lock()
	defer followerMu.Unlock()
	return follower
}

func surviveInput() {
	if fault := recover(); fault != nil {
		sayInput(blob.Error, "internal fault: "+quote(fmt.Sprint(fault)))
	}
}

// sayInput writes a line to the host's log. Inside a callback only.
func sayInput(level blob.Level, text string) {
	line := C.CString(text)
	defer C.free(unsafe.Pointer(line))
	C.nsgflow_input_log(C.int(level)+C.LOG_ERROR, line)
}
