package contract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"

	"github.com/google/go-cmp/cmp"
)

// counters are the lines that the stand-in prints of its counters.
func counters(log string) (series []string) {
	for line := range strings.Lines(log) {
		if text, ok := strings.CutPrefix(line, "host: fluentbit_filter_nsgflow_"); ok {
			series = append(series, strings.TrimSpace(text))
		}
	}
	return series
}

// Counters are set where the instance has its metrics in the place of its
// release, and nothing is touched where that is not certain. The stand-in
// fails where one goes down or is set after exit.
func TestCounters(t *testing.T) {
	t.Parallel()
	// The first instance looks elsewhere.
	options := [][]string{{"key=elsewhere"}, {}}
	in := chunk(t, engine.New, flows+foreign)
	var want []string
	for i, n := range []struct{ allowed, denied, foreign int }{{0, 0, 6}, {2, 4, 2}} {
		label := fmt.Sprintf("{name=nsgflow.%d", i)
		want = append(want,
			"flows_total"+label+",kind=nsg,decision=unknown} 0",
			fmt.Sprintf("flows_total%s,kind=nsg,decision=allowed} %d", label, n.allowed),
			fmt.Sprintf("flows_total%s,kind=nsg,decision=denied} %d", label, n.denied),
			"flows_total"+label+",kind=vnet,decision=unknown} 0",
			"flows_total"+label+",kind=vnet,decision=allowed} 0",
			"flows_total"+label+",kind=vnet,decision=denied} 0",
			fmt.Sprintf("events_total%s} %d", label, n.allowed+n.denied),
			"dropped_total"+label+",reason=allowed} 0",
			"dropped_total"+label+",reason=denied} 0",
			"dropped_total"+label+",reason=begin} 0",
			"dropped_total"+label+",reason=continue} 0",
			"dropped_total"+label+",reason=end} 0",
			"errors_total"+label+"} 0",
			"unknown_codes_total"+label+"} 0",
			fmt.Sprintf("foreign_records_total%s} %d", label, n.foreign),
			"empty_flow_logs_total"+label+"} 0",
			"faults_total"+label+"} 0")
	}
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		host.Options = options
		for _, flags := range [][]string{{"-c"}, {"-c", "-u"}} {
			host.Flags = append(flags, "-r", "2")
			expected := want
			if host.Stride == 96 || len(flags) == 2 {
				expected = nil
			}
			got := run(t, host, 0, in)
			if diff := cmp.Diff(expected, counters(got.Log)); diff != "" {
				t.Errorf("%q (-want +got): %s", host.Flags, diff)
			}
		}
	})
}

// What is dropped counts under its reason and nowhere else, and aggregated
// flows are fewer events.
func TestCountersOfVolume(t *testing.T) {
	t.Parallel()
	in := chunk(t, engine.New, flows)
	for option, want := range map[string][]string{
		"drop=denied":    {"flows_total{name=nsgflow.0,kind=nsg,decision=denied} 0", "events_total{name=nsgflow.0} 2", "dropped_total{name=nsgflow.0,reason=denied} 4"},
		"aggregate=host": {"flows_total{name=nsgflow.0,kind=nsg,decision=denied} 4", "events_total{name=nsgflow.0} 4", "dropped_total{name=nsgflow.0,reason=denied} 0"},
	} {
		got := run(t, engine.StandIn{Layout: "3.2", Stride: 104, Options: [][]string{{option}}, Flags: []string{"-c", "-r", "2"}}, 0, in)
		for _, line := range want {
			if !slices.Contains(counters(got.Log), line) {
				t.Errorf("%s: no %s in\n%s", option, line, strings.Join(counters(got.Log), "\n"))
			}
		}
	}
}
