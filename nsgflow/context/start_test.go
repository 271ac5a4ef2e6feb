package context

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Who starts while a file is replaced, again and again, starts with that file.
func TestStartWhileAFileIsReplaced(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "networks.csv")
	put := func(i int) {
		next := fmt.Sprint(path, ".next")
		if err := os.WriteFile(next, fmt.Appendf(nil, "cidr,name\n10.0.0.0/8,name-%0*d\n", i%50, i), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Error(err)
		}
	}
	put(0)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				put(i)
			}
		}
	}()
	for range 5000 {
		var w Watcher
		c, err := w.Open(Options{Networks: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Generation().Endpoint(netip.MustParseAddr("10.1.2.3"), Origin{}); a.Network == "" {
			t.Error("no network at the start")
		}
		c.Close()
	}
	close(stop)
	writer.Wait()
}

// A fault in the watcher's own goroutine is said, and the agent lives.
func TestFaultWhileLooking(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "networks.csv")
	if err := os.WriteFile(path, []byte("cidr,name\n10.0.0.0/8,ten\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 100)
	var w Watcher
	c, err := w.Open(Options{Networks: []string{path}, Check: 1, Log: func(level Level, line string) {
		if level == Error {
			said <- line
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.mu.Lock()
	for _, f := range w.files {
		f.of = nil // what it is for is lost
		f.tried = nil
	}
	w.mu.Unlock()
	if err := os.WriteFile(path, []byte("cidr,name\n10.0.0.0/8,eleven\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-said
	if a := c.Generation().Endpoint(netip.MustParseAddr("10.1.2.3"), Origin{}); a.Network != "ten" {
		t.Errorf("%q is in use", a.Network)
	}
	for _, s := range c.sources { // Close wants it back
		for _, f := range s.files {
			f.of = []*source{s}
		}
	}
}
