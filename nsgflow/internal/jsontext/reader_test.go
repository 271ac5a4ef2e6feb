package jsontext_test

import (
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/jsontext"
)

// outline reads all that comes next, and gives it without white space, commas
// and quotes. Arrays under the key records are lists of records.
func outline(r *jsontext.Reader, b *strings.Builder, key string) {
	switch r.Kind() {
	case jsontext.Object, jsontext.Array:
		if key == "records" {
			r.OpenList()
		} else {
			r.Open()
		}
		b.WriteByte('(')
		for key, ok := r.Next(); ok; key, ok = r.Next() {
			fmt.Fprintf(b, "%s:", key)
			outline(r, b, string(key))
		}
		b.WriteByte(')')
	default:
		fmt.Fprintf(b, "%s ", r.Text())
	}
}

func TestReader(t *testing.T) {
	deep := strings.Repeat("[", jsontext.MaxDepth)
	for _, row := range []struct{ text, want, err string }{
		{``, "", ""},
		{"\ufeff1 , 2", "1 2 ", ""},
		{`{"a":[1,"b\u0063",true,null,2.0]}`, "(a:(:1 :bc : : :2 ))", ""},
		{`{"records":[{"a":1},{"a":2}`, "(records:(:(a:1 ):(a:2 )))", ""},
		{`{"records":[1,2]`, "(records:(:1 :2 ))", ""},
		{`{"records":[1,2],"a":3}`, "(records:(:1 :2 )a:3 )", ""},
		{`,{"a":1}]},{"a":2}`, "(a:1 )(a:2 )", ""},
		{`{"a":[1,2}`, "(a:(:1 :2 ))", "9: a comma or a closing bracket expected"},
		{`{"a":[1,]}`, "(a:(:1 ))", "8: a value expected"},
		{`{"a" 1}`, "()", "5: a colon expected"},
		{`{"a":1,2}`, "(a:1 )", "7: a key expected"},
		{`{"a":"`, "(a: )", "6: unexpected end"},
		{`{"a":01}`, "(a: )", "5: a value expected"},
		{deep + strings.Repeat("]", jsontext.MaxDepth), strings.Repeat("(:", jsontext.MaxDepth-1) + "(" + strings.Repeat(")", jsontext.MaxDepth), ""},
		{deep + "[", strings.Repeat("(:", jsontext.MaxDepth) + "(" + strings.Repeat(")", jsontext.MaxDepth+1), "64: nested deeper than 64 levels"},
	} {
		var r jsontext.Reader
		var got strings.Builder
		r.Reset([]byte(row.text))
		for _, ok := r.Next(); ok; _, ok = r.Next() {
			outline(&r, &got, "")
		}
		message := ""
		if at, err := r.At(); err != nil {
			message = fmt.Sprintf("%d: %v", at, err)
		}
		if got.String() != row.want || message != row.err {
			t.Errorf("%s: got %s, error %q", row.text, &got, message)
		}
	}
}

// Skip takes the same texts as reading does.
func TestSkip(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":[1,"b",{"c":null}],"d":{}} x`: `{"a":[1,"b",{"c":null}],"d":{}}`,
		`[[],[[]]] `:                        `[[],[[]]]`,
		`"\"\\" `:                           `"\"\\"`,
		`-1.5e+3,`:                          `-1.5e+3`,
		`[1}`:                               ``,
		`{"a":1]`:                           ``,
		`{"a":}`:                            ``,
		"\"\n\"":                            ``,
	} {
		var r jsontext.Reader
		r.Reset([]byte(text))
		if got := r.Skip(); string(got) != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
}
