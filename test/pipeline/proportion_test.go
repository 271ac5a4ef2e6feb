package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/adverse"
	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/soak"
)

// What a megabyte may cost an agent beyond what the same bytes cost it without
// the filter.
const (
	mostAgentCPU    = time.Second
	mostAgentMemory = 200 // MB
)

// unkind is an agent that takes any records over the network: those of the tag
// plain pass the filter by.
type unkind struct {
	*fluentbit.Agent
	t       *testing.T
	conn    net.Conn
	answers *msgpack.Decoder
	metrics string
	sent    int
}

func startUnkind(t *testing.T, r fluentbit.Release, options string) *unkind {
	t.Helper()
	port := fluentbit.FreePort(t)
	metrics, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	root := fluentbit.Stage(t)
	textfile.Write(t, root, "etc/unkind.conf", fluentbit.Service(root)+fmt.Sprintf(`    HTTP_Server On
    HTTP_Listen 127.0.0.1
    HTTP_Port   %d

[INPUT]
    Name              forward
    Listen            127.0.0.1
    Port              %d
    Buffer_Chunk_Size 1M
    Buffer_Max_Size   64M
`, metrics, port)+fluentbit.Filtering("filtered.*", strings.Split(strings.ReplaceAll(options, "=", " "), "\x00")...)+`
[OUTPUT]
    Name  null
    Match *.unkind
`+strings.Replace(fluentbit.Printing, "Match            *", "Match            *.known", 1))
	a := &unkind{t: t, Agent: r.Start(t, root, nil, "-c", "etc/unkind.conf"), metrics: fmt.Sprintf("http://127.0.0.1:%d/api/v1/metrics", metrics)}
	a.Until("its metrics", func() bool { // the last thing to begin
		answer, err := http.Get(a.metrics)
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	a.Until("its port", func() bool {
		a.conn, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil
	})
	t.Cleanup(func() { a.conn.Close() })
	a.answers = msgpack.NewDecoder(a.conn)
	return a
}

// send sends a chunk and waits until the agent has it, which is behind the
// filter.
func (a *unkind) send(tag string, chunk []byte) {
	a.t.Helper()
	a.sent++
	id := fmt.Sprint(a.sent)
	var message bytes.Buffer
	e := msgpack.NewEncoder(&message)
	_ = e.EncodeArrayLen(3)
	_ = e.EncodeString(tag)
	_ = e.EncodeBytes(chunk)
	_ = e.Encode(map[string]string{"chunk": id})
	_ = a.conn.SetDeadline(time.Now().Add(fluentbit.Timeout / 2))
	if _, err := a.conn.Write(message.Bytes()); err != nil {
		a.t.Fatalf("%s: %v", tag, err)
	}
	answer, err := a.answers.DecodeMap()
	if err != nil || answer["ack"] != id {
		a.t.Fatalf("%s: answer %v, %v", tag, answer, err)
	}
}

// delivered is how many records the null output has taken.
func (a *unkind) delivered() (n int) {
	answer, err := http.Get(a.metrics)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	var all struct {
		Output map[string]struct {
			Records int `json:"proc_records"`
		}
	}
	_ = json.Unmarshal(body, &all)
	return all.Output["null.0"].Records
}

// use is what a process has used.
type use struct {
	cpu    time.Duration
	memory int // MB at the peak
}

// measure runs something and says what the agent needed for it. The peak is that
// since the beginning, beyond what was in use then.
func (a *unkind) measure(run func()) use {
	a.t.Helper()
	proc := fmt.Sprintf("/proc/%d/", a.Pid())
	if err := os.WriteFile(proc+"clear_refs", []byte("5"), 0); err != nil {
		a.t.Fatal(err)
	}
	cpu, memory := cpuOf(a.t, proc), highWater(a.t, proc)
	run()
	return use{cpuOf(a.t, proc) - cpu, highWater(a.t, proc) - memory}
}

// cpuOf is a process's time in user and kernel mode.
func cpuOf(t *testing.T, proc string) time.Duration {
	t.Helper()
	_, after, _ := strings.Cut(textfile.Read(t, proc+"stat"), ") ")
	const user = 11 // of the columns behind the name, which may hold anything
	var ticks, system int
	columns := strings.Fields(after)
	fmt.Sscan(columns[user], &ticks)
	fmt.Sscan(columns[user+1], &system)
	return time.Duration(ticks+system) * 10 * time.Millisecond
}

func highWater(t *testing.T, proc string) (mb int) {
	t.Helper()
	_, after, _ := strings.Cut(textfile.Read(t, proc+"status"), "VmHWM:")
	fmt.Sscan(after, &mb)
	return mb / 1024
}

// countRecords counts the records of a chunk.
func countRecords(t *testing.T, chunk []byte) (n int) {
	t.Helper()
	r := bytes.NewReader(chunk)
	d := msgpack.NewDecoder(r)
	for ; r.Len() > 0; n++ {
		if err := d.Skip(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

const (
	knownTuple = "1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A,E,1,74,1,74"
	knownLogs  = `{"message":"{\"properties\":{\"flows\":[{\"rule\":\"r\",\"flows\":[{\"mac\":\"m\",\"flowTuples\":[\"` + knownTuple + `\",\"x\"]}]}]}}","event":{"x":1}}
{"rule":"r","flow.0":"` + knownTuple + `"}
{"flowRecords":{"flows":[{"aclID":"a","flowGroups":[{"rule":"r","flowTuples":["` + knownTuple + `"]}]}]}}
{"log":"GET /"}
`
)

// long: all families, which take some minutes.
var long = soak.Long("families")

// A megabyte that nobody wrote kindly costs an agent no more than a second and
// 200 MB, none of its records is lost, and small records become after it what
// they became before.
func TestProportion(t *testing.T) {
	known, err := engine.Pack(engine.New, time.Unix(1714979289, 0), []byte(knownLogs))
	if err != nil {
		t.Fatal(err)
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		r.NeedsMetrics(t)
		twoAtATime := make(chan bool, 2) // their CPU is measured
		for _, f := range adverse.Families {
			if f.Damaged || !long && !f.Worst {
				continue
			}
			for _, options := range f.Options {
				t.Run(f.Name+"/"+options, func(t *testing.T) {
					t.Parallel() // they wait for figures that come once a second
					twoAtATime <- true
					defer func() { <-twoAtATime }()
					costs(t, r, options, f.Chunk(1<<20), known)
				})
				if !long {
					break
				}
			}
		}
	})
}

func costs(t *testing.T, r fluentbit.Release, options string, chunk, known []byte) {
	a := startUnkind(t, r, strings.ReplaceAll(options, " ", "\x00"))
	var events [2]string // before and after
	sendKnown := func(turn int) {
		from := len(a.Out.String())
		a.send("filtered.known", known)
		a.Until("known events", func() bool { return strings.Contains(a.Out.String()[from:], "GET /") })
		events[turn] = a.Out.String()[from:]
	}
	sendKnown(0)
	delivered := 0
	send := func(tag string, records int) func() {
		return func() {
			a.send(tag, chunk)
			delivered += records
			a.Until("all records", func() bool { return a.delivered() >= delivered })
		}
	}
	plain := a.measure(send("plain.unkind", countRecords(t, chunk)))
	filtered := a.measure(send("filtered.unkind", countRecords(t, through(t, options, chunk))))
	t.Logf("without the filter %v, %d MB; with it %v, %d MB", plain.cpu, plain.memory, filtered.cpu, filtered.memory)
	if more := filtered.cpu - plain.cpu; more > mostAgentCPU {
		t.Errorf("%v of CPU more than without the filter, at most %v", more, mostAgentCPU)
	}
	if more := filtered.memory - plain.memory; more > mostAgentMemory {
		t.Errorf("%d MB more than without the filter, at most %d", more, mostAgentMemory)
	}
	sendKnown(1)
	if events[0] != events[1] {
		t.Errorf("known records became\n%s\nbefore\n%s", events[1], events[0])
	}
	if a.Says("internal error") {
		t.Error("a fault")
	}
	if n := a.delivered(); n != delivered {
		t.Errorf("%d records were delivered, want %d", n, delivered)
	}
	a.Stop()
}

// through is what the library makes of a chunk.
func through(t *testing.T, options string, chunk []byte) []byte {
	t.Helper()
	o, err := adverse.Options(options)
	if err != nil {
		t.Fatal(err)
	}
	n, err := nsgflow.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if out, changed := n.AppendChunk(nil, chunk); changed {
		return out
	}
	return chunk
}
