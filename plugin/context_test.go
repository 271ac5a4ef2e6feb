package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/soak"
)

// Filters on goroutines of their own, which end and begin anew, while their files are
// replaced in every way: the events of a chunk are of one generation of each file. The
// contract host does the same with the object; here the race detector looks.
func TestContextReplaced(t *testing.T) {
	files := contexts.NewReplaced(t)
	o := tables.Filter{Options: nsgflow.DefaultOptions(nsgflow.SchemaECS), HasContext: true, Files: context.Options{
		ServiceTags: files.Path("tags.json"), Networks: []string{files.Path("networks.csv")},
		Threats: []context.ThreatList{{Name: "feodo", Path: files.Path("feodo.csv")}}, Check: time.Second}}
	o.Original, o.ReserveData = false, false
	records := strings.Split(strings.TrimSpace(contexts.ReplacedFlows), "\n")
	chunk := engine.PackText(engine.New, arrival, "log", records...)
	stop := files.Replace(t)

	const filters = 2
	ended := make(chan [2]int)
	for range filters {
		go func() {
			chunks, reloads := 0, 0
			defer func() { ended <- [2]int{chunks, reloads} }()
			for start := time.Now(); time.Since(start) < soak.Time("context"); reloads++ {
				var lines storage.Lines
				files.Lock() // a start must not find a file that is bad
				f, err := newFilter(o, nil, lines.Add)
				files.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				var last []byte
				for begun := time.Now(); time.Since(begun) < 3*time.Second; chunks++ {
					out, _, fault := f.run(chunk, nil)
					if bytes.Equal(out, last) { // most time is the filter's
						continue
					}
					last = bytes.Clone(out)
					text, err := engine.Lines(out)
					if err != nil || fault != "" {
						t.Error(err, fault)
						return
					}
					if files.OneGeneration(t, text); t.Failed() {
						return
					}
					f.figures(time.Now())
				}
				f.close()
				lines.Drain(func(storage.Level, string) {})
			}
		}()
	}
	for range filters {
		did := <-ended
		t.Logf("%d chunks, %d starts", did[0], did[1])
	}
	t.Logf("%d generations", stop())
	watch(t, 0)
}
