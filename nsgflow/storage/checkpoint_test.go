package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

func TestStateOfAnotherAgent(t *testing.T) {
	c := azure.NewContainer(t)
	o := opts(t, c)
	open(t, o)
	if _, err := NewAgent().Open(o, func(Level, string) {}, func() {}); err == nil || !strings.Contains(err.Error(), "in use by another agent") {
		t.Errorf("second agent: %v", err)
	}
	o.StatePath = t.TempDir()
	if err := os.WriteFile(filepath.Join(o.StatePath, "nsgflow.db"), bytes.Repeat([]byte("no database "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAgent().Open(o, func(Level, string) {}, func() {}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("damaged: %v", err)
	}
	o.StatePath = filepath.Join(o.StatePath, "nsgflow.db", "below-a-file")
	if _, err := NewAgent().Open(o, func(Level, string) {}, func() {}); err == nil || !strings.HasPrefix(err.Error(), "option state_path: ") {
		t.Errorf("no folder: %v", err)
	}
}

// A disk that is full holds nothing up: it is said once, and checkpoints move
// when there is room again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip("SKIPPED, a small disk takes the right to mount: " + err.Error())
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	c := azure.NewContainer(t)
	o := opts(t, c)
	o.StatePath = dir
	f, log := open(t, o)
	await(t, "first look", func() bool { _, ok, _ := f.store.begun(bucketOf(t, c)); return ok })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	var names []string
	for nic := range 100 { // more than fits in what the store holds already
		names = append(names, azure.NSGName("EDGE-NSG", nic, azure.ThisHour))
	}
	want := fill(t, c, names)
	same(t, take(t, f, total(want)), want)
	await(t, "trouble", func() bool { return log.count("checkpoints: cannot be written") == 1 })
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, "its end", func() bool { return log.count("checkpoints: recovered") == 1 })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, _ = open(t, o)
	want = fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
	same(t, take(t, f, total(want)), want)
	if log.count("checkpoints: cannot") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// Two agents that are started at the same time find no checkpoint file, both.
func TestTwoAgentsMakeTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	s, err := openStore(file)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := createStore(file); err != nil { // the other has looked before
		t.Fatal(err)
	}
	if other, err := openStore(file); err == nil {
		other.close()
		t.Error("two have it open")
	}
}

// What is no damage is not called so: the file is not to be moved away.
func TestWhatIsNoDamage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nsgflow.db")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := openStore(file)
	if err == nil || strings.Contains(err.Error(), "move it away") {
		t.Error(err)
	}
}
