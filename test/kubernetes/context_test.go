package kubernetes

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"fluent-bit-nsgflow/test/internal/textfile"
)

const contextFolder = "conf/context/"

// renewal is a service that stands for those that files of context come from, and
// the folder that they are renewed in.
type renewal struct {
	t       *testing.T
	folder  string
	program string // folder of the program nsgflow
	files   map[string]string
	url     string
}

func newRenewal(t *testing.T) *renewal {
	for _, tool := range []string{"curl", "gzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: there is no %s", tool)
		}
	}
	r := &renewal{t: t, folder: t.TempDir(), program: t.TempDir(), files: map[string]string{}}
	if out, err := exec.Command("go", "build", "-o", r.program, "fluent-bit-nsgflow/nsgflow/cmd/nsgflow").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		text, ok := r.files[q.URL.Path]
		if !ok {
			http.NotFound(w, q)
			return
		}
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// run renews, and gives the exit code and what is said.
func (r *renewal) run() (int, string) {
	r.t.Helper()
	c := exec.Command("/bin/sh", textfile.Path(contextFolder+"renew"), r.folder)
	c.Env = append(os.Environ(), "PATH="+r.program+":"+os.Getenv("PATH"), "SERVICE_TAGS_PAGE="+r.url+"/page", "COUNTRY=", "ASN=",
		"FEODO="+r.url+"/feodo.csv.gz", "DROP="+r.url+"/drop.json")
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		r.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(out)
}

func (r *renewal) read(file string) string {
	text, _ := os.ReadFile(filepath.Join(r.folder, file))
	return string(text)
}

// Files that come whole are renewed; one that does not come, or is bad, stays as it
// is, and nothing is left beside it.
func TestRenew(t *testing.T) {
	r := newRenewal(t)
	tags := textfile.Read(t, "nsgflow/context/testdata/service-tags.json")
	r.files["/page"] = `<a href="` + r.url + `/1/ServiceTags_Public_20251117.json">Download</a>`
	r.files["/1/ServiceTags_Public_20251117.json"] = tags
	packed := func(text string) string {
		var to bytes.Buffer
		z := gzip.NewWriter(&to)
		io.WriteString(z, text)
		z.Close()
		return to.String()
	}
	feodo := "# a list\nfirst_seen_utc,dst_ip,dst_port\n2024-02-12 13:50:35,203.0.114.7,443\n"
	drop := `{"cidr":"203.0.115.0/24","sblid":"SBL1"}` + "\n" + `{"type":"metadata","timestamp":1740000000,"records":1}` + "\n"
	r.files["/feodo.csv.gz"], r.files["/drop.json"] = packed(feodo), drop
	want := map[string]string{"service-tags.json": tags, "feodo.csv": feodo, "drop.json": drop}
	check := func(code int) {
		t.Helper()
		got, out := r.run()
		if got != code {
			t.Errorf("code %d, want %d\n%s", got, code, out)
		}
		for file, text := range want {
			if r.read(file) != text {
				t.Errorf("%s: %d bytes, want %d\n%s", file, len(r.read(file)), len(text), out)
			}
		}
		there, _ := os.ReadDir(r.folder)
		if len(there) != len(want) {
			t.Errorf("%d files: %v", len(there), there)
		}
	}
	check(0)
	r.files["/feodo.csv.gz"] = packed("<html>\n" + strings.Repeat("<p>not a list</p>\n", 300)) // a portal's page
	r.files["/1/ServiceTags_Public_20251117.json"] = tags[:len(tags)/2]
	r.files["/drop.json"] = strings.ReplaceAll(drop, "115", "116")
	want["drop.json"] = r.files["/drop.json"]
	check(1)
	delete(r.files, "/feodo.csv.gz")
	r.files["/page"] = "<html>" // without an address
	check(1)
}

// The units are what systemd takes, and the timer is the service's.
func TestRenewUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("skipped: there is no systemd-analyze")
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", textfile.Path(contextFolder+"nsgflow-context.service"),
		textfile.Path(contextFolder+"nsgflow-context.timer")).CombinedOutput()
	if err != nil || strings.Contains(string(out), "nsgflow-context") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The manifests hang together, and have the script that is beside them.
func TestRenewCronJob(t *testing.T) {
	type object struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
		Spec     struct {
			Schedule    string
			AccessModes []string
			JobTemplate struct {
				Spec struct {
					Template struct {
						Spec struct {
							Containers []struct {
								Command      []string
								VolumeMounts []mount
							}
							Volumes []volume
						}
					}
				}
			}
		}
	}
	all := map[string]object{}
	for in := yaml.NewDecoder(strings.NewReader(textfile.Read(t, contextFolder+"cronjob.yaml"))); ; {
		var one any
		err := in.Decode(&one)
		if err == io.EOF {
			break
		}
		var o object
		text, _ := json.Marshal(one)
		if err == nil {
			err = json.Unmarshal(text, &o)
		}
		if err != nil {
			t.Fatal(err)
		}
		all[o.Kind] = o
	}
	config, claim, job := all["ConfigMap"], all["PersistentVolumeClaim"], all["CronJob"]
	if config.Data["renew"] != textfile.Read(t, contextFolder+"renew") {
		t.Error("the script is not the one of the file renew")
	}
	if len(strings.Fields(job.Spec.Schedule)) != 5 || len(claim.Spec.AccessModes) != 1 {
		t.Errorf("schedule %q, access %q", job.Spec.Schedule, claim.Spec.AccessModes)
	}
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	at := map[string]string{}
	for _, m := range pod.Containers[0].VolumeMounts {
		at[m.Name] = m.MountPath
	}
	for _, v := range pod.Volumes {
		switch {
		case v.ConfigMap != nil && v.ConfigMap.Name == config.Metadata.Name && pod.Containers[0].Command[1] == at[v.Name]+"/renew":
		case v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim.Metadata.Name && pod.Containers[0].Command[2] == at[v.Name]:
		default:
			t.Errorf("volume %s at %s of %v", v.Name, at[v.Name], pod.Containers[0].Command)
		}
	}
	if len(pod.Volumes) != 2 {
		t.Errorf("%d volumes", len(pod.Volumes))
	}
}
