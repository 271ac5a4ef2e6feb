package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
)

// agree makes sure that Lua does the same work: the same events, in the same
// order. Lua has no order of keys, and one time for all events of a record.
func (p *pipeline) agree(ctx context.Context, s *scenario) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var scanners [2]*bufio.Scanner
	for i, v := range []variant{ours, lua} {
		file, err := os.Create(p.path(filterNames[v] + ".ndjson"))
		if err != nil {
			return err
		}
		defer file.Close()
		var log strings.Builder
		command := p.command(ctx, s, v, "few.log", "stdout", "-m", "flow", "-p", "format=json_lines", "-p", "json_date_key=false")
		command.Stdout, command.Stderr = file, &log
		if err := command.Run(); err != nil {
			return fmt.Errorf("%q: %w\n%s", command.Args, err, log.String())
		}
		if _, err := file.Seek(0, 0); err != nil {
			return err
		}
		scanners[i] = bufio.NewScanner(file)
		scanners[i].Buffer(nil, 1<<20)
	}
	count := 0
	for ; scanners[0].Scan(); count++ {
		if !scanners[1].Scan() {
			return fmt.Errorf("%s: Lua ends after %d events", s.name, count)
		}
		if a, b := scanners[0].Bytes(), scanners[1].Bytes(); !same(a, b) {
			return fmt.Errorf("%s: event %d differs:\n%s\n%s", s.name, count, a, b)
		}
	}
	if scanners[1].Scan() || count == 0 {
		return fmt.Errorf("%s: nsgflow ends after %d events, before Lua", s.name, count)
	}
	return nil
}

func same(a, b []byte) bool {
	var x, y any
	for _, e := range []struct {
		text []byte
		to   *any
	}{{a, &x}, {b, &y}} {
		d := json.NewDecoder(strings.NewReader(string(e.text)))
		d.UseNumber()
		if d.Decode(e.to) != nil {
			return false
		}
	}
	return reflect.DeepEqual(x, y)
}
