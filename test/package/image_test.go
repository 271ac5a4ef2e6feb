package pack_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// stages are the instructions of the Dockerfile by the name of their stage; "" are
// those before the first. Each is on one line.
func stages(t *testing.T) map[string][]string {
	t.Helper()
	text := strings.ReplaceAll(textfile.Read(t, "Dockerfile"), "\\\n", " ")
	all, stage := map[string][]string{}, ""
	for _, line := range textfile.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || line[0] == '#' {
			continue
		}
		if _, as, from := strings.Cut(line, " AS "); from && strings.HasPrefix(line, "FROM ") {
			stage = as
		}
		all[stage] = append(all[stage], line)
	}
	return all
}

func TestDockerfile(t *testing.T) {
	all := stages(t)
	if first := textfile.Lines(textfile.Read(t, "Dockerfile"))[0]; !strings.HasPrefix(first, "# syntax=docker/dockerfile:") {
		t.Errorf("it begins with %q", first)
	}
	version := regexp.MustCompile(`(?m)^VERSION \?= .*,([0-9.]+)\)$`).FindStringSubmatch(textfile.Read(t, "Makefile"))
	if version == nil || !slices.Contains(all[""], "ARG VERSION="+version[1]) {
		t.Errorf("the Makefile has version %q", version)
	}
	for stage, lines := range all {
		if base := strings.Fields(lines[0]); stage != "" && strings.Contains(lines[0], "_IMAGE}") != (stage == "go" || stage == "build" || stage == "fluent-bit") {
			t.Errorf("%s: the base image is %q", stage, base)
		}
	}
	build := all["build"]
	modules, sources := slices.Index(build, "RUN go mod download"), slices.Index(build, "COPY . .")
	if modules < 0 || modules > sources || build[modules-1] != "COPY go.mod go.sum ./" {
		t.Errorf("the modules are no layer of their own: %q", build)
	}
	for _, stage := range []string{"plugin", "fluent-bit"} {
		text := strings.Join(all[stage], "\n")
		for _, part := range []string{"COPY --from=build /licenses/ /licenses/", `image.version="$VERSION"`, `image.revision="$REVISION"`, `image.source="$SOURCE"`, "image.licenses="} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %s", stage, part)
			}
		}
	}
}

// The image that NSGFLOW_IMAGE names gives the samples' events, whoever runs it.
func TestImage(t *testing.T) {
	image := os.Getenv("NSGFLOW_IMAGE")
	if image == "" {
		t.Skip("skipped: NSGFLOW_IMAGE names no image of the Dockerfile")
	}
	needs.Programs(t, "docker")
	volume := strings.TrimSpace(run(t, ".", "docker", "volume", "create"))
	readOnly := strings.TrimSpace(run(t, ".", "docker", "volume", "create"))
	t.Cleanup(func() { _ = exec.Command("docker", "volume", "rm", volume, readOnly).Run() })
	for name, args := range map[string][]string{
		"root":                {},
		"a user":              {"--user", "1000"},
		"a user with volume":  {"--user", "1000", "--volume", volume + ":/fluent-bit/storage"},
		"read-only":           {"--user", "1000", "--read-only", "--volume", readOnly + ":/fluent-bit/storage"},
		"read-only in memory": {"--user", "1000", "--read-only", "--tmpfs", "/fluent-bit/storage"},
	} {
		t.Run(name, func(t *testing.T) {
			container := strings.TrimSpace(run(t, ".", "docker", append(append([]string{"run", "--detach", "--network=none"}, args...), image)...))
			defer func() { _ = exec.Command("docker", "rm", "--force", "--volumes", container).Run() }()
			var out []byte
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
				out, _ = exec.Command("docker", "logs", container).CombinedOutput()
				if strings.Contains(string(out), `"@timestamp"`) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("no events\n%s", out)
				}
			}
		})
	}
	t.Run("labels", func(t *testing.T) {
		var labels map[string]string
		if err := json.Unmarshal([]byte(run(t, ".", "docker", "inspect", "--format", "{{json .Config.Labels}}", image)), &labels); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"version", "revision", "source", "licenses"} {
			if _, ok := labels["org.opencontainers.image."+name]; !ok {
				t.Errorf("no label %s in %v", name, labels)
			}
		}
	})
	t.Run("licences", func(t *testing.T) {
		container := strings.TrimSpace(run(t, ".", "docker", "create", image))
		defer func() { _ = exec.Command("docker", "rm", container).Run() }()
		to := t.TempDir()
		run(t, to, "docker", "cp", container+":/licenses/fluent-bit-nsgflow", "licences")
		run(t, to, "docker", "cp", container+":/fluent-bit/plugins/flb-filter_nsgflow.so", "object.so")
		licences, err := os.ReadFile(to + "/licences")
		if err != nil {
			t.Fatal(err)
		}
		run(t, to, engine.Path("plugin/package/glibc-needed"), "object.so")
		for _, m := range regexp.MustCompile(`(?m)^\tdep\t(\S+)\t(\S+)`).FindAllStringSubmatch(run(t, to, "go", "version", "-m", "object.so"), -1) {
			if !strings.Contains(string(licences), "======== "+m[1]+"@"+m[2]) {
				t.Errorf("no licence of %s", m[1])
			}
		}
	})
}
