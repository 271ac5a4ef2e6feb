package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/sys/unix"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// run runs a command line. Errors that main would print are in stderr.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, said bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&said)
	err := c.Execute()
	var ended exitCode
	switch {
	case err == nil:
	case errors.As(err, &ended):
		code = int(ended)
	default:
		code = int(failed)
		fmt.Fprintln(&said, "nsgflow:", err)
	}
	return out.String(), said.String(), code
}

// record is one NSG record with as many tuples.
func record(tuples int) string {
	var all []string
	for n := range tuples {
		all = append(all, fmt.Sprintf(`"1741078809,203.0.113.24,10.20.0.4,%d,443,T,I,A,E,14,2236,17,19408"`, 50000+n))
	}
	return `{"time":"2025-03-04T09:00:30.0Z","macAddress":"000D3AF1C27E","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/1/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB",` +
		`"operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"UserRule_Https","flows":[{"mac":"000D3AF1C27E","flowTuples":[` + strings.Join(all, ",") + `]}]}]}}`
}

// vnetRecord is one record of a Virtual Network flow log with as many tuples.
func vnetRecord(tuples int) string {
	all := strings.Repeat(`,"1741078809663,203.0.113.24,10.20.0.4,50000,443,6,I,E,NX,14,2236,17,19408"`, tuples)
	return `{"time":"2025-03-04T09:00:30.0Z","flowLogVersion":4,"macAddress":"000D3AF1C27E","category":"FlowLogFlowEvent","flowLogResourceID":"/SUBSCRIPTIONS/1/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.NETWORK/NETWORKWATCHERS/W/FLOWLOGS/F",` +
		`"targetResourceID":"/subscriptions/1/resourceGroups/shop/providers/Microsoft.Network/virtualNetworks/net","operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"00000000-1234-abcd-ef00-c1c2c3c4c5c6","flowGroups":[{"rule":"UserRule_Https","flowTuples":[` +
		strings.TrimPrefix(all, ",") + `]}]}]}}`
}

func blob(records ...string) string { return `{"records":[` + strings.Join(records, ",") + `]}` }

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func wide(text string, order binary.AppendByteOrder) string {
	b := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func pretty(text string) string {
	var b bytes.Buffer
	json.Indent(&b, []byte(text), "", "  ")
	return b.String()
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// Whatever the form of a file, each of its flows is an event and a line of the
// table, or a line says what the file is.
func TestForms(t *testing.T) {
	whole := blob(record(2), record(3))
	half := whole[:strings.LastIndex(whole, "50001")]
	for _, tt := range []struct {
		name, text string
		flows      int
		says       string // on standard error, behind the name of the file
		code       int
	}{
		{"without a newline", whole, 5, "", 0},
		{"with a newline", whole + "\n", 5, "", 0},
		{"byte order mark", "\ufeff" + whole, 5, "", 0},
		{"pretty", pretty(whole), 5, "", 0},
		{"pretty with CRLF", strings.ReplaceAll(pretty(whole), "\n", "\r\n"), 5, "", 0},
		{"gzip", packed(whole), 5, "", 0},
		{"gzip in two members", packed(whole[:100]) + packed(whole[100:]), 5, "", 0},
		{"UTF-16 LE", wide(whole, binary.LittleEndian), 5, "", 0},
		{"UTF-16 BE", wide(whole, binary.BigEndian), 5, "", 0},
		{"one record", record(2), 2, "", 0},
		{"a record a line", record(2) + "\n" + record(1) + "\n", 3, "", 0},
		{"a blob a line", whole + "\n" + whole + "\n", 10, "", 0},
		{"an array of records", "[" + record(2) + "," + record(1) + "]", 3, "", 0},
		{"an array of what a shipper writes", " [\n" + `{"log":` + quoted(record(1)) + "},\n" + `{"log":` + quoted(record(2)) + "}\n]\n", 3, "", 0},
		{"an array of other values", "[1,null,[" + record(1) + `],"a",` + record(2) + "]", 3, "", 0},
		{"an empty array", "[]", 0, "no flow log: it is JSON of something else", 3},
		{"in message", `{"date":1.5,"message":` + quoted(whole) + "}\n", 5, "", 0},
		{"in log", `{"log":` + quoted(record(1)) + "}\n" + `{"log":"something else"}` + "\n", 1, "", 0},
		{"beside other records", `{"a":1}` + "\n" + record(1) + "\n", 1, "", 0},
		{"truncated", half, 2, `1 errors, the last: `, 1},
		{"a bad tuple", blob(strings.Replace(record(2), ",443,", ",99999,", 1)), 1, `1 errors, the last: `, 1},
		{"gzip that is cut off", packed(strings.Repeat(whole, 50))[:100], 0, "no flows; cut off: the end of its gzip is missing", 1},
		{"gzip that is cut off behind flows", packed(whole)[:len(packed(whole))-4], 5, "cut off: the end of its gzip is missing", 1},
		{"gzip of gzip", packed(packed(whole)), 5, "", 0},
		{"gzip of gzip of gzip of gzip", packed(packed(packed(packed(whole)))), 0, "no flow log: it looks like compressed with gzip again and again", 3},
		{"UTF-16 LE without a mark", wide(whole, binary.LittleEndian)[2:], 5, "", 0},
		{"UTF-16 BE without a mark", wide(pretty(whole), binary.BigEndian)[2:], 5, "", 0},
		{"two files with marks", "\ufeff" + whole + "\n\ufeff" + whole, 10, "", 0},
		{"JSON lines before a blob", `{"a":1}` + "\n" + record(1) + "\n" + whole, 6, "", 0},
		{"other fields behind the records", `{"records":[` + record(2) + `],"count":1,"next":{"a":"]}"}}` + "\n" + whole, 7, "", 0},
		{"another blob behind one without its end", strings.TrimSuffix(whole, "}") + "\n" + whole, 10, "", 0},
		{"garbage behind a blob", whole + "\nxyz", 5, "3 bytes that are no JSON, the first at byte " + strconv.Itoa(len(whole)+1), 1},
		{"lines of another log between blobs", "GET /\n" + whole + "\nGET /\n", 5, "", 0},
		{"without the head of the first record", whole[strings.Index(whole, `:{"Version"`)+1:], 3, strconv.Itoa(strings.Index(whole, `,{"time"`)-strings.Index(whole, `{"Version"`)-1) + " bytes with flowTuples that stand in no place where a flow log has them, the first at byte 0", 1},
		{"garbage between blobs", whole + "xyz" + whole, 10, "3 bytes that are no JSON, the first at byte " + strconv.Itoa(len(whole)), 1},
		{"a head without its records", `{"records":[`, 0, "no flows; cut off: it ends at byte 12, inside a value", 1},
		{"half a head", `{"reco`, 0, "no flows; cut off: it ends at byte 6, inside a value", 1},
		{"an empty blob that is cut off", blob(record(0))[:300], 0, "no flows; cut off: it ends at byte 300, inside a value", 1},
		{"JSON with a page and the marks of archives", `{"a":"<html","b":"PK\u0003\u0004 PAR1 Obj","c":"<!DOCTYPE"}`, 0, "no flow log: it is JSON of something else", 3},
		{"CSV with few columns", "time,source\n1,10.0.0.1\n", 0, "no flow log: it looks like CSV", 3},
		{"CSV with semicolons", "start time;source address\n1;10.0.0.1\n", 0, "no flow log: it looks like CSV", 3},
		{"Parquet", "PAR1\x15\x04", 0, "no flow log: it looks like a Parquet file", 3},
		{"empty", "", 0, "no flow log: it is empty", 3},
		{"blanks", " \n\n", 0, "no flow log: it is empty", 3},
		{"no flows", blob(record(0)), 0, "a flow log without flows", 3},
		{"no records", blob(), 0, "a flow log without flows", 3},
		{"CSV", "time,rule,source,destination,port\n1,2,3,4,5\n", 0, "no flow log: it looks like CSV", 3},
		{"an event log", blob(strings.Replace(`{"category":"NetworkSecurityGroupEvent","properties":{"type":"allow"}}`, "'", `"`, -1)), 0, "no flow log: it looks like an event log of NSGs", 3},
		{"other JSON", `{"a":[1,2,3]}`, 0, "no flow log: it is JSON of something else", 3},
		{"AWS", "version account-id interface-id srcaddr\n2 1 eni-1 10.0.0.1\n", 0, "no flow log: it looks like a flow log of AWS", 3},
		{"an error of storage", `<?xml version="1.0"?><Error><Code>BlobNotFound</Code></Error>`, 0, "no flow log: it looks like an error that storage has answered", 3},
		{"zip", "PK\x03\x04\x14\x00", 0, "no flow log: it looks like a zip archive", 3},
		{"a text in a text", `{"message":` + quoted(`{"message":`+quoted(whole)+`}`) + `}`, 0, "no flow log: it looks like JSON with flowTuples that stand in no place where a flow log has them; of texts, message, ", 3},
		{"a JSON string", quoted(whole), 0, "no flow log: it looks like a flow log in a JSON string: jq -r . takes it out", 3},
		{"an array of JSON strings", "[" + quoted(record(1)) + "," + quoted(record(2)) + "]", 0, "no flow log: it looks like flow logs in JSON strings: jq -r '.[]' takes them out", 3},
		{"what Python prints", strings.ReplaceAll(whole, `"`, "'"), 0, "no flow log: it looks like a flow log as Python prints it", 3},
		{"Traffic Analytics", "TimeGenerated,FlowType,SrcIp,DestIp\n1,IntraVNet,10.0.0.4,10.0.0.5\n", 0, "no flow log: it looks like a table of Traffic Analytics", 3},
		{"bzip2", "BZh91AY&SY\x04{\x00", 0, "no flow log: it looks like compressed with bzip2: unpack it", 3},
		{"xz", "\xfd7zXZ\x00{", 0, "no flow log: it looks like compressed with xz: unpack it", 3},
		{"7z", "7z\xbc\xaf\x27\x1c{", 0, "no flow log: it looks like a 7-Zip archive: unpack it", 3},
		{"binary", "\x00\x01\x02\xff\xfe\x80\x81", 0, "no flow log: it is no text", 3},
		{"text", "hello, world", 0, `no flow log: it begins "hello, world"`, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "PT1H.json")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"events", "flows"} {
				out, said, code := run(t, "", command, file)
				lines := strings.Count(out, "\n") - map[string]int{"flows": 1}[command]
				if command == "events" {
					lines -= strings.Count(out, `"pipeline_error"`)
				}
				if tt.flows >= 0 && max(0, lines) != tt.flows {
					t.Errorf("%s: %d flows, want %d:\n%s", command, lines, tt.flows, out)
				}
				if code != tt.code || tt.says != "" && !strings.HasPrefix(said, "nsgflow: "+file+": "+tt.says) || tt.says == "" && code == 0 && said != "" || strings.Count(said, "\n") > 1 {
					t.Errorf("%s: code %d, want %d, said:\n%s", command, code, tt.code, said)
				}
			}
			out, said, code := run(t, "", "check", file)
			if code != tt.code || out+said == "" {
				t.Errorf("check: code %d, want %d: %s%s", code, tt.code, out, said)
			}
			if tt.flows > 0 && !strings.Contains(out, fmt.Sprintf("%d flows from 2025-03-04T09:00:09Z to 2025-03-04T09:00:09Z", tt.flows)) {
				t.Errorf("check: %s", out)
			}
			// From standard input it is the same.
			byName, _, _ := run(t, "", "events", file)
			if piped, _, _ := run(t, tt.text, "events", "-"); piped != byName {
				t.Error("standard input gives others")
			}
		})
	}
}

// Of a text that lacks flows each command says that it is cut off, wherever the cut
// is, and so it does of one that lacks no more than its end.
func TestEveryCut(t *testing.T) {
	for name, whole := range map[string]string{
		"NSG":             blob(record(1), record(2)),
		"VNet":            blob(vnetRecord(1), vnetRecord(1)),
		"an array":        "[" + record(1) + "," + vnetRecord(1) + "]",
		"a blob a line":   blob(record(1)) + "\n" + blob(record(1)),
		"pretty":          pretty(blob(vnetRecord(1))),
		"other fields":    `{"records":[` + record(1) + `],"next":null}`,
		"without records": `{"records":[]}`,
	} {
		for cut := 1; cut < len(whole); cut++ {
			if json.Valid([]byte(whole[:cut])) { // a blob of two
				continue
			}
			for n, command := range []string{"events", "flows", "check", "records"} {
				// All cuts of one, and some of the others.
				if (name != "VNet" || n > 0) && cut > 20 && cut%29 != 0 {
					continue
				}
				out, said, code := run(t, whole[:cut], command, "-")
				if command == "check" {
					said += out
				}
				if code != 1 || strings.Count(said, "cut off: it ends at byte "+strconv.Itoa(cut)+", inside a value\n") != 1 || strings.Contains(said, "a flow log without flows") {
					t.Fatalf("%s, %s of the first %d of %d bytes: code %d, %s\n%s", name, command, cut, len(whole), code, said, out)
				}
			}
		}
	}
}

// Records are counted one by one, whatever stands around them.
func TestCheckCountsRecords(t *testing.T) {
	one, two := blob(record(1), record(2)), blob(record(3))
	for _, tt := range []struct{ name, text, want string }{
		{"a blob a line", one + "\n" + two + "\n", "NSG flow log, version 2, 3 records; 6 flows "},
		{"JSON lines before a blob", `{"a":1}` + "\n" + record(1) + "\n" + one, "NSG flow log, version 2, 3 records; 1 records of something else; 4 flows "},
		{"gzip with two members", packed(one) + packed(two), "NSG flow log, version 2, 3 records; 6 flows "},
		{"other fields", `{"records":[` + record(1) + `],"next":{"a":1}}`, "NSG flow log, version 2, 1 records; 1 flows "},
	} {
		out, said, code := run(t, tt.text, "check", "-")
		if !strings.HasPrefix(out, "standard input: "+tt.want) || strings.Count(out, "\n") != 1 || said != "" || code != 0 {
			t.Errorf("%s: code %d, %s%s", tt.name, code, said, out)
		}
	}
}

// A folder stands for its files, several files are read one after the other, and
// the worst of them decides on the exit code.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a/b with blank.json": blob(record(2)), "a/c.json.gz": packed(blob(record(3))), "d.txt": "nothing"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, said, code := run(t, "", "events", filepath.Join(dir, "a")); strings.Count(out, "\n") != 5 || code != 0 || said != "" {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	if out, said, code := run(t, "", "events", dir); strings.Count(out, "\n") != 5 || code != 3 || !strings.Contains(said, "d.txt: no flow log") {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	if out, said, code := run(t, "", "events", filepath.Join(dir, "missing"), filepath.Join(dir, "a")); strings.Count(out, "\n") != 5 || code != 2 || strings.Count(said, "\n") > 1 {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	empty := t.TempDir()
	if _, _, code := run(t, "", "events", empty); code != 2 {
		t.Errorf("an empty folder: code %d", code)
	}
}

// Links in a folder count as what they lead to, each file once, as in a folder of a
// ConfigMap. Links in circles end, and what is no regular file is said.
func TestLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	outside := filepath.Join(elsewhere, "outside.json")
	err := errors.Join(
		os.WriteFile(outside, []byte(record(1)), 0o600),
		os.Mkdir(filepath.Join(dir, "..2025_03_04"), 0o700),
		os.WriteFile(filepath.Join(dir, "..2025_03_04", "flows.json"), []byte(record(2)), 0o600),
		os.Symlink("..2025_03_04", filepath.Join(dir, "..data")),
		os.Symlink("..data/flows.json", filepath.Join(dir, "flows.json")),
		os.Symlink(outside, filepath.Join(dir, "link.json")),
		os.Symlink(".", filepath.Join(dir, "loop")),
		os.Symlink(elsewhere, filepath.Join(dir, "others")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if out, said, code := run(t, "", "events", dir); strings.Count(out, "\n") != 3 || said != "" || code != 0 {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	dangling, pipe := filepath.Join(dir, "dangling"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink("nowhere", dangling), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	out, said, code := run(t, "", "events", dir)
	if strings.Count(out, "\n") != 3 || code != 2 || strings.Count(said, "\n") != 2 || !strings.Contains(said, dangling+": no such file") || !strings.Contains(said, pipe+": skipped, it is no regular file") {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
}

// The options are those of the filter, with its messages.
func TestOptionsOfTheFilter(t *testing.T) {
	out, _, code := run(t, blob(record(3)), "events", "--schema", "ecs", "--aggregate", "service", "--timestamp-key", "off", "-")
	var event map[string]any
	if err := json.Unmarshal([]byte(out), &event); err != nil || code != 0 || event["@timestamp"] != nil || event["ecs"] == nil {
		t.Errorf("code %d, %v: %s", code, err, out)
	}
	for want, args := range map[string][]string{
		`option schema: "cef" is not allowed, it takes: sekoia, ecs`: {"--schema", "cef"},
		`option aggregate: "all" is not allowed`:                     {"--aggregate", "all"},
		"unknown flag: --nothing":                                    {"--nothing"},
	} {
		if out, said, code := run(t, "", append([]string{"events", "-"}, args...)...); code != 2 || !strings.Contains(said, want) || out != "" {
			t.Errorf("code %d, %s, want %s", code, said, want)
		}
	}
}

// Wrong usage names what is wrong and what the command takes.
func TestWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"events"}, "0 arguments; usage: nsgflow events [flags] FILE… | -"},
		{[]string{"lookup"}, "0 arguments; usage: nsgflow lookup [flags] ADDRESS…"},
		{[]string{"state", "show", "a", "b"}, "2 arguments; usage: nsgflow state show [flags] FOLDER"},
		{[]string{"events", "--shema", "ecs", "-"}, `unknown flag: --shema; "nsgflow events --help" lists what there is`},
		{[]string{"flows", "--by", "size", "-"}, `option by: "size" is not allowed, it takes: bytes, packets, flows`},
		{[]string{"check", "--as", "nets", "-"}, `option as: "nets" is not allowed, it takes: service-tags, `},
		{[]string{"state", "shw"}, `unknown command "shw" for "nsgflow state"`},
		{[]string{"completion", "tcsh"}, `unknown command "tcsh" for "nsgflow completion"`},
	} {
		if out, said, code := run(t, "", tt.args...); code != 2 || !strings.HasPrefix(said, "nsgflow: "+tt.want) || out != "" {
			t.Errorf("%s: code %d, %s%s", tt.args, code, out, said)
		}
	}
	for _, args := range [][]string{{"state"}, {"completion"}} {
		if out, said, code := run(t, "", args...); code != 0 || out == "" || said != "" {
			t.Errorf("%s: code %d, %s%s", args, code, out, said)
		}
	}
}

// Errors have the place of the record and the path in it; so many are shown.
func TestCheckErrors(t *testing.T) {
	bad := strings.ReplaceAll(record(3), ",443,", ",x,")
	out, _, code := run(t, blob(record(1), bad), "check", "--errors", "2", "-")
	want := fmt.Sprintf(`standard input: NSG flow log, version 2, 2 records; 1 flows from 2025-03-04T09:00:09Z to 2025-03-04T09:00:09Z
standard input: record 1, at byte %[1]d: properties.flows[0].flows[0].flowTuples[0]: column 4 (destination port): "x"
standard input: record 1, at byte %[1]d: properties.flows[0].flows[0].flowTuples[1]: column 4 (destination port): "x"
standard input: and 1 more
`, len(blob(record(1)))-1)
	if out != want || code != 1 {
		t.Errorf("code %d, got\n%swant\n%s", code, out, want)
	}
}

// What could be read of a file is said, and that there is more.
func TestCheckOfWhatIsCutOff(t *testing.T) {
	half := strings.TrimSuffix(record(1), "}")
	if out, _, _ := run(t, blob(record(1))+half, "check", "-"); !strings.Contains(out, fmt.Sprintf("\nstandard input: record 1, at byte %d, its byte %d: unexpected end\n", len(blob(record(1))), len(half))) {
		t.Error(out)
	}
	whole := packed(blob(record(2), record(3)))
	out, said, code := run(t, whole[:len(whole)-4], "check", "-")
	if !strings.HasPrefix(out, "standard input: NSG flow log, version 2, 2 records; 5 flows ") || !strings.Contains(out, "standard input: cut off: the end of its gzip is missing\n") || said != "" || code != 1 {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
}

// What is no JSON comes in pieces, such as a gigabyte of zeros that is packed in one
// megabyte.
func TestRubbishIsNotHeldWhole(t *testing.T) {
	err := open("zeros", strings.NewReader(strings.Repeat("\x00", 8*pieceBytes)), 0, func(s *source) error {
		total := 0
		for t, err := range s.texts() {
			if err != nil || len(t.json) > 2*pieceBytes {
				return fmt.Errorf("%d bytes at once, %v", len(t.json), err)
			}
			total += len(t.json)
		}
		if total != 8*pieceBytes {
			return fmt.Errorf("%d bytes", total)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The records of an array are counted one by one.
func TestCheckArray(t *testing.T) {
	out, _, code := run(t, "\ufeff[\n"+record(2)+",\n"+record(1)+"]", "check", "-")
	if want := "standard input: NSG flow log, version 2, 2 records; 3 flows from 2025-03-04T09:00:09Z to 2025-03-04T09:00:09Z\n"; out != want || code != 0 {
		t.Errorf("code %d, %swant %s", code, out, want)
	}
}

// The heaviest come first, with the sums of both sides.
func TestTop(t *testing.T) {
	denied := strings.ReplaceAll(strings.ReplaceAll(record(1), ",A,E,14,2236,17,19408", ",D,B,,,,"), "203.0.113.24", "192.0.2.1")
	for by, first := range map[string]string{"bytes": "64.9 kB         93          3 in  allow tcp", "flows": "64.9 kB         93          3 in  allow tcp"} {
		out, _, code := run(t, blob(record(3), denied), "flows", "--top", "1", "--by", by, "-")
		if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 3 || !strings.Contains(lines[1], first) || !strings.Contains(lines[1], "203.0.113.24 → 10.20.0.4:443") {
			t.Errorf("by %s: code %d\n%s", by, code, out)
		}
	}
	if _, said, code := run(t, blob(record(3)), "flows", "--top", "-1", "-"); code != 2 || !strings.Contains(said, "invalid argument") {
		t.Errorf("code %d, %s", code, said)
	}
	if _, said, code := run(t, "", "flows", "--by", "weight", "-"); code != 2 || !strings.Contains(said, "it takes: bytes, packets, flows") {
		t.Errorf("code %d, %s", code, said)
	}
}

// No rule clears the screen, or makes a row of its own.
func TestTableOfControlCharacters(t *testing.T) {
	out, _, code := run(t, strings.ReplaceAll(record(1), "UserRule_Https", `a\u001b[2Jb\nc\u009bd é`), "flows", "-")
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 3 || !strings.HasSuffix(lines[1], " a\ufffd[2Jb\ufffdc\ufffdd é") {
		t.Errorf("code %d, %q", code, out)
	}
}

// A folder stands for all files below it, a link to a folder for that folder. What
// cannot be looked into is said, and hides nothing that stands behind it.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o755), os.WriteFile(filepath.Join(dir, name, "1.json"), []byte(record(1)), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if out, said, code := run(t, "", "events", link); strings.Count(out, "\n") != 3 || said != "" || code != 0 {
		t.Errorf("a link to a folder: code %d, %s\n%s", code, said, out)
	}
	if os.Geteuid() == 0 {
		t.Skip("rights do not hold for root")
	}
	if err := os.Chmod(filepath.Join(dir, "b"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(dir, "b"), 0o755)
	out, said, code := run(t, "", "events", dir)
	if strings.Count(out, "\n") != 2 || code != 2 || !strings.Contains(said, filepath.Join(dir, "b")+": permission denied") {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
}

// A sum that does not fit is the largest number, and so the heaviest.
func TestTopOfLargeCounters(t *testing.T) {
	const large = ",999999999999999999,999999999999999999,999999999999999999,999999999999999999"
	heavy := strings.ReplaceAll(strings.ReplaceAll(record(9), ",14,2236,17,19408", large), "203.0.113.24", "192.0.2.1")
	out, _, code := run(t, blob(record(1), heavy), "flows", "--top", "1", "-")
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 3 || !strings.Contains(lines[1], "9.22 EB 9223372036854775807          9 in  allow tcp") {
		t.Errorf("code %d\n%s", code, out)
	}
}

// What an agent has read is shown and set while none has the folder open.
func TestState(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "nsgflow.db")
	if _, said, code := run(t, "", "state", "show", dir); code != 2 || !strings.Contains(said, "there are no checkpoints") {
		t.Errorf("an empty folder: code %d, %s", code, said)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("showing has made %v", entries)
	}
	const container = "https://example.blob.core.windows.net/flowlogs"
	name := func(hour int) string {
		return fmt.Sprintf("root/y=2026/m=11/d=29/h=%02d/m=00/macAddress=000D3AF1C27E/PT1H.json", hour)
	}
	s, err := checkpoint.Open(file, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)
	err = errors.Join(s.Put(checkpoint.Set{container: {name(7): {Offset: 1000, ETag: "0x1"}, name(8): {Offset: 2000}}, "https://other.example/flowlogs": {name(8): {Offset: 5, ETag: "0x2"}}}, ""),
		s.Settle(container, at, func(string, checkpoint.Checkpoint) bool { return true }))
	if err != nil {
		t.Fatal(err)
	}
	if _, said, code := run(t, "", "state", "show", dir); code != 2 || !strings.Contains(said, "in use by another agent") {
		t.Errorf("while an agent has it: code %d, %s", code, said)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	out, said, code := run(t, "", "state", "show", "--blobs", dir)
	for _, want := range []string{
		"CONTAINER                                       READ BEFORE       BLOBS  UNREAD  NEWEST            BYTES\n",
		"https://example.blob.core.windows.net/flowlogs  2026-11-29 07:00  2      1       2026-11-29 08:00  3 kB\n",
		"https://other.example/flowlogs                  –                 1      0       2026-11-29 08:00  5 B\n",
	} {
		squeezed := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if !strings.Contains(squeezed(out), squeezed(want)) {
			t.Errorf("code %d, %s\n%s\nhas no %s", code, said, out, want)
		}
	}
	if _, said, code := run(t, "", "state", "set", "--to", "yesterday", dir); code != 2 || !strings.Contains(said, "is no RFC 3339 time") {
		t.Errorf("code %d, %s", code, said)
	}
	if _, said, code := run(t, "", "state", "set", "--to", "2999-01-01T00:00:00Z", dir); code != 2 || !strings.Contains(said, "lies in the future") {
		t.Errorf("code %d, %s", code, said)
	}
	if _, said, code := run(t, "", "state", "set", "--to", "2026-11-29T08:30:00Z", "--container", "nowhere", dir); code != 2 || !strings.Contains(said, "no container has") {
		t.Errorf("code %d, %s", code, said)
	}
	if out, said, code := run(t, "", "state", "set", "--to", "2026-11-29T08:30:00Z", "--container", "example.blob", dir); code != 0 || out != container+" is read from 2026-11-29 08:00 on\n" {
		t.Errorf("code %d, %s%s", code, said, out)
	}
	state, err := storage.OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	all, err := state.Containers()
	if err != nil || len(all) != 2 || !all[0].ReadBefore.Equal(at.Add(time.Hour)) || len(all[1].Blobs) != 1 ||
		!slices.Equal(all[0].Blobs, []storage.BlobState{{Name: name(7), Hour: at, Offset: 1000, Whole: true}}) {
		t.Errorf("%+v, %v", all, err)
	}
}

// A record a line: what is made of it is what is made of the file.
func TestRecordsCommand(t *testing.T) {
	whole := pretty(blob(record(2), record(3)))
	out, said, code := run(t, whole, "records", "-")
	if strings.Count(out, "\n") != 2 || code != 0 || said != "" {
		t.Errorf("code %d, %s\n%s", code, said, out)
	}
	want, _, _ := run(t, whole, "events", "-")
	if got, _, _ := run(t, out, "events", "-"); got != want || want == "" {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	half := record(1)[:300] + "\n" + record(1)[300:400]
	if out, _, _ := run(t, half, "records", "-"); strings.Count(out, "\n") != 1 {
		t.Errorf("of half a record: %q", out)
	}
	if _, said, code := run(t, "\n", "records", "-"); code != 3 || !strings.Contains(said, "it is empty") {
		t.Errorf("code %d, %s", code, said)
	}
}
