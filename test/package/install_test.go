package pack_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
)

// rest is what a root has besides what a package manager keeps for itself.
func rest(t *testing.T, root string) (left []string) {
	t.Helper()
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(path, root)
		if strings.HasPrefix(name, "/var/") {
			return nil
		}
		left = append(left, name)
		return nil
	})
	return left
}

func mayChroot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("skipped: only root may install and change its root")
	}
}

func installDeb(t *testing.T, deb string) {
	needs.Programs(t, "dpkg")
	mayChroot(t)
	root := t.TempDir()
	for _, dir := range []string{"info", "updates"} {
		os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755)
	}
	os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644)
	before := rest(t, root)
	// The root is empty, so there is no libc6 in dpkg's list.
	run(t, ".", "dpkg", "--root="+root, "--force-depends", "-i", deb)
	checkInstalled(t, root)
	run(t, ".", "dpkg", "--root="+root, "-P", "fluent-bit-nsgflow")
	if left := rest(t, root); !slices.Equal(left, before) {
		t.Errorf("dpkg left %q, there was %q", left, before)
	}
}

func installRPM(t *testing.T, rpm string) {
	needs.Programs(t, "rpm")
	for _, need := range strings.Split(strings.TrimSpace(run(t, ".", "rpm", "-qpR", rpm)), "\n") {
		if need != "glibc >= 2.17" && !strings.HasPrefix(need, "rpmlib(") {
			t.Errorf("it requires %q", need)
		}
	}
	mayChroot(t)
	root := t.TempDir()
	do := func(args ...string) {
		run(t, ".", "rpm", append([]string{"--root", root, "--dbpath", "/var/lib/rpm"}, args...)...)
	}
	do("--initdb")
	// Folders of the system: an rpm does not remove what it does not own.
	for _, dir := range []string{"usr/bin", "usr/lib", "usr/share/doc", "usr/share/man/man7"} {
		os.MkdirAll(filepath.Join(root, dir), 0o755)
	}
	before := rest(t, root)
	do("--nodeps", "-i", rpm)
	do("-V", "--nodeps", "fluent-bit-nsgflow")
	checkInstalled(t, root)
	do("-e", "fluent-bit-nsgflow")
	if left := rest(t, root); !slices.Equal(left, before) {
		t.Errorf("rpm left %q, there was %q", left, before)
	}
}

// checkInstalled runs what docs/install.md shows in a Fluent Bit that has the
// root for its own, and leaves nothing of it there.
func checkInstalled(t *testing.T, root string) {
	t.Helper()
	checkGlibc(t, filepath.Join(root, "usr/lib/fluent-bit/flb-filter_nsgflow.so"))
	bit, how := engine.Find()
	if bit == "" {
		t.Logf("skipped: loading it in a Fluent Bit: %s", how)
		return
	}
	if out, err := exec.Command("unshare", "--mount", "chroot", "/", "true").CombinedOutput(); err != nil {
		t.Logf("skipped: loading it in a Fluent Bit takes the right to mount: %v %s", err, out)
		return
	}
	before := rest(t, root)
	put := func(from, to string) {
		t.Helper()
		content, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(root, to)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(root, to), content, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(bit, engine.Installed)
	libraries := run(t, ".", "ldd", bit) + run(t, ".", "ldd", filepath.Join(root, "usr/lib/fluent-bit/flb-filter_nsgflow.so"))
	for _, library := range regexp.MustCompile(`\B/(usr/)?lib\S+\.so[.0-9]*\b`).FindAllString(libraries, -1) {
		if _, err := os.Stat(filepath.Join(root, library)); err != nil {
			put(library, library)
		}
	}
	put(engine.Path("conf/samples/nsg_v2.json"), "var/log/flow-logs/a.json")
	os.MkdirAll(filepath.Join(root, "etc/fluent-bit"), 0o755)
	os.MkdirAll(filepath.Join(root, "proc"), 0o555)
	if err := os.WriteFile(filepath.Join(root, "etc/fluent-bit/fluent-bit.conf"), []byte(documented(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(engine.Path("test/cases/nsg_v2/expected.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	runUntil(t, root, bytes.Count(want, []byte("\n")), engine.Installed, "-c", "/etc/fluent-bit/fluent-bit.conf")
	for _, name := range rest(t, root) {
		if !slices.Contains(before, name) {
			os.RemoveAll(filepath.Join(root, name))
		}
	}
}

// documented is the configuration of the page.
func documented(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(engine.Path("docs/install.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```conf\n[SERVICE]")
	text, _, found := strings.Cut("[SERVICE]"+text, "```")
	if !found || !strings.Contains(text, "/usr/lib/fluent-bit/nsgflow-plugins.conf") {
		t.Fatalf("docs/install.md shows %q", text)
	}
	return text
}

// runUntil starts a program in a root and ends it when it has written so many
// lines of JSON.
func runUntil(t *testing.T, root string, lines int, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	// The input tail asks /proc for the name of a file that it has open.
	inside := `mount --bind /proc "$0/proc" && exec chroot "$0" "$@"`
	command := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "sh", "-c", inside, root, program}, args...)...)
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var out, log engine.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait(); cancel() }()
	events := func() int { return strings.Count(out.String(), `"event":{"kind"`) }
	for events() < lines && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	command.Process.Signal(syscall.SIGTERM)
	err := <-ended
	if events() != lines || err != nil {
		t.Errorf("%d events, want %d, %v\n%s", events(), lines, err, log.String())
	}
}

// installInDebians installs into a Debian of this machine's suite, with a
// Fluent Bit, and into Debian 11 (glibc 2.31), with the stand-in host.
func installInDebians(t *testing.T, deb string) {
	needs.Programs(t, "debootstrap", "chroot")
	mayChroot(t)
	release, _ := os.ReadFile("/etc/os-release")
	suite := regexp.MustCompile(`(?m)^VERSION_CODENAME=(\w+)`).FindSubmatch(release)
	if suite == nil {
		t.Skip("skipped: this machine is no Debian")
	}
	t.Run(string(suite[1]), func(t *testing.T) {
		root := debian(t, string(suite[1]))
		installed(t, root, deb, func() { checkInstalled(t, root) })
	})
	t.Run("bullseye", func(t *testing.T) {
		root := debian(t, "bullseye", "gcc", "libc6-dev")
		run(t, ".", "cp", "-r", engine.Path("test/host"), root+"/host")
		// mallinfo2 came with glibc 2.33.
		run(t, ".", "chroot", root, "sh", "-c", "gcc -O2 -rdynamic -DSTRIDE=104 -Dmallinfo2=mallinfo -o /stand-in /host/*.c -ldl -lpthread")
		installed(t, root, deb, func() {
			sample, _ := os.ReadFile(engine.Path("conf/samples/nsg_v2.json"))
			chunk := engine.PackText(engine.New, time.Now(), "log", string(sample))
			command := exec.Command("/stand-in", "-l", "3.2", "/usr/lib/fluent-bit/flb-filter_nsgflow.so")
			command.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
			command.Dir = "/"
			n := len(chunk)
			command.Stdin = bytes.NewReader(append([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, chunk...))
			var log bytes.Buffer
			command.Stderr = &log
			out, err := command.Output()
			if err != nil || len(out) < 4 {
				t.Fatalf("%d bytes, %v\n%s", len(out), err, log.String())
			}
			events, err := engine.Lines(out[4:])
			want, _ := os.ReadFile(engine.Path("test/cases/nsg_v2/expected.ndjson"))
			if err != nil || bytes.Count(events, []byte("\n")) != bytes.Count(want, []byte("\n")) {
				t.Errorf("%d events, %v", bytes.Count(events, []byte("\n")), err)
			}
		})
	})
}

// debian is the root of a fresh Debian; the one that it is copied from stays in
// build.
func debian(t *testing.T, suite string, packages ...string) string {
	t.Helper()
	kept := engine.Path("build", "debian", suite)
	if _, err := os.Stat(kept); err != nil {
		os.RemoveAll(kept + ".new")
		args := []string{"--variant=minbase", "--include=" + strings.Join(append(packages, "ca-certificates"), ","), suite, kept + ".new"}
		if out, err := exec.Command("debootstrap", args...).CombinedOutput(); err != nil {
			t.Skipf("skipped: no Debian %s to be had: %v\n%s", suite, err, out)
		}
		if err := os.Rename(kept+".new", kept); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(t.TempDir(), "root")
	run(t, ".", "cp", "-a", kept, root)
	return root
}

// installed runs a test between installing and removing.
func installed(t *testing.T, root, deb string, test func()) {
	t.Helper()
	before := rest(t, root)
	run(t, ".", "cp", deb, root+"/var/package.deb")
	run(t, ".", "chroot", root, "dpkg", "-i", "/var/package.deb")
	test()
	run(t, ".", "chroot", root, "dpkg", "-P", "fluent-bit-nsgflow")
	if left := rest(t, root); !slices.Equal(left, before) {
		t.Errorf("dpkg left something of %d files: there were %d", len(left), len(before))
	}
}
