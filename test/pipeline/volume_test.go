package pipeline

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/loggen"
)

// sumsOf adds the counters of events in big integers, by decision, direction
// and side, and counts their tuples.
func sumsOf(t *testing.T, events []event.Event) map[string]string {
	t.Helper()
	sums := map[string]*big.Int{}
	for _, e := range events {
		word := func(path ...string) string { v, _ := e.Body.At(path...).(string); return v }
		key := word("event", "action") + " " + word("network", "direction") + " "
		add := func(name string, value any) {
			number, ok := value.(json.Number)
			if !ok {
				return
			}
			n, ok := new(big.Int).SetString(number.String(), 10)
			if !ok {
				t.Fatalf("%s is %s", name, number)
			}
			if sums[key+name] == nil {
				sums[key+name] = new(big.Int)
			}
			sums[key+name].Add(sums[key+name], n)
		}
		for _, side := range []string{"source", "destination", "network"} {
			for _, counter := range []string{"packets", "bytes"} {
				add(side+" "+counter, e.Body.At(side, counter))
			}
		}
		var tuples any = json.Number("1")
		if n := e.Body.At("azure", "flow_log", "aggregate", "tuples"); n != nil {
			tuples = n
		}
		add("tuples", tuples)
	}
	all := map[string]string{}
	for name, sum := range sums {
		all[name] = sum.String()
	}
	return all
}

// lean.conf, as it stands, makes a few small events of a log, and keeps every
// flow, byte and packet.
func TestLean(t *testing.T) {
	var input strings.Builder
	for _, family := range []loggen.Family{loggen.NSGv2, loggen.VNet} {
		log := loggen.Log{Family: family, Records: 4, Tuples: 300, Seed: 9, Traffic: loggen.Realistic}
		if err := log.Write(&input, loggen.Blob); err != nil {
			t.Fatal(err)
		}
	}
	excluded := regexp.MustCompile(`(?m)^ *exclude_fields +(\S+)$`).FindStringSubmatch(textfile.Read(t, "conf/lean.conf"))
	if excluded == nil {
		t.Fatal("lean.conf excludes no fields")
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		all := r.Events(t, "ecs", input.String())
		want := sumsOf(t, all)
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/input.log", input.String())
		a := r.Start(t, root, nil, "-c", "etc/lean.conf")
		a.Until("all tuples", func() bool {
			sums := sumsOf(t, a.Printed())
			return sums["accept inbound tuples"] == want["accept inbound tuples"] && sums["reject inbound tuples"] == want["reject inbound tuples"]
		})
		a.Stop()
		got := a.Printed()
		if len(got) > len(all)/8 {
			t.Errorf("%d events of %d", len(got), len(all))
		}
		if diff := cmp.Diff(want, sumsOf(t, got)); diff != "" {
			t.Errorf("sums (-without aggregation +got): %s", diff)
		}
		for _, e := range got {
			for _, name := range strings.Split(excluded[1], ",") {
				if v := e.Body.At(strings.Split(name, ".")...); v != nil {
					t.Errorf("%s is %v", name, v)
				}
			}
		}
	})
}

// A wrong value of each option stops the start.
func TestVolumeOptionsAreChecked(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, set := range []string{"aggregate all", "aggregate_denied yes", "drop begin,middle", "exclude_fields observer,nothing"} {
			root := fluentbit.Stage(t)
			textfile.Write(t, root, "flow-logs/input.log", "")
			textfile.Write(t, root, "etc/wrong.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", fluentbit.ExitOnEOF)+fluentbit.Filtering("*", "schema ecs", set)+fluentbit.Printing)
			a := r.Start(t, root, nil, "-c", "etc/wrong.conf")
			if code := a.Wait(); code == 0 {
				t.Errorf("%s: exit code 0", set)
			}
			key, value, _ := strings.Cut(set, " ")
			if !slices.ContainsFunc(textfile.Lines(a.Log.String()), func(line string) bool {
				return strings.Contains(line, "option "+key+`: "`+value+`" is not allowed, it takes: `)
			}) && !r.LosesLastLines() {
				t.Errorf("%s: the log does not say why\n%s", set, a.Log.String())
			}
		}
	})
}

// As a processor the filter takes the same options.
func TestAggregateProcessor(t *testing.T) {
	processorGives(t, "schema: ecs\n            aggregate: service\n            aggregate_denied: service",
		"nsgflow/testdata/aggregate/nsg.input.json", "test/cases/aggregate_service/expected.ndjson")
}
