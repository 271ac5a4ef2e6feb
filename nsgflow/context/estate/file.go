package estate

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	address "fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/context/internal/inventory"
)

// write writes the lines of the file.
func (inv *Inventory) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	put := func() error { _, err := line.WriteTo(out); return err } // which empties it
	head := struct {
		inventory.Line
		Subscriptions int `json:"subscriptions"` // nobody reads it
	}{inventory.Line{Version: json.RawMessage("1"), Time: inv.time.Format(time.RFC3339), Cloud: inv.cloud}, inv.subscriptions}
	if err := cmp.Or(e.Encode(head), put()); err != nil {
		return err
	}
	inv.LeftOut, inv.Odd = 0, nil
	lines, odd := map[string]int{}, map[string]int{} // by the kind of object
	var check address.ObjectCheck
	for i := range inv.lines {
		kind := inv.lines[i].T
		lines[kind]++
		if err := e.Encode(&inv.lines[i]); err != nil {
			return err
		}
		if err := check.Object(line.Bytes()); err != nil {
			odd[kind]++
			if inv.LeftOut++; inv.Odd == nil {
				inv.Odd = fmt.Errorf("%s: %w", cmp.Or(inv.lines[i].ID, inv.lines[i].VNet), err)
			}
			line.Reset()
			continue
		}
		if err := put(); err != nil {
			return err
		}
	}
	if err := check.TooMany(); err != nil {
		return err
	}
	// Where more than some are odd, the form has changed, and the old file is better.
	for kind, n := range odd {
		if n > 1 && 2*n > lines[kind] || n > 100 && n > lines[kind]/100 {
			return fmt.Errorf("%d of %d objects %q are such as no filter would read, the first: %w", n, lines[kind], kind, inv.Odd)
		}
	}
	end := inventory.Line{T: "end", Lines: inv.Objects() + 1}
	return cmp.Or(e.Encode(end), put(), out.Flush())
}

// WriteFile replaces a file by the inventory: whoever reads it has the old one or
// the new one, whole, also after a power cut. One that no reader would take, because it
// is too large, replaces nothing.
func (inv *Inventory) WriteFile(path string) error { return replace(path, inv.write) }

// Sweep removes what a kill in the middle of a WriteFile has left beside a file.
func Sweep(path string) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".*"))
	for _, file := range left {
		os.Remove(file)
	}
}

// replace writes aside, syncs and renames.
func replace(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
