package nsgflow_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// idsOf are the event ids of a flow log, in the order of its tuples.
func idsOf(t testing.TB, r reading, flowLog string) (ids []string) {
	t.Helper()
	for _, o := range r.records(t, newNormalizer(t, inECS), flowLog) {
		id, _ := valueIn(t, decoded(t, o.Body), "event.id").(string)
		if len(id) != 22 {
			t.Errorf("id %q of %s", id, o.Body)
		}
		ids = append(ids, id)
	}
	return ids
}

// The same blob has the same ids whenever and however it is read, whatever
// the options, whatever has been read before; and no two of its tuples share
// one.
func TestEventIDIsOfTheRecord(t *testing.T) {
	used := newNormalizer(t, inECS, withOriginal)
	for name, input := range ecsInputs(t) {
		want := idsOf(t, asText, input)
		seen := map[string]bool{}
		for _, id := range want {
			if seen[id] {
				t.Errorf("%s: id %s twice", name, id)
			}
			seen[id] = true
		}
		for _, r := range []reading{asText, asMap, under("message"), under("log")} {
			if got := idsOf(t, r, input); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %s: ids %v, of the text %v", name, r.name, got, want)
			}
		}
		for i, e := range eventsOf(t, used, input) {
			if got := valueIn(t, e, "event.id"); got != want[i] {
				t.Errorf("%s: event %d has id %v after other logs, %s alone", name, i, got, want[i])
			}
		}
	}
}

// Records that are read apart, in another blob or in one, keep their ids.
func TestEventIDIsNotOfThePlace(t *testing.T) {
	first, second := idRecord{tuples: []string{tupleA, tupleB}}, idRecord{time: "2025-05-06T10:02:12.3456789Z", tuples: []string{tupleA}}
	for _, vnet := range []bool{false, true} {
		first.vnet, second.vnet = vnet, vnet
		want := append(idsOf(t, asText, first.String()), idsOf(t, asText, second.String())...)
		got := idsOf(t, asText, `{"records":[`+first.String()+","+second.String()+`]}`)
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("ids %v in a blob, %v alone", got, want)
		}
	}
}

// The keys of an object have no order: a flattened record that is written anew
// with its keys in another one keeps its events, with their ids. A key that
// comes again does not share the id of the first.
func TestEventIDOfFlowKeys(t *testing.T) {
	const head = `{"time":"2025-05-06T10:01:12Z","operationName":"FlowLogFlowEvent","rule":"r",`
	keys := []string{`"flow.0":"` + tupleA + `"`, `"flow.1":"` + tupleB + `"`, `"flow.2":"` + tupleA + `"`, `"flow.10":7`}
	changes := map[string][]func(*nsgflow.Options){
		"flows":      {inECS},
		"aggregates": {inECS, withOriginal, aggregating(nsgflow.AggregateConnection, nsgflow.AggregateConnection)},
	}
	for name, changes := range changes {
		for _, r := range []reading{asText, asMap} {
			want := r.records(t, newNormalizer(t, changes...), head+strings.Join(keys, ",")+"}")
			for _, order := range [][4]int{{3, 2, 1, 0}, {1, 0, 2, 3}, {2, 3, 0, 1}} {
				var moved []string
				for _, i := range order {
					moved = append(moved, keys[i])
				}
				got := r.records(t, newNormalizer(t, changes...), head+strings.Join(moved, ",")+"}")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s, keys in the order %v: %s", name, r.name, order, diff)
				}
			}
		}
	}
	for _, keys := range []string{`"flow.0":"` + tupleA + `","flow.0":"` + tupleA + `"`, `"flow.0":"` + tupleA + `","flow.1":"` + tupleA + `","flow.0":"` + tupleA + `","flow.0":"` + tupleA + `"`} {
		ids := idsOf(t, asText, head+keys+"}")
		if strings.Join(ids, " ") != strings.Join(idsOf(t, asMap, head+keys+"}"), " ") {
			t.Errorf("%s: other ids of the map", keys)
		}
		if slices.Sort(ids); len(slices.Compact(ids)) != strings.Count(keys, "flow.") {
			t.Errorf("%s: ids %v", keys, ids)
		}
	}
}

const (
	tupleA = "1746525600,10.8.0.4,192.0.2.9,50112,443,6,O,E,NX,1,60,2,120"
	tupleB = "1746525601,10.8.0.4,192.0.2.9,50112,443,6,O,E,NX,1,60,2,120"
)

// idRecord is a record of one group, with everything that an id depends on.
// Its tuples are such that they parse in both families.
type idRecord struct {
	vnet                           bool
	time, resource, mac, acl, rule string
	tuples                         []string
}

func (r idRecord) String() string {
	or := func(value, fallback string) string {
		if value == "" {
			return fallback
		}
		return value
	}
	time, mac, rule := or(r.time, "2025-05-06T10:01:12.3456789Z"), or(r.mac, "0022488F3B1D"), or(r.rule, "UserRule_Web")
	resource, acl := or(r.resource, "/subscriptions/s/resourceGroups/g/providers/p/t/n"), or(r.acl, "unspecified")
	tuples := `["` + strings.Join(r.tuples, `","`) + `"]`
	if r.vnet {
		return fmt.Sprintf(`{"time":%q,"macAddress":%q,"targetResourceID":%q,"operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":%q,"flowGroups":[{"rule":%q,"flowTuples":%s}]}]}}`,
			time, mac, resource, acl, rule, tuples)
	}
	return fmt.Sprintf(`{"time":%q,"macAddress":%q,"resourceId":%q,"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":%q,"flows":[{"mac":%q,"flowTuples":%s}]}]}}`,
		time, mac, resource, rule, mac, tuples)
}

// Whatever changes about a record changes all its ids, down to what the
// boundaries between its fields are.
func TestEventIDDependsOn(t *testing.T) {
	for _, vnet := range []bool{false, true} {
		seen := map[string]string{}
		for what, r := range map[string]idRecord{
			"nothing":                {tuples: []string{tupleA, tupleA}},
			"resource":               {resource: "/subscriptions/s/resourceGroups/g/providers/p/t/m", tuples: []string{tupleA, tupleA}},
			"case of resource":       {resource: "/SUBSCRIPTIONS/s/resourceGroups/g/providers/p/t/n", tuples: []string{tupleA, tupleA}},
			"mac":                    {mac: "0022488F3B1E", tuples: []string{tupleA, tupleA}},
			"rule":                   {rule: "UserRule_We", tuples: []string{tupleA, tupleA}},
			"time":                   {time: "2025-05-06T10:01:12.3456788Z", tuples: []string{tupleA, tupleA}},
			"time and mac, joined":   {time: "2025-05-06T10:01:12.3456789Z0", mac: "022488F3B1D", tuples: []string{tupleA, tupleA}},
			"first tuple":            {tuples: []string{tupleB, tupleA}},
			"second tuple":           {tuples: []string{tupleA, tupleB}},
			"tuples more":            {tuples: []string{tupleA, tupleA, tupleA}},
			"tuples less":            {tuples: []string{tupleA}},
			"a tuple without column": {tuples: []string{tupleA, tupleA + ","}},
			"acl":                    {acl: "0f8c6e1d-7b52-4a39-9d04-e6a1c3f58b27", tuples: []string{tupleA, tupleA}},
			"acl and rule, joined":   {acl: "unspecifiedU", rule: "serRule_Web", tuples: []string{tupleA, tupleA}},
		} {
			if r.vnet = vnet; !vnet && r.acl != "" {
				continue // NSG logs have none
			}
			for i, id := range idsOf(t, asText, r.String()) {
				place := fmt.Sprintf("%s, tuple %d", what, i)
				if other, ok := seen[id]; ok {
					t.Errorf("VNet %t: one id for %s and %s", vnet, place, other)
				}
				seen[id] = place
			}
		}
	}
}

// Flattened and denormalised logs have one flow each: what changes about it
// changes the id, and equal ones share theirs, as stated.
func TestEventIDOfOneFlow(t *testing.T) {
	const (
		flat = `{"time":"2025-05-06T10:01:12Z","macAddress":"0022488F3B1D","resourceId":"/r","operationName":"%s","aclID":"a","rule":"r","flow.0":"1746525600,10.8.0.4,192.0.2.9,50112,443,6,O,E,NX,1,60,2,120"}`
		// Fields beside the tuple that override its columns.
		above = `{"time":"2025-05-06T10:01:12Z","macAddress":"0022488F3B1D","resourceId":"/r","operationName":"%s","aclID":"a","rule":"r","source_addr":"10.8.0.4","destination_addr":"192.0.2.9","source_port":"50112","destination_port":443,"flow.0":"1746525600,10.9.0.4,192.0.2.19,1,2,6,O,E,NX,1,60,2,120"}`
		apart = `{"time":"2025-05-06T10:01:12Z","mac":"0022488F3B1D","resourceId":"/r","operationName":"%s","aclID":"a","nsgRuleName":"r","startTime":"1746525600","sourceAddress":"10.8.0.4","destinationAddress":"192.0.2.9","sourcePort":"50112","destinationPort":"443","transportProtocol":"6","deviceDirection":"O","deviceAction":"E","flowState":"NX","packetsStoD":"1","bytesStoD":"60","packetsDtoS":"2","bytesDtoS":"120"}`
	)
	changes := [][2]string{{"10:01:12", "10:01:13"}, {"3B1D", "3B1E"}, {`"r"`, `"q"`}, {"10.8.0.4", "10.8.0.5"}, {"192.0.2.9", "192.0.2.8"},
		{"1746525600", "1746525601"}, {"50112", "50113"}, {"443", "444"}, {`E","flowState":"NX`, `C","flowState":"NX`}, {",E,NX", ",C,NX"}, {"120", "121"}}
	for _, form := range []string{flat, above, apart} {
		for _, operation := range []string{"NetworkSecurityGroupFlowEvents", "FlowLogFlowEvent"} {
			log := fmt.Sprintf(form, operation)
			moves := append(changes, [2]string{"/r", "/q"})
			if operation == "FlowLogFlowEvent" {
				log = strings.Replace(log, "resourceId", "targetResourceID", 1)
				moves = append(moves, [2]string{`"a"`, `"b"`})
			}
			seen := map[string]string{idsOf(t, asText, log)[0]: "nothing"}
			if again := idsOf(t, asMap, log)[0]; seen[again] != "nothing" {
				t.Errorf("%s: another id of the map", log)
			}
			for _, change := range moves {
				changed := strings.Replace(log, change[0], change[1], 1)
				if changed == log {
					continue
				}
				id := idsOf(t, asText, changed)[0]
				if other, ok := seen[id]; ok {
					t.Errorf("%s: one id for %s and %s", log, change, other)
				}
				seen[id] = change[0]
			}
		}
	}
}

// 1,000,000 tuples that are as alike as Azure's may be, and more: minutes cut
// into records that share time, resource, MAC and rule and most of their
// tuples, equal tuples in one record, the same tuples seen by other NICs, in
// other resources, by other rules and ACLs, a minute later.
func TestEventIDsDoNotCollide(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	total := 1_000_000
	if testing.Short() {
		total = 200_000
	}
	n := newNormalizer(t, inECS)
	seen := make(map[[22]byte]struct{}, total)
	var chunk []byte
	for minute := 0; len(seen) < total; minute++ {
		for variant := range 5 {
			r := idRecord{vnet: minute%2 == 1, time: fmt.Sprintf("2025-05-%02dT%02d:%02d:12.3456789Z", 1+minute/1440, minute/60%24, minute%60)}
			switch variant {
			case 1:
				r.mac = "0022488F3B1E"
			case 2:
				r.resource = "/subscriptions/s/resourceGroups/g/providers/p/t/m"
			case 3:
				r.rule = "UserRule_Other"
			case 4:
				r.acl = "0f8c6e1d-7b52-4a39-9d04-e6a1c3f58b27"
				if !r.vnet {
					continue
				}
			}
			for cut := range 10 {
				// All records of a minute differ in their last tuple only.
				r.tuples = r.tuples[:0]
				for i := range 99 {
					r.tuples = append(r.tuples, []string{tupleA, tupleB}[i/3%2])
				}
				r.tuples = append(r.tuples, fmt.Sprintf("1746525600,10.8.0.4,192.0.2.9,%d,443,6,O,E,NX,1,60,2,120", 50000+cut))
				chunk, _ = n.AppendText(chunk[:0], []byte(r.String()), nsgflow.Frame{Time: source.Time, Metadata: source.Metadata})
				before := len(seen)
				for rest := chunk; ; {
					// No other "id" has a value of 22 bytes.
					_, after, ok := bytes.Cut(rest, []byte("\xa2id\xb6"))
					if !ok {
						break
					}
					seen[[22]byte(after)] = struct{}{}
					rest = after
				}
				if len(seen) != before+len(r.tuples) {
					t.Fatalf("after %d ids: %d new ones of %d tuples of %s", before, len(seen)-before, len(r.tuples), r.String())
				}
			}
		}
	}
}
