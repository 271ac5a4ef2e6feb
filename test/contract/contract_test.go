// Package contract checks the shared object's manners as a plugin, in the
// stand-in host: layouts, options, log lines, fork, threads, memory.
package contract

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
)

const flows = `{"time":"2024-08-19T18:00:12.1234567Z","macAddress":"00224871C205","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/N","operationName":"NetworkSecurityGroupFlowEvents","version":2,"rule":"DefaultRule_AllowInternetOutBound","flow.0":"1724090400,10.0.0.4,203.0.113.7,52000,443,T,O,A,B,,,,"}
{"time":"2024-08-19T18:00:12.1234567Z","rule":"UserRule_Block","operationName":"NetworkSecurityGroupFlowEvents","flow.0":"1724090401,198.51.100.9,10.0.0.4,4000,22,T,I,D,B,,,,","flow.1":"1724090402,198.51.100.9,10.0.0.4,4001,23,T,I,D"}
`

const foreign = `{"log":"GET / 200","n":17,"nested":{"a":[1,2,{"b":null}]}}` + "\n"

func chunk(t *testing.T, framing engine.Framing, lines string) []byte {
	t.Helper()
	packed, err := engine.Pack(framing, time.Unix(1700000000, 0), []byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// run fails the test where the stand-in does not end with code.
func run(t *testing.T, host engine.StandIn, code int, chunks ...[]byte) engine.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	got, err := host.Run(ctx, chunks...)
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != code {
		t.Fatalf("exit code %d, want %d\n%s", got.Code, code, got.Log)
	}
	return got
}

func everyHost(t *testing.T, test func(*testing.T, engine.StandIn)) {
	for _, layout := range engine.Layouts {
		for _, stride := range engine.Strides {
			t.Run(fmt.Sprintf("%s/%d", layout, stride), func(t *testing.T) {
				t.Parallel()
				test(t, engine.StandIn{Layout: layout, Stride: stride})
			})
		}
	}
}

func TestEveryLayoutGivesTheSame(t *testing.T) {
	t.Parallel()
	in := [][]byte{chunk(t, engine.New, flows), chunk(t, engine.Old, flows), chunk(t, engine.New, foreign), {}}
	want := run(t, engine.StandIn{}, 0, in...).Chunks
	if bytes.Equal(want[0], in[0]) || bytes.Equal(want[1], in[1]) {
		t.Error("flow logs came back unchanged")
	}
	if !bytes.Equal(want[2], in[2]) {
		t.Errorf("foreign chunk came back as %x, was %x", want[2], in[2])
	}
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		got := run(t, host, 0, in...)
		for i := range want {
			if !bytes.Equal(got.Chunks[i], want[i]) {
				t.Errorf("chunk %d: got %x, want %x", i, got.Chunks[i], want[i])
			}
		}
		const line = "[ info] [filter:nsgflow:nsgflow.0] "
		if !strings.Contains(got.Log, line) {
			t.Errorf("no line begins %q:\n%s", line, got.Log)
		}
	})
}

// A host whose own filters cannot be looked at is told by its cmetrics, which
// only one build of the stand-in has.
func TestLayoutWithoutOwnFilters(t *testing.T) {
	t.Parallel()
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		host.Flags = []string{"-g"}
		if host.Stride == 104 {
			run(t, host, 0, chunk(t, engine.New, flows))
			return
		}
		if got := run(t, host, 255); !strings.Contains(got.Log, "not a Fluent Bit that the plugin knows") {
			t.Errorf("refused for another reason:\n%s", got.Log)
		}
	})
}

func TestOptionTable(t *testing.T) {
	t.Parallel()
	want := run(t, engine.StandIn{Flags: []string{"-h"}}, 0).Stdout
	version, err := os.ReadFile(engine.Path("build", "version"))
	if err != nil {
		t.Fatal(err)
	}
	if text := "(nsgflow " + strings.TrimSpace(string(version)) + ")\n"; !bytes.Contains(want, []byte(text)) {
		t.Errorf("the description lacks %q:\n%s", text, want)
	}
	for _, key := range []string{"schema", "key", "original", "timestamp_key", "reserve_data", "on_error"} {
		if !bytes.Contains(want, []byte("\n"+key+"\t")) {
			t.Errorf("option %s is missing:\n%s", key, want)
		}
	}
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		host.Flags = []string{"-h"}
		if got := run(t, host, 0).Stdout; !bytes.Equal(got, want) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

func TestRefusedStart(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		"original=perhaps":     `[filter:nsgflow:nsgflow.0] option original: "perhaps" is not allowed, it takes: on, off`,
		"schema=elastic":       `[filter:nsgflow:nsgflow.0] option schema: "elastic" is not allowed, it takes: `,
		"key=":                 `[filter:nsgflow:nsgflow.0] option key: "" is not allowed, it takes: name of a field`,
		"on_error=a\nb":        `[filter:nsgflow:nsgflow.0] option on_error: "a\nb" is not allowed, it takes: keep, drop`,
		"timestamp_key=source": `[filter:nsgflow:nsgflow.0] option timestamp_key: "source" is not allowed, it takes: `,
		"no_such_key=1":        `unknown configuration property 'no_such_key=1'`,
	} {
		everyHost(t, func(t *testing.T, host engine.StandIn) {
			host.Options = [][]string{{options}}
			if got := run(t, host, 255); !strings.Contains(got.Log, want) {
				t.Errorf("%q: the log lacks %q:\n%s", options, want, got.Log)
			}
		})
	}
}

// The second instance is refused: the first must not be in its way.
func TestInstancesHaveTheirOwnOptions(t *testing.T) {
	t.Parallel()
	in := chunk(t, engine.New, flows)
	run(t, engine.StandIn{Options: [][]string{{"original=off"}, {"original=what"}}}, 255, in)
	got := run(t, engine.StandIn{Options: [][]string{{"ORIGINAL=Off", "key=elsewhere"}, {"original=yes"}}}, 0, in)
	for _, name := range []string{"nsgflow.0", "nsgflow.1"} {
		if !strings.Contains(got.Log, "[filter:nsgflow:"+name+"] ") {
			t.Errorf("%s left no summary:\n%s", name, got.Log)
		}
	}
}

func TestTwiceIsOnce(t *testing.T) {
	t.Parallel()
	in := chunk(t, engine.New, flows+foreign)
	once := run(t, engine.StandIn{}, 0, in)
	twice := run(t, engine.StandIn{Flags: []string{"-n", "2"}}, 0, in)
	if !bytes.Equal(once.Chunks[0], twice.Chunks[0]) {
		t.Errorf("once %x\ntwice %x", once.Chunks[0], twice.Chunks[0])
	}
}

func TestForkIsRefused(t *testing.T) {
	t.Parallel()
	everyHost(t, func(t *testing.T, host engine.StandIn) {
		host.Flags = []string{"-d"}
		if got := run(t, host, 255); !strings.Contains(got.Log, "cannot run in daemon mode") {
			t.Errorf("refused for another reason:\n%s", got.Log)
		}
	})
}

// Processors of 2.1.0 to 2.1.3 call one instance from several threads.
func TestThreads(t *testing.T) {
	t.Parallel()
	var in [][]byte
	for i := range 50 {
		in = append(in, chunk(t, engine.New, strings.Repeat(flows, i)+foreign))
	}
	run(t, engine.StandIn{Flags: []string{"-j", "8", "-n", "2"}}, 0, in...)
}

// TestArm64 loads the cross-built object once under emulation.
func TestArm64(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "aarch64-linux-gnu-gcc", "qemu-aarch64-static")
	in := chunk(t, engine.New, flows+foreign)
	want := run(t, engine.StandIn{}, 0, in)
	got := run(t, engine.StandIn{Arch: "arm64"}, 0, in)
	if string(got.Chunks[0]) != string(want.Chunks[0]) {
		t.Errorf("arm64 %x\namd64 %x", got.Chunks[0], want.Chunks[0])
	}
}
