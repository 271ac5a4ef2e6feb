package powercut

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// ramdisk is an initial RAM disk: files by their paths in it.
type ramdisk map[string]file

type file struct {
	content []byte
	mode    uint32 // S_IFREG or S_IFDIR with rights
}

const (
	program = 0o100755
	folder  = 0o040755
)

// add puts in a file of this machine, and the folders above it.
func (d ramdisk) add(at, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	d.put(at, content)
	return nil
}

func (d ramdisk) put(at string, content []byte) {
	d[at] = file{content, program}
	for dir := filepath.Dir(at); dir != "/"; dir = filepath.Dir(dir) {
		d[dir] = file{mode: folder}
	}
}

var library = regexp.MustCompile(`(?m)^\s*(?:\S+ => )?(/\S+) \(0x`)

// addProgram puts in a program or a shared object with the libraries it needs,
// these where they are on this machine.
func (d ramdisk) addProgram(at, from string) error {
	out, err := exec.Command("ldd", from).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ldd %s: %w: %s", from, err, out)
	}
	for _, m := range library.FindAllStringSubmatch(string(out), -1) {
		if err := d.add(m[1], m[1]); err != nil {
			return err
		}
	}
	return d.add(at, from)
}

// addModules puts in drivers of a kernel with what they need, and the list
// /modules of them in the order to load.
func (d ramdisk) addModules(kernel string, names ...string) error {
	root := filepath.Join("/lib/modules", kernel)
	text, err := os.ReadFile(filepath.Join(root, "modules.dep"))
	if err != nil {
		return err
	}
	var order []string
	for _, name := range names {
		// path.ko: paths of all it needs, those first that need the others
		line := regexp.MustCompile(`(?m)^(\S*/` + name + `\.ko\S*):(.*)$`).FindStringSubmatch(string(text))
		if line == nil {
			return fmt.Errorf("kernel %s has no module %s", kernel, name)
		}
		needed := append([]string{line[1]}, strings.Fields(line[2])...)
		for _, path := range slices.Backward(needed) {
			path = filepath.Join(root, path)
			if slices.Contains(order, path) {
				continue
			}
			order = append(order, path)
			if err := d.add(path, path); err != nil {
				return err
			}
		}
	}
	d.put("/modules", []byte(strings.Join(order, "\n")))
	return nil
}

// write packs the disk as the kernel wants it: cpio, format newc, folders
// before what is in them (Documentation/driver-api/early-userspace/buffer-format.rst).
func (d ramdisk) write(to io.Writer) error {
	w := bufio.NewWriter(to)
	at := 0
	say := func(b []byte) {
		w.Write(b)
		at += len(b)
		for ; at%4 != 0; at++ {
			w.WriteByte(0)
		}
	}
	entry := func(inode int, name string, f file) {
		say(fmt.Appendf(nil, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
			inode, f.mode, 0, 0, 1, 0, len(f.content), 0, 0, 0, 0, len(name)+1, 0, name))
		say(f.content)
	}
	var names []string
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		entry(i+1, strings.TrimPrefix(name, "/"), d[name])
	}
	entry(0, "TRAILER!!!", file{})
	return w.Flush() // with the first error of all
}
