package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		text := read(t, "../nsgflow/testdata/ecs/"+name+".input.json")
		// The time of arrival, which stands in for no time at all, is another
		// in each run.
		text = strings.ReplaceAll(text, `"time":"soon"`, `"time":"2025-05-06T10:01:12Z"`)
		if name == "vnet_states" {
			text = strings.ReplaceAll(text, "5c2a90e7-", "d90fb6a1-")
		}
		b.WriteString(text)
	}
	b.WriteString(otherLog + "\n")
	return b.String()
}

// throughSchema are the events of the input in a schema and nothing behind.
func throughSchema(t *testing.T, r release, schema, input string) []event {
	t.Helper()
	root := stage(t)
	write(t, root, "flow-logs/input.log", input)
	write(t, root, "etc/plain.conf", service(root)+tailing(root, "*", "flow", exitOnEOF+"    Parser flow_log\n")+filtering("*", "schema "+schema)+printing)
	a := r.start(t, root, nil, "-c", "etc/plain.conf")
	a.wait()
	return a.printed()
}

// kept are the events that a configuration is to leave.
func kept(events []event, keep func(document) bool) (left []event) {
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
	shipped := read(t, filepath.Join(root, "etc", file))
	if !strings.Contains(shipped, old) {
		t.Fatalf("%s has no %q", file, old)
	}
	write(t, root, "etc/"+file, strings.Replace(shipped, old, new, 1))
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
	inEveryRelease(t, func(t *testing.T, r release) {
		all := throughSchema(t, r, "ecs", input)
		for _, match := range []string{"Match   flow\n", "Match   *\n"} {
			t.Run(strings.Join(strings.Fields(match), " "), func(t *testing.T) {
				t.Parallel()
				root := stage(t)
				write(t, root, "flow-logs/input.log", input)
				change(t, root, "tag-by-subscription.conf", "    Name    nsgflow\n    Match   flow\n", "    Name    nsgflow\n    "+match)
				withParser(t, root)
				a := r.start(t, root, nil, "-c", "etc/tag-by-subscription.conf")
				want := map[string][]event{}
				for _, e := range all {
					tag := "flow"
					if account, ok := e.Body.at("cloud", "account", "id").(string); ok {
						tag += "." + account
					}
					want[tag] = append(want[tag], event{Body: e.Body})
				}
				if len(want) != 3 {
					t.Fatalf("%d tags: the input shows nothing", len(want))
				}
				a.until("the events", func() bool { return count(filed(t, root)) >= len(all) })
				a.stop()
				got := filed(t, root)
				for tag := range got {
					if want[tag] == nil {
						t.Errorf("events under %s", tag)
					}
				}
				for tag := range want {
					same(t, want[tag], got[tag])
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
	inEveryRelease(t, func(t *testing.T, r release) {
		root := stage(t)
		write(t, root, "flow-logs/input.log", text.String())
		a := r.start(t, root, nil, "-c", "etc/tag-by-subscription.conf")
		a.until("the events", func() bool { return linesIn(t, root) >= log.Records*log.Tuples })
		a.stop()
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
func filed(t *testing.T, root string) map[string][]event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "flows", "*"))
	if err != nil {
		t.Fatal(err)
	}
	byTag := map[string][]event{}
	for _, file := range files {
		text := read(t, file)
		whole := text[:strings.LastIndexByte(text, '\n')+1]
		byTag[filepath.Base(file)] = parseEvents(t, lines(whole))
	}
	return byTag
}

func count(byTag map[string][]event) (n int) {
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
		n += strings.Count(read(t, file), "\n")
	}
	return n
}
