package nsgflow_test

import (
	"strings"
	"sync"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// small has no fields but those of its tuple.
const (
	smallText  = `{"flow.0":"0,::,::,1,2,,,"}`
	smallStart = `{"message":"{\"flow.0\":\"0,::,::,1,2,,,\"}","@timestamp":"1970-01-01T00:00:00.000Z","event":{"kind":"event","category":["network"]}`
	smallRest  = `"action":{"target":"network-traffic"},"source":{"ip":"::","address":"::","port":1},"destination":{"ip":"::","address":"::","port":2},"related":{"ip":["::"]}`
	small      = smallStart + "," + smallRest + "}"
)

func off(o *nsgflow.Options)    { o.ReserveData = false }
func noText(o *nsgflow.Options) { o.Original = false }
func drop(o *nsgflow.Options)   { o.DropErrors = true }

func timestampIs(key string) func(o *nsgflow.Options) {
	return func(o *nsgflow.Options) { o.TimestampKey = key }
}
func keyIs(key string) func(o *nsgflow.Options) {
	return func(o *nsgflow.Options) { o.Key = key }
}

// What happens to the other fields of a source record, and where its flow log
// is looked for.
var recordCases = []struct {
	name    string
	options []func(*nsgflow.Options)
	body    string
	want    []string // nil: foreign
}{
	{"the text in message", nil, `{"message":` + quoted(smallText) + `}`, []string{small}},
	{"the text in log", nil, `{"log":` + quoted(smallText) + `}`, []string{small}},
	{"the text in another field", nil, `{"text":` + quoted(smallText) + `}`, nil},
	{"message comes before log", nil, `{"log":` + quoted(smallText) + `,"message":"{\"flow.0\":\"\"}"}`,
		[]string{`{"@timestamp":"2024-05-06T07:08:09.123Z","event":{"kind":"pipeline_error","original":""},"error":{"message":"flow.0: 1 columns, at least 8 expected: \"\""},"log":` + quoted(smallText) + `}`}},
	{"log, where message is none", nil, `{"message":"about a flow","log":` + quoted(smallText) + `}`, []string{small}},
	{"the body comes before message", nil, `{"message":` + quoted(smallText) + `,"flow.0":"0,::,::,1,2,,,"}`,
		[]string{small}},
	{"the field that key names", []func(*nsgflow.Options){keyIs("text")}, `{"message":"m","text":` + quoted(smallText) + `}`, []string{small}},
	{"a map in the field that key names", []func(*nsgflow.Options){keyIs("text")}, `{"a":1,"text":` + smallText + `}`,
		[]string{smallStart + "," + smallRest + `,"a":1}`}},
	{"an array in the field that key names", []func(*nsgflow.Options){keyIs("text")}, `{"a":1,"text":[7,` + smallText + `,{"b":2}]}`,
		[]string{`{"text":[7],"a":1}`, smallStart + "," + smallRest + `,"a":1}`, `{"b":2,"a":1}`}},
	{"an array in message", nil, `{"message":[` + smallText + `,[` + smallText + `]],"a":1}`,
		[]string{smallStart + "," + smallRest + `,"a":1}`, smallStart + "," + smallRest + `,"a":1}`}},
	{"an array in log, where message is none", nil, `{"log":[[7],` + smallText + `],"message":"about a flow"}`,
		[]string{`{"log":[[7]],"message":"about a flow"}`, small}},
	{"an array of another log in message", nil, `{"message":["flow.0",{"flow":7}],"log":[]}`, nil},
	{"an array in another field", nil, `{"text":[` + smallText + `]}`, nil},
	{"an array as text", nil, `{"hostname":"h","log":` + quoted("["+smallText+",7]") + `}`,
		[]string{smallStart + "," + smallRest + `,"hostname":"h"}`, `{"log":"7","hostname":"h"}`}},
	{"only that field", []func(*nsgflow.Options){keyIs("text")}, `{"message":` + quoted(smallText) + `}`, nil},
	{"and not the body", []func(*nsgflow.Options){keyIs("text")}, smallText, nil},
	{"other fields are kept", nil, `{"hostname":"h","log":` + quoted(smallText) + `,"kubernetes":{"labels":{"a":["b"]}}}`,
		[]string{smallStart + "," + smallRest + `,"hostname":"h","kubernetes":{"labels":{"a":["b"]}}}`}},
	{"reserve_data off", []func(*nsgflow.Options){off}, `{"hostname":"h","log":` + quoted(smallText) + `}`, []string{small}},
	{"maps are merged at every level, ours wins", nil,
		`{"source":{"port":9,"geo":{"x":1},"ip":{"a":1}},"event":{"kind":{"b":2},"category":"c","module":"m"},"action":"none","related":{"ip":{"deep":1},"user":["u"]},"log":` + quoted(smallText) + `}`,
		[]string{`{"message":"{\"flow.0\":\"0,::,::,1,2,,,\"}","@timestamp":"1970-01-01T00:00:00.000Z","event":{"kind":"event","category":["network"],"module":"m"},"action":{"target":"network-traffic"},"source":{"ip":"::","address":"::","port":1,"geo":{"x":1}},"destination":{"ip":"::","address":"::","port":2},"related":{"ip":["::"],"user":["u"]}}`}},
	{"what the flow lacks, the source may have", nil, `{"rule":{"name":"theirs"},"host":"h","network":{"name":"n"},"log":` + quoted(smallText) + `}`,
		[]string{smallStart + "," + smallRest + `,"rule":{"name":"theirs"},"host":"h","network":{"name":"n"}}`}},
	{"message, where ours is off", []func(*nsgflow.Options){noText}, `{"message":"m","log":` + quoted(smallText) + `}`,
		[]string{`{"@timestamp":"1970-01-01T00:00:00.000Z","event":{"kind":"event","category":["network"]},` + smallRest + `,"message":"m"}`}},
	{"the parts of a structured record go, the others stay", nil,
		`{"time":"t","tenantId":"7","flow.0":"0,::,::,1,2,,,","unit":{"a":null}}`,
		[]string{`{"message":"{\"time\":\"t\",\"flow.0\":\"0,::,::,1,2,,,\"}","@timestamp":"1970-01-01T00:00:00.000Z","event":{"kind":"event","category":["network"]},` + smallRest + `,"tenantId":"7","unit":{"a":null}}`}},
	{"fields beside records stay with every event and foreign element", nil,
		`{"a":1,"records":[{"a":2,"b":3},` + smallText + `,{"c":4}]}`,
		[]string{`{"a":2,"b":3}`, smallStart + "," + smallRest + `,"a":1}`, `{"c":4,"a":1}`}},
	{"a foreign element has no flow log of another field", nil,
		`{"log":` + quoted(smallText) + `,"message":` + quoted(smallText+"0") + `,"a":1}`,
		[]string{smallStart + "," + smallRest + `,"log":` + quoted(smallText) + `,"a":1}`, `{"message":"0","a":1}`}},
	{"a foreign element beside a list that is a flow log, too", nil,
		`{"records":[` + smallText + `,{"a":1}],"properties":{"flows":[7]},"category":"FlowLogFlowEvent"}`,
		[]string{smallStart + "," + smallRest + `,"properties":{"flows":[7]},"category":"FlowLogFlowEvent"}`, `{"a":1,"category":"FlowLogFlowEvent"}`,
			`{"@timestamp":"2024-05-06T07:08:09.123Z","event":{"kind":"pipeline_error","original":"7"},"error":{"message":"properties.flows[0]: not an object: \"7\""},"properties":{"flows":[7]},"category":"FlowLogFlowEvent"}`}},
	{"a foreign element beside a tuple of its own", nil,
		`{"records":[` + smallText + `,{"a":1}],"rule":"r","flowTuple":"0"}`,
		[]string{smallStart + "," + smallRest + `,"rule":"r","flowTuple":"0"}`, `{"a":1,"rule":"r"}`,
			`{"@timestamp":"1970-01-01T00:00:00.000Z","event":{"kind":"pipeline_error","original":"0"},"error":{"message":"flowTuple: 1 columns, at least 8 expected: \"0\""},"rule":{"name":"r"},"flowTuple":"0"}`}},
	{"a foreign element beside a list that is not", nil,
		`{"records":[` + smallText + `,{"a":1}],"properties":{"flows":[7]}}`,
		[]string{smallStart + "," + smallRest + `,"properties":{"flows":[7]}}`, `{"a":1,"properties":{"flows":[7]}}`}},
	{"a foreign element that is a record with a text", nil,
		`{"records":[` + smallText + `,{"message":` + quoted(smallText) + `,"b":1}]}`,
		[]string{small, smallStart + "," + smallRest + `,"b":1}`}},
	{"other fields stay with what is damaged", nil, `{"a":1,"log":` + quoted(smallText+"{") + `,"error":{"code":5}}`,
		[]string{smallStart + "," + smallRest + `,"a":1,"error":{"code":5}}`,
			`{"log":"{","event":{"kind":"pipeline_error"},"error":{"message":"byte 28: unexpected end","code":5},"a":1}`}},
	{"timestamp_key renamed", []func(*nsgflow.Options){timestampIs("at")}, `{"log":` + quoted(smallText) + `,"@timestamp":"theirs"}`,
		[]string{strings.Replace(strings.TrimSuffix(small, "}"), "@timestamp", "at", 1) + `,"@timestamp":"theirs"}`}},
	{"timestamp_key off", []func(*nsgflow.Options){timestampIs("")}, `{"log":` + quoted(smallText) + `}`,
		[]string{strings.Replace(small, `"@timestamp":"1970-01-01T00:00:00.000Z",`, "", 1)}},
	{"on_error drop", []func(*nsgflow.Options){drop}, `{"log":` + quoted(`{"flow.0":"x"}`+smallText+"{") + `}`,
		[]string{small, `{"log":"{","event":{"kind":"pipeline_error"},"error":{"message":"byte 42: unexpected end"}}`}},
	{"nothing but what is dropped", []func(*nsgflow.Options){drop}, `{"log":"{\"flow.0\":\"x\"}"}`, []string{}},
	{"an event", nil, small, nil},
	{"an event of another schema's making", nil, `{"event":{"category":["network"],"kind":"event","id":"x"},"message":` + quoted(smallText) + `}`, nil},
	{"an alert with a flow log in it", nil, `{"event":{"category":["network"],"kind":"alert"},"log":` + quoted(smallText) + `}`,
		[]string{small}},
	{"no flow log", nil, `{"message":"GET /flows","log":"nsgRuleName","a":{"records":[]}}`, nil},
	{"an empty record", nil, `{}`, nil},
	{"no object", nil, `["flow.0"]`, nil},
}

func TestRecords(t *testing.T) {
	for _, row := range recordCases {
		t.Run(row.name, func(t *testing.T) {
			n := newNormalizer(t, row.options...)
			chunk, changed := appendBody(t, n, packed(t, row.body))
			records, err := unpacked(chunk)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if changed {
				got = []string{}
			}
			for _, o := range records {
				got = append(got, o.Body)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			checkTwice(t, newNormalizer(t, row.options...), chunk)
			if foreign := n.Counts().Foreign; row.want == nil && foreign != 1 {
				t.Errorf("%d foreign records", foreign)
			}
		})
	}
}

func msgpackOf(b ...byte) []byte { return b }

// The frames of source records, and the times that events without one of
// their own get from them: none that a host would take for a group marker, or
// drop the record for.
func TestFrames(t *testing.T) {
	const bad = `{"flow.0":"x"}`
	for _, row := range []struct {
		name  string
		frame nsgflow.Frame
		time  string // of an error event
		text  string // the same as @timestamp
	}{
		{"event time", nsgflow.Frame{Time: eventTime(arrival)}, arrivalText, "2024-05-06T07:08:09.123Z"},
		{"event time as ext 8", nsgflow.Frame{Time: append([]byte{0xc7, 8, 0}, eventTime(arrival)[2:]...)}, arrivalText, "2024-05-06T07:08:09.123Z"},
		{"whole seconds", nsgflow.Frame{Time: msgpackOf(0xce, 0x66, 0x38, 0x81, 0x69)}, "1714979177.000000000", "2024-05-06T07:06:17.000Z"},
		{"a float", nsgflow.Frame{Time: msgpackOf(0xcb, 0x41, 0xd9, 0x8e, 0x20, 0x5a, 0x60, 0, 0)}, "1714979177.500000000", "2024-05-06T07:06:17.500Z"},
		{"none", nsgflow.Frame{}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"nil", nsgflow.Frame{Time: msgpackOf(0xc0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"negative", nsgflow.Frame{Time: msgpackOf(0xff)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"a negative float", nsgflow.Frame{Time: msgpackOf(0xcb, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"not a number", nsgflow.Frame{Time: msgpackOf(0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 1)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"infinity", nsgflow.Frame{Time: msgpackOf(0xca, 0x7f, 0x80, 0, 0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"2^63", nsgflow.Frame{Time: msgpackOf(0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"2106", nsgflow.Frame{Time: msgpackOf(0xd7, 0, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"four billion nanoseconds", nsgflow.Frame{Time: msgpackOf(0xd7, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"another extension", nsgflow.Frame{Time: msgpackOf(0xd7, 1, 0, 0, 0, 5, 0, 0, 0, 0)}, "0.000000000", "1970-01-01T00:00:00.000Z"},
		{"metadata", nsgflow.Frame{Time: eventTime(arrival), Metadata: msgpackOf(0x81, 0xa1, 'm', 0x92, 1, 0xc3)}, arrivalText, "2024-05-06T07:08:09.123Z"},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := packed(t, `{"records":[`+smallText+`,`+bad+`]}`)
			chunk, size, changed := newNormalizer(t).AppendRecord(nil, body, row.frame)
			if size != len(body) || !changed {
				t.Fatalf("size %d, changed %v", size, changed)
			}
			got, err := unpacked(chunk)
			if err != nil {
				t.Fatal(err)
			}
			metadata := ""
			if row.frame.Metadata != nil {
				metadata = `{"m":[1,true]}`
			}
			want := []out{
				{"0.000000000", metadata, small},
				{row.time, metadata, `{"@timestamp":"` + row.text + `","event":{"kind":"pipeline_error","original":"x"},"error":{"message":"records[1].flow.0: 1 columns, at least 8 expected: \"x\""}}`},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Foreign elements and what is damaged have the source record's time, whatever it is.
func TestTimeOfWhatIsNoEvent(t *testing.T) {
	frame := nsgflow.Frame{Time: msgpackOf(0xcd, 1, 2)}
	chunk, _ := newNormalizer(t).AppendText(nil, []byte(`{"a":1}`+smallText+`{`), frame)
	records, err := unpacked(chunk)
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for _, o := range records {
		times = append(times, o.Time)
	}
	if diff := cmp.Diff([]string{"258", "0.000000000", "258"}, times); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, row := range []struct {
		options nsgflow.Options
		want    string
	}{
		{nsgflow.Options{Schema: 7}, "schema 7: there are "},
		{nsgflow.Options{TimestampKey: "event"}, `timestamp key "event": a name of the schema`},
	} {
		if _, err := nsgflow.New(row.options); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("%+v: got %v, want %s", row.options, err, row.want)
		}
	}
}

// Normalizers share nothing: the race detector says so.
func TestNormalizersAtOnce(t *testing.T) {
	_, inputs := goldenCases(t)
	all := func(n *nsgflow.Normalizer) (out []byte) {
		for _, name := range []string{"nsg_v2", "vnet_v4", "bad_nodes", "foreign_beside"} {
			out, _ = n.AppendText(out, []byte(inputs[name]), source)
		}
		return out
	}
	want := string(all(newNormalizer(t)))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			n := newNormalizer(t)
			for range 20 {
				if got := all(n); string(got) != want {
					t.Error("not what one alone gives")
				}
			}
		})
	}
	wait.Wait()
}
