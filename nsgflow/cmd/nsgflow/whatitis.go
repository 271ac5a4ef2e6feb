package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// known are things that people take for flow logs, by what their beginning has:
// all of the marks of a row.
var known = []struct {
	marks [][]byte
	is    string
}{
	{marks("NetworkSecurityGroupEvent"), "an event log of NSGs (category NetworkSecurityGroupEvent), which says what rules there are: flow logs have the category NetworkSecurityGroupFlowEvent"},
	{marks("NetworkSecurityGroupRuleCounter"), "a log of rule counters (category NetworkSecurityGroupRuleCounter): flow logs have the category NetworkSecurityGroupFlowEvent"},
	{marks("FlowStartTime_t"), "a table of Traffic Analytics, which has no tuples any more: take the blobs that it is made of"},
	{marks("FASchemaVersion_s"), "a table of Traffic Analytics, which has no tuples any more: take the blobs that it is made of"},
	{marks("AzureFirewall"), "a log of Azure Firewall"},
	{marks("version", "account-id", "interface-id"), "a flow log of AWS, which is none of Azure's"},
	{marks("jsonPayload", "src_ip"), "a flow log of Google Cloud, which is none of Azure's"},
	{marks("<?xml", "<Error>"), "an error that storage has answered in place of the blob"},
	{marks("<html"), "a page of HTML, such as a portal or a proxy answers"},
	{marks("<!DOCTYPE"), "a page of HTML, such as a portal or a proxy answers"},
	{marks("PK\x03\x04"), "a zip archive: unpack it"},
	{marks("\x28\xb5\x2f\xfd"), "compressed with zstd: unpack it"},
	{marks("PAR1"), "a Parquet file, which nothing here reads"},
	{marks("Obj\x01"), "an Avro file, which nothing here reads"},
	{marks("flowTuples"), "JSON with flowTuples that stand in no place where a flow log has them"},
	{marks("time", "macAddress", ","), "a flow log whose records have no tuples"},
}

func marks(texts ...string) (all [][]byte) {
	for _, t := range texts {
		all = append(all, []byte(t))
	}
	return all
}

// whatItIs says in a line what a file is that has no flows, by its beginning.
// isEmpty says that there are flow logs in it, all without tuples.
func whatItIs(head []byte, isEmpty bool) string {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if isEmpty || bytes.Equal(compact(trimmed), []byte(`{"records":[]}`)) {
		return "a flow log without flows"
	}
	if len(trimmed) == 0 {
		return "no flow log: it is empty"
	}
	for _, row := range known {
		found := true
		for _, mark := range row.marks {
			found = found && bytes.Contains(head, mark)
		}
		if found {
			return "no flow log: it looks like " + row.is
		}
	}
	switch {
	case trimmed[0] == '{' || trimmed[0] == '[':
		return "no flow log: it is JSON of something else"
	case !utf8.Valid(head[:max(0, len(head)-utf8.UTFMax)]) || bytes.IndexByte(head, 0) >= 0:
		return "no flow log: it is no text"
	case bytes.Count(firstLine(trimmed), []byte{','}) > 3:
		return "no flow log: it looks like CSV; flow logs are JSON"
	}
	return fmt.Sprintf("no flow log: it begins %.60q", firstLine(trimmed))
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
