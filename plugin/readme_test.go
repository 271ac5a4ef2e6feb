package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadmeIsCurrent(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(block.FindAll(readme, -1)); n != len(readmeBlocks()) {
		t.Errorf("%d generated blocks in the README, want %d", n, len(readmeBlocks()))
	}
	if diff := cmp.Diff(string(readme), string(updateReadme(readme))); diff != "" {
		t.Errorf("README.md is out of date, run make generate: %s", diff)
	}
}
