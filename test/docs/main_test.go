// Package docs tests links, snippets and commands of the documentation.
package docs

import (
	"os"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
)

func TestMain(m *testing.M) { os.Exit(fluentbit.Main(m)) }
