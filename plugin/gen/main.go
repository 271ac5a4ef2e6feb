// Command gen writes every file, and every part of a page, that follows from
// the code's tables. It says which files it wrote.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// write brings the files below root, the folder of go.mod, up to date.
func write(root string) error {
	files, err := generated(root)
	if err != nil {
		return err
	}
	current := 0
	for _, f := range files {
		path := filepath.Join(root, f.path)
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, f.content) {
			current++
			continue
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(path, f.content, 0o644); err != nil {
			return err
		}
		fmt.Println("wrote", f.path)
	}
	fmt.Println(current, "files were up to date")
	return nil
}

// file is a file as it has to be.
type file struct {
	path    string
	content []byte
}

// generated is every file that is generated, whole or in parts.
func generated(root string) (files []file, err error) {
	files = slices.Concat(headers(), templates(), rules(), []file{manual(), deployment(), sentinel(), dashboard()})
	pages, err := pages(root)
	return append(files, pages...), err
}
