// Package adverse writes records that nobody wrote kindly: whoever can write a
// log line can write them. Each family is one idea, in any size, so that tests
// can see how the cost of it grows.
package adverse

import (
	"fmt"
	"slices"
	"strings"

	"fluent-bit-nsgflow/test/loggen"
)

// Family is one kind of input.
type Family struct {
	Name    string
	Why     string                // what it aims at
	Options []string              // of the filter, key=value with spaces between them; each is a row of its own
	Chunk   func(size int) []byte // about so many bytes
	Worst   bool                  // it is in short runs too
	Damaged bool                  // no input makes such a chunk: only the library has to stand it
}

// Options that most families are read with.
var (
	both       = []string{"schema=sekoia", "schema=ecs original=on"}
	aggregated = []string{"schema=ecs aggregate=connection", "schema=sekoia aggregate=host"}
	off        = []string{"schema=ecs"}
	all        = append(append([]string{}, both...), aggregated...)
	// Nothing of the long texts is written: what is left is what it costs to read them.
	bare = []string{"schema=ecs exclude_fields=rule,azure,observer,source.mac,destination.mac,cloud,event.code"}
)

const (
	tupleV1   = `1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A`
	tupleV2   = `1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A,E,1,74,1,74`
	tupleVNet = `1607984156123,192.0.2.4,198.51.100.7,36422,443,6,O,E,NX,1,74,1,74`
	shortest  = `0,::,::,0,0,,,`
)

// nsg is an NSG record with one list of tuples; rest are further members.
func nsg(rule, tuples string, rest ...string) string {
	return `{"time":"2020-12-14T22:15:59.25Z",` + strings.Join(append(rest, ""), ",") + `"properties":{"Version":2,"flows":[{"rule":"` + rule + `","flows":[{"mac":"000D3AF1C27E","flowTuples":[` + tuples + `]}]}]}}`
}

func vnet(acl, rule, tuples string, rest ...string) string {
	return `{"time":"2020-12-14T22:15:59.25Z",` + strings.Join(append(rest, ""), ",") + `"flowRecords":{"flows":[{"aclID":"` + acl + `","flowGroups":[{"rule":"` + rule + `","flowTuples":[` + tuples + `]}]}]}}`
}

// tuples are so many bytes of the tuple, in quotes.
func tuples(size int, tuple string) string {
	s, _ := list(size, always(`"`+tuple+`"`))
	return s
}

// member is a long member of a record.
func member(key string, size int) string { return `"` + key + `":"` + long(size) + `"` }

// text is a family of one text in the field log.
func text(write func(size int) string) func(int) []byte {
	return func(size int) []byte { return []byte(inLog(write(size))) }
}

// times is a record that comes n times, each with its part of the size.
func times(n int, chunk func(int) []byte) func(int) []byte {
	return func(size int) []byte { return []byte(strings.Repeat(string(chunk(size/n)), n)) }
}

// fields are so many bytes of small fields, and their number.
func fields(size int) (entriesOfMap string, count int) {
	return entries(size, func(i int) string { return str(fmt.Sprintf("f%d", i)) + "\x01" })
}

// beside is a record with other fields, half of the size, beside a text in log.
// more are further entries.
func beside(write func(size int) string, more ...string) func(int) []byte {
	return func(size int) []byte {
		f, n := fields(size / 2)
		return []byte(record(mapOf(n+len(more)+1, f+strings.Join(more, "")+str("log")+str(write(size/2)))))
	}
}

// oneField is a record with one long field beside the text.
func oneField(write func(size int) string) func(int) []byte {
	return func(size int) []byte { return []byte(inLog(write(size/2), str("field")+str(long(size/2)))) }
}

// object is a map of one entry under a key.
func object(key, child string) string { return str(key) + mapOf(1, str(child)+str("x")) }

func dense(size int) string { return nsg("r", tuples(size, tupleV2)) }
func foreign(size int) string { // elements that are no flow logs beside one that is
	s, _ := list(size, always(`{"a":1}`))
	return `{"records":[` + nsg("r", `"`+tupleV2+`"`) + `,` + s + `]}`
}

// besideFlow is a list under a key: a flow log, and so many times something else.
func besideFlow(key string, n int, element string) string {
	return str(key) + arrayOf(n+1, mapOf(1, str("flow.0")+str(tupleV2))+strings.Repeat(element, n))
}

// Families is the table.
var Families = concat(honest, longTexts, reserved, errors, duplicates, groups, shapes, nesting, written)

func concat(tables ...[]Family) (all []Family) {
	for _, t := range tables {
		for _, f := range t {
			if f.Options == nil {
				f.Options = both
			}
			all = append(all, f)
		}
	}
	return all
}

// generated is what Azure writes, in about so many bytes.
func generated(l loggen.Log, shape loggen.Shape) func(int) []byte {
	return func(size int) []byte {
		l, b := l, strings.Builder{}
		write := func(records int) int {
			b.Reset()
			l.Records = records
			if err := l.Write(&b, shape); err != nil {
				panic(err)
			}
			return b.Len()
		}
		const some = 8
		write(max(1, size*some/write(some)))
		var chunk strings.Builder
		for line := range strings.Lines(b.String()) {
			chunk.WriteString(inLog(strings.TrimSuffix(line, "\n")))
		}
		return []byte(chunk.String())
	}
}

// honest are real logs: the others are measured by them.
var honest = []Family{
	{Name: "an NSG blob", Why: "what Azure writes", Options: all,
		Chunk: generated(loggen.Log{Family: loggen.NSGv2, Tuples: 100, Seed: 1}, loggen.Blob)},
	{Name: "a VNet blob", Why: "what Azure writes", Options: all,
		Chunk: generated(loggen.Log{Family: loggen.VNet, Tuples: 100, Seed: 1}, loggen.Blob)},
	{Name: "NSG records", Why: "a record a line", Options: all,
		Chunk: generated(loggen.Log{Family: loggen.NSGv2, Tuples: 100, Seed: 1, Traffic: loggen.Realistic}, loggen.Records)},
	{Name: "flattened records", Why: "a flow a line",
		Chunk: generated(loggen.Log{Family: loggen.NSGv2, Tuples: 100, Seed: 1}, loggen.Flattened)},
	{Name: "the shortest tuples", Why: "an event is a hundred times as long as its tuple", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n, shortest)) })},
}

// longTexts are texts of a record or a group that each of its events has.
var longTexts = []Family{
	{Name: "a long rule", Why: "every event has it, and its message too", Options: all, Worst: true,
		Chunk: text(func(n int) string { return nsg(long(n/2), tuples(n/2, tupleV2)) })},
	{Name: "a long rule, tuples that do not parse", Why: "error events have the rule too",
		Chunk: text(func(n int) string { return nsg(long(n/2), tuples(n/2, "")) })},
	{Name: "a long rule of letters that JSON escapes", Why: "six bytes for each in the message",
		Chunk: text(func(n int) string { return nsg(strings.Repeat("<", n/2), tuples(n/2, tupleV2)) })},
	{Name: "a long rule that is not UTF-8", Why: "U+FFFD for every second byte",
		Chunk: text(func(n int) string { return nsg(strings.Repeat("\xffx", n/4), tuples(n/2, tupleV2)) })},
	{Name: "ten records with a long rule", Why: "no one of them is as large as a bound for each",
		Chunk: times(10, text(func(n int) string { return nsg(long(n/2), tuples(n/2, tupleV2)) }))},
	{Name: "thirty records with a long rule in one text", Why: "a bound for a record is not one for its document",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(nsg(long(n/60), tuples(n/60, tupleV2))))
			return `{"records":[` + s + `]}`
		})},
	{Name: "a hundred records with a long rule", Why: "each grows a hundred times",
		Chunk: times(100, text(func(n int) string { return nsg(long(n/2), tuples(n/2, tupleV2)) }))},
	{Name: "a long ACL", Why: "two fields and the message have it", Options: all,
		Chunk: text(func(n int) string { return vnet("/subscriptions/"+long(n/2), "r", tuples(n/2, tupleVNet)) })},
	{Name: "a long MAC", Why: "it is no MAC and stays as it is", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n/2, tupleV2), member("macAddress", n/2)) })},
	{Name: "a long resource id", Why: "six fields are parts of it", Options: all,
		Chunk: text(func(n int) string {
			return nsg("r", tuples(n/2, tupleV2), `"resourceId":"/subscriptions/s/resourceGroups/g/providers/p/t/`+long(n/2)+`"`)
		})},
	{Name: "a resource id of slashes", Why: "each part of it is an entry of a list",
		Chunk: text(func(n int) string {
			return nsg("r", tuples(n/100, tupleV2), `"resourceId":"`+strings.Repeat("/", n)+`"`)
		})},
	{Name: "a long target", Why: "VNet logs have three ids", Options: all,
		Chunk: text(func(n int) string {
			return vnet("a", "r", tuples(n/2, tupleVNet), member("targetResourceID", n/6), member("flowLogResourceID", n/6), member("flowLogGUID", n/6))
		})},
	{Name: "a long operation", Why: "event.code is as long as it is",
		Chunk: text(func(n int) string { return nsg("r", tuples(n/2, tupleV2), member("operationName", n/2)) })},
	{Name: "a long version", Why: "a field that is a number elsewhere",
		Chunk: text(func(n int) string { return vnet("a", "r", tuples(n/2, tupleVNet), member("flowLogVersion", n/2)) })},
	{Name: "a long system id", Why: "one more text of the record",
		Chunk: text(func(n int) string { return nsg("r", tuples(n/2, tupleV2), member("systemId", n/2)) })},
	{Name: "a long flow state", Why: "a flattened record's own, for tuples without one",
		Chunk: text(func(n int) string {
			s, _ := list(n/2, func(i int) string { return fmt.Sprintf(`"flow.%d":"%s"`, i, tupleV1) })
			return `{` + member("flow_state", n/2) + `,` + s + `}`
		})},
	{Name: "a long time, errors without one", Why: "each error event looks at the record's time again", Options: all, Worst: true,
		Chunk: text(func(n int) string {
			return `{` + member("time", n/2) + `,"properties":{"flows":[{"flows":[{"flowTuples":[` + tuples(n/2, "") + `]}]}]}}`
		})},
	{Name: "a time of many digits", Why: "it is one, to the last digit", Options: all,
		Chunk: text(func(n int) string {
			return `{"time":"2020-12-14T22:15:59.` + strings.Repeat("0", n/2) + `Z","properties":{"flows":[{"flows":[{"flowTuples":[` + tuples(n/2, "") + `]}]}]}}`
		})},
	{Name: "long encryption codes", Why: "a column without a limit",
		Options: append([]string{"schema=ecs aggregate=service"}, both...),
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`"1607984156,192.0.2.4,198.51.100.7,36422,443,6,O,E,%d%s,1,74,1,74"`, i, long(2_000))
			})
			return vnet("a", "r", s)
		})},
	{Name: "one long encryption code", Why: "all of the record is one column", Options: all,
		Chunk: text(func(n int) string {
			return vnet("a", "r", `"1607984156,192.0.2.4,198.51.100.7,36422,443,6,O,E,`+long(n)+`,1,74,1,74"`)
		})},
	{Name: "long tuples that do not parse", Why: "the event has the tuple, the error a part of it",
		Chunk: text(func(n int) string { return nsg("r", tuples(n, long(10_000))) })},
	{Name: "zones of addresses", Why: "a library may keep them",
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`"1607984156,fe80::1%%%d%s,198.51.100.7,36422,443,T,O,A"`, i, long(200))
			})
			return nsg("r", s)
		})},
}

// reserved are fields of the source record, which each of its events keeps.
var reserved = []Family{
	{Name: "a long field beside many tuples", Why: "every event has it", Options: all, Worst: true, Chunk: oneField(dense)},
	{Name: "a long field beside foreign records", Why: "every foreign record has it", Chunk: oneField(foreign)},
	{Name: "ten records with a long field", Why: "no one of them is as large as a bound for each", Chunk: times(10, oneField(dense))},
	{Name: "a flow log in message, another in log", Why: "the second stays as a field of each event of the first",
		Chunk: func(n int) []byte { return []byte(inLog(dense(n/2), str("message")+str(dense(n/2)))) }},
	{Name: "foreign elements in message, a flow log in log", Why: "every foreign record asks whether the field is a flow log",
		Chunk: func(n int) []byte { return []byte(inLog(dense(n/2), str("message")+str(foreign(n/2)))) }},
	{Name: "many fields beside many tuples", Why: "every event has them", Chunk: beside(dense)},
	{Name: "many fields and error beside many tuples", Why: "events of errors have one too: every event is merged", Worst: true,
		Chunk: beside(dense, object("error", "code"))},
	{Name: "many fields and event beside many tuples", Why: "events have an object of the name", Options: all,
		Chunk: beside(dense, object("event", "x"))},
	{Name: "many fields and event.kind beside many tuples", Why: "one child of the object is the event's own", Options: all,
		Chunk: beside(dense, object("event", "kind"))},
	{Name: "many fields and source.ip beside many tuples", Why: "the same of an object with values of the tuple",
		Chunk: beside(dense, object("source", "ip"))},
	{Name: "many fields and error beside foreign records", Why: "every foreign record is merged", Worst: true,
		Chunk: beside(foreign, object("error", "code"))},
	{Name: "many fields in event beside many tuples", Why: "all in one object that events have too", Options: all,
		Chunk: func(n int) []byte {
			f, count := fields(n / 2)
			return []byte(inLog(dense(n/2), str("event")+mapOf(count, f)))
		}},
	{Name: "one event field of 32 KB beside tuples of all protocols", Why: "templates are edited again and again",
		Chunk: func(n int) []byte {
			return []byte(inLog(nsg("r", allLetters(n)), str("event")+mapOf(1, str("x")+str(long(min(n/4, 30<<10))))))
		}},
	{Name: "many fields beside structured foreign maps", Why: "the foreign maps are merged and looked at again",
		Chunk: func(n int) []byte {
			f, count := fields(n / 2)
			e, more := entries(n/2, always(mapOf(2, str("a")+"\x01"+str("message")+str("flow"))))
			return []byte(record(mapOf(count+1, f+str("records")+arrayOf(more+1, mapOf(1, str("flow.0")+str(tupleV2))+e))))
		}},
	{Name: "foreign maps of many keys beside short fields", Why: "each key of the one is looked for among those of the other", Worst: true,
		Chunk: func(n int) []byte {
			f, count := entries(n, always(str("z")+"\x01"))
			keys, many := "", 0
			for c := 'A'; c < 'A'+24; c++ {
				keys += str(string(c)) + "\x01"
				many++
			}
			return []byte(record(mapOf(count+1, f+besideFlow("records", 71, mapOf(many, keys)))))
		}},
	{Name: "foreign maps beside a text of empty objects", Why: "each is read again with the text", Worst: true,
		Chunk: func(n int) []byte {
			return []byte(record(mapOf(2, besideFlow("records", 71, mapOf(0, ""))+str("log")+str(`{"flow":[]},`+strings.Repeat(`{},`, n/3)))))
		}},
	{Name: "foreign maps beside properties of empty maps", Why: "each is read again with what may be flows",
		Chunk: func(n int) []byte {
			flows := arrayOf(1, mapOf(1, str("flows")+arrayOf(n, strings.Repeat("\x80", n))))
			return []byte(record(mapOf(2, besideFlow("records", 71, mapOf(0, ""))+str("properties")+mapOf(1, str("flows")+flows))))
		}},
	{Name: "foreign maps in message beside records of empty maps", Why: "each is read again with the records", Worst: true,
		Chunk: func(n int) []byte {
			return []byte(record(mapOf(2, besideFlow("message", 71, mapOf(0, ""))+str("records")+arrayOf(n, strings.Repeat("\x80", n)))))
		}},
	{Name: "foreign maps in foreign maps beside records of empty maps", Why: "and again, one level deeper",
		Chunk: func(n int) []byte {
			inner := mapOf(1, besideFlow("message", 8, mapOf(0, "")))
			return []byte(record(mapOf(2, besideFlow("message", 8, inner)+str("records")+arrayOf(n, strings.Repeat("\x80", n)))))
		}},
	{Name: "a long field, much that is empty, then flows", Why: "the forecast of the output is wrong up to its end", Worst: true,
		Chunk: func(n int) []byte {
			e, more := entries(n*7/10-15_000, always(mapOf(2, str("category")+str("FlowLogFlowEvent")+str("flowRecords")+mapOf(1, str("flows")+arrayOf(0, "")))))
			flow := mapOf(1, str("flow.0")+str(tupleV2))
			return []byte(record(mapOf(2, str("field")+str(long(n*3/10))+str("records")+arrayOf(more+210, e+strings.Repeat(flow, 210)))))
		}},
	{Name: "foreign maps with flow logs in message", Why: "each is read as a record of its own", Options: all,
		Chunk: func(n int) []byte {
			e, more := entries(n, always(mapOf(1, str("message")+str(`{"flow.0":"`+tupleV2+`"}`))))
			return []byte(record(mapOf(1, str("records")+arrayOf(more+1, mapOf(1, str("flow.0")+str(tupleV2))+e))))
		}},
	{Name: "many records with many fields", Why: "as much comes out as goes in",
		Chunk: func(n int) []byte {
			f, count := fields(2_000)
			e, _ := entries(n, always(inLogs(count, f, nsg("r", `"`+tupleV2+`"`))))
			return []byte(e)
		}},
	{Name: "long metadata", Why: "every event has it", Options: all,
		Chunk: func(n int) []byte {
			return []byte(recordWith(mapOf(1, str("m")+str(long(n/2))), mapOf(1, str("log")+str(dense(n/2)))))
		}},
	{Name: "long metadata beside foreign records", Why: "every foreign record has it",
		Chunk: func(n int) []byte {
			return []byte(recordWith(mapOf(1, str("m")+str(long(n/2))), mapOf(1, str("log")+str(foreign(n/2)))))
		}},
}

// errors are what becomes an error event, the smallest that there is.
var errors = []Family{
	{Name: "ones as tuples", Why: "two bytes become an event", Options: all, Worst: true,
		Chunk: text(func(n int) string { s, _ := list(n, always("1")); return nsg("r", s) })},
	{Name: "ones as tuples beside fields", Why: "and each has the fields", Chunk: beside(func(n int) string { s, _ := list(n, always("1")); return nsg("r", s) })},
	{Name: "ones as elements of flows", Why: "each is a group of its own", Options: all, Worst: true,
		Chunk: text(func(n int) string { s, _ := list(n, always("1")); return `{"properties":{"flows":[` + s + `]}}` })},
	{Name: "ones as elements of flows in ten records", Why: "a bound for a record counts from anew",
		Chunk: times(10, text(func(n int) string { s, _ := list(n, always("1")); return `{"properties":{"flows":[` + s + `]}}` }))},
	{Name: "ones as elements of VNet groups", Why: "the same on the other level",
		Chunk: text(func(n int) string {
			s, _ := list(n, always("1"))
			return `{"flowRecords":{"flows":[{"aclID":"a","flowGroups":[` + s + `]}]}}`
		})},
	{Name: "ones in thirty lists of records", Why: "the path to each is long",
		Chunk: text(func(n int) string {
			s, _ := list(n, always("1"))
			return strings.Repeat(`{"records":[`, 28) + nsg("r", s) + strings.Repeat(`]}`, 28)
		})},
	{Name: "ones where lists should be", Why: "a key that comes again and again",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`"flows":1`))
			return `{"properties":{"flows":[{` + s + `}]}}`
		})},
	{Name: "ones where tuples should be", Why: "the same one level deeper",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`"flowTuples":1`))
			return `{"properties":{"flows":[{"flows":[{` + s + `}]}]}}`
		})},
	{Name: "ones that are left out", Why: "nothing comes out, but all is read", Options: []string{"schema=ecs on_error=drop"},
		Chunk: text(func(n int) string { s, _ := list(n, always("1")); return `{"properties":{"flows":[` + s + `]}}` })},
	{Name: "nil as tuples", Why: "one byte becomes an event", Options: all, Worst: true,
		Chunk: func(n int) []byte { return []byte(record(structured(arrayOf(n, strings.Repeat("\xc0", n))))) }},
	{Name: "nil as elements of flows", Why: "one byte becomes a group",
		Chunk: func(n int) []byte {
			return []byte(record(mapOf(1, str("properties")+mapOf(1, str("flows")+arrayOf(n, strings.Repeat("\xc0", n))))))
		}},
	{Name: "flow.N that are nil", Why: "the same of a flattened record",
		Chunk: func(n int) []byte {
			e, count := entries(n, func(i int) string { return str(fmt.Sprintf("flow.%d", i)) + "\xc0" })
			return []byte(record(mapOf(count, e)))
		}},
	{Name: "extensions and binaries as tuples", Why: "JSON has neither",
		Chunk: func(n int) []byte {
			e, count := entries(n, func(i int) string {
				return []string{"\xd4\x01\x02", "\xc4\x02\xff\xfe", "\xca\x7f\x80\x00\x00", "\xcb\x00\x00\x00\x00\x00\x00\x00\x01"}[i%4]
			})
			return []byte(record(structured(arrayOf(count, e))))
		}},
	{Name: "binaries as tuples", Why: "text of them is longer by a third",
		Chunk: func(n int) []byte {
			e, count := entries(n, always("\xc6\x00\x01\x00\x00"+strings.Repeat("\xff", 1<<16)))
			return []byte(record(structured(arrayOf(count, e))))
		}},
	{Name: "maps as keys of maps", Why: "JSON has texts as keys: every level escapes the one below", Worst: true,
		Chunk: func(n int) []byte {
			e, count := entries(n, always(KeyOfKeys(11)))
			return []byte(record(structured(arrayOf(count, e))))
		}},
	{Name: "empty tuples, structured", Why: "one byte becomes an event, and it is a string", Options: all, Worst: true,
		Chunk: func(n int) []byte { return []byte(record(structured(arrayOf(n, strings.Repeat("\xa0", n))))) }},
	{Name: "small records of empty tuples", Why: "what a small record is allowed comes for each of them", Options: all, Worst: true,
		Chunk: func(n int) []byte {
			e, _ := entries(n, always(record(structured(arrayOf(70, strings.Repeat("\xa0", 70))))))
			return []byte(e)
		}},
	{Name: "small records of thirty empty tuples", Why: "they grow as far as is allowed, and so does the output of the chunk, record by record", Options: all, Worst: true,
		Chunk: func(n int) []byte {
			e, _ := entries(n, always(record(structured(arrayOf(30, strings.Repeat("\xa0", 30))))))
			return []byte(e)
		}},
	{Name: "small records of empty tuples in one text", Why: "the same of records of one document", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(nsg("r", tuples(120, ""))))
			return `{"records":[` + s + `]}`
		})},
	{Name: "small records with a long rule", Why: "a text of 300 bytes for each tuple of three",
		Chunk: func(n int) []byte {
			e, _ := entries(n, always(inLog(nsg(long(300), tuples(210, "")))))
			return []byte(e)
		}},
	{Name: "empty tuples", Why: "three bytes become an event", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n, "")) })},
	{Name: "objects as tuples", Why: "they are kept as they came",
		Chunk: text(func(n int) string { s, _ := list(n, always(`{"a":[1,{"b":"c"}]}`)); return nsg("r", s) })},
}

// KeyOfKeys is a map with a map as its key, so deep.
func KeyOfKeys(levels int) string {
	return strings.Repeat("\x81", levels) + "\xa1k" + strings.Repeat("\x01", levels)
}

// structured is an NSG record as a map with such flowTuples.
func structured(flowTuples string) string {
	return mapOf(1, str("properties")+mapOf(1, str("flows")+arrayOf(1, mapOf(2, str("rule")+str("r")+str("flows")+
		arrayOf(1, mapOf(1, str("flowTuples")+flowTuples))))))
}

// again is a record in which a key comes as often as there is room, and a tuple.
func again(key, value string) func(int) []byte {
	return func(n int) []byte {
		e, count := entries(n, always(str(key)+value))
		return []byte(inLogs(count, e, `{"flow.0":"`+tupleV2+`"}`))
	}
}

func inLogs(count int, entries, text string) string {
	return record(mapOf(count+1, entries+str("log")+str(text)))
}

// againInText is the same in the text of a flow log.
func againInText(member string) func(int) []byte {
	return text(func(n int) string {
		s, _ := list(n, always(member))
		return `{` + s + `,"flow.0":"` + tupleV2 + `"}`
	})
}

// duplicates are keys that come more than once.
var duplicates = []Family{
	{Name: "ecs again and again", Why: "events have an object of the name", Options: all, Worst: true, Chunk: again("ecs", "\x01")},
	{Name: "event again and again", Why: "the same, with maps", Worst: true, Chunk: again("event", "\x81\xa1x\x01")},
	{Name: "source, event, network, … in turn", Why: "every name that events have", Chunk: func(n int) []byte {
		names := []string{"ecs", "event", "source", "destination", "network", "rule", "observer", "related", "host", "action", "azure", "cloud", "error", "@timestamp"}
		e, count := entries(n, func(i int) string { return str(names[i%len(names)]) + "\x81\xa1x\x01" })
		return []byte(inLogs(count, e, dense(n/1000)))
	}},
	{Name: "ecs again and again beside many tuples", Why: "and every event is merged with them", Chunk: func(n int) []byte {
		e, count := entries(n/2, always(str("ecs")+"\x01"))
		return []byte(inLogs(count, e, dense(n/2)))
	}},
	{Name: "message again and again", Why: "each may be a flow log", Chunk: again("message", str("flow"))},
	{Name: "message of flow logs again and again", Why: "each is one", Chunk: again("message", str(`{"flow.0":"x"}`))},
	{Name: "message of flow logs again and again beside foreign records", Why: "foreign records do not keep what is a flow log", Chunk: func(n int) []byte {
		e, count := entries(n/2, always(str("message")+str(`{"flow.0":"x"}`)))
		return []byte(inLogs(count, e, foreign(n/2)))
	}},
	{Name: "log again and again", Why: "the last one counts", Chunk: again("log", str(`{"flow.0":"x"}`))},
	{Name: "ecs in the text", Why: "a key of a flow log that nobody reads", Chunk: againInText(`"ecs":1`)},
	{Name: "time in the text", Why: "a key of a flow log that is read", Chunk: againInText(`"time":"2020-12-14T22:15:59.25Z"`)},
	{Name: "rule as a number in the text", Why: "the same with numbers", Chunk: againInText(`"rule":1.0`)},
	{Name: "flow.0 again and again", Why: "a tuple for each", Options: all, Chunk: againInText(`"flow.0":"` + tupleV2 + `"`)},
	{Name: "records again and again", Why: "a list for each", Chunk: againInText(`"records":[0,{"flow.0":"` + tupleV2 + `"}]`)},
	{Name: "properties again and again", Why: "groups for each", Options: all,
		Chunk: againInText(`"properties":{"flows":[{"rule":"r","flows":[{"flowTuples":["` + tupleV2 + `"]}]}]}`)},
	{Name: "flowTuples again and again", Why: "a group for each", Options: all, Chunk: text(func(n int) string {
		s, _ := list(n, always(`"flowTuples":["`+tupleV2+`"]`))
		return `{"properties":{"flows":[{"rule":"r","flows":[{` + s + `}]}]}}`
	})},
	{Name: "time as a number again and again, structured", Why: "each becomes text", Chunk: func(n int) []byte {
		e, count := entries(n, always(str("time")+"\xcb\x41\xd9\x8e\x20\x5a\x60\x00\x01"))
		return []byte(record(mapOf(count+1, e+str("flow.0")+str(tupleV2))))
	}},
}

// lists are so many bytes of lists of one tuple, for the inner level.
func lists(size int) string {
	s, _ := list(size, func(i int) string {
		return fmt.Sprintf(`{"mac":"000D3AF1C27E","flowTuples":["1607984156,192.0.2.4,198.51.100.7,%d,443,T,O,A,E,1,74,1,74"]}`, i%65536)
	})
	return s
}

// sameLists have the same tuple in each: aggregated, they are one event.
func sameLists(size int) string {
	s, _ := list(size, always(`{"flowTuples":["`+tupleV2+`"]}`))
	return s
}

var oneEvent = append([]string{"schema=ecs aggregate=connection", "schema=sekoia original=off aggregate=connection"}, bare...)

// groups are many lists of tuples.
var groups = []Family{
	{Name: "a long rule over many lists, aggregated", Why: "one event, but each list has the rule", Options: oneEvent, Worst: true,
		Chunk: text(func(n int) string {
			return `{"properties":{"flows":[{"rule":"` + long(n/2) + `","flows":[` + sameLists(n/2) + `]}]}}`
		})},
	{Name: "a long ACL over many lists, aggregated", Why: "the same for VNet", Options: oneEvent,
		Chunk: text(func(n int) string {
			s, _ := list(n/2, always(`{"rule":"r","flowTuples":["`+tupleVNet+`"]}`))
			return `{"flowRecords":{"flows":[{"aclID":"` + long(n/2) + `","flowGroups":[` + s + `]}]}}`
		})},
	{Name: "a long MAC over many lists, aggregated", Why: "the record's own", Options: oneEvent,
		Chunk: text(func(n int) string {
			return `{` + member("macAddress", n/2) + `,"properties":{"flows":[{"rule":"r","flows":[` + sameLists(n/2) + `]}]}}`
		})},
	{Name: "a MAC of separators over many lists", Why: "it is looked at to its end", Options: oneEvent,
		Chunk: text(func(n int) string {
			return `{"macAddress":"00` + strings.Repeat("-:", n/4) + `","properties":{"flows":[{"rule":"r","flows":[` + sameLists(n/2) + `]}]}}`
		})},
	{Name: "a long resource over many lists", Why: "whether it is that of before is a look at all of it", Options: append([]string{"schema=ecs aggregate=connection"}, bare...),
		Chunk: text(func(n int) string {
			return `{` + member("resourceId", n/2) + `,"properties":{"flows":[{"rule":"r","flows":[` + sameLists(n/2) + `]}]}}`
		})},
	{Name: "a long time over many lists", Why: "whether it is one is a look at all of it", Options: append([]string{"schema=ecs aggregate=connection"}, bare...), Worst: true,
		Chunk: text(func(n int) string {
			return `{"time":"2020-12-14T22:15:59.` + strings.Repeat("0", n/2) + `Z","properties":{"flows":[{"rule":"r","flows":[` + lists(n/2) + `]}]}}`
		})},
	{Name: "a long time that is none over many lists", Why: "the error has a copy of it", Options: append([]string{"schema=ecs aggregate=connection"}, bare...),
		Chunk: text(func(n int) string {
			return `{` + member("time", n/2) + `,"properties":{"flows":[{"rule":"r","flows":[` + lists(n/2) + `]}]}}`
		})},
	{Name: "two long ACLs in turn", Why: "neither is that of before", Options: append([]string{"schema=ecs aggregate=connection"}, bare...),
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`{"aclID":"/subscriptions/%d%s","flowGroups":[{"rule":"r","flowTuples":["%s"]}]}`, i%2, long(10_000), tupleVNet)
			})
			return `{"flowRecords":{"flows":[` + s + `]}}`
		})},
	{Name: "a list for each tuple", Why: "a group costs more than a tuple", Options: all,
		Chunk: text(func(n int) string { return `{"properties":{"flows":[{"rule":"r","flows":[` + lists(n) + `]}]}}` })},
	{Name: "a rule for each tuple", Why: "templates for each", Options: all, Worst: true,
		Chunk: text(func(n int) string { return `{"properties":{"flows":[` + rules(n, 0) + `]}}` })},
	{Name: "a rule for each tuple, four times", Why: "templates of their own from the second time on", Options: all, Worst: true,
		Chunk: times(4, text(func(n int) string { return `{"properties":{"flows":[` + rules(n, 0) + `]}}` }))},
	{Name: "a rule of 10 KB for each tuple, four times", Why: "and texts of some size", Options: all,
		Chunk: times(4, text(func(n int) string { return `{"properties":{"flows":[` + rules(n, 10_000) + `]}}` }))},
	{Name: "texts of 4,000 bytes over many lists", Why: "each just short enough to be taken", Options: append(append([]string{}, bare...), all...), Worst: true,
		Chunk: text(func(n int) string { return texts(4_000, sameLists(n)) })},
	{Name: "texts of 4,000 bytes over many lists, aggregated", Why: "and nothing but one event comes out", Options: []string{
		bare[0] + " aggregate=host", "schema=sekoia original=off aggregate=connection", bare[0] + " on_error=drop drop=allowed,denied"},
		Chunk: text(func(n int) string { return texts(4_000, sameLists(n)) })},
	{Name: "texts of 1,000 bytes over many lists", Why: "the same with events that may be written", Options: append(append([]string{}, bare...), all...),
		Chunk: text(func(n int) string { return texts(1_000, sameLists(n)) })},
	{Name: "records with texts of 1,000 bytes", Why: "eight texts in a record of a few tuples", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(texts(1_000, sameLists(2_000))))
			return `{"records":[` + s + `]}`
		})},
	{Name: "small records with texts of 300 bytes", Why: "a bound has to be more than that for small ones", Options: all,
		Chunk: func(n int) []byte {
			e, _ := entries(n, always(inLog(texts(300, sameLists(1_000)))))
			return []byte(e)
		}},
	{Name: "lists without a tuple", Why: "groups that become nothing", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"flowTuples":[]}`))
			return `{"properties":{"flows":[{"rule":"r","flows":[` + s + `]}]}}`
		})},
	{Name: "elements of flows without a list", Why: "they become nothing",
		Chunk: text(func(n int) string { s, _ := list(n, always(`{}`)); return `{"properties":{"flows":[` + s + `]}}` })},
}

// texts is a record whose texts have such a length each.
func texts(length int, lists string) string {
	return `{` + member("time", length) + `,` + member("macAddress", length) + `,` + member("systemId", length) + `,` + member("category", length) + `,` +
		`"resourceId":"/subscriptions/s/resourceGroups/g/providers/p/t/` + long(length) + `",` + member("operationName", length) +
		`,"properties":{` + member("Version", length) + `,"flows":[{` + member("rule", length) + `,"flows":[` + lists + `]}]}}`
}

func rules(size, length int) string {
	s, _ := list(size, func(i int) string {
		return fmt.Sprintf(`{"rule":"rule%d%s","flows":[{"flowTuples":["%s"]}]}`, i, long(length), tupleV2)
	})
	return s
}

// allLetters are tuples of all protocols, directions, decisions and states in
// turn.
func allLetters(size int) string {
	s, _ := list(size, func(i int) string {
		return fmt.Sprintf(`"1607984156,192.0.2.4,198.51.100.7,36422,443,%d,%c,%c,%c,1,74,1,74"`, i%256, "IO"[i/256%2], "AD"[i/512%2], "BCE"[i/1024%3])
	})
	return s
}

// shapes are the other ways to write flows.
var shapes = []Family{
	{Name: "tuples of all protocols and states", Why: "a template for each combination", Options: all, Worst: true,
		Chunk: text(func(n int) string { return nsg("r", allLetters(n)) })},
	{Name: "tuples of all protocols and states, a rule for each", Why: "the same, for each group", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`{"rule":"%d","flows":[{"flowTuples":["1607984156,192.0.2.4,198.51.100.7,36422,443,%d,%c,%c,%c"]}]}`, i%100, i%251, "IO"[i%2], "AD"[i%2], "BCE"[i%3])
			})
			return `{"properties":{"flows":[` + s + `]}}`
		})},
	{Name: "records with other fields each", Why: "templates by which fields there are", Options: all,
		Chunk: text(func(n int) string {
			keys := []string{"operationName", "systemId", "macAddress", "resourceId", "version", "rule", "flow_state", "time", "category", "aclID", "flowLogGUID", "targetResourceID"}
			s, _ := list(n, func(i int) string {
				var b strings.Builder
				for bit, key := range keys {
					if i*2654435761>>(8+bit)&1 == 1 {
						fmt.Fprintf(&b, `"%s":"v",`, key)
					}
				}
				return `{` + b.String() + `"flow.0":"` + tupleV2 + `"}`
			})
			return `{"records":[` + s + `]}`
		})},
	{Name: "tuples of different hosts", Why: "each is an aggregate of its own", Options: all, Worst: true,
		Chunk: text(func(n int) string { return nsg("r", hosts(n)) })},
	{Name: "tuples of different ports", Why: "one aggregate with many ports", Options: aggregated,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`"1607984156,192.0.2.4,198.51.100.7,%d,%d,T,O,A,E,1,74,1,74"`, i%65536, i*7%65536)
			})
			return nsg("r", s)
		})},
	{Name: "counters at their largest", Why: "a sum that does not fit begins anew", Options: aggregated,
		Chunk: text(func(n int) string {
			return nsg("r", tuples(n, `1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A,E,999999999999999999,999999999999999999,999999999999999999,999999999999999999`))
		})},
	{Name: "many flow.N", Why: "a flattened record of many flows", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string { return fmt.Sprintf(`"flow.%d":"%s"`, i, tupleV1) })
			return `{` + s + `}`
		})},
	{Name: "many flow.N from the last to the first", Why: "whoever sorts them", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string { return fmt.Sprintf(`"flow.%d":"%s"`, 999_999-i, tupleV1) })
			return `{` + s + `}`
		})},
	{Name: "many flow.N in no order, twice", Why: "whoever looks for duplicates", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string { return fmt.Sprintf(`"flow.%d":"%s"`, i/2*7919%99_991, tupleV1) })
			return `{` + s + `}`
		})},
	{Name: "many flow.N, structured", Why: "fields of the record itself", Options: all,
		Chunk: func(n int) []byte {
			e, count := entries(n, func(i int) string { return str(fmt.Sprintf("flow.%d", i)) + str(tupleV1) })
			return []byte(record(mapOf(count, e)))
		}},
	{Name: "flattened records with long columns of their own", Why: "columns that stand in for those of the tuple",
		Chunk: text(func(n int) string {
			return `{"flow.0":"` + tupleV1 + `",` + member("source_addr", n/2) + `,` + member("destination_port", n/2) + `}`
		})},
	{Name: "a tuple of commas", Why: "columns without end",
		Chunk: text(func(n int) string { return `{"source_port":"1","flow.0":"` + strings.Repeat(",", n) + `"}` })},
	{Name: "a denormalised record with long columns", Why: "all columns become one line",
		Chunk: text(func(n int) string {
			return `{"nsgRuleName":"r",` + member("sourceAddress", n/3) + `,` + member("deviceAction", n/3) + `,` + member("bytesStoD", n/3) + `}`
		})},
	{Name: "denormalised records", Why: "a flow each", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"nsgRuleName":"r","startTime":1607984156,"sourceAddress":"192.0.2.4","destinationAddress":"198.51.100.7","sourcePort":1,"destinationPort":2}`))
			return `{"records":[` + s + `]}`
		})},
	{Name: "the smallest denormalised records", Why: "an error each",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"nsgRuleName":0,"sourceAddress":0}`))
			return `{"records":[` + s + `]}`
		})},
	{Name: "the smallest flattened records", Why: "an error each", Options: all,
		Chunk: text(func(n int) string { s, _ := list(n, always(`{"flow.0":0}`)); return `{"records":[` + s + `]}` })},
	{Name: "the smallest records without flows", Why: "they become nothing",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"properties":{"flows":[]}}`))
			return `{"records":[` + s + `]}`
		})},
	{Name: "the smallest source records", Why: "a look at each",
		Chunk: func(n int) []byte {
			e, _ := entries(n, func(i int) string {
				if i%50 == 0 {
					return inLog(`{"flow.0":"` + tupleV1 + `"}`)
				}
				return record("\x80")
			})
			return []byte(e)
		}},
	{Name: "flow logs between large foreign records", Why: "what has passed goes before the events",
		Chunk: func(n int) []byte {
			e, _ := entries(n, func(i int) string {
				return record(mapOf(1, str("log")+str(long(3_000)))) + inLog(`{"flow.0":"`+tupleV1+`"}`)
			})
			return []byte(e)
		}},
	{Name: "source records of heads and tails", Why: "envelopes are dropped",
		Chunk: func(n int) []byte {
			e, _ := entries(n, func(i int) string { return inLog([]string{`{"records":[`, `]}`, `{"flow.0":"` + tupleV1 + `"}`}[i%3]) })
			return []byte(e)
		}},
}

func hosts(size int) string {
	s, _ := list(size, func(i int) string {
		return fmt.Sprintf(`"1607984156,10.%d.%d.%d,198.51.100.7,36422,443,T,O,A,E,1,74,1,74"`, i>>16&255, i>>8&255, i&255)
	})
	return s
}

// nesting is what lies in each other.
var nesting = []Family{
	{Name: "records in records", Why: "thirty levels, again and again", Options: all, Worst: true,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(strings.Repeat(`{"records":[`, 30)+`{"flow.0":"`+tupleV2+`"}`+strings.Repeat(`]}`, 30)))
			return s
		})},
	{Name: "foreign elements in front of a flow log on every level", Why: "they are read twice",
		Chunk: text(func(n int) string {
			s, _ := list(n/30, always("0"))
			return strings.Repeat(`{"records":[`+s+`,`, 30) + `{"flow.0":"` + tupleV2 + `"}` + strings.Repeat(`]}`, 30)
		})},
	{Name: "foreign elements behind a flow log", Why: "two bytes become a record", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always("0"))
			return `{"records":[{"flow.0":"` + tupleV2 + `"},` + s + `]}`
		})},
	{Name: "foreign elements in front of a flow log", Why: "they are read twice",
		Chunk: text(func(n int) string {
			s, _ := list(n, always("0"))
			return `{"records":[` + s + `,{"flow.0":"` + tupleV2 + `"}]}`
		})},
	{Name: "structured foreign elements behind a flow log", Why: "one byte becomes a record",
		Chunk: func(n int) []byte {
			return []byte(record(mapOf(1, str("records")+arrayOf(n+1, mapOf(1, str("flow.0")+str(tupleV2))+strings.Repeat("\xc0", n)))))
		}},
	{Name: "structured foreign maps behind a flow log", Why: "one byte becomes a record that is looked at again",
		Chunk: func(n int) []byte {
			return []byte(record(mapOf(1, str("records")+arrayOf(n+1, mapOf(1, str("flow.0")+str(tupleV2))+strings.Repeat("\x80", n)))))
		}},
	{Name: "a root array of records", Why: "a list like that of records",
		Chunk: text(func(n int) string { s, _ := list(n, always(`{"flow.0":"`+tupleV1+`"}`)); return `[` + s + `]` })},
	{Name: "arrays of arrays of records", Why: "lists in lists",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(strings.Repeat("[0,", 30)+`{"flow.0":"`+tupleV1+`"}`+strings.Repeat("]", 30)))
			return s
		})},
	{Name: "empty arrays before a flow log", Why: "lists of nothing",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`[]`))
			return `{"records":[` + s + `,{"flow.0":"` + tupleV1 + `"}]}`
		})},
	{Name: "arrays of foreign elements before a flow log on every level", Why: "what is read twice on each level",
		Chunk: text(func(n int) string {
			s, _ := list(n/30, always(`[0,[0]]`))
			return strings.Repeat(`[`+s+`,`, 30) + `{"flow.0":"` + tupleV2 + `"}` + strings.Repeat(`]`, 30)
		})},
	{Name: "unrolled records", Why: "a tuple each, with texts beside it", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"time":"2020-12-14T22:15:59.25Z","rule":"r","aclID":"a","macAddress":"m","flowLogResourceID":"f","targetResourceID":"t","flowTuple":"`+tupleV1+`"}`))
			return `{"records":[` + s + `]}`
		})},
	{Name: "flowTuple again and again", Why: "a tuple for each", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`"flowTuple":"`+tupleV1+`"`))
			return `{"rule":"r","flowLogResourceID":"f",` + s + `}`
		})},
	{Name: "times with large exponents", Why: "numbers that nobody should write out", Options: all,
		Chunk: text(func(n int) string {
			s, _ := list(n, func(i int) string {
				return fmt.Sprintf(`{"nsgRuleName":"r","startTime":1.%s%de999999999,"sourceAddress":"192.0.2.4","sourcePort":4.43e999999999,"destinationPort":0.%de3}`, strings.Repeat("0", i%300), i, i)
			})
			return `{"records":[` + s + `]}`
		})},
	{Name: "arrays without an end", Why: "damage behind a flow log",
		Chunk: text(func(n int) string { return `{"flow.0":"` + tupleV2 + `"},{"a":` + strings.Repeat("[", n) })},
	{Name: "records without an end", Why: "damage on every level",
		Chunk: text(func(n int) string { return `{"flow.0":"` + tupleV2 + `"},` + strings.Repeat(`{"records":[`, n/12) })},
	{Name: "arrays without an end in msgpack", Why: "headers of what is not there", Damaged: true,
		Chunk: func(n int) []byte {
			return []byte(inLog(`{"flow.0":"`+tupleV2+`"}`) + record(mapOf(1, str("records")+strings.Repeat("\xdd\xff\xff\xff\xff", n/5))))
		}},
	{Name: "values nested to the limit", Why: "skipped level by level",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(strings.Repeat("[", 60)+strings.Repeat("]", 60)))
			return `{"a":[` + s + `],"flow.0":"` + tupleV2 + `"}`
		})},
	{Name: "structured values nested to the limit", Why: "the same in msgpack",
		Chunk: func(n int) []byte {
			e, count := entries(n, always(strings.Repeat("\x91", 58)+"\xc0"))
			return []byte(record(mapOf(2, str("a")+arrayOf(count, e)+str("flow.0")+str(tupleV2))))
		}},
}

// written are unusual ways to write one and the same.
var written = []Family{
	{Name: "escapes in tuples", Why: "every letter is six", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n, escaped(tupleV2))) })},
	{Name: "commas escaped", Why: "a tuple that cannot be read in place", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n, strings.ReplaceAll(tupleV2, ",", `\u002c`))) })},
	{Name: "escapes in every key", Why: "keys that cannot be read in place",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"`+escaped("flow.0")+`":"`+tupleV2+`"}`))
			return `{"` + escaped("records") + `":[` + s + `]}`
		})},
	{Name: "control characters in tuples", Why: "they are escaped again in the message",
		Chunk: text(func(n int) string { return nsg("r", tuples(n, tupleV2+`,\u0000\u0001\u2028<>&`)) })},
	{Name: "tuples that are not UTF-8", Why: "U+FFFD in every event", Options: all,
		Chunk: text(func(n int) string { return nsg("r", tuples(n, tupleV2+",\xff\xfe\xff")) })},
	{Name: "pretty-printed", Why: "white space everywhere",
		Chunk: text(func(n int) string {
			s, _ := list(n, always("\r\n\t\t\t\t\""+tupleV2+"\"\r\n\t\t\t\t"))
			return "{\r\n\t\"properties\" : {\r\n\t\t\"flows\" : [ {\r\n\t\t\t\"flows\" : [ { \"flowTuples\" : [" + s + "] } ] } ] } }"
		})},
	{Name: "white space", Why: "nothing else",
		Chunk: text(func(n int) string { return `{"flow.0":"` + tupleV2 + `"}` + strings.Repeat("\r\n\t ", n/4) })},
	{Name: "commas", Why: "separators without records",
		Chunk: text(func(n int) string { return `{"flow.0":"` + tupleV2 + `"}` + strings.Repeat(",", n) })},
	{Name: "brackets", Why: "tails without heads",
		Chunk: text(func(n int) string { return `{"flow.0":"` + tupleV2 + `"}` + strings.Repeat("]}", n/2) })},
	{Name: "keys that begin like flow.N", Why: "damaged text is searched for them",
		Chunk: text(func(n int) string { return strings.Repeat(`"flow.`, n/6) })},
	{Name: "quoted foreign text about flows", Why: "it is parsed and is none",
		Chunk: text(func(n int) string {
			s, _ := list(n, always(`{"flow":"x","flows":[{"rule":1}]}`))
			return `{"records":[` + s + `]}`
		})},
	{Name: "a key of its own", Why: "any field may hold the flow log", Options: []string{"schema=ecs key=records", "schema=sekoia key=f1"},
		Chunk: func(n int) []byte {
			f, count := fields(n / 2)
			return []byte(record(mapOf(count+1, f+str("records")+str(dense(n/2)))))
		}},
	{Name: "a timestamp key of its own", Why: "a field of the record has the name", Options: []string{"schema=ecs timestamp_key=f1", "schema=sekoia timestamp_key=off"},
		Chunk: beside(dense)},
}

// escaped writes every letter as \u and four digits.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\u%04x`, s[i])
	}
	return b.String()
}

// Find is the family of a name, which is in the table.
func Find(name string) Family {
	return Families[slices.IndexFunc(Families, func(f Family) bool { return f.Name == name })]
}
