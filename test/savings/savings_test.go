package main

import (
	"bytes"
	"os"
	"testing"
)

// The table in the page is what the settings save now.
func TestSavingsAreCurrent(t *testing.T) {
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	if !block.Match(text) {
		t.Fatal("the page has no table")
	}
	if !bytes.Equal(filled(text), text) {
		t.Errorf("%s is stale: make generate", page)
	}
}
