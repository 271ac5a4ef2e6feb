package contract

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// Every layout gives the same records, with both kinds of storage.
func TestInputEveryLayout(t *testing.T) {
	l := newLogs(t).grow(3, 4).grow(2, 1)
	for _, layout := range engine.InputLayouts {
		for _, stride := range engine.Strides {
			for kind, flags := range kinds {
				t.Run(fmt.Sprintf("%s/%d/%s", layout, stride, kind), func(t *testing.T) {
					t.Parallel()
					h := l.host(t, flags...)
					h.Layout, h.Stride = layout, stride
					r := begin(t, h)
					until(t, r, func(s engine.InputState) bool { return l.all(s) && s.Held == 0 })
					l.stopAndCheck(t, r, h)
				})
			}
		}
	}
}

// The host refuses: nothing is dropped, nothing comes twice. The stand-in fails
// where another segment is offered than the one that it refused.
func TestInputRefusedAppends(t *testing.T) {
	everyKind(t, func(t *testing.T, flags ...string) {
		l := newLogs(t)
		h := l.host(t, flags...)
		r := begin(t, h)
		do(t, r, "take 0")
		l.grow(40, 20)
		s := until(t, r, func(s engine.InputState) bool { return s.Refused >= 3 })
		if s.Records > 0 {
			t.Errorf("the host took something while it refused: %+v", s)
		}
		do(t, r, "take -1")
		until(t, r, func(s engine.InputState) bool { return s.Records > 0 })
		s = do(t, r, "take 0")
		l.grow(40, 20)
		until(t, r, func(now engine.InputState) bool { return now.Refused >= s.Refused+3 })
		do(t, r, "take -1")
		until(t, r, l.all)
		l.stopAndCheck(t, r, h)
	})
}

// The stand-in fails where something is appended while it is paused.
func TestInputPause(t *testing.T) {
	everyKind(t, func(t *testing.T, flags ...string) {
		l := newLogs(t).grow(5, 5)
		h := l.host(t, flags...)
		r := l.beginUntilAll(t, h)
		do(t, r, "pause")
		l.grow(100, 20)
		time.Sleep(1500 * time.Millisecond) // a poll
		if s := do(t, r, "status"); s.Paused != 1 || l.all(s) {
			t.Errorf("paused: %+v", s)
		}
		do(t, r, "resume")
		until(t, r, l.all)
		l.stopAndCheck(t, r, h)
	})
}

// A host over its limit calls cb_pause from inside the append that got there.
func TestInputOverLimit(t *testing.T) {
	everyKind(t, func(t *testing.T, flags ...string) {
		l := newLogs(t).grow(100, 20)
		h := l.host(t, append(flags, "-m", "65536", "-f", "20")...)
		r := begin(t, h)
		s := until(t, r, l.all)
		if s.Resumes < 3 {
			t.Errorf("%d resumes: the limit was not reached", s.Resumes)
		}
		l.stopAndCheck(t, r, h)
	})
}

// A clean stop repeats nothing and loses nothing, in the middle of it; nor does
// a hot reload.
func TestInputStop(t *testing.T) {
	everyKind(t, func(t *testing.T, flags ...string) {
		l := newLogs(t).growTimes(4, 50, 40)
		h := l.host(t, append(flags, "-l", "0")...)
		took := func(r *engine.InputRun) {
			refused := do(t, r, "take 3").Refused
			until(t, r, func(s engine.InputState) bool { return s.Refused > refused })
		}
		for range 3 {
			r := begin(t, h)
			took(r)
			do(t, r, "reload")
			took(r)
			do(t, r, "reload")
			took(r)
			stop(t, r)
		}
		rest := len(l.records) - len(delivered(t, h, false))
		if rest <= 0 {
			t.Error("all was read before the last stop")
		}
		h.Flags = flags
		r := begin(t, h)
		until(t, r, func(s engine.InputState) bool { return s.Records >= rest })
		l.stopAndCheck(t, r, h)
	})
}

// The exit of one instance leaves the other alone.
func TestInputTwoInstances(t *testing.T) {
	everyKind(t, func(t *testing.T, flags ...string) {
		l := newLogs(t).grow(5, 5)
		h := l.host(t, flags...)
		one := h.Options[0]
		h.Options = [][]string{append([]string{"containers=insights-logs-networksecuritygroupflowevent"}, one...),
			append([]string{"containers=insights-logs-flowlogflowevent"}, one...)}
		r := l.beginUntilAll(t, h)
		before := do(t, r, "exit 0").Records
		l.grow(5, 5)
		until(t, r, func(s engine.InputState) bool { return s.Records-before >= 10 })
		// Both begin again, with what the first has not read, or has lost from memory.
		do(t, r, "reload")
		l.comes(t, h, false)
		l.stopAndCheck(t, r, h)
	})
}

// What a host lacks decides whether it is known.
func TestInputUnknownHost(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(1, 1)
	for _, host := range []struct {
		layout, lacks string
		known         bool
	}{
		{"unknown", "", false},
		{"moved", "", false},
		{"5.1", "flb_input_chunk_total_size", false},
		{"5.1", "flb_input_log_append_records", false}, // what else it has is not 1.9's
		{"2.0.7", "flb_input_collector_pause", false},
		{"1.9", "flb_input_chunk_append_raw", false},
		{"5.1", "flb_engine_dispatch", true},
		{"5.1", "flb_input_log_check", true},
		{"5.1", "flb_input_get_cmt_instance", true},
		{"5.1", "cmt_gauge_set", true},
	} {
		t.Run(host.layout+"/"+host.lacks, func(t *testing.T) {
			t.Parallel()
			h := l.host(t)
			h.Layout = host.layout
			if host.lacks != "" {
				h.Flags = []string{"-x", host.lacks}
			}
			if !host.known {
				refuses(t, h, "this is not a Fluent Bit that the native input knows (1.9 to 5.1): load the object by the name in_nsgflow.so instead")
				return
			}
			r := l.beginUntilAll(t, h)
			stop(t, r)
		})
	}
}

// refuses fails the test where the host starts, or the log lacks a text.
func refuses(t *testing.T, h engine.InputHost, want string) {
	t.Helper()
	r, end, err := h.Start()
	if err != nil {
		t.Fatal(err)
	}
	if r != nil {
		r.Kill()
	}
	if end == nil || end.Code != 255 || !strings.Contains(end.Log, want) {
		t.Errorf("not refused, or the log lacks %q: %+v", want, end)
	}
}

func TestInputRefusedStart(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]string{
		"no_such_key=1":        "unknown configuration property 'no_such_key=1'",
		"concurrency=0":        `[error] [input:nsgflow:nsgflow.0] option concurrency: "0" is not allowed, it takes: `,
		"account=A":            `option account: "A" is not allowed, it takes: names of storage accounts`,
		"state_path=/proc/nsg": "option state_path: ",
		"poll_interval=1s":     "option account: missing, name the storage account, or give endpoint or connection_string; if it is given, the plugin is loaded twice",
	} {
		for _, layout := range engine.InputLayouts {
			options := []string{option}
			if strings.HasPrefix(option, "state_path") {
				options = append(options, "account=flowlogs")
			}
			refuses(t, engine.InputHost{Dir: t.TempDir(), Layout: layout, Options: [][]string{options}}, want)
		}
	}
}

// Two sections may not follow the same container with the same checkpoints.
func TestInputSameContainerTwice(t *testing.T) {
	t.Parallel()
	h := newLogs(t).host(t)
	h.Options = append(h.Options, h.Options[0])
	refuses(t, h, "[input:nsgflow:nsgflow.1] account ")
}

// The same object by both of its names would be two inputs for one section.
func TestInputLoadedTwice(t *testing.T) {
	t.Parallel()
	refuses(t, newLogs(t).host(t, "-p"), "[input:nsgflow:nsgflow.0] loaded twice, as flb-in_nsgflow.so and as in_nsgflow.so: load one of them")
}

// Daemon mode forks before the inputs begin. Every callback is tried in a child
// that was forked later as well.
func TestInputFork(t *testing.T) {
	t.Parallel()
	l := newLogs(t).grow(2, 2)
	h := l.host(t, "-d")
	r := l.beginUntilAll(t, h)
	l.stopAndCheck(t, r, h)
	if !strings.Contains(r.Log(), "[input:nsgflow:nsgflow.0] cannot run in daemon mode") {
		t.Errorf("refused for another reason:\n%s", r.Log())
	}
}

// A host goes on without a threaded input that was refused, in some releases:
// it is told to stop.
func TestInputThreaded(t *testing.T) {
	t.Parallel()
	l := newLogs(t)
	for _, layout := range engine.InputLayouts {
		h := l.host(t, "-t")
		h.Layout = layout
		refuses(t, h, "[error] [input:nsgflow:nsgflow.0] option threaded: is not allowed, it takes: off")
		refuses(t, h, "host: told to stop")
	}
}

// A storage service that takes connections and never answers holds up neither
// the start nor the end: the stand-in sees to that.
func TestInputSilentStorage(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	asked := make(chan net.Conn, 100)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			asked <- c
		}
	}()
	dir := t.TempDir()
	r := begin(t, engine.InputHost{Dir: dir, Options: [][]string{{"account=flowlogs", "account_key=a2V5", "state_path=" + dir + "/state",
		"endpoint=http://" + silent.Addr().String()}}})
	c := <-asked
	defer c.Close()
	began := time.Now()
	stop(t, r)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %s", took)
	}
}
