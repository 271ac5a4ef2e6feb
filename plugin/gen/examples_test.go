package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
)

// An example is its event in lines: those that are too long are so for one text.
func TestExamplesAreEvents(t *testing.T) {
	for i, name := range nsgflow.Schemas() {
		for _, text := range []string{nsgExample, vnetExample, errorExample} {
			schema := nsgflow.Schema(i)
			shown := strings.TrimSuffix(strings.TrimPrefix(inSchema(text, schema), "```json\n"), "```\n")
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(shown)); err != nil {
				t.Fatalf("%s: %v: %s", name, err, shown)
			}
			if want := bytes.TrimSpace(event(text, schema)); !bytes.Equal(compact.Bytes(), want) {
				t.Errorf("%s: %s, want %s", name, &compact, want)
			}
			for _, line := range strings.Split(shown, "\n") {
				if len(line) > lineLength+len("}}}}") && longest(line) < lineLength/2 {
					t.Errorf("%s: %d bytes: %s", name, len(line), line)
				}
			}
		}
	}
}

// longest is how long the longest text of a line is.
func longest(line string) (n int) {
	for _, text := range strings.Split(strings.ReplaceAll(line, `\"`, ""), `"`) {
		n = max(n, len(text))
	}
	return n
}
