//go:build !cgo

package main

import (
	"fmt"
	"io"
	"os"
)

// Without cgo there is no door to Fluent Bit. What is left prints what follows
// from the tables: options.h for filter.c, or the README with its generated
// parts made anew.
func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "options.h":
		fmt.Print(optionsHeader())
	case len(os.Args) == 2 && os.Args[1] == "readme":
		old, err := io.ReadAll(os.Stdin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = os.Stdout.Write(updateReadme(old))
	default:
		fmt.Fprintln(os.Stderr, "usage: CGO_ENABLED=0 go run ./plugin options.h|readme < README.md")
		os.Exit(2)
	}
}
