//go:build !cgo

package main

import (
	"fmt"
	"os"
)

// Without cgo there is no door to Fluent Bit. What is left prints the option
// table: options.h for filter.c, or the README's.
func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "options.h":
		fmt.Print(optionsHeader())
	case len(os.Args) == 2 && os.Args[1] == "options.md":
		fmt.Print(optionsMarkdown())
	default:
		fmt.Fprintln(os.Stderr, "usage: CGO_ENABLED=0 go run ./plugin options.h|options.md")
		os.Exit(2)
	}
}
