//go:build amd64 || arm64

// Package prefetch has the one instruction that Go has no name for.
package prefetch

import "unsafe"

// Line asks for the line of the processor's cache that p points to, and does not wait for
// it. p may point anywhere.
//
//go:noescape
func Line(p unsafe.Pointer)
