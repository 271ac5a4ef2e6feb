package pipeline

import (
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// What a host says of an object or a plugins file that is not there, and where the
// page of troubles has the words.
func TestTheHostsWordsForWhatIsMissing(t *testing.T) {
	const (
		noName  = "tried to instance a plugin name that doesn't exist"
		noName2 = "that don't exists" // before 3.0
		noFile  = "could not configure service property 'plugins_file'"
		noPath  = "plugins_file not found"
		noPath1 = "undefined. Aborting" // before 2.1
	)
	object := []string{"[plugin] dlopen() ", ": cannot open shared object file", "error loading DSO C plugin"}
	proxy := []string{"error opening plugin", "error loading proxy plugin"}
	page := textfile.Read(t, "docs/troubleshooting.md")
	for _, words := range append(append([]string{noName, noName2, noFile, noPath, noPath1, "No such file or directory", "file="}, object...), proxy...) {
		if !strings.Contains(page, words) {
			t.Errorf("the page has no %q", words)
		}
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		end := noFile
		if r.Before(5, 0) {
			end = noName
		}
		if r.Before(3, 0) {
			end = noName2
		}
		lookedFor := []string{"No such file or directory", "file=", end}
		notThere := []string{noPath, end}
		if r.Before(2, 1) {
			lookedFor, notThere = []string{end}, []string{noPath1, end}
		}
		for name, tt := range map[string]struct {
			named   string // as Plugins_File, under the root; "": by a name alone
			plugins string // what is in the file
			says    []string
		}{
			"object":       {"/plugins.conf", "[PLUGINS]\n    Path /nowhere/flb-filter_nsgflow.so\n", append(object, end)},
			"proxy":        {"/plugins.conf", "[PLUGINS]\n    Path /nowhere/in_nsgflow.so\n", append(proxy, end)},
			"plugins file": {"/nowhere.conf", "", notThere},
			"looked for":   {"", "", lookedFor},
		} {
			t.Run(name, func(t *testing.T) {
				root := t.TempDir()
				named := "nowhere.conf"
				if tt.named != "" {
					named = root + tt.named
				}
				textfile.Write(t, root, "fluent-bit.conf", "[SERVICE]\n    Plugins_File "+named+"\n[INPUT]\n    Name dummy\n"+fluentbit.Filtering("*")+fluentbit.Printing)
				if tt.plugins != "" {
					textfile.Write(t, root, "plugins.conf", tt.plugins)
				}
				a := r.Start(t, root, nil, "-c", "fluent-bit.conf")
				if code := a.Wait(); code == 0 {
					t.Error("it started")
				}
				for _, words := range tt.says {
					if !a.Says(words) {
						t.Errorf("no %q in the log", words)
					}
				}
			})
		}
	})
}
