package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wrongOptions are options that must end the start, and the message.
var wrongOptions = []struct{ key, value, message string }{
	{"schema", "cef", `option schema: "cef" is not allowed, it takes: `},
	{"original", "maybe", `option original: "maybe" is not allowed, it takes: on, off`},
	{"timestamp_key", "event", `option timestamp_key: "event" is not allowed, it takes: `},
	{"timestamp_key", "on", `option timestamp_key: "on" is not allowed, it takes: `},
	{"reserve_data", "2", `option reserve_data: "2" is not allowed, it takes: on, off`},
	{"on_error", "ignore", `option on_error: "ignore" is not allowed, it takes: keep, drop`},
	{"on_error", "a\tb\x1b[31m", `option on_error: "a\tb\x1b[31m" is not allowed`},
	{"colour", "red", "unknown configuration property 'colour'"}, // the host's words
}

func TestWrongOptionsStopTheStart(t *testing.T) {
	inEveryRelease(t, func(t *testing.T, r release) {
		for _, o := range wrongOptions {
			t.Run(o.key+"="+o.value, func(t *testing.T) {
				t.Parallel()
				root := stage(t)
				write(t, root, "flow-logs/sample.json", read(t, "../conf/samples/nsg_v2.json"))
				write(t, root, "etc/wrong.conf", service(root)+tailing(root, "*", "flow", exitOnEOF)+filtering("*", o.key+" "+o.value)+printing)
				a := r.start(t, root, nil, "-c", "etc/wrong.conf")
				refused(t, r, a, o.message)
			})
		}
		t.Run("processor", func(t *testing.T) {
			t.Parallel()
			if r.before(2, 1) {
				t.Skipf("skipped: Fluent Bit %s has no processors", r.version)
			}
			root := stage(t)
			write(t, root, "etc/wrong.yaml", processing(root, "original: maybe"))
			refused(t, r, r.start(t, root, nil, "-c", "etc/wrong.yaml"), wrongOptions[1].message)
		})
	})
}

func refused(t *testing.T, r release, a *agent, message string) {
	t.Helper()
	if code := a.wait(); code != 255 {
		t.Errorf("exit code %d, want 255", code)
	}
	if !strings.Contains(a.log.String(), message) && !r.losesLastLines() {
		t.Errorf("no %s in the log", message)
	}
	if out := a.out.String(); out != "" {
		t.Errorf("on standard output: %s", out)
	}
}

func TestDryRun(t *testing.T) {
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stage(t)
		for _, file := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
			if r.before(2, 1) && filepath.Ext(file) == ".yaml" {
				t.Logf("skipped: %s, Fluent Bit %s reads no plugins_file from YAML", file, r.version)
				continue
			}
			a := r.start(t, root, nil, "--dry-run", "-c", "etc/"+file)
			if code := a.wait(); code != 0 {
				t.Errorf("%s: exit code %d", file, code)
			}
		}
		write(t, root, "etc/wrong.conf", service(root)+tailing(root, "*", "flow", "")+filtering("*", "original maybe")+printing)
		a := r.start(t, root, nil, "--dry-run", "-c", "etc/wrong.conf")
		code := a.wait()
		if r.before(5, 0) {
			t.Logf("not checked: Fluent Bit %s does not ask filters in a dry run, exit code %d", r.version, code)
			return
		}
		if code != 1 || !strings.Contains(a.log.String(), wrongOptions[1].message) {
			t.Errorf("wrong option: exit code %d, want 1 and %s", code, wrongOptions[1].message)
		}
	})
}

// Go does not survive the fork of daemon mode: the child must end with a
// message instead of hanging.
func TestDaemonModeIsRefused(t *testing.T) {
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stage(t)
		logFile := filepath.Join(root, "agent.log")
		conf := filepath.Join(root, "etc", "daemon.conf")
		write(t, root, "etc/daemon.conf", service(root)+"    Log_File "+logFile+"\n    Daemon On\n"+
			tailing(root, "*", "flow", "")+filtering("*")+printing)
		a := r.start(t, root, nil, "-c", conf)
		a.wait()
		a.until("the child's end", func() bool { return !running(t, conf) })
		log := a.log.String()
		if content, err := os.ReadFile(logFile); err == nil {
			log += string(content)
		}
		if !strings.Contains(log, "run it in the foreground") && !r.losesLastLines() {
			t.Errorf("no reason given:\n%s", log)
		}
	})
}

// losesLastLines: up to 2.0 a failing start ends before the thread that
// writes the log has come to its last lines, now and then.
func (r release) losesLastLines() bool { return r.before(2, 1) }

// running looks for a process with an argument.
func running(t *testing.T, argument string) bool {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		// Processes come and go: what cannot be read is not there.
		if content, err := os.ReadFile(command); err == nil && strings.Contains(string(content), argument) {
			return true
		}
	}
	return false
}
