//go:build cgo

package main

/*
#include <stdlib.h>
#include "fluentbit.h"
#include "proxy.h"
*/
import "C"

import (
	"bytes"
	"fmt"
	"sync"
	"time"
	"unsafe"

	fluentbit "github.com/fluent/fluent-bit-go/input"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
)

// proxied is the one input that the Go proxy of the host can have here: before
// Fluent Bit 4.1 its callbacks do not say which instance they are for.
type proxied struct {
	follower *storage.Follower
	limit    int
	lines    storage.Lines
	buffer   bytes.Buffer
	token    storage.Token // of the batch that the host has; 0: none
	taken    []takenBatch  // and not committed, oldest first
}

type takenBatch struct {
	token storage.Token
	at    time.Time
}

// proxyLag is how long the host has for bringing a batch from its ring into a
// chunk. It does not say when it has: this is what the native input is free of.
const proxyLag = 5 * time.Second

var (
	proxyMu sync.Mutex
	proxy   *proxied
)

// The results that the proxy takes.
const (
	proxyError = C.int(fluentbit.FLB_ERROR)
	proxyOK    = C.int(fluentbit.FLB_OK)
)

//export nsgflowProxyRegister
func nsgflowProxyRegister(def unsafe.Pointer) (code C.int) {
	code = -1
	defer recoverPanic(faultOfProxy)
	code = C.int(fluentbit.FLBPluginRegister(def, "nsgflow", "Azure flow logs from Azure Storage, through the Go proxy"))
	C.nsgflow_proxy_offer(def)
	return code
}

//export nsgflowProxyInit
func nsgflowProxyInit(plugin unsafe.Pointer) (code C.int) {
	code = proxyError
	defer recoverPanic(faultOfProxy)
	proxyMu.Lock()
	defer proxyMu.Unlock()
	if proxy != nil {
		logProxy(storage.Error, "a second input nsgflow is not possible through the Go proxy: load the object by the name flb-in_nsgflow.so")
		return proxyError
	}
	options, err := tables.ParseInputOptions(func(key string) string { return fluentbit.FLBPluginConfigKey(plugin, key) })
	if err != nil {
		logProxy(storage.Error, err.Error())
		return proxyError
	}
	p := &proxied{limit: options.BatchBytes}
	if p.follower, err = agent.Open(options, p.lines.Add, func() {}); err != nil {
		logProxy(storage.Error, err.Error())
		return proxyError
	}
	logProxy(storage.Warn, fmt.Sprintf("reading through Fluent Bit's Go proxy: a batch of %d bytes a second, and a crash may lose what a busy Fluent Bit has not brought to its chunks for %s; the name flb-in_nsgflow.so has neither limit",
		p.limit, proxyLag))
	proxy = p
	return proxyOK
}

// nsgflowProxyCollect is called once a second.
//
//export nsgflowProxyCollect
func nsgflowProxyCollect(data *unsafe.Pointer, size *C.size_t) (code C.int) {
	code = proxyOK
	defer recoverPanic(faultOfProxy)
	proxyMu.Lock()
	defer proxyMu.Unlock()
	if proxy == nil {
		return proxyOK
	}
	proxy.commit(proxyLag)
	proxy.lines.Drain(logProxy)
	if proxy.token != 0 {
		return proxyOK // the host has not copied the last batch yet
	}
	records, err := proxy.collect()
	if err != nil || len(records) == 0 {
		return proxyOK // the follower has logged why
	}
	copied := C.nsgflow_copy(unsafe.Pointer(&records[0]), C.size_t(len(records)))
	if copied == nil {
		logProxy(storage.Error, fmt.Sprintf("no memory for %d bytes of records: they are read again after a restart", len(records)))
		return proxyOK
	}
	*data, *size = copied, C.size_t(len(records))
	return proxyOK
}

func (p *proxied) collect() ([]byte, error) {
	batch, err := p.follower.Next(p.limit)
	if err != nil || len(batch.Records) == 0 {
		return nil, err
	}
	p.token = batch.Token
	p.buffer = bytes.Buffer{}
	if err := encodeRecords(&p.buffer, batch.Records, time.Now()); err != nil {
		return nil, err
	}
	return p.buffer.Bytes(), nil
}

// commit puts behind what the host took so long ago.
func (p *proxied) commit(lag time.Duration) {
	for len(p.taken) > 0 && time.Since(p.taken[0].at) >= lag {
		p.follower.Commit(p.taken[0].token)
		p.taken = p.taken[1:]
	}
}

// nsgflowProxyTaken is the proxy's cleanup callback: the host has copied the
// buffer.
//
//export nsgflowProxyTaken
func nsgflowProxyTaken(data unsafe.Pointer) (code C.int) {
	code = proxyOK
	defer recoverPanic(faultOfProxy)
	C.free(data)
	proxyMu.Lock()
	defer proxyMu.Unlock()
	if proxy != nil && proxy.token != 0 {
		proxy.taken = append(proxy.taken, takenBatch{proxy.token, time.Now()})
		proxy.token = 0
	}
	return proxyOK
}

// nsgflowProxyExit ends the input. What the host took within proxyLag is read
// again after the next start: it drops what is in its ring.
//
//export nsgflowProxyExit
func nsgflowProxyExit() (code C.int) {
	code = proxyOK
	defer recoverPanic(faultOfProxy)
	proxyMu.Lock()
	p := proxy
	proxy = nil
	proxyMu.Unlock()
	if p == nil {
		return proxyOK
	}
	p.commit(proxyLag)
	err := p.follower.Close()
	p.lines.Drain(logProxy)
	if err != nil {
		logProxy(storage.Error, err.Error())
	}
	return proxyOK
}

func faultOfProxy(text string) { logProxy(storage.Error, text) }

// logProxy writes a line to the host's log. Inside a callback only.
func logProxy(level storage.Level, text string) {
	line := C.CString(text)
	defer C.free(unsafe.Pointer(line))
	C.nsgflow_proxy_log(C.int(level)+C.LOG_ERROR, line)
}
