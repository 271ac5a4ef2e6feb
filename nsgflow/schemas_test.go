package nsgflow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/contexts"
	"fluent-bit-nsgflow/test/loggen"

	"github.com/google/go-cmp/cmp"
)

// The schemas asim, ocsf and otel say what ecs says. So their oracle is an event of
// ecs, from which it makes theirs by their own documents: it shares nothing with the
// tables.

// said is an event of ecs, read.
type said struct {
	t      *testing.T
	event  map[string]any
	failed bool
}

// get is the value under a name with dots, "" where there is none.
func (s said) get(name string) string {
	switch v := valueIn(s.t, s.event, name).(type) {
	case nil:
		return ""
	case []any:
		return fmt.Sprint(v[0])
	default:
		return fmt.Sprint(v)
	}
}

func (s said) vnet() bool       { return s.get("azure.flow_log.kind") == "vnet" }
func (s said) aggregated() bool { return s.get("azure.flow_log.aggregate.key") != "" }

// byDecision is a word for allowed, denied, and unknown.
func (s said) byDecision(allowed, denied, unknown string) string {
	return map[string]string{"accept": allowed, "reject": denied, "": unknown}[s.get("event.action")]
}

func (s said) byDirection(in, out, unknown string) string {
	return map[string]string{"inbound": in, "outbound": out, "": unknown}[s.get("network.direction")]
}

// milliseconds are those since 1970 of a time, "" of none.
func (s said) milliseconds(name string) string {
	text := s.get(name)
	if text == "" {
		return ""
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		s.t.Fatal(err)
	}
	return strconv.FormatInt(at.UnixMilli(), 10)
}

func (s said) durationMS() string {
	if !s.aggregated() {
		return ""
	}
	n, _ := strconv.ParseInt(s.get("event.duration"), 10, 64)
	return strconv.FormatInt(n/1e6, 10)
}

// ruleset is the NSG's name as the log has it.
func (s said) ruleset() string {
	if s.vnet() {
		if parts := strings.SplitN(s.get("azure.flow_log.acl_id"), "/", 9); len(parts) == 9 && strings.EqualFold(parts[5], "providers") {
			return parts[8]
		}
		return ""
	}
	return s.get("azure.resource.name")
}

func (s said) first(names ...string) string {
	for _, name := range names {
		if v := s.get(name); v != "" {
			return v
		}
	}
	return ""
}

// expected are the values of an event by name, as texts; "" is none.
type expected map[string]string

func (want expected) copied(s said, names map[string]string) expected {
	for name, of := range names {
		want[name] = s.get(of)
	}
	return want
}

func inASIM(s said) expected {
	want := expected{
		"EventVendor": "Microsoft", "EventProduct": "NSGFlow", "EventSchemaVersion": "0.2.7", "EventType": "Flow", "EventCount": "1",
		"EventResult": s.byDecision("Success", "Failure", "NA"), "EventSeverity": s.byDecision("Informational", "Low", "Informational"),
		"EventStartTime": s.get("@timestamp"), "EventEndTime": s.get("@timestamp"),
		"Dvc": s.first("azure.resource.id"), "NetworkDuration": s.durationMS(),
		"DvcMacAddr": strings.ReplaceAll(s.get("observer.mac"), "-", ":"), "SrcMacAddr": strings.ReplaceAll(s.get("source.mac"), "-", ":"),
		"DstMacAddr": strings.ReplaceAll(s.get("destination.mac"), "-", ":"), "DvcAction": s.byDecision("Allow", "Deny", ""),
		"NetworkProtocolVersion":   map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[s.get("network.type")],
		"NetworkDirection":         s.byDirection("Inbound", "Outbound", ""),
		"AdditionalFields.Ruleset": s.ruleset(),
		"NetworkProtocol":          strings.ToUpper(s.get("network.transport")),
	}
	want.copied(s, map[string]string{
		"TimeGenerated": "@timestamp", "EventProductVersion": "azure.flow_log.version", "EventOriginalUid": "event.id", "EventOriginalType": "event.code",
		"EventOriginalSubType": "azure.flow_log.state", "EventMessage": "error.message", "DvcId": "azure.resource.id", "DvcSubscriptionId": "cloud.account.id",
		"NetworkRuleName": "rule.name", "NetworkSessionId": "network.community_id", "NetworkBytes": "network.bytes", "NetworkPackets": "network.packets",
		"SrcIpAddr": "source.ip", "SrcPortNumber": "source.port", "SrcPackets": "source.packets", "SrcBytes": "source.bytes",
		"DstIpAddr": "destination.ip", "DstPortNumber": "destination.port", "DstPackets": "destination.packets", "DstBytes": "destination.bytes",
		"AdditionalFields.FlowLogKind": "azure.flow_log.kind", "AdditionalFields.FlowLogGuid": "azure.flow_log.guid",
		"AdditionalFields.FlowLogResourceId": "azure.flow_log.resource_id", "AdditionalFields.AclId": "azure.flow_log.acl_id",
		"AdditionalFields.RuleClass": "rule.category", "AdditionalFields.Region": "cloud.region", "AdditionalFields.SystemId": "azure.flow_log.system_id",
		"AdditionalFields.RecordTime": "azure.flow_log.time", "AdditionalFields.MacAddress": "azure.flow_log.mac",
		"AdditionalFields.EncryptionCode": "azure.flow_log.encryption.code", "AdditionalFields.EncryptionStatus": "azure.flow_log.encryption.status",
		"AdditionalFields.Original": "event.original", "AdditionalFields.AggregatedBy": "azure.flow_log.aggregate.key",
		"AdditionalFields.Begin": "azure.flow_log.aggregate.begin", "AdditionalFields.Continue": "azure.flow_log.aggregate.continue",
		"AdditionalFields.End": "azure.flow_log.aggregate.end", "AdditionalFields.Denied": "azure.flow_log.aggregate.denied",
		"AdditionalFields.SrcPorts": "azure.flow_log.aggregate.source_ports", "AdditionalFields.DstPorts": "azure.flow_log.aggregate.destination_ports",
	})
	if s.aggregated() {
		want["EventEndTime"], want["EventCount"] = s.get("event.end"), s.get("azure.flow_log.aggregate.tuples")
	}
	if want["Dvc"] == "" {
		want["Dvc"] = "NSGFlow"
	} else {
		want["DvcIdType"] = "AzureResourceId"
	}
	if s.get("network.transport") == "" {
		want["AdditionalFields.ProtocolNumber"] = s.get("network.iana_number")
	}
	return want
}

func inOCSF(s said) expected {
	activity, types := s.byDecision("6", "5", "6"), fmt.Sprint(valueIn(s.t, s.event, "event.type"))
	switch {
	case s.aggregated() || activity == "5" || s.get("event.action") == "":
	case strings.Contains(types, "start"):
		activity = "1"
	case strings.Contains(types, "end"):
		activity = "2"
	}
	name := map[string]string{"1": "Open", "2": "Close", "5": "Refuse", "6": "Traffic"}[activity]
	decision := s.byDecision("1", "2", "0")
	want := expected{
		"activity_id": activity, "activity_name": name, "category_uid": "4", "category_name": "Network Activity", "class_uid": "4001",
		"class_name": "Network Activity", "type_uid": "40010" + activity, "type_name": "Network Activity: " + name, "severity_id": "1", "severity": "Informational",
		"status_id": decision, "status": s.byDecision("Success", "Failure", "Unknown"), "action_id": decision, "action": s.byDecision("Allowed", "Denied", "Unknown"),
		"disposition_id": decision, "disposition": s.byDecision("Allowed", "Blocked", "Unknown"), "time": s.milliseconds("@timestamp"),
		"start_time": s.milliseconds("event.start"), "end_time": s.milliseconds("event.end"), "duration": s.durationMS(),
		"observation_point_id": s.byDirection("2", "1", ""), "connection_info.direction_id": s.byDirection("1", "2", "0"),
		"connection_info.direction":       s.byDirection("Inbound", "Outbound", "Unknown"),
		"connection_info.protocol_ver_id": map[string]string{"ipv4": "4", "ipv6": "6"}[s.get("network.type")],
		"observables": fmt.Sprintf("[map[name:src_endpoint.ip type:IP Address type_id:2 value:%s] map[name:dst_endpoint.ip type:IP Address type_id:2 value:%s]]",
			s.get("source.ip"), s.get("destination.ip")),
	}
	if s.failed {
		want = expected{
			"activity_id": "99", "activity_name": "Parse error", "category_uid": "0", "category_name": "Uncategorized", "class_uid": "0", "class_name": "Base Event",
			"type_uid": "99", "type_name": "Base Event: Other", "severity_id": "1", "severity": "Informational", "status_id": "2", "status": "Failure",
			"time": s.milliseconds("@timestamp"),
		}
	}
	maps.Copy(want, expected{
		"metadata.version": "1.8.0", "metadata.profiles": "[cloud security_control]", "metadata.product.name": "Azure Network Watcher",
		"metadata.product.vendor_name": "Microsoft", "metadata.product.feature.name": "NSG flow logs", "metadata.log_name": "NetworkSecurityGroupFlowEvent",
		"metadata.logged_time": s.milliseconds("azure.flow_log.time"), "cloud.provider": "Azure", "policy.name": s.ruleset(), "policy.uid": s.get("azure.resource.id"),
	})
	if s.vnet() {
		want["metadata.product.feature.name"], want["metadata.log_name"] = "Virtual network flow logs", "FlowLogFlowEvent"
		want["policy.uid"] = s.get("azure.flow_log.acl_id")
	}
	if s.get("cloud.account.id") != "" {
		want["cloud.account.type_id"], want["cloud.account.type"] = "13", "Azure Subscription"
	}
	return want.copied(s, map[string]string{
		"status_detail": "error.message", "count": "azure.flow_log.aggregate.tuples", "metadata.uid": "event.id", "metadata.event_code": "event.code",
		"metadata.log_source": "azure.flow_log.resource_id", "metadata.log_version": "azure.flow_log.version", "metadata.reporter.name": "azure.resource.name",
		"metadata.reporter.uid": "azure.resource.id", "cloud.account.uid": "cloud.account.id", "cloud.region": "cloud.region", "firewall_rule.name": "rule.name",
		"firewall_rule.category": "rule.category", "connection_info.protocol_num": "network.iana_number", "connection_info.protocol_name": "network.transport",
		"connection_info.community_uid": "network.community_id", "src_endpoint.ip": "source.ip", "src_endpoint.port": "source.port", "src_endpoint.mac": "source.mac",
		"dst_endpoint.ip": "destination.ip", "dst_endpoint.port": "destination.port", "dst_endpoint.mac": "destination.mac", "traffic.bytes": "network.bytes",
		"traffic.bytes_out": "source.bytes", "traffic.bytes_in": "destination.bytes", "traffic.packets": "network.packets", "traffic.packets_out": "source.packets",
		"traffic.packets_in": "destination.packets", "raw_data": "event.original", "unmapped.flow_state": "azure.flow_log.state",
		"unmapped.flow_log_guid": "azure.flow_log.guid", "unmapped.system_id": "azure.flow_log.system_id", "unmapped.mac": "azure.flow_log.mac",
		"unmapped.encryption.code": "azure.flow_log.encryption.code", "unmapped.encryption.status": "azure.flow_log.encryption.status",
		"unmapped.aggregate.key": "azure.flow_log.aggregate.key", "unmapped.aggregate.begin": "azure.flow_log.aggregate.begin",
		"unmapped.aggregate.continue": "azure.flow_log.aggregate.continue", "unmapped.aggregate.end": "azure.flow_log.aggregate.end",
		"unmapped.aggregate.denied": "azure.flow_log.aggregate.denied", "unmapped.aggregate.source_ports": "azure.flow_log.aggregate.source_ports",
		"unmapped.aggregate.destination_ports": "azure.flow_log.aggregate.destination_ports",
	})
}

func inOTel(s said) expected {
	want := expected{
		"body": s.get("error.message"), "otel.event.name": "azure.flow.error", "SeverityNumber": "17", "SeverityText": "ERROR", "error.type": "azure.flow.parse",
	}
	if !s.failed {
		end := func(side string) string {
			address, port := s.get(side+".address"), s.get(side+".port")
			switch at, _ := netip.ParseAddr(address); {
			case port == "":
				return address
			case at.Is6():
				return "[" + address + "]:" + port
			}
			return address + ":" + port
		}
		protocol := s.first("network.transport", "network.iana_number")
		if protocol == "" {
			protocol = "unknown"
		}
		want = expected{
			"body":            fmt.Sprintf("%s %s %s > %s", s.byDecision("Allow", "Deny", "Flow"), protocol, end("source"), end("destination")),
			"otel.event.name": "azure.flow",
		}
	}
	want["azure.flow.action"], want["azure.flow.mac"] = s.byDecision("allow", "deny", ""), s.first("observer.mac", "azure.flow_log.mac")
	want["security_rule.ruleset.name"] = s.ruleset()
	for _, name := range []string{"kind", "version", "guid", "resource_id", "system_id", "acl_id", "time"} {
		want["azure.flow.log."+name] = s.get("azure.flow_log." + name)
	}
	for _, name := range []string{"key", "tuples", "begin", "continue", "end", "denied", "source_ports", "destination_ports"} {
		want["azure.flow.aggregate."+name] = s.get("azure.flow_log.aggregate." + name)
	}
	for _, name := range []string{"cloud.provider", "cloud.account.id", "cloud.region", "network.transport", "network.type", "source.address", "source.port", "destination.address", "destination.port"} {
		want[name] = s.get(name)
	}
	return want.copied(s, map[string]string{
		"log.record.uid": "event.id", "log.record.original": "event.original", "cloud.resource_id": "azure.resource.id", "azure.resource_group.name": "azure.resource.group",
		"azure.operation.name": "event.code", "security_rule.name": "rule.name", "security_rule.category": "rule.category", "azure.flow.direction": "network.direction",
		"azure.flow.state": "azure.flow_log.state", "azure.flow.protocol_number": "network.iana_number", "azure.flow.community_id": "network.community_id",
		"azure.flow.bytes": "network.bytes", "azure.flow.packets": "network.packets", "azure.flow.source.bytes": "source.bytes", "azure.flow.source.packets": "source.packets",
		"azure.flow.destination.bytes": "destination.bytes", "azure.flow.destination.packets": "destination.packets",
		"azure.flow.encryption.code": "azure.flow_log.encryption.code", "azure.flow.encryption.status": "azure.flow_log.encryption.status",
		"azure.flow.start": "event.start", "azure.flow.end": "event.end",
	})
}

// projections are the oracles, by schema.
var projections = map[nsgflow.Schema]func(said) expected{nsgflow.SchemaASIM: inASIM, nsgflow.SchemaOCSF: inOCSF, nsgflow.SchemaOTel: inOTel}

// valuesIn are the values of an event by name, as texts. IANA's spelling of protocols
// is a test of its own.
func valuesIn(t testing.TB, body string) expected {
	got := expected{}
	for _, l := range leavesOf(t, body) {
		got[l.name] = fmt.Sprint(l.each[0])
		if l.list {
			got[l.name] = fmt.Sprint(l.each)
		}
	}
	if keyword := got["NetworkProtocol"]; keyword != "" {
		got["NetworkProtocol"] = strings.ToUpper(strings.ReplaceAll(keyword, " ", "-"))
	}
	return got
}

// Whatever ecs says of a tuple, the other schemas say, in their words; and each of
// their fields is seen.
func TestSchemasSayTheSame(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	inputs := aggregateInputs(t)
	for i, row := range hostile {
		if len(row.input) < 10_000 {
			inputs[fmt.Sprintf("hostile %d %s", i, row.name)] = row.input
		}
	}
	without := func(o *nsgflow.Options) { o.ReserveData = false }
	seen := map[nsgflow.Schema]map[string]bool{}
	for s := range projections {
		seen[s] = map[string]bool{}
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for _, by := range [][2]nsgflow.Aggregate{{}, {nsgflow.AggregateConnection}, {nsgflow.AggregateService, nsgflow.AggregateHost}} {
			aHostile := strings.HasPrefix(name, "hostile")
			if by[0] == nsgflow.AggregateConnection && (testing.Short() || aHostile) || by[0] != nsgflow.AggregateOff && testing.Short() && aHostile {
				continue
			}
			for _, r := range []reading{asText, under("log")} {
				if r.name != asText.name && (testing.Short() || by != ([2]nsgflow.Aggregate{})) {
					continue // how a log is read has no part in what its flows are by
				}
				ecs := r.records(t, newNormalizer(t, inECS, withOriginal, without, aggregating(by[0], by[1])), inputs[name])
				for s, project := range projections {
					got := r.records(t, newNormalizer(t, inSchema(s), withOriginal, without, aggregating(by[0], by[1])), inputs[name])
					if len(got) != len(ecs) {
						t.Fatalf("%s, %v, %s: %d records, %d of ecs", name, by, s, len(got), len(ecs))
					}
					for i := range got {
						checkProjection(t, fmt.Sprintf("%s, %v, %s, %s", name, by, s, r.name), ecs[i], got[i], project, seen[s])
					}
				}
			}
		}
	}
	for s := range projections {
		for _, f := range s.Fields() {
			if !seen[s][f.Name] {
				t.Errorf("%s: no event has %s", s, f.Name)
			}
		}
	}
}

func checkProjection(t *testing.T, where string, ecs, got out, project func(said) expected, seen map[string]bool) {
	t.Helper()
	var event struct {
		Event struct{ Dataset, Kind string }
	}
	if json.Unmarshal([]byte(ecs.Body), &event) != nil || event.Event.Dataset == "" { // no event of any schema
		if got != ecs {
			t.Errorf("%s: %+v, of ecs %+v", where, got, ecs)
		}
		return
	}
	want := project(said{t, decoded(t, ecs.Body), event.Event.Kind == "pipeline_error"})
	maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
	values := valuesIn(t, got.Body)
	for name, value := range values {
		if seen[name] = true; value == "" { // the original of an empty tuple
			delete(values, name)
		}
	}
	if diff := cmp.Diff(want, values); diff != "" || got.Time != ecs.Time || got.Metadata != ecs.Metadata {
		t.Errorf("%s: %s %s, of ecs %s\n%s", where, got.Time, got.Body, ecs.Body, diff)
	}
}

// Numbers are numbers in JSON, and what is none has quotes.
func TestSchemasTypes(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	inputs := aggregateInputs(t)
	for s := range projections {
		types := map[string]string{}
		for _, f := range s.Fields() {
			types[f.Name] = f.Type
		}
		n := newNormalizer(t, inSchema(s), withOriginal, func(o *nsgflow.Options) { o.ReserveData = false }, aggregating(nsgflow.AggregateOff, nsgflow.AggregateHost))
		for _, input := range inputs {
			for _, o := range asText.records(t, n, input) {
				if kind, _, _ := strings.Cut(brief(t, o), " "); kind != "event" && kind != "error" {
					continue
				}
				for _, l := range leavesOf(t, o.Body) {
					_, number := l.each[0].(json.Number)
					if want := types[l.name] == "long" || types[l.name] == "integer"; number != want || types[l.name] == "" {
						t.Fatalf("%s: %s (%s) is %v", s, l.name, types[l.name], l.each)
					}
				}
			}
		}
	}
}

// The field of the time is an option: on by default in asim only.
func TestSchemasTimestamp(t *testing.T) {
	for s := range projections {
		o := nsgflow.DefaultOptions(s)
		if want := map[nsgflow.Schema]string{nsgflow.SchemaASIM: "TimeGenerated"}[s]; o.TimestampKey != want || o.Original {
			t.Errorf("%s: %+v", s, o)
		}
		for name, want := range map[string]bool{"time": s != nsgflow.SchemaOCSF, "when": true, "EventVendor": s != nsgflow.SchemaASIM, "body": s != nsgflow.SchemaOTel, "azure.flow.end": s != nsgflow.SchemaOTel, "metadata": s != nsgflow.SchemaOCSF} {
			o.TimestampKey = name
			if err := o.Check(); (err == nil) != want {
				t.Errorf("%s: timestamp key %s: %v", s, name, err)
			}
		}
		n := newNormalizer(t, inSchema(s), func(o *nsgflow.Options) { o.TimestampKey = "when" })
		e := eventsOf(t, n, nsg(`"`+goodTuple+`"`))[0]
		if e["when"] != "2020-12-14T22:15:56.000Z" || e["TimeGenerated"] != nil {
			t.Errorf("%s: %v", s, e)
		}
	}
}

// The field of the time has no name that events have with a context either.
func TestTimestampIsNoNameOfTheContext(t *testing.T) {
	for s := range nsgflow.Schemas() {
		for _, f := range nsgflow.Schema(s).ContextFields() {
			o := nsgflow.DefaultOptions(nsgflow.Schema(s))
			if o.TimestampKey = f.Name; nsgflow.Schema(s) != nsgflow.SchemaASIM && nsgflow.Schema(s) != nsgflow.SchemaOTel {
				o.TimestampKey, _, _ = strings.Cut(f.Name, ".")
				o.TimestampKey = strings.TrimSuffix(o.TimestampKey, "[]")
			}
			if o.Check() == nil {
				t.Errorf("%s: timestamp key %s", nsgflow.Schema(s), o.TimestampKey)
			}
		}
	}
}

// A second filter leaves the events alone, also where a second flow log stands in a
// field that they keep.
func TestSchemasTwice(t *testing.T) {
	text := nsg(`"` + goodTuple + `","wrong"`)
	body := packed(t, fmt.Sprintf(`{"message":%q,"log":%q}`, text, text))
	for s := range nsgflow.Schemas() {
		out, changed := appendBody(t, newNormalizer(t, inSchema(nsgflow.Schema(s))), body)
		if !changed || !strings.Contains(string(out), "log") {
			t.Fatalf("%s: %q", nsgflow.Schema(s), out)
		}
		for second := range nsgflow.Schemas() {
			checkTwice(t, newNormalizer(t, inSchema(nsgflow.Schema(second))), out)
		}
	}
}

// One field that looks like an event's is no event: the flow log beside it is read.
func TestSchemasMarksAlone(t *testing.T) {
	for _, mark := range []string{`"EventProduct":"NSGFlow"`, `"otel.event.name":"azure.flow"`, `"otel.event.name":"azure.flow.error"`, `"metadata":{"product":{"name":"Azure Network Watcher"}}`, `"event":{"kind":"event"}`} {
		for s := range nsgflow.Schemas() {
			n := newNormalizer(t, inSchema(nsgflow.Schema(s)))
			if _, changed := appendBody(t, n, packed(t, `{`+mark+`,"log":`+quoted(nsg(`"`+goodTuple+`"`))+`}`)); !changed || n.Counts().Events != 1 {
				t.Errorf("%s, %s: %+v", nsgflow.Schema(s), mark, n.Counts())
			}
		}
	}
}

// What says something of another field goes with it.
func TestSchemasPairs(t *testing.T) {
	for name, c := range map[string]struct {
		schema nsgflow.Schema
		gone   []string
	}{
		"DvcId":             {nsgflow.SchemaASIM, []string{"DvcId", "DvcIdType"}},
		"cloud.account.uid": {nsgflow.SchemaOCSF, []string{"cloud.account.uid", "cloud.account.type_id", "cloud.account.type"}},
	} {
		whole := valuesIn(t, asText.records(t, newNormalizer(t, inSchema(c.schema)), shopRecord)[0].Body)
		got := valuesIn(t, asText.records(t, newNormalizer(t, inSchema(c.schema), func(o *nsgflow.Options) { o.ExcludeFields = []string{name} }), shopRecord)[0].Body)
		for _, gone := range c.gone {
			if whole[gone] == "" {
				t.Errorf("%s: there was no %s", name, gone)
			}
			delete(whole, gone)
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("without %s: %s", name, diff)
		}
	}
}

// Ids with empty parts have no empty names.
func TestSchemasEmptyParts(t *testing.T) {
	for _, id := range []string{"/subscriptions//resourceGroups//providers/Microsoft.Network/networkSecurityGroups/", "/subscriptions/S/resourceGroups/G/providers/Microsoft.Network/networkSecurityGroups/"} {
		for s := range nsgflow.Schemas() {
			for _, o := range asText.records(t, newNormalizer(t, inSchema(nsgflow.Schema(s))), tupleWith(fmt.Sprintf(`"rule":"R","targetResourceID":%q,"aclID":%[1]q`, id))) {
				for name, value := range valuesIn(t, o.Body) {
					if value == "" {
						t.Errorf("%s, %s: %s is empty", nsgflow.Schema(s), id, name)
					}
				}
			}
		}
	}
}

// There is room for 1.8 KB of other fields of a record beside any flow log that Azure
// writes.
func TestSchemasRoom(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	for _, log := range []loggen.Log{{Family: loggen.NSGv1, Records: 1, Tuples: 800}, {Family: loggen.NSGv2, Records: 1, Tuples: 600}, {Family: loggen.VNet, Records: 1, Tuples: 550}} {
		var b strings.Builder
		if err := log.Write(&b, loggen.Blob); err != nil {
			t.Fatal(err)
		}
		body := packed(t, `{"message":`+quoted(b.String())+`,"k":"`+strings.Repeat("x", 1800)+`"}`)
		for s := range nsgflow.Schemas() {
			for _, context := range []nsgflow.Context{nil, contexts.Open(t, contexts.All)} {
				n := newNormalizer(t, inSchema(nsgflow.Schema(s)), withOriginal, func(o *nsgflow.Options) { o.Context = context })
				if _, changed := appendBody(t, n, body); !changed || n.Counts().Events != uint64(log.Tuples) {
					t.Errorf("%s, %s: %+v", log.Family, nsgflow.Schema(s), n.Counts())
				}
			}
		}
	}
}
