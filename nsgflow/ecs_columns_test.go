package nsgflow_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/loggen"

	"github.com/google/go-cmp/cmp"
)

// azureBlob is a blob as Azure documents it.
type azureBlob struct {
	Records []struct {
		Time, MACAddress, ResourceID                     string
		FlowLogGUID, FlowLogResourceID, TargetResourceID string
		Properties                                       struct {
			Version json.Number
			Flows   []struct {
				Rule  string
				Flows []struct{ FlowTuples []string }
			}
		}
		FlowRecords struct {
			Flows []struct {
				ACLID      string
				FlowGroups []struct {
					Rule       string
					FlowTuples []string
				}
			}
		}
	}
}

// wantedColumns are the fields that show where the columns of a tuple went.
func wantedColumns(t *testing.T, vnet bool, tuple string) map[string]any {
	t.Helper()
	c := strings.Split(tuple, ",")
	c = append(c, make([]string, 13-len(c))...)
	at, err := strconv.ParseInt(c[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if at < 1e11 {
		at *= 1000
	}
	words := map[string]any{"T": "6", "U": "17", "I": "inbound", "O": "outbound", "B": "begin", "C": "continue", "E": "end", "D": "deny"}
	number, ok := words[c[5]]
	if !ok {
		number = c[5]
	}
	state, denied := c[8], c[7] == "D"
	nsgLayout := !vnet || (c[5] == "T" || c[5] == "U") && (c[7] == "A" || c[7] == "D") && len(c[8]) < 2 && strings.Contains("BCE", c[8])
	if !nsgLayout {
		state = c[7]
	}
	want := map[string]any{
		"@timestamp": time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z"),
		"source.ip":  c[1], "source.address": c[1], "source.port": json.Number(c[3]),
		"destination.ip": c[2], "destination.address": c[2], "destination.port": json.Number(c[4]),
		"network.iana_number": number, "network.direction": words[c[6]],
		"event.action": map[bool]any{false: "accept", true: "reject"}[denied],
	}
	if state != "" {
		want["azure.flow_log.state"] = words[state]
	}
	if !nsgLayout {
		want["azure.flow_log.encryption.code"] = c[8]
	}
	types := []any{"connection", map[bool]any{false: "allowed", true: "denied"}[denied]}
	switch {
	case denied:
	case state == "B":
		types, want["event.start"] = append(types, "start"), want["@timestamp"]
	case state == "E":
		types, want["event.end"] = append(types, "end"), want["@timestamp"]
	}
	want["event.type"] = types
	for i, name := range []string{"source.packets", "source.bytes", "destination.packets", "destination.bytes"} {
		if c[9+i] != "" {
			want[name] = json.Number(c[9+i])
		}
	}
	for i, name := range []string{"network.packets", "network.bytes"} {
		there, err1 := strconv.Atoi(c[9+i])
		back, err2 := strconv.Atoi(c[11+i])
		if err1 == nil && err2 == nil { // never the sum of a known and an unknown side
			want[name] = json.Number(strconv.Itoa(there + back))
		}
	}
	return want
}

// Every tuple of a blob is one event, in order, with every column in its
// place and the fields of its record around it.
func TestECSColumns(t *testing.T) {
	t.Parallel()
	logs := map[string]string{}
	for _, family := range []loggen.Family{loggen.NSGv1, loggen.NSGv2, loggen.VNet} {
		var b strings.Builder
		if err := (loggen.Log{Family: family, Records: 5, Tuples: 48, Seed: 3}).Write(&b, loggen.Blob); err != nil {
			t.Fatal(err)
		}
		logs["generated "+string(family)] = b.String()
	}
	for _, name := range []string{"nsg_v1", "nsg_v2", "one_side_unknown", "vnet_acls", "vnet_nsg_layout", "vnet_states", "vnet_targets", "mixed"} {
		addFile(t, logs, "testdata/ecs/"+name+".input.json")
	}
	for _, name := range []string{"nsg_v1", "nsg_v2", "vnet_v4", "vnet_v4_sorted"} {
		addFile(t, logs, "../conf/samples/"+name+".json")
	}
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			for _, r := range []reading{asText, asMap} {
				checkColumns(t, r, log)
			}
		})
	}
}

func addFile(t *testing.T, logs map[string]string, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	logs[filepath.Base(file)] = string(content)
}

func checkColumns(t *testing.T, r reading, log string) {
	t.Helper()
	var blob azureBlob
	if err := json.Unmarshal([]byte(strings.TrimPrefix(log, "\ufeff")), &blob); err != nil {
		t.Fatal(err)
	}
	var events []map[string]any
	for _, o := range r.records(t, newNormalizer(t, inECS), log) {
		events = append(events, decoded(t, o.Body))
	}
	place := 0
	check := func(vnet bool, tuple string, more map[string]any) {
		if place == len(events) {
			t.Fatalf("%s: %d events, and a tuple more: %s", r.name, place, tuple)
		}
		want := wantedColumns(t, vnet, tuple)
		for name, value := range more {
			if value != "" {
				want[name] = value
			}
		}
		e := events[place]
		got := valuesOf(t, e, checkedFields...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: event %d of %s: %s", r.name, place, tuple, diff)
		}
		place++
	}
	for _, rec := range blob.Records {
		for _, f := range rec.Properties.Flows {
			for _, g := range f.Flows {
				for _, tuple := range g.FlowTuples {
					check(false, tuple, map[string]any{"azure.flow_log.kind": "nsg", "rule.name": f.Rule, "azure.flow_log.time": rec.Time,
						"azure.resource.id": rec.ResourceID, "azure.flow_log.version": rec.Properties.Version.String()})
				}
			}
		}
		for _, f := range rec.FlowRecords.Flows {
			for _, g := range f.FlowGroups {
				for _, tuple := range g.FlowTuples {
					check(true, tuple, map[string]any{"azure.flow_log.kind": "vnet", "rule.name": g.Rule, "azure.flow_log.time": rec.Time,
						"azure.resource.id": rec.TargetResourceID, "azure.flow_log.acl_id": f.ACLID, "azure.flow_log.guid": rec.FlowLogGUID,
						"azure.flow_log.resource_id": rec.FlowLogResourceID, "azure.flow_log.version": "4"})
				}
			}
		}
	}
	if place == 0 || place != len(events) {
		t.Errorf("%s: %d events of %d tuples", r.name, len(events), place)
	}
}

var checkedFields = []string{
	"@timestamp", "source.ip", "source.address", "source.port", "source.packets", "source.bytes",
	"destination.ip", "destination.address", "destination.port", "destination.packets", "destination.bytes",
	"network.iana_number", "network.direction", "network.packets", "network.bytes",
	"event.action", "event.type", "event.start", "event.end", "rule.name",
	"azure.resource.id", "azure.flow_log.kind", "azure.flow_log.version", "azure.flow_log.time", "azure.flow_log.state",
	"azure.flow_log.acl_id", "azure.flow_log.guid", "azure.flow_log.resource_id", "azure.flow_log.encryption.code",
}
