// Command copier copies the shared object and its links from its own folder to
// another one, /plugins where none is named. It is what an init container runs:
// the image has nothing else to copy with.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	to := "/plugins"
	if len(os.Args) > 1 {
		to = os.Args[1]
	}
	self, err := os.Executable()
	if err == nil {
		err = install(filepath.Dir(self), to, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "copier:", err)
		os.Exit(1)
	}
}

// install copies every *.so, links as links. Each is renamed when it is whole,
// and the object comes before its links: a Fluent Bit that starts meanwhile
// finds the old one or the new one.
func install(from, to string, log io.Writer) error {
	paths, err := filepath.Glob(filepath.Join(from, "*.so"))
	if err != nil {
		return err
	}
	aside, err := os.MkdirTemp(to, ".nsgflow-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	var links []string
	for _, path := range paths {
		name := filepath.Base(path)
		if target, err := os.Readlink(path); err == nil {
			links = append(links, name)
			if err := os.Symlink(target, filepath.Join(aside, name)); err != nil {
				return err
			}
			continue
		}
		if err := copyFile(path, filepath.Join(aside, name)); err != nil {
			return err
		}
		if err := move(aside, to, name, log); err != nil {
			return err
		}
	}
	for _, link := range links {
		if err := move(aside, to, link, log); err != nil {
			return err
		}
	}
	if len(paths) == 0 {
		return fmt.Errorf("no *.so in %s", from)
	}
	return nil
}

func move(aside, to, name string, log io.Writer) error {
	err := os.Rename(filepath.Join(aside, name), filepath.Join(to, name))
	if err == nil {
		fmt.Fprintln(log, filepath.Join(to, name))
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return cmp.Or(err, out.Sync(), out.Close())
}
