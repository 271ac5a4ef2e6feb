package schemas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ocsfClass is a class of OCSF 1.8.0 (ocsf-1.8.0/ORIGIN).
type ocsfClass struct {
	name   string
	schema *jsonschema.Schema
}

var ocsfClasses = map[int64]ocsfClass{
	0:    readClass("base_event"),
	4001: readClass("network_activity"),
}

func readClass(name string) ocsfClass {
	content, err := files.Open("ocsf-1.8.0/" + name + ".json")
	if err != nil {
		panic(err)
	}
	document, err := jsonschema.UnmarshalJSON(content)
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, document); err != nil {
		panic(err)
	}
	return ocsfClass{name, c.MustCompile(name)}
}

// ocsfCaptions are captions by "class or object, attribute, value".
var ocsfCaptions = func() map[string]string {
	captions := map[string]string{}
	for _, r := range rows("ocsf-1.8.0/captions.tsv", 4) {
		captions[strings.Join(r[:3], " ")] = r[3]
	}
	return captions
}()

// ocsfPairs are the attributes that have their caption in another.
var ocsfPairs = []struct{ object, attribute, path, caption string }{
	{"", "activity_id", "activity_id", "activity_name"},
	{"", "category_uid", "category_uid", "category_name"},
	{"", "class_uid", "class_uid", "class_name"},
	{"", "type_uid", "type_uid", "type_name"},
	{"", "severity_id", "severity_id", "severity"},
	{"", "status_id", "status_id", "status"},
	{"", "action_id", "action_id", "action"},
	{"", "disposition_id", "disposition_id", "disposition"},
	{"account", "type_id", "cloud.account.type_id", "cloud.account.type"},
	{"network_connection_info", "direction_id", "connection_info.direction_id", "connection_info.direction"},
}

const ocsfOther = 99 // an id whose caption is the source's own

// OCSF judges an event of schema ocsf: by the JSON Schema of its class, then by
// what that cannot say.
func OCSF(event Event) error {
	var c complaints
	uid := integer(event, "class_uid")
	class, known := ocsfClasses[uid]
	if !known {
		c.add("class_uid: %s, want 0 or 4001", shown(event["class_uid"]))
		return c.err()
	}
	if err := class.schema.Validate(event); err != nil {
		_, list, _ := strings.Cut(err.Error(), "\n")
		for line := range strings.SplitSeq(list, "\n") {
			c.add("%s", strings.TrimLeft(line, "- "))
		}
	}
	c.equal("type_uid", integer(event, "type_uid"), uid*100+integer(event, "activity_id"))
	for _, p := range ocsfPairs {
		object := p.object
		if object == "" {
			object = class.name
		}
		ocsfCaption(&c, event, object, p.attribute, p.path, p.caption)
	}
	c.equal("metadata.version", at(event, "metadata.version"), "1.8.0")
	if text(event, "metadata.uid") == "" {
		c.add("metadata.uid: missing")
	}
	if fmt.Sprint(at(event, "metadata.profiles")) != "[cloud security_control]" {
		c.add("metadata.profiles: %s", shown(at(event, "metadata.profiles")))
	}
	for _, name := range []string{"time", "metadata.logged_time"} {
		if n := integer(event, name); 0 < n && n < earliestMS {
			c.add("%s: %d is in seconds", name, n)
		}
	}
	c.noEmpty("", event, "raw_data")
	unmapped, _ := event["unmapped"].(map[string]any)
	ocsfUnmapped(&c, "unmapped.", unmapped)
	if uid == 0 {
		ocsfError(&c, event)
	} else {
		ocsfFlow(&c, event)
	}
	return c.err()
}

// earliestMS is in March 1973: what is less is a time in seconds.
const earliestMS = 1e11

// ocsfKeys are those below unmapped, and whether they are numbers.
var ocsfKeys = map[string]bool{
	"unmapped.flow_state": false, "unmapped.flow_log_guid": false, "unmapped.system_id": false, "unmapped.mac": false,
	"unmapped.encryption.code": false, "unmapped.encryption.status": false, "unmapped.aggregate.key": false,
	"unmapped.aggregate.begin": true, "unmapped.aggregate.continue": true, "unmapped.aggregate.end": true, "unmapped.aggregate.denied": true,
	"unmapped.aggregate.source_ports": true, "unmapped.aggregate.destination_ports": true,
}

// ocsfContext are those that a context adds: texts, and what is true.
var ocsfContext = func() (names []string) {
	for _, f := range nsgflow.SchemaOCSF.ContextFields() {
		names = append(names, f.Name)
	}
	return names
}()

// ocsfUnmapped: what is below unmapped, the schema leaves to the source.
func ocsfUnmapped(c *complaints, path string, object Event) {
	for name, value := range object {
		inner, isObject := value.(map[string]any)
		_, isText := value.(string)
		isNumber, known := ocsfKeys[path+name]
		switch {
		case isObject && path == "unmapped." && slices.Contains([]string{"encryption", "aggregate", "src_endpoint", "dst_endpoint"}, name):
			ocsfUnmapped(c, path+name+".", inner)
		case slices.Contains(ocsfContext, path+name) && (isText || value == true):
		case !known:
			c.add("%s%s: not one of ours", path, name)
		case isNumber && !isInteger(value, 1<<63-1) || !isNumber && !isText:
			c.add("%s%s: %s", path, name, shown(value))
		}
	}
}

// ocsfCaption: an attribute and its caption come together, and agree.
func ocsfCaption(c *complaints, event Event, object, attribute, path, caption string) {
	id, there := number(event, path)
	switch {
	case !there:
		c.equal(caption, at(event, caption), nil)
	case id != ocsfOther || attribute == "type_uid":
		c.equal(caption, text(event, caption), ocsfCaptions[fmt.Sprintf("%s %s %d", object, attribute, id)])
	case text(event, caption) == "":
		c.add("%s: missing", caption)
	}
}

// ocsfDecisions are status, action and disposition, which follow from one
// decision.
var ocsfDecisions = [][3]int64{{1, 1, 1}, {2, 2, 2}, {0, 0, 0}}

const ocsfRefuse = 5 // the activity of what is denied

// ocsfFlow has what holds among the fields of a flow.
func ocsfFlow(c *complaints, event Event) {
	decision := [3]int64{integer(event, "status_id"), integer(event, "action_id"), integer(event, "disposition_id")}
	known := false
	for _, d := range ocsfDecisions {
		known = known || d == decision
	}
	if !known {
		c.add("status_id, action_id, disposition_id: %v", decision)
	}
	if (decision[1] == 2) != (integer(event, "activity_id") == ocsfRefuse) {
		c.add("activity_id: %d, with action_id %d", integer(event, "activity_id"), decision[1])
	}
	c.sum(event, "traffic.bytes", "traffic.bytes_in", "traffic.bytes_out")
	c.sum(event, "traffic.packets", "traffic.packets_in", "traffic.packets_out")
	source, destination := text(event, "src_endpoint.ip"), text(event, "dst_endpoint.ip")
	if version := versionOfIP(source, destination); version != 0 || at(event, "connection_info.protocol_ver_id") != nil {
		c.equal("connection_info.protocol_ver_id", integer(event, "connection_info.protocol_ver_id"), version)
	}
	ocsfObservables(c, event, "src_endpoint.ip", "dst_endpoint.ip")
	for _, name := range []string{"traffic.bytes", "traffic.bytes_in", "traffic.bytes_out", "traffic.packets", "traffic.packets_in", "traffic.packets_out", "duration"} {
		if n, there := number(event, name); there && n < 0 {
			c.add("%s: %d", name, n)
		}
	}
	ocsfProtocol(c, event)
	ocsfSide(c, event)
	ocsfTimes(c, event)
	ocsfState(c, event)
	c.aggregate(event, "unmapped.aggregate", "count")
}

// ocsfObservables: they are the addresses, in this order.
func ocsfObservables(c *complaints, event Event, paths ...string) {
	list, _ := event["observables"].([]any)
	if len(list) != len(paths) {
		c.add("observables: %d, want %d", len(list), len(paths))
		return
	}
	for i, path := range paths {
		one, _ := list[i].(map[string]any)
		where := "observables[" + strconv.Itoa(i) + "]."
		c.equal(where+"name", one["name"], path)
		c.equal(where+"value", one["value"], at(event, path))
		c.equal(where+"type_id", integer(one, "type_id"), int64(2))
		c.equal(where+"type", one["type"], ocsfCaptions["observable type_id 2"])
	}
}

// ocsfSides are the point of observation and the endpoint whose MAC is the NIC's,
// by direction.
var ocsfSides = map[int64]struct {
	point int64
	other string
}{
	1: {2, "src_endpoint.mac"},
	2: {1, "dst_endpoint.mac"},
}

func ocsfSide(c *complaints, event Event) {
	side, known := ocsfSides[integer(event, "connection_info.direction_id")]
	if !known {
		c.equal("observation_point_id", event["observation_point_id"], nil)
		c.equal("src_endpoint.mac", at(event, "src_endpoint.mac"), nil)
		c.equal("dst_endpoint.mac", at(event, "dst_endpoint.mac"), nil)
		return
	}
	c.equal("observation_point_id", integer(event, "observation_point_id"), side.point)
	c.equal(side.other, at(event, side.other), nil)
}

// ocsfTimes: aggregates have both ends, how long that is and how many tuples; of
// a tuple, an opening has a start and a close an end.
func ocsfTimes(c *complaints, event Event) {
	if at(event, "unmapped.aggregate") != nil {
		start, end := integer(event, "start_time"), integer(event, "end_time")
		c.equal("time", integer(event, "time"), start)
		c.equal("duration", integer(event, "duration"), end-start)
		return
	}
	for name, activity := range map[string]int64{"start_time": 1, "end_time": 2, "duration": -1, "count": -1} {
		want := any(nil)
		if integer(event, "activity_id") == activity {
			want = event["time"]
		}
		if name == "end_time" && event[name] != nil {
			want = event["time"] // that of a denied E, too
		}
		c.equal(name, event[name], want)
	}
}

// ocsfProtocol: the name is that of the number, where the number has one.
func ocsfProtocol(c *complaints, event Event) {
	name := ""
	if n, there := number(event, "connection_info.protocol_num"); there && 0 <= n && n <= 255 {
		name = nsgflow.Protocol(n).Name()
	} else if there {
		c.add("connection_info.protocol_num: %d", n)
	}
	if at(event, "connection_info.protocol_num") == nil && at(event, "connection_info.community_uid") != nil {
		c.add("connection_info.protocol_num: missing")
	}
	c.equal("connection_info.protocol_name", text(event, "connection_info.protocol_name"), name)
}

// ocsfStates are the states of single allowed tuples by activity.
var ocsfStates = map[string]int64{"begin": 1, "end": 2, "continue": 6}

// ocsfState: the activity of an allowed tuple follows from its state.
func ocsfState(c *complaints, event Event) {
	state := text(event, "unmapped.flow_state")
	if state != "" && !stateWord.MatchString(state) {
		c.add("unmapped.flow_state: %q", state)
	}
	activity := integer(event, "activity_id")
	if at(event, "unmapped.aggregate") != nil || integer(event, "action_id") != 1 {
		return
	}
	if want, known := ocsfStates[state]; known && want != activity || !known && activity != 6 {
		c.add("unmapped.flow_state: %q, with activity_id %d", state, activity)
	}
}

// ocsfError has what holds for a tuple that does not parse.
func ocsfError(c *complaints, event Event) {
	for _, name := range []string{"status_detail", "raw_data"} {
		if event[name] == nil {
			c.add("%s: missing", name)
		}
	}
	c.equal("activity_id", integer(event, "activity_id"), int64(ocsfOther))
	c.equal("status_id", integer(event, "status_id"), int64(2))
}
