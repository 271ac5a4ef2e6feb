package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// known are things that people take for flow logs, by how they begin and what their
// beginning has: all of the marks of a row.
var known = []struct {
	begins string
	marks  [][]byte
	is     string
}{
	{"PK\x03\x04", nil, "a zip archive: unpack it"},
	{"\x28\xb5\x2f\xfd", nil, "compressed with zstd: unpack it"},
	{"BZh", nil, "compressed with bzip2: unpack it"},
	{"\xfd7zXZ\x00", nil, "compressed with xz: unpack it"},
	{"7z\xbc\xaf\x27\x1c", nil, "a 7-Zip archive: unpack it"},
	{"\x1f\x8b", nil, "compressed with gzip again and again: unpack it"},
	{"PAR1", nil, "a Parquet file, which nothing here reads"},
	{"Obj\x01", nil, "an Avro file, which nothing here reads"},
	{"<?xml", marks("<Error>"), "an error that storage has answered in place of the blob"},
	{"<", marks("<html"), "a page of HTML, such as a portal or a proxy answers"},
	{"<!DOCTYPE", nil, "a page of HTML, such as a portal or a proxy answers"},
	{"", marks("NetworkSecurityGroupEvent"), "an event log of NSGs (category NetworkSecurityGroupEvent), which says what rules there are: flow logs have the category NetworkSecurityGroupFlowEvent"},
	{"", marks("NetworkSecurityGroupRuleCounter"), "a log of rule counters (category NetworkSecurityGroupRuleCounter): flow logs have the category NetworkSecurityGroupFlowEvent"},
	{"", marks("FlowStartTime_t"), "a table of Traffic Analytics, which has no tuples any more: take the blobs that it is made of"},
	{"", marks("FASchemaVersion_s"), "a table of Traffic Analytics, which has no tuples any more: take the blobs that it is made of"},
	{"", marks("SrcIp", "DestIp", "FlowType"), "a table of Traffic Analytics, which has no tuples any more: take the blobs that it is made of"},
	{`"{`, marks("flowTuples"), "a flow log in a JSON string: jq -r . takes it out"},
	{`["{`, marks("flowTuples"), "flow logs in JSON strings: jq -r '.[]' takes them out"},
	{"{'", marks("flowTuples"), "a flow log as Python prints it: JSON has double quotes"},
	{"", marks("AzureFirewall"), "a log of Azure Firewall"},
	{"", marks("version", "account-id", "interface-id"), "a flow log of AWS, which is none of Azure's"},
	{"", marks("jsonPayload", "src_ip"), "a flow log of Google Cloud, which is none of Azure's"},
}

// odd are flow logs without flows that are whole, by what their beginning has.
var odd = []struct {
	marks [][]byte
	is    string
}{
	{marks("flowTuples"), "JSON with flowTuples that stand in no place where a flow log has them; of texts, message, log, event.original and body are looked at"},
	{marks("time", "macAddress", ","), "a flow log whose records have no tuples"},
}

// hasAll reports whether a text has all of some marks.
func hasAll(text []byte, marks [][]byte) bool {
	return !slices.ContainsFunc(marks, func(mark []byte) bool { return !bytes.Contains(text, mark) })
}

func marks(texts ...string) (all [][]byte) {
	for _, t := range texts {
		all = append(all, []byte(t))
	}
	return all
}

// whatItIs says in a line what a file is that has no flows, by its beginning, with
// an exit code. isEmpty says that there are flow logs in it, all without tuples.
func whatItIs(s *source, isEmpty bool) (string, exitCode) {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(s.head, []byte("\ufeff")))
	if len(trimmed) == 0 {
		return "no flow log: it is empty", noFlowLog
	}
	if isEmpty && s.cutOff == "" {
		return s.flaws("a flow log without flows"), noFlowLog
	}
	for _, row := range known {
		if bytes.HasPrefix(trimmed, []byte(row.begins)) && hasAll(s.head, row.marks) {
			return "no flow log: it looks like " + row.is, noFlowLog
		}
	}
	if s.cutOff != "" {
		return s.flaws("no flows"), damaged
	}
	if bytes.Equal(compact(trimmed), []byte(`{"records":[]}`)) {
		return "a flow log without flows", noFlowLog
	}
	for _, row := range odd {
		if hasAll(s.head, row.marks) {
			return "no flow log: it looks like " + row.is, noFlowLog
		}
	}
	switch {
	case trimmed[0] == '{' || trimmed[0] == '[':
		return "no flow log: it is JSON of something else", noFlowLog
	case !utf8.Valid(s.head[:max(0, len(s.head)-utf8.UTFMax)]) || bytes.IndexByte(s.head, 0) >= 0:
		return "no flow log: it is no text", noFlowLog
	case isCSV(trimmed):
		return "no flow log: it looks like CSV; flow logs are JSON, and networks of context have a column cidr", noFlowLog
	}
	return fmt.Sprintf("no flow log: it begins %.60q; nsgflow check --as threats reads lists of addresses", firstLine(trimmed)), noFlowLog
}

// isCSV reports whether a text has columns: many, or as many in two lines, or names
// without blanks.
func isCSV(text []byte) bool {
	first := firstLine(text)
	second := firstLine(bytes.TrimPrefix(text[len(first):], []byte{'\n'}))
	for _, separator := range []byte(",;\t") {
		columns := bytes.Count(first, []byte{separator})
		if columns > 3 || columns > 0 && (bytes.Count(second, []byte{separator}) == columns || !bytes.ContainsRune(first, ' ')) {
			return true
		}
	}
	return false
}

func compact(text []byte) []byte {
	var b bytes.Buffer
	json.Compact(&b, text)
	return b.Bytes()
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	return line
}
