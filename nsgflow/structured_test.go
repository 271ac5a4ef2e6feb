package nsgflow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const packedTuple = "\xbb0,::,::,1,2,T,O,A,E,1,2,3,4"

// What msgpack has and JSON has not.
var structured = []struct {
	name string
	body string
	want []string // nil: foreign
}{
	{"long headers", "\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x06flow.0\xda\x00\x1b" + packedTuple[1:], []string{"event 0.000000000"}},
	{"keys of other types", "\x84\x01\x02\xc0\xc3\x91\x01\x80\xa6flow.0" + packedTuple, []string{"event 0.000000000"}},
	{"a key as bin", "\x81\xc4\x06flow.0" + packedTuple, nil},
	{"a tuple as bin", "\x81\xa6flow.0\xc4\x02\x00\xff", []string{atSource + `flow.0: not a string: "\"AP8=\""`}},
	{"a tuple as event time", "\x81\xa6flow.0\xd7\x00\x00\x00\x00\x05\x00\x00\x00\x07", []string{atSource + `flow.0: not a string: "5.000000007"`}},
	{"a tuple as another extension", "\x81\xa6flow.0\xd4\x05\x00", []string{atSource + `flow.0: not a string: "null"`}},
	{"a tuple as infinity", "\x81\xa6flow.0\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", []string{atSource + `flow.0: not a string: "null"`}},
	{"a tuple as a map with keys of other types", "\x81\xa6flow.0\x82\x01\xc0\x91\xa1a\xca\x3f\xc0\x00\x00", []string{atSource + `flow.0: not a string: "{\"1\":null,\"[\\\"a\\\"]\":1.5}"`}},
	{"a tuple that is not UTF-8", "\x81\xa6flow.0\xa30\xff,", []string{atSource + `flow.0: 2 columns, at least 8 expected: "0\xff,"`}},
	{"control characters in a tuple", "\x81\xa6flow.0\xa3\x00\n\"", []string{atSource + `flow.0: 1 columns, at least 8 expected: "\x00\n\""`}},
	{"a rule that is not UTF-8", "\x82\xa4rule\xa2\xff\xfe\xa6flow.0" + packedTuple, []string{"event 0.000000000"}},
	{"a text as bin", "\x81\xa7message\xc4\x0e{\"flow.0\":\"x\"}", nil},
	{"records as a map", "\x81\xa7records\x81\x00\x81\xa6flow.0" + packedTuple, nil},
	{"the largest numbers in columns", "\x83\xabnsgRuleName\xa0\xadsourceAddress\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa9startTime\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		[]string{atSource + `column 0 (time): "-9223372036854775808"`}},
	{"floats in columns", "\x86\xabnsgRuleName\xa1r\xa9startTime\xca\x00\x00\x00\x00\xadsourceAddress\xa2::\xb2destinationAddress\xa2::\xaasourcePort\xcb\x40\x7b\xb0\x00\x00\x00\x00\x00\xafdestinationPort\xca\x3f\xc0\x00\x00",
		[]string{"error 0.000000000 " + `column 4 (destination port): "1.5"`}},
	{"deep inside a field that is not ours", "\x82\xa6flow.0" + packedTuple + "\xa1a" + strings.Repeat("\x91", 63) + "\xc0", []string{"event 0.000000000"}},
	{"too deep inside it", "\x82\xa6flow.0" + packedTuple + "\xa1a" + strings.Repeat("\x91", 65) + "\xc0", nil},
}

func TestStructured(t *testing.T) {
	for _, row := range structured {
		t.Run(row.name, func(t *testing.T) {
			n := newNormalizer(t, off)
			chunk, _ := appendBody(t, n, []byte(row.body))
			records, err := unpacked(chunk)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range records {
				got = append(got, brief(t, o))
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error(diff)
			}
			checkTwice(t, newNormalizer(t, off), chunk)
		})
	}
}
