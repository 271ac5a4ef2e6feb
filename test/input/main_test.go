// Package input tests the input in real Fluent Bits, against the emulator of
// Azure Storage: with kills, stops and services that fail.
package input

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

func TestMain(m *testing.M) { os.Exit(fluentbit.Main(m)) }
