package nsgflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// writings are ways to write one and the same flow log as text.
var writings = []struct {
	name  string
	write func(compact string) string
}{
	{"as it is", func(s string) string { return s }},
	{"with a byte-order mark", func(s string) string { return "\ufeff" + s }},
	{"pretty-printed", func(s string) string {
		var b bytes.Buffer
		_ = json.Indent(&b, []byte(s), "\r\n", "\t ")
		return b.String()
	}},
	{"every character escaped", escaped},
	{"after a comma", func(s string) string { return "\ufeff,\n" + s }},
	{"before a comma and white space", func(s string) string { return s + " ,\r\n" }},
	{"in a list", func(s string) string { return `{"records":[` + s + `]}` }},
	{"in a list of a list", func(s string) string { return `{"records":[{"records":[` + s + `]}]}` }},
	{"in a list with a field before it", func(s string) string { return `{"a":{"records":[1]},"records":[` + s + `]}` }},
	{"in a list with a field behind it", func(s string) string { return `{"records":[` + s + `],"a":"b"}` }},
	{"in a list without its tail", func(s string) string { return `{"records":[` + s }},
	{"in a list without its last bracket", func(s string) string { return `{"records":[` + s + `]` }},
	{"in a list without its head", func(s string) string { return s + `]}` }},
	{"in an array", func(s string) string { return `[` + s + `]` }},
	{"in an array without its tail", func(s string) string { return `[` + s + `,` }},
	{"in an array without its head", func(s string) string { return s + `]` }},
	{"in an array of arrays", func(s string) string { return `[[` + s + `]]` }},
	{"in an array in a list", func(s string) string { return `{"records":[[` + s + `]]}` }},
	{"in a list of a list without a tail", func(s string) string { return `{"records":[{"records":[` + s + "]," }},
}

// escaped writes every character of every string as \u and four digits.
func escaped(s string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			inString = !inString
			b.WriteByte(c)
		case !inString || c >= 0x80:
			b.WriteByte(c)
		case c == '\\' && s[i+1] == 'u':
			b.WriteString(s[i : i+6])
			i += 5
		case c == '\\':
			b.WriteString(s[i : i+2])
			i++
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

var inList = regexp.MustCompile(`(records\[0\]|\B\[0\])+\.`)

func TestWritings(t *testing.T) {
	noText := func(o *nsgflow.Options) { o.Original = false }
	_, inputs := goldenCases(t)
	for name, input := range inputs {
		var compact bytes.Buffer
		if strings.HasSuffix(name, textOnly) || hasMessage(t, input) {
			continue
		}
		if err := json.Compact(&compact, []byte(input)); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, w := range writings {
			var got []string
			for _, line := range comparable(t, asText.records(t, newNormalizer(t, noText), w.write(compact.String()))) {
				got = append(got, inList.ReplaceAllString(line, ""))
			}
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: %s", name, w.name, diff)
			}
		}
	}
}
