package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/pages"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// The README has less than 200 lines, and outside code and tables none of more
// than 160 characters: shorter, not wider.
func TestReadmeIsShort(t *testing.T) {
	text := textfile.Read(t, "README.md")
	if n := strings.Count(text, "\n"); n >= 200 {
		t.Errorf("%d lines", n)
	}
	prose, _ := pages.Cut("README.md", text)
	for _, line := range strings.Split(prose, "\n") {
		if n := utf8.RuneCountInString(line); n > 160 && !strings.HasPrefix(line, "|") {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

// Every page says on top whom it is for, and the README leads to it.
func TestEveryPageIsForSomebody(t *testing.T) {
	for name, text := range pages.All(t) {
		if filepath.Dir(name) != "docs" {
			continue
		}
		if body := strings.SplitN(text, "\n", 4); !strings.HasPrefix(body[0], "# ") || !strings.HasPrefix(body[2], "For ") {
			t.Errorf("%s does not begin with a title and whom it is for", name)
		}
		if !strings.Contains(textfile.Read(t, "README.md"), "("+name+")") {
			t.Errorf("the README has no link to %s", name)
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are those that GitHub makes of the headings.
func anchors(text string) map[string]bool {
	prose, _ := pages.Cut("", text)
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(prose, -1) {
		all[strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

// Every relative link leads somewhere, to a heading where it names one.
func TestLinks(t *testing.T) {
	all := pages.All(t)
	for name, text := range all {
		prose, _ := pages.Cut(name, text)
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			to := name
			if path != "" {
				to = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(textfile.Path(to)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[1])
			} else if anchor != "" && !anchors(all[to])[anchor] {
				t.Errorf("%s: %s has no heading %q", name, to, anchor)
			}
		}
	}
}

// bare is a configuration without its comments and empty lines.
func bare(text string) (all []string) {
	for _, line := range textfile.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			all = append(all, strings.Join(fields, " "))
		}
	}
	return all
}

// completed makes a configuration of what a page shows of one.
func completed(s pages.Snippet) (file, text string) {
	if s.Kind == "yaml" {
		text = s.Text
		if !strings.Contains(text, "plugins_file:") {
			text = "service:\n  plugins_file: /fluent-bit/etc/azure-plugins.conf\n" + text
		}
		return "snippet.yaml", text
	}
	for section, text := range map[string]string{
		"[SERVICE]": "[SERVICE]\n    Plugins_File /fluent-bit/etc/azure-plugins.conf\n",
		"[INPUT]":   "[INPUT]\n    Name dummy\n",
		"[OUTPUT]":  "[OUTPUT]\n    Name null\n    Match *\n",
	} {
		if !strings.Contains(s.Text, section) {
			s.Text += text
		}
	}
	return "snippet.conf", s.Text
}

// Every configuration of a page is one that Fluent Bit takes; a list of plugins
// is that of a file in conf.
func TestConfigurationsOfPages(t *testing.T) {
	all := pages.Snippets(t, "conf", "yaml")
	if len(all) < 10 {
		t.Fatalf("%d configurations", len(all))
	}
	var known [][]string
	files := append(textfile.Glob(t, "conf/*plugins.conf"), "plugin/package/nsgflow-plugins.conf")
	for _, file := range files {
		known = append(known, bare(textfile.Read(t, file)))
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, s := range all {
			switch {
			case strings.HasPrefix(s.Text, "[PLUGINS]"):
				if !slices.ContainsFunc(known, func(k []string) bool { return slices.Equal(k, bare(s.Text)) }) {
					t.Errorf("%s: not what is in conf", s)
				}
				continue
			case s.Kind == "yaml" && !strings.Contains(s.Text, "pipeline:"):
				continue // of Kubernetes: see TestKubernetesPages
			case strings.Contains(s.Text, "apiVersion:"):
				_, s.Text, _ = strings.Cut(s.Text, "fluent-bit.yaml: |\n")
				s.Text, _, _ = strings.Cut(s.Text, "\n---")
				s.Text = strings.ReplaceAll("\n"+s.Text, "\n    ", "\n")
			}
			if s.Kind == "yaml" && r.Before(2, 1) || strings.Contains(s.Text, "condition:") && r.Before(5, 0) {
				continue
			}
			root := follow.Stage(t)
			file, text := completed(s)
			// What packages install is run by test/package.
			text = strings.ReplaceAll(text, "/usr/lib/fluent-bit/nsgflow-plugins.conf", "/fluent-bit/etc/azure-plugins.conf")
			textfile.Write(t, root, "etc/"+file, strings.ReplaceAll(text, "/fluent-bit/", root+"/"))
			a := r.Start(t, root, nil, "--dry-run", "-c", "etc/"+file)
			if code := a.Wait(); code != 0 {
				t.Errorf("%s: exit code %d\n%s", s, code, a.Log.String())
			}
		}
	})
}

// The manifests name files that are in the image.
func TestKubernetesPages(t *testing.T) {
	named := regexp.MustCompile(`/fluent-bit/etc/([a-z-]+\.(?:conf|yaml))`)
	for name, text := range pages.All(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if m[1] == "plugins.conf" || m[1] == "fluent-bit.conf" {
				continue
			}
			if _, err := os.Stat(textfile.Path("conf/" + m[1])); err != nil {
				t.Errorf("%s: %s is not in the image", name, m[0])
			}
		}
	}
}

// commands that only somebody's Azure, cluster, machine or container engine can answer.
var elsewhere = []string{"az", "docker", "curl", "ln", "helm", "kubectl", "dpkg", "rpm", "sha256sum", "gpg", "install", "systemctl"}

// Every command of a page is one that works here, or one for elsewhere.
func TestCommandsOfPages(t *testing.T) {
	needs.Programs(t, "sh")
	targets := "\n" + textfile.Read(t, "Makefile")
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, s := range pages.Snippets(t, "sh") {
			for _, command := range strings.Split(strings.ReplaceAll(s.Text, "\\\n", ""), "\n") {
				words := strings.Fields(command)
				for _, word := range words {
					if file, ok := strings.CutPrefix(word, "@conf/"); ok {
						textfile.Read(t, "conf/"+file)
					}
				}
				switch {
				case len(words) == 0 || slices.Contains(elsewhere, words[0]):
				case words[0] == "make":
					if len(words) < 2 || !strings.Contains(targets, "\n"+words[1]+":") {
						t.Errorf("%s: %s", s, command)
					}
				case words[0] == "fluent-bit":
					command := exec.Command("sh", "-c", strings.Replace(strings.Replace(command, "fluent-bit", r.Path, 1), "build/flb-filter_nsgflow.so", fluentbit.Object, 1))
					command.Dir = engine.Root()
					out, err := command.Output()
					if n := len(textfile.Lines(string(out))); err != nil || n != len(textfile.Lines(textfile.Read(t, "test/cases/nsg_v2/expected.ndjson"))) {
						t.Errorf("%s: %d events, %v", s, n, err)
					}
				case words[0] == "build/nsgflow":
					command := exec.Command("sh", "-c", command)
					command.Dir = engine.Root()
					if out, err := command.Output(); err != nil || len(out) == 0 {
						t.Errorf("%s: %d bytes, %v", s, len(out), err)
					}
				default:
					t.Errorf("%s: nobody knows %q", s, words[0])
				}
			}
		}
	})
}

// The first command of the README gives what the README says.
func TestTryIt(t *testing.T) {
	needs.Programs(t, "go", "make")
	_, all := pages.Cut("README.md", textfile.Read(t, "README.md"))
	for i, s := range all {
		if !strings.HasPrefix(s.Text, "make run") {
			continue
		}
		file := regexp.MustCompile(`FILE=(\S+)`).FindStringSubmatch(s.Text)
		if file == nil || !strings.HasSuffix(strings.TrimSpace(s.Text), "| head -n 1") {
			t.Fatalf("%s: %s", s, s.Text)
		}
		command := exec.Command("go", "run", "./test/run")
		command.Dir, command.Env = engine.Root(), append(os.Environ(), "FILE="+file[1])
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(out), "\n"); first+"\n" != all[i+1].Text {
			t.Errorf("%s prints\n%s\nthe README says\n%s", s.Text, first, all[i+1].Text)
		}
		return
	}
	t.Error("the README has nothing to try")
}

// The table of outputs leads to every configuration that has one, and the head of
// those that it calls exchanged can be.
func TestTableOfOutputs(t *testing.T) {
	page := textfile.Read(t, "docs/outputs.md")
	top, _, _ := strings.Cut(page, "\n## ")
	for _, pattern := range []string{"conf/*.conf", "conf/*.yaml"} {
		for _, file := range textfile.Glob(t, pattern) {
			text := strings.ToLower(textfile.Read(t, file))
			if strings.Contains(text, "[output]") || strings.Contains(text, "outputs:") {
				if name := filepath.Base(file); !strings.Contains(top, "(../conf/"+name+")") {
					t.Errorf("the table does not lead to %s", name)
				}
			}
		}
	}
	exchanged := regexp.MustCompile("`([a-z-]+\\.conf)`, exchanged").FindAllStringSubmatch(top, -1)
	if len(exchanged) == 0 {
		t.Fatal("no configuration is exchanged")
	}
	include := regexp.MustCompile(`@INCLUDE \S+`)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for _, m := range exchanged {
			root := follow.Stage(t)
			text := textfile.Read(t, filepath.Join(root, "etc", m[1]))
			switch { // the files say so
			case m[1] == "forward-fluentd.conf" && r.Before(2, 1), m[1] == "otlp.conf" && r.Before(3, 0):
				continue
			}
			textfile.Write(t, root, "etc/"+m[1], include.ReplaceAllString(text, "@INCLUDE azure-flow-logs.conf"))
			a := r.Start(t, root, []string{"AZURE_STORAGE_ACCOUNT=examplestorage", "AZURE_STORAGE_KEY=a2V5"}, "--dry-run", "-c", "etc/"+m[1])
			code := a.Wait()
			switch log := a.Log.String(); {
			case code == 0:
			case strings.Contains(log, "tried to instance a plugin name that"):
				t.Logf("skipped %s: this Fluent Bit is built without its output", m[1])
			default:
				t.Errorf("%s: exit code %d\n%s", m[1], code, log)
			}
		}
	})
}

// Tests that a page names are there.
func TestNamedTestsExist(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"test/*/*_test.go", "nsgflow/*_test.go", "nsgflow/*/*_test.go", "nsgflow/*/*/*_test.go", "plugin/*_test.go", "plugin/*/*_test.go"} {
		for _, file := range textfile.Glob(t, pattern) {
			code.WriteString(textfile.Read(t, file))
		}
	}
	named := regexp.MustCompile("`(Test[A-Za-z]+)`")
	for name, text := range pages.All(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code.String(), "func "+m[1]+"(") {
				t.Errorf("%s names %s", name, m[1])
			}
		}
	}
}

// Lines of the log that a page explains are in the code.
func TestNamedLogLinesExist(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"nsgflow/storage/*.go", "nsgflow/storage/*/*.go", "nsgflow/context/*.go", "plugin/*.go", "plugin/*.c", "plugin/*/*.go"} {
		for _, file := range textfile.Glob(t, pattern) {
			code.WriteString(textfile.Read(t, file))
		}
	}
	// Texts of C go over several lines; what varies is a verb of fmt there, and
	// a dot, a name in quotes or N here.
	source := regexp.MustCompile(`"\s*\n?\s*\+?\s*"`).ReplaceAllString(code.String(), "")
	varies := regexp.MustCompile(`…|"[^"]*"|\bN\b|HTTP 403 \w+|option \w+: `)
	row := regexp.MustCompile("(?m)^\\| `([^`]+)`(?: … `([^`]+)`)? \\|")
	page := textfile.Read(t, "docs/troubleshooting.md")
	_, page, _ = strings.Cut(page, "## Lines of the filter")
	page, _, _ = strings.Cut(page, "## The host's lines")
	rows := row.FindAllStringSubmatch(page, -1)
	if len(rows) < 20 {
		t.Fatalf("%d lines", len(rows))
	}
	for _, m := range rows {
		for _, part := range varies.Split(m[1]+"…"+m[2], -1) {
			if part = strings.Trim(part, " ,:;"); len(part) > 3 && !strings.Contains(source, part) {
				t.Errorf("no line has %q, of %s", part, m[0])
			}
		}
	}
}
