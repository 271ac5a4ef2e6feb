// Package pack_test makes the packages as a release does and installs them.
//
// The long form does all of it: every architecture, from nothing in
// two checkouts, into the roots of two Debians. Without, what takes seconds.
package pack_test

import (
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/soak"
)

var whole = soak.Long("packages")

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	command := exec.Command(program, args...)
	command.Dir = dir
	var log engine.Buffer
	command.Stderr = &log
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", program, args, err, out, log.String())
	}
	return string(out)
}

// pack makes the packages, with variables for make, and returns their folder.
func pack(t *testing.T, more ...string) string {
	t.Helper()
	needs.Programs(t, "make", "gcc", "git", "readelf")
	tools := exec.Command("go", "mod", "download")
	tools.Dir = engine.Path("plugin", "package")
	if out, err := tools.CombinedOutput(); err != nil {
		t.Skipf("skipped: there is no nfpm to be had: %s", out)
	}
	to := t.TempDir()
	args := append([]string{"package", "VERSION=1.2.3", "PACKAGES=" + to}, more...)
	if !whole {
		args = append(args, "ARCHES="+runtime.GOARCH)
	}
	if err := engine.Make(args...); err != nil {
		t.Fatal(err)
	}
	return to
}

func one(t *testing.T, folder, pattern string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(folder, pattern))
	if len(found) != 1 {
		t.Fatalf("%s: %q", pattern, found)
	}
	return found[0]
}

func sums(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name()] = fmt.Sprintf("%x", sha256.Sum256(content))
	}
	return all
}

// throwAwayKey is a key of gpg that is gone with the test; "" where there is no gpg.
func throwAwayKey(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		return ""
	}
	home, err := os.MkdirTemp("", "gpg") // t.TempDir is too long for the socket of its agent
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GNUPGHOME", home)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--kill", "all").Run()
		os.RemoveAll(home)
	})
	const name = "thrown-away@example.com"
	run(t, home, "gpg", "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "1d")
	return name
}

func checkSignature(t *testing.T, folder, key string) {
	if key == "" {
		t.Skip("skipped: there is no gpg")
	}
	out := run(t, folder, "gpg", "--status-fd", "1", "--verify", "SHA256SUMS.asc", "SHA256SUMS")
	if !strings.Contains(out, "GOODSIG") || !strings.Contains(out, key) {
		t.Error(out)
	}
}

// A key that cannot sign is refused before anything is there that looks like a
// release.
func TestPackagesWithoutTheKey(t *testing.T) {
	needs.Programs(t, "make", "gpg")
	to := filepath.Join(t.TempDir(), "packages")
	command := exec.Command("make", "package", "VERSION=1.2.3", "ARCHES="+runtime.GOARCH, "PACKAGES="+to, "SIGN=no'key")
	command.Dir = engine.Root()
	command.Env = append(os.Environ(), "GNUPGHOME="+t.TempDir())
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "SIGN='no'key' is no key that gpg signs with") || strings.Contains(string(out), "packing") {
		t.Errorf("%v\n%s", err, out)
	}
	if entries, _ := os.ReadDir(to); len(entries) > 0 {
		t.Errorf("there are %v", entries)
	}
}

func TestPackages(t *testing.T) {
	key := throwAwayKey(t)
	folder := pack(t, "SIGN="+key, "MAINTAINER=Pat O'Hara <pat@example.com>")
	t.Run("signature", func(t *testing.T) { checkSignature(t, folder, key) })
	t.Run("sums", func(t *testing.T) {
		run(t, folder, "sha256sum", "--strict", "-c", "SHA256SUMS")
		got := sums(t, folder)
		delete(got, "SHA256SUMS")
		delete(got, "SHA256SUMS.asc")
		content, _ := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
		listed := strings.Fields(string(content))
		if len(listed) != 2*len(got) {
			t.Errorf("SHA256SUMS has %q, the folder %v", listed, got)
		}
		for i := 0; i+1 < len(listed); i += 2 {
			if got[listed[i+1]] != listed[i] {
				t.Errorf("%s: listed %s, is %s", listed[i+1], listed[i], got[listed[i+1]])
			}
		}
	})
	t.Run("again", func(t *testing.T) {
		first, second := sums(t, folder), sums(t, pack(t, "MAINTAINER=Pat O'Hara <pat@example.com>"))
		for name := range first {
			if first[name] != second[name] && name != "SHA256SUMS.asc" {
				t.Errorf("%s is not the same bytes", name)
			}
		}
	})
	archives, _ := filepath.Glob(filepath.Join(folder, "*.tar.gz"))
	for _, archive := range archives {
		t.Run(filepath.Base(archive), func(t *testing.T) { checkArchive(t, archive) })
	}
	t.Run("sbom", func(t *testing.T) {
		unpacked := unpack(t, archives[0])
		program := one(t, folder, "*-program.cdx.json")
		checkSBOM(t, program, unpacked, "nsgflow")
		checkSBOM(t, strings.Replace(program, "-program.", ".", 1), unpacked, "flb-filter_nsgflow.so")
	})
	deb := one(t, folder, "*-"+runtime.GOARCH+".deb")
	t.Run("lintian", func(t *testing.T) {
		needs.Programs(t, "lintian")
		debs, _ := filepath.Glob(filepath.Join(folder, "*.deb"))
		run(t, folder, "lintian", append([]string{"--fail-on", "error", "--allow-root"}, debs...)...)
	})
	t.Run("deb", func(t *testing.T) { installDeb(t, deb) })
	t.Run("rpm", func(t *testing.T) { installRPM(t, strings.TrimSuffix(deb, "deb")+"rpm") })
	if whole {
		t.Run("debians", func(t *testing.T) { installInDebians(t, deb) })
		t.Run("checkouts", testCheckouts)
	}
}

// unpack returns the folder that is in an archive.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	to := t.TempDir()
	run(t, to, "tar", "-xzf", archive)
	return one(t, to, "fluent-bit-nsgflow-*")
}

func checkArchive(t *testing.T, archive string) {
	folder := unpack(t, archive)
	for _, name := range []string{"conf/plugins.conf", "copyright", "CHANGELOG.md", "fluent-bit-nsgflow.7.gz"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	for _, link := range []string{"flb-in_nsgflow.so", "in_nsgflow.so"} {
		if to, err := os.Readlink(filepath.Join(folder, link)); to != "flb-filter_nsgflow.so" {
			t.Errorf("%s: %q, %v", link, to, err)
		}
	}
	checkGlibc(t, filepath.Join(folder, "flb-filter_nsgflow.so"))
	if f, err := elf.Open(filepath.Join(folder, "nsgflow")); err != nil || slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Errorf("the program is not static: %v", err)
	}
}

// checkGlibc: the object asks for no glibc above the bound.
func checkGlibc(t *testing.T, object string) {
	t.Helper()
	f, err := elf.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if err != nil || len(symbols) < 10 {
		t.Fatalf("%d symbols, %v", len(symbols), err)
	}
	for _, s := range symbols {
		var major, minor int
		fmt.Sscanf(s.Version, "GLIBC_%d.%d", &major, &minor)
		if major != 0 && (major != 2 || minor > 28) {
			t.Errorf("%s@%s", s.Name, s.Version)
		}
	}
}

// checkSBOM: it names the modules that are in a binary, and no other.
func checkSBOM(t *testing.T, path, folder, binary string) {
	var sbom struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name, Version string }
	}
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &sbom)
	}
	if err != nil || sbom.Format != "CycloneDX" {
		t.Fatalf("%q, %v", sbom.Format, err)
	}
	info, err := buildinfo.ReadFile(filepath.Join(folder, binary))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std " + info.GoVersion}
	licences, _ := os.ReadFile(filepath.Join(folder, "copyright"))
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
		_, text, found := strings.Cut(string(licences), "\n======== "+m.Path+"@"+m.Version+"\n\n")
		if text, _, _ = strings.Cut(text, "\n======== "); !found || len(text) < 100 {
			t.Errorf("%s: its licence is %q", m.Path, text)
		}
	}
	var got []string
	for _, c := range sbom.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("it names %q\nthe binary has %q", got, want)
	}
}

// What asks for a newer glibc than the bound is not packed.
func TestGlibcBound(t *testing.T) {
	needs.Programs(t, "gcc", "readelf")
	dir := t.TempDir()
	source := `void f(void) {}
#ifdef NEW /* a version that every glibc's own linker would refuse: not linked against it */
extern int new_one(void); __asm__(".symver new_one, new_one@GLIBC_2.29"); int g(void) { return new_one(); }
#else
extern int puts(const char *); int g(void) { return puts(""); }
#endif
`
	stub := `int new_one(void) { return 0; }
`
	for name, content := range map[string]string{"object.c": source, "stub.c": stub, "map": "GLIBC_2.29 { new_one; };\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, "gcc", "-shared", "-fPIC", "-o", "libstub.so", "stub.c", "-Wl,--version-script=map")
	run(t, dir, "gcc", "-shared", "-fPIC", "-o", "old.so", "object.c")
	run(t, dir, "gcc", "-shared", "-fPIC", "-DNEW", "-o", "new.so", "object.c", "libstub.so")
	check := engine.Path("plugin", "package", "glibc-needed")
	if out := run(t, dir, check, "old.so"); !strings.HasPrefix(out, "2.") {
		t.Errorf("%q", out)
	}
	out, err := exec.Command(check, filepath.Join(dir, "new.so")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "asks for glibc 2.29") || !strings.Contains(string(out), "new_one@GLIBC_2.29") {
		t.Errorf("%v: %s", err, out)
	}
}

// testCheckouts builds all from nothing in two checkouts of the last commit.
func testCheckouts(t *testing.T) {
	var got []map[string]string
	for _, name := range []string{"a", "b/elsewhere"} {
		to := filepath.Join(t.TempDir(), name)
		run(t, ".", "git", "clone", "-q", engine.Root(), to)
		run(t, to, "make", "-s", "package", "VERSION=1.2.3")
		got = append(got, sums(t, filepath.Join(to, "build", "package")))
	}
	for name, sum := range got[0] {
		if sum != got[1][name] {
			t.Errorf("%s is not the same bytes", name)
		}
	}
}
