package pack_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
)

// The configurations that are written for a host name nothing of the image, and
// no file that is not there.
func TestInstallConf(t *testing.T) {
	needs.Programs(t, "make", "bash")
	root := t.TempDir()
	prefix, plugins, storage := filepath.Join(root, "etc"), filepath.Dir(engine.Path("build/x")), filepath.Join(root, "state")
	run(t, engine.Path("."), "make", "install-conf", "PREFIX="+prefix, "PLUGINS="+plugins, "STORAGE="+storage, "LOGS="+engine.Path("conf/samples"))
	named := regexp.MustCompile(`(?m)^\s*(?:-\s*)?(?:@INCLUDE|Plugins_File|Parsers_File|plugins_file|parsers_file|Path)[\s:]+(\S+\.(?:conf|so))\s*$`)
	found := 0
	err := filepath.WalkDir(prefix, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.Contains(path, "kubernetes") || !strings.HasSuffix(path, ".conf") && !strings.HasSuffix(path, ".yaml") {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), "/fluent-bit/") && !strings.Contains(string(content), prefix+"/fluent-bit/") {
			t.Errorf("%s names a path of the image", path)
		}
		for _, m := range named.FindAllStringSubmatch(string(content), -1) {
			found++
			file := m[1]
			if !filepath.IsAbs(file) {
				file = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	})
	if err != nil || found < 20 {
		t.Errorf("%d files are named, %v", found, err)
	}
	unit, err := os.ReadFile(filepath.Join(prefix, "context", "nsgflow-context.service"))
	if renew := filepath.Join(prefix, "context", "renew"); err != nil || !strings.Contains(string(unit), "ExecStart=/bin/sh "+renew+" ") {
		t.Errorf("the unit does not start %s: %v\n%s", renew, err, unit)
	}
	// No shell reads what a user names.
	executed := filepath.Join(root, "executed")
	command := exec.Command("make", "install-conf", "PREFIX="+filepath.Join(root, "it's"), "PLUGINS=/opt/x&touch "+executed)
	command.Dir = engine.Root()
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "is no absolute path") {
		t.Errorf("%v %s", err, out)
	}
	if _, err := os.Stat(executed); err == nil {
		t.Error("a path was executed")
	}
	for _, wrong := range []string{"relative", "/with blank", "/a|b", ""} {
		command := exec.Command(engine.Path("plugin/package/install-conf"), filepath.Join(root, "wrong"), wrong, "/p", "/s", "/l")
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "is no absolute path") {
			t.Errorf("%q: %v %s", wrong, err, out)
		}
	}
}
