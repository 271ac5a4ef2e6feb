package outputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/loggen"
)

// The shipped configuration that puts a filter of Fluent Bit's own behind ours is
// tested on a log with both families, other logs, and tuples that do not parse.

const otherLog = `{"log":"not a flow log"}`

// composingInput are flow logs of three kinds and another log. Of two
// subscriptions; the last log does not name its own.
func composingInput(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"nsg_v2", "vnet_states", "unknown_codes", "errors", "vnet_flattened"} {
		text := timed(textfile.Read(t, "nsgflow/testdata/ecs/"+name+".input.json"))
		if name == "vnet_states" {
			text = strings.ReplaceAll(text, "5c2a90e7-", "d90fb6a1-")
		}
		b.WriteString(text)
	}
	b.WriteString(otherLog + "\n")
	return b.String()
}

// timed is a log in which each record has a time: the time of arrival, which stands
// in for none, is another in each run.
func timed(log string) string {
	return strings.ReplaceAll(log, `"time":"soon"`, `"time":"2025-05-06T10:01:12Z"`)
}

// kept are the events that a configuration is to leave.
func kept(events []event.Event, keep func(event.Document) bool) (left []event.Event) {
	for _, e := range events {
		if keep(e.Body) {
			left = append(left, e)
		}
	}
	return left
}

// change replaces a text in a staged configuration; it must be there.
func change(t *testing.T, root, file, old, new string) {
	t.Helper()
	shipped := textfile.Read(t, filepath.Join(root, "etc", file))
	if !strings.Contains(shipped, old) {
		t.Fatalf("%s has no %q", file, old)
	}
	textfile.Write(t, root, "etc/"+file, strings.Replace(shipped, old, new, 1))
}

// withParser has tail parse lines, so that the other log is not a text only.
func withParser(t *testing.T, root string) {
	t.Helper()
	for _, file := range []string{"flow-log-files.conf", "flow-logs.conf"} {
		path := filepath.Join(root, "etc", file)
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "    Name              tail\n") {
			change(t, root, file, "    Name              tail\n", "    Name              tail\n    Parser            flow_log\n")
		}
	}
}

// Every event is in the file of its subscription, once, also where it has
// gone through the filters a second time under its new tag.
func TestTagBySubscription(t *testing.T) {
	input := composingInput(t)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		all := r.Events(t, "ecs", input)
		for _, match := range []string{"Match   flow\n", "Match   *\n"} {
			t.Run(strings.Join(strings.Fields(match), " "), func(t *testing.T) {
				t.Parallel()
				root := fluentbit.Stage(t)
				textfile.Write(t, root, "flow-logs/input.log", input)
				change(t, root, "tag-by-subscription.conf", "    Name    nsgflow\n    Match   flow\n", "    Name    nsgflow\n    "+match)
				withParser(t, root)
				a := r.Start(t, root, nil, "-c", "etc/tag-by-subscription.conf")
				want := map[string][]event.Event{}
				for _, e := range all {
					tag := "flow"
					if account, ok := e.Body.At("cloud", "account", "id").(string); ok {
						tag += "." + account
					}
					want[tag] = append(want[tag], event.Event{Body: e.Body})
				}
				if len(want) != 3 {
					t.Fatalf("%d tags: the input shows nothing", len(want))
				}
				a.Until("the events", func() bool { return count(filed(t, root)) >= len(all) })
				a.Stop()
				got := filed(t, root)
				for tag := range got {
					if want[tag] == nil {
						t.Errorf("events under %s", tag)
					}
				}
				for tag := range want {
					event.Same(t, want[tag], got[tag])
				}
			})
		}
	})
}

// Much at once: the buffer for new tags is not the place where flows stay.
func TestTagBySubscriptionManyFlows(t *testing.T) {
	log := loggen.Log{Family: loggen.VNet, Records: 250, Tuples: 48, Seed: 5} // 18 MB of events in one chunk
	var text strings.Builder
	if err := log.Write(&text, loggen.Blob); err != nil {
		t.Fatal(err)
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/input.log", text.String())
		a := r.Start(t, root, nil, "-c", "etc/tag-by-subscription.conf")
		a.Until("the events", func() bool { return linesIn(t, root) >= log.Records*log.Tuples })
		a.Stop()
		if n := linesIn(t, root); n != log.Records*log.Tuples {
			t.Errorf("%d events of %d tuples", n, log.Records*log.Tuples)
		}
		files, err := filepath.Glob(filepath.Join(root, "flows", "*"))
		if err != nil || len(files) != 1 {
			t.Errorf("events of one subscription in %v, %v", files, err)
		}
	})
}

// filed are the events that the output file has written so far, by tag.
func filed(t *testing.T, root string) map[string][]event.Event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "flows", "*"))
	if err != nil {
		t.Fatal(err)
	}
	byTag := map[string][]event.Event{}
	for _, file := range files {
		text := textfile.Read(t, file)
		whole := text[:strings.LastIndexByte(text, '\n')+1]
		byTag[filepath.Base(file)] = event.ParseAll(t, whole)
	}
	return byTag
}

func count(byTag map[string][]event.Event) (n int) {
	for _, events := range byTag {
		n += len(events)
	}
	return n
}

func linesIn(t *testing.T, root string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "flows", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		n += strings.Count(textfile.Read(t, file), "\n")
	}
	return n
}
