// Package soak says how long tests go on: short in "make test", long in "make
// soak".
package soak

import "os"

// Long reports whether tests are to do all that they can.
func Long() bool { return os.Getenv("NSGFLOW_LONG") != "" }
