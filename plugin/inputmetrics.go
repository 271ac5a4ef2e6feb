//go:build cgo

package main

/*
#include <stdlib.h>
#include "input.h"
*/
import "C"

import (
	"unsafe"

	"fluent-bit-nsgflow/plugin/tables"
)

// inputMetrics are the metrics of an input among the host's own.
type inputMetrics struct {
	name    string // alias or numbered name: the first label of each
	metrics []unsafe.Pointer
}

func newInputMetrics(ins unsafe.Pointer) *inputMetrics {
	m := &inputMetrics{name: C.GoString(C.nsgflow_input_name(ins))}
	for _, one := range tables.InputMetrics {
		name, help := C.CString(one.Name), C.CString(one.Help)
		labels, free := cStrings(append([]string{"name"}, one.Labels...))
		m.metrics = append(m.metrics, C.nsgflow_metric_new(ins, gauge(one), name, help, C.int(1+len(one.Labels)), labels))
		free()
		C.free(unsafe.Pointer(name))
		C.free(unsafe.Pointer(help))
	}
	return m
}

// show sets the metrics. Inside a callback only.
func (m *inputMetrics) show(f *feed) {
	figures := f.figures()
	for i, one := range tables.InputMetrics {
		if m.metrics[i] == nil {
			continue
		}
		one.Samples(figures, func(value float64, labels ...string) {
			values, free := cStrings(append([]string{m.name}, labels...))
			C.nsgflow_metric_set(m.metrics[i], gauge(one), C.double(value), C.int(1+len(labels)), values)
			free()
		})
	}
}

func gauge(m tables.InputMetric) C.int {
	if m.Gauge {
		return 1
	}
	return 0
}

// cStrings is an array of C strings, and what frees it.
func cStrings(texts []string) (**C.char, func()) {
	array := C.malloc(C.size_t(len(texts)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	strings := unsafe.Slice((**C.char)(array), len(texts))
	for i, text := range texts {
		strings[i] = C.CString(text)
	}
	return (**C.char)(array), func() {
		for _, s := range strings {
			C.free(unsafe.Pointer(s))
		}
		C.free(array)
	}
}
