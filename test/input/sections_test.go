package input

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// byTag are the blobs whose events came with a tag: the file output names its files
// by tags.
func byTag(t *testing.T, root string) map[string]map[string]int {
	t.Helper()
	all := map[string]map[string]int{}
	files, err := filepath.Glob(filepath.Join(root, "out", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		tag := filepath.Base(path)
		all[tag] = map[string]int{}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e struct {
				Azure struct {
					Storage struct {
						Account   struct{ Name string }
						Container struct{ Name string }
						Blob      struct{ Name string }
					}
				}
			}
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				s := e.Azure.Storage
				all[tag][s.Account.Name+" "+s.Container.Name+" "+s.Blob.Name]++
			}
		}
		file.Close()
	}
	return all
}

// tagged is a pipeline whose output writes a file a tag.
func tagged(root string, inputs ...string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        2
    Plugins_File %[1]s/etc/azure-plugins.conf
    storage.path %[1]s/storage
%[2]s
%[3]s
[OUTPUT]
    Name   file
    Match  flow.*
    Path   %[1]s/out
    Mkdir  On
    Format plain
    Retry_Limit no_limits
`, root, strings.Join(inputs, ""), fluentbit.Filtering("flow.*", "schema ecs"))
}

// input is a section with a tag of its own.
func input(root, tag string, options ...string) string {
	return strings.Replace(follow.Input(root, options...), "Tag            flow", "Tag            "+tag, 1)
}

// Each record has the tag of its account and container, also after a kill.
func TestAzureTags(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		one, two := azure.NewStorage(t), azure.NewStorage(t)
		root := follow.Stage(t)
		textfile.Write(t, root, "etc/tags.conf", tagged(root, input(root, "flow.{account}.{container}", follow.Accounts(t, one, two)...)))
		w := follow.NewWriter(t, one, two)
		for _, kill := range []bool{true, false} {
			w.Minute()
			a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "tags.conf"))
			want := map[bool]int{true: 5, false: 10}[kill]
			a.Until("events of every blob", func() bool {
				blobs := 0
				for tag, seen := range byTag(t, root) {
					for blob, n := range seen {
						account, rest, _ := strings.Cut(blob, " ")
						container, _, _ := strings.Cut(rest, " ")
						if tag != "flow."+account+"."+container {
							t.Fatalf("%s has the tag %s", blob, tag)
						}
						if n >= want {
							blobs++
						}
					}
				}
				return blobs == len(w.Logs)
			})
			if kill {
				a.Kill()
			} else {
				a.Stop()
			}
		}
		if n := len(byTag(t, root)); n != 4 {
			t.Errorf("%d tags", n)
		}
		textfile.Write(t, root, "etc/wrong.conf", tagged(root, input(root, "flow.{acount}", follow.Accounts(t, one)...)))
		r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "wrong.conf")).RefusesToStart("option tag: {acount} stands for nothing")
	})
}

// Two sections read different parts of an account with one folder of checkpoints,
// and a third one reads hours of it again, to its end, while they go on.
func TestAzureSections(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		s := azure.NewStorage(t)
		root := follow.Stage(t)
		account := follow.Accounts(t, s)
		old := azure.ThisHour.Add(-30 * time.Hour)
		past := azure.NSGName("EDGE-NSG", 1, old)
		azure.NewFlowLog(t, s.NSG, past).Grow(azure.NSGRecord(1000), azure.NSGRecord(1001))
		with := func(options ...string) []string { return append(options, account...) }
		textfile.Write(t, root, "etc/sections.conf", tagged(root,
			input(root, "flow.nsg", with("include */edge-nsg/*", "start 2h")...),
			input(root, "flow.rest", with("exclude */edge-nsg/*", "start 2h")...),
			strings.Replace(input(root, "flow.again", with("start "+old.Format(time.RFC3339), "until "+old.Add(time.Hour).Format(time.RFC3339))...),
				root+"/state", root+"/again", 1)))
		w := follow.NewWriter(t, s)
		w.Minute()
		a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "sections.conf"))
		blobs := func(tag string, times int) (n int) {
			for _, events := range byTag(t, root)[tag] {
				if events == times {
					n++
				}
			}
			return n
		}
		a.Until("the hour that is read again", func() bool {
			return a.Says("this section reads no more, the agent goes on") && blobs("flow.again", 2) == 1
		})
		w.Minute()
		a.Until("two minutes of both sections", func() bool {
			return blobs("flow.nsg", 10) == follow.NICs && blobs("flow.rest", 10) == follow.NICs
		})
		a.Stop()
		for tag, seen := range byTag(t, root) {
			for blob := range seen {
				if strings.Contains(blob, "EDGE-NSG/") != (tag != "flow.rest") || strings.Contains(blob, past) != (tag == "flow.again") {
					t.Errorf("%s has %s", tag, blob)
				}
			}
		}
	})
}
