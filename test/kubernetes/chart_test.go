package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// pod is what is checked of one, as Kubernetes and the values spell it.
type pod struct {
	ServiceAccountName            string
	TerminationGracePeriodSeconds int
	SecurityContext               struct {
		RunAsNonRoot bool
		FSGroup      int
	}
	InitContainers, Containers []struct {
		Image                         string
		Args                          []string
		LivenessProbe, ReadinessProbe probe
		VolumeMounts                  []mount
	}
	Volumes []volume
}

type mount struct{ Name, MountPath string }

type volume struct {
	Name                  string
	EmptyDir              *struct{}
	ConfigMap             *struct{ Name string }
	PersistentVolumeClaim *struct{ ClaimName string }
}

type probe struct{ HTTPGet struct{ Path, Port string } }

// manifest is what is checked of one.
type manifest struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Data map[string]string
	Spec struct {
		Replicas  int
		Strategy  struct{ Type string }
		Endpoints []struct{ Path string }
		Groups    []struct{ Rules []alertRule }
		Template  struct {
			Metadata struct{ Labels map[string]string }
			Spec     pod
		}
	}
}

type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

const rulesFile = "conf/monitoring/rules.yaml"

// readYAML reads a file by the names that JSON has.
func readYAML(t *testing.T, file string, to any) {
	t.Helper()
	var all any
	err := yaml.Unmarshal([]byte(textfile.Read(t, file)), &all)
	text, _ := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// The values say what is needed, as far as that can be seen without the chart.
func TestChartValues(t *testing.T) {
	var v struct {
		Kind           string
		ReplicaCount   int
		UpdateStrategy struct{ Type string }
		PodLabels      map[string]string
		ServiceAccount struct {
			Name        string
			Annotations map[string]string
		}
		TerminationGracePeriodSeconds int
		PodSecurityContext            json.RawMessage
		InitContainers                json.RawMessage
		LivenessProbe, ReadinessProbe json.RawMessage
		ExtraVolumes                  []any
		ExtraVolumeMounts             []any
		Config                        struct {
			Service, Inputs, Filters, Outputs string
			ExtraFiles                        map[string]string
		}
	}
	readYAML(t, "conf/kubernetes/values.yaml", &v)
	// What the chart does with them, by its templates.
	files := map[string]string{"fluent-bit.conf": strings.ReplaceAll(v.Config.Service+v.Config.Inputs+v.Config.Filters+v.Config.Outputs, "{{ .Values.metricsPort }}", "2020")}
	for name, text := range v.Config.ExtraFiles {
		files[name] = text
	}
	text, err := json.Marshal(map[string]any{
		"serviceAccountName":            v.ServiceAccount.Name,
		"terminationGracePeriodSeconds": v.TerminationGracePeriodSeconds,
		"securityContext":               v.PodSecurityContext,
		"initContainers":                v.InitContainers,
		"volumes":                       append(v.ExtraVolumes, map[string]any{"name": "config", "configMap": map[string]any{"name": "nsgflow"}}),
		"containers": []any{map[string]any{
			"livenessProbe": v.LivenessProbe, "readinessProbe": v.ReadinessProbe,
			"volumeMounts": append(v.ExtraVolumeMounts, map[string]any{"name": "config", "mountPath": "/fluent-bit/etc/conf"}),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var p pod
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	checkOne(t, v.Kind, v.ReplicaCount, v.UpdateStrategy.Type, v.ServiceAccount.Annotations, v.PodLabels)
	p.check(t, files)
	p.run(t, files, "/api/v2/metrics/prometheus")
}

// The chart makes manifests of the values that Kubernetes takes, and that
// agree with each other. NSGFLOW_CHART names the folder of the chart.
func TestChart(t *testing.T) {
	chart := os.Getenv("NSGFLOW_CHART")
	if chart == "" {
		t.Skip("skipped: there is no chart of Fluent Bit: NSGFLOW_CHART names its folder")
	}
	var known, ours map[string]any
	readYAML(t, filepath.Join(chart, "values.yaml"), &known)
	for _, file := range []string{"values.yaml", "alarms.yaml"} {
		readYAML(t, "conf/kubernetes/"+file, &ours)
		for key := range ours {
			if _, ok := known[key]; !ok {
				t.Errorf("%s: the chart has no value %s", file, key)
			}
		}
	}
	all := rendered(t, chart)
	deployment, config := all["Deployment"], all["ConfigMap"]
	account := all["ServiceAccount"]
	checkOne(t, deployment.Kind, deployment.Spec.Replicas, deployment.Spec.Strategy.Type, account.Metadata.Annotations, deployment.Spec.Template.Metadata.Labels)
	p := deployment.Spec.Template.Spec
	if p.ServiceAccountName != account.Metadata.Name {
		t.Errorf("service account %q of %q", p.ServiceAccountName, account.Metadata.Name)
	}
	if image := p.Containers[0].Image; !strings.Contains(image, "/fluent/fluent-bit:") {
		t.Errorf("image %q", image)
	}
	p.check(t, config.Data)
	var rules struct{ Groups []struct{ Rules []alertRule } }
	readYAML(t, rulesFile, &rules)
	if got, want := fmt.Sprint(all["PrometheusRule"].Spec.Groups[0].Rules), fmt.Sprint(rules.Groups[0].Rules); got != want {
		t.Errorf("alarms\n%s\nnot those of %s\n%s", got, rulesFile, want)
	}
	p.run(t, config.Data, all["ServiceMonitor"].Spec.Endpoints[0].Path)
}

// rendered are the manifests by kind, each decoded strictly on the way.
func rendered(t *testing.T, chart string) map[string]manifest {
	t.Helper()
	chart, err := filepath.Abs(chart)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "-C", "helm", "mod", "download").CombinedOutput(); err != nil {
		t.Skipf("skipped: there is no Helm: %v\n%s", err, out)
	}
	tool := func(in []byte, args ...string) []byte {
		c := exec.Command("go", append([]string{"-C", "helm"}, args...)...)
		var errs bytes.Buffer
		c.Stdin, c.Stderr = bytes.NewReader(in), &errs
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, errs.String())
		}
		return out
	}
	text := tool(nil, "tool", "helm", "template", "nsgflow", chart, "--namespace", "nsgflow", "--api-versions", "monitoring.coreos.com/v1",
		"-f", textfile.Path("conf/kubernetes/values.yaml"), "-f", textfile.Path("conf/kubernetes/alarms.yaml"))
	var all []manifest
	if err := json.Unmarshal(tool(text, "run", "./manifests"), &all); err != nil {
		t.Fatal(err)
	}
	byKind := map[string]manifest{}
	for _, m := range all {
		byKind[m.Kind] = m
	}
	var kinds []string
	for kind := range byKind {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	if got := strings.Join(kinds, " "); len(all) != len(kinds) || got != "ConfigMap Deployment PrometheusRule Service ServiceAccount ServiceMonitor" {
		t.Fatalf("%d manifests, of %s", len(all), got)
	}
	return byKind
}

// checkOne: one agent at any time, with a workload identity.
func checkOne(t *testing.T, kind string, replicas int, strategy string, annotations, labels map[string]string) {
	t.Helper()
	if kind != "Deployment" || replicas != 1 || strategy != "Recreate" {
		t.Errorf("%s of %d, %s", kind, replicas, strategy)
	}
	if annotations["azure.workload.identity/client-id"] == "" || labels["azure.workload.identity/use"] != "true" {
		t.Errorf("no workload identity: annotations %v, labels %v", annotations, labels)
	}
}

var ownPath = regexp.MustCompile(`(?m)^\s+(\S+)\s+(/fluent-bit/\S+)`)

// check: the init container fills the folder that the plugins file names, and
// what Fluent Bit writes outlives the pod.
func (p pod) check(t *testing.T, files map[string]string) {
	t.Helper()
	copies, agent := p.InitContainers[0], p.Containers[0]
	filled := copies.VolumeMounts[0]
	if len(copies.VolumeMounts) != 1 || !slices.Equal(copies.Args, []string{filled.MountPath}) {
		t.Errorf("the init container copies to %v, and has %v", copies.Args, copies.VolumeMounts)
	}
	volumes := map[string]volume{}
	for _, v := range p.Volumes {
		volumes[v.Name] = v
	}
	var claim manifest
	readYAML(t, "conf/kubernetes/claim.yaml", &claim)
	for file, text := range files {
		for _, m := range ownPath.FindAllStringSubmatch(text, -1) {
			i := slices.IndexFunc(agent.VolumeMounts, func(v mount) bool { return strings.HasPrefix(m[2]+"/", v.MountPath+"/") })
			if i < 0 {
				t.Errorf("%s: %s %s is on no volume", file, m[1], m[2])
				continue
			}
			v, ok := volumes[agent.VolumeMounts[i].Name]
			switch m[1] {
			case "Path":
				ok = ok && v.EmptyDir != nil && v.Name == filled.Name
			case "storage.path", "state_path":
				ok = ok && v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim.Metadata.Name
			default:
				_, named := files[filepath.Base(m[2])]
				ok = ok && v.ConfigMap != nil && named
			}
			if !ok {
				t.Errorf("%s: %s %s is on %+v", file, m[1], m[2], v)
			}
		}
	}
	var grace int
	if _, after, ok := strings.Cut(files["fluent-bit.conf"], "Grace "); ok {
		fmt.Sscan(after, &grace)
	}
	if grace == 0 || p.TerminationGracePeriodSeconds < grace+10 {
		t.Errorf("grace %d, Kubernetes kills after %d s", grace, p.TerminationGracePeriodSeconds)
	}
	if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.FSGroup == 0 {
		t.Errorf("%+v: nobody may write the volumes", p.SecurityContext)
	}
}

// run: a real Fluent Bit takes the configuration and answers what Kubernetes
// and Prometheus ask, though the service that signs it in is not reached.
func (p pod) run(t *testing.T, files map[string]string, metricsPath string) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		r.NeedsMetrics(t)
		port := fluentbit.FreePort(t)
		root := follow.Stage(t)
		if err := os.Mkdir(filepath.Join(root, "etc", "conf"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			textfile.Write(t, root, "etc/conf/"+name, strings.NewReplacer("/fluent-bit/", root+"/", "0.0.0.0", "127.0.0.1", "2020", fmt.Sprint(port)).Replace(text))
		}
		if code := r.Start(t, root, nil, "--dry-run", "-c", "etc/conf/fluent-bit.conf").Wait(); code != 0 {
			t.Fatalf("--dry-run: exit code %d", code)
		}
		textfile.Write(t, root, "token", "token")
		a := r.Start(t, root, []string{"AZURE_TENANT_ID=3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703", "AZURE_CLIENT_ID=CLIENT_ID",
			"AZURE_FEDERATED_TOKEN_FILE=" + root + "/token", "AZURE_AUTHORITY_HOST=https://127.0.0.1:1/"}, "-c", "etc/conf/fluent-bit.conf")
		get := func(path string) string {
			return metrics.Endpoint{URL: fmt.Sprintf("http://127.0.0.1:%d%s", port, path)}.Text()
		}
		a.Until("metrics of the input", func() bool {
			text := get(metricsPath)
			return strings.Contains(text, "fluentbit_input_nsgflow_records_total{") && strings.Contains(text, "fluentbit_filter_nsgflow_flows_total{")
		})
		// A path that is not there may be answered with the first page.
		live, ready := p.Containers[0].LivenessProbe.HTTPGet, p.Containers[0].ReadinessProbe.HTTPGet
		if got := get(ready.Path); strings.TrimSpace(got) != "ok" || ready.Port != "http" {
			t.Errorf("readiness %+v: %q", ready, got)
		}
		if got := get(live.Path); !strings.Contains(got, `"fluent-bit"`) || live.Port != "http" {
			t.Errorf("liveness %+v: %q", live, got)
		}
		began := time.Now()
		a.Stop()
		if took := time.Since(began); took > time.Duration(p.TerminationGracePeriodSeconds)*time.Second {
			t.Errorf("it took %v to end", took)
		}
	})
}
