package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
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
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, o := range wrongOptions {
			t.Run(o.key+"="+o.value, func(t *testing.T) {
				t.Parallel()
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/sample.json", textfile.Read(t, "conf/samples/nsg_v2.json"))
				textfile.Write(t, root, "etc/wrong.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", fluentbit.ExitOnEOF)+fluentbit.Filtering("*", o.key+" "+o.value)+fluentbit.Printing)
				a := r.Start(t, root, nil, "-c", "etc/wrong.conf")
				refused(t, r, a, o.message)
			})
		}
		t.Run("processor", func(t *testing.T) {
			t.Parallel()
			if r.Before(2, 1) {
				t.Skipf("skipped: Fluent Bit %s has no processors", r.Version)
			}
			root := fluentbit.Stage(t)
			textfile.Write(t, root, "etc/wrong.yaml", processing(root, "original: maybe"))
			refused(t, r, r.Start(t, root, nil, "-c", "etc/wrong.yaml"), wrongOptions[1].message)
		})
	})
}

func refused(t *testing.T, r fluentbit.Release, a *fluentbit.Agent, message string) {
	t.Helper()
	if code := a.Wait(); code != 255 {
		t.Errorf("exit code %d, want 255", code)
	}
	if !a.Says(message) && !r.LosesLastLines() {
		t.Errorf("no %s in the log", message)
	}
	if out := a.Out.String(); out != "" {
		t.Errorf("on standard output: %s", out)
	}
}

func TestDryRun(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		for _, file := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
			if r.Before(2, 1) && filepath.Ext(file) == ".yaml" {
				t.Logf("skipped: %s, Fluent Bit %s reads no plugins_file from YAML", file, r.Version)
				continue
			}
			a := r.Start(t, root, nil, "--dry-run", "-c", "etc/"+file)
			if code := a.Wait(); code != 0 {
				t.Errorf("%s: exit code %d", file, code)
			}
		}
		textfile.Write(t, root, "etc/wrong.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", "")+fluentbit.Filtering("*", "original maybe")+fluentbit.Printing)
		a := r.Start(t, root, nil, "--dry-run", "-c", "etc/wrong.conf")
		code := a.Wait()
		if r.Before(5, 0) {
			t.Logf("not checked: Fluent Bit %s does not ask filters in a dry run, exit code %d", r.Version, code)
			return
		}
		if code != 1 || !a.Says(wrongOptions[1].message) {
			t.Errorf("wrong option: exit code %d, want 1 and %s", code, wrongOptions[1].message)
		}
	})
}

// Go does not survive the fork of daemon mode: the child must end with a
// message instead of hanging.
func TestDaemonModeIsRefused(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		logFile := filepath.Join(root, "agent.log")
		conf := filepath.Join(root, "etc", "daemon.conf")
		textfile.Write(t, root, "etc/daemon.conf", fluentbit.Service(root)+"    Log_File "+logFile+"\n    Daemon On\n"+
			fluentbit.Tailing(root, "*", "flow", "")+fluentbit.Filtering("*")+fluentbit.Printing)
		a := r.Start(t, root, nil, "-c", conf)
		a.Wait()
		a.Until("the child's end", func() bool { return !fluentbit.Running(t, conf) })
		log := a.Log.String()
		if content, err := os.ReadFile(logFile); err == nil {
			log += string(content)
		}
		if !strings.Contains(log, "run it in the foreground") && !r.LosesLastLines() {
			t.Errorf("no reason given:\n%s", log)
		}
	})
}
