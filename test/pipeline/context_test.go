package pipeline

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/metrics"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// one is a record with one flow, from the VM of contexts.All to another address.
const one = `{"time":"2025-03-04T09:00:41Z","macAddress":"000D3AF1C27E","operationName":"FlowLogFlowEvent","flowLogVersion":4,"targetResourceID":"` +
	`/subscriptions/3d1f6a52-7c0b-4e8d-9b24-5a60c8e1f703/resourceGroups/shop-prod/providers/Microsoft.Network/virtualNetworks/shop-vnet",` +
	`"flow.0":"1741078812345,10.20.0.4,20.60.0.1,49310,443,6,O,E,NX,9,1180,11,6120"}` + "\n"

// withContext stages an agent whose filter edge has the files of contexts.All, looked at
// every second.
func withContext(t *testing.T, r fluentbit.Release) (a *fluentbit.Agent, e metrics.Endpoint, root string) {
	t.Helper()
	e = metrics.Of(t, r)
	root = fluentbit.Stage(t)
	for name, text := range contexts.All {
		textfile.Write(t, root, "etc/"+name, text)
	}
	at := func(name string) string { return filepath.Join(root, "etc", name) }
	textfile.Write(t, root, "flow-logs/a.json", one)
	textfile.Write(t, root, "etc/context.conf", fluentbit.Service(root)+e.Conf+fluentbit.Tailing(root, "a.json", "flow", "")+
		fluentbit.Filtering("flow", "alias edge", "schema ecs", "context_check 1s", "context_service_tags "+at("tags.json"), "context_inventory "+at("inventory.jsonl"),
			"context_networks "+at("networks.csv"), "context_threats feodo="+at("feodo.csv"))+
		strings.Replace(fluentbit.Printing, "Match            *", "Match flow", 1)) // not the metrics
	args := []string{"-c", filepath.Join(root, "etc", "context.conf")}
	if !r.Before(2, 1) {
		args = append(args, "-Y")
	}
	return r.Start(t, root, nil, args...), e, root
}

// Events say who is behind their addresses. A file that is replaced is used within
// context_check and two seconds; one that is bad is said once and counted, and the last
// good one stays.
func TestContext(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		a, e, root := withContext(t, r)
		a.Until("an event", func() bool { return len(a.Printed()) > 0 })
		first := a.Printed()[0].Body
		for path, want := range map[string]string{
			"azure.flow_log.flow_type": "AzurePublic", "cloud.instance.name": "vm-web-01", "source.domain": "vm-web-01",
			"cloud.target.service.name": "AzureStorage", "azure.flow_log.source.network": "web tier", "azure.flow_log.destination.service_tag": "Storage.EastUS",
		} {
			if got := first.At(strings.Split(path, ".")...); got != want {
				t.Errorf("%s is %v, want %s", path, got, want)
			}
		}
		more := func() any { // of an event that comes now
			n := len(a.Printed())
			textfile.Append(t, filepath.Join(root, "flow-logs", "a.json"), one)
			a.Until("one more event", func() bool { return len(a.Printed()) > n })
			return a.Printed()[n].Body.At("azure", "flow_log", "source", "network")
		}
		path := filepath.Join(root, "etc", "networks.csv")
		replace := func(text string) {
			textfile.Write(t, root, "etc/new", text)
			if err := os.Rename(filepath.Join(root, "etc", "new"), path); err != nil {
				t.Fatal(err)
			}
		}

		replace("cidr,name\n10.20.0.0/24,new tier\n")
		replaced := time.Now()
		for more() != "new tier" {
			// A second for the way of an event, and as much for a busy machine.
			if late := time.Since(replaced); late > 5*time.Second {
				t.Fatalf("not used after %s", late)
			}
		}
		t.Logf("used after %s", time.Since(replaced).Round(10*time.Millisecond))

		replace("cidr,name\n10.20.0.0/240,worse\n")
		said := regexp.MustCompile(`\[error\] \[filter:nsgflow:edge\] context_networks ` + regexp.QuoteMeta(path) + `: line 2: .* stays in use`)
		count := func() int { return len(said.FindAllString(a.Log.String(), -1)) }
		a.Until("an error", func() bool { return more() == "new tier" && count() > 0 })
		failed := `fluentbit_filter_nsgflow_context_loads_total{name="edge",source="networks",result="failed"}`
		refused := `fluentbit_filter_nsgflow_context_refused{name="edge",source="networks"}`
		a.Until("the failed load in the metrics", func() bool {
			all := metrics.Series(e.Text())
			return all[failed] == 1 && all[refused] == 1
		})
		documented(t, e.Text())
		for looked := time.Now(); time.Since(looked) < 3*time.Second; {
			if got := more(); got != "new tier" {
				t.Fatalf("%v after a bad file", got)
			}
		}
		if count() != 1 {
			t.Errorf("said %d times", count())
		}
		replace("cidr,name\n10.20.0.0/24,best tier\n")
		a.Until("a good file", func() bool { return more() == "best tier" })
		a.Until("no refusal in the metrics", func() bool { return metrics.Series(e.Text())[refused] == 0 })

		if r.Before(2, 1) {
			t.Logf("not tried: Fluent Bit %s has no hot reload", r.Version)
		} else {
			a.Reload()
			a.Until("the reload", func() bool { return strings.Contains(a.Log.String(), " flows, ") })
			a.Until("an event after it", func() bool { return more() == "best tier" })

			// At a reload, a bad file ends no agent.
			replace("cidr,name\n10.20.0.0/240,worse\n")
			a.Until("another error", func() bool { more(); return count() == 2 }) // said with a chunk
			a.Reload()
			a.Until("the second reload", func() bool { return a.Says("no networks are in use") })
			a.Until("an event without a network", func() bool { return more() == nil })
			replace("cidr,name\n10.20.0.0/24,last tier\n")
			a.Until("a good file", func() bool { return more() == "last tier" })
		}
		a.Stop()
	})
}

// A file that is bad stops the start, with a line that names it.
func TestBadContextStopsTheStart(t *testing.T) {
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		root := fluentbit.Stage(t)
		textfile.Write(t, root, "flow-logs/a.json", one)
		textfile.Write(t, root, "etc/networks.csv", "cidr\nfar away\n")
		path := filepath.Join(root, "etc", "networks.csv")
		textfile.Write(t, root, "etc/bad.conf", fluentbit.Service(root)+fluentbit.Tailing(root, "*", "flow", fluentbit.ExitOnEOF)+
			fluentbit.Filtering("*", "context_networks "+path)+fluentbit.Printing)
		refused(t, r, r.Start(t, root, nil, "-c", "etc/bad.conf"), "context_networks "+path+": line 2: ")
	})
}
