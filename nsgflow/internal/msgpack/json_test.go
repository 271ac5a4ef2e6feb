package msgpack_test

import (
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

func TestAppendJSON(t *testing.T) {
	for _, row := range []struct{ value, want, rest string }{
		{"", "null", ""},
		{"\x93\x01\xff\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00!", "[1,-1,1.5]", "!"},
		{"\x82\xa1a\xc2\xa1b\xc3", `{"a":false,"b":true}`, ""},
		{"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615", ""},
		{"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808", ""},
		{"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", "null", ""},
		{"\xa4a\"\n\xff", "\"a\\\"\\n\uFFFD\"", ""},
		{"\xc4\x03abc", `"YWJj"`, ""},
		{"\x92\xc0", "null", ""},
		// A key that is a map becomes text, one within that becomes base64.
		{"\x81\x81\x01\x02\x03", `{"{\"1\":2}":3}`, ""},
		{"\x81\x81\x81\x01\x02\x03\x04", `{"{\"gQEC\":3}":4}`, ""},
		{strings.Repeat("\x91", 64) + "\x01", strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64), ""},
		{strings.Repeat("\x91", 65) + "\x01x", "null", "x"},
	} {
		got, rest := msgpack.AppendJSON(nil, []byte(row.value))
		if string(got) != row.want || string(rest) != row.rest {
			t.Errorf("%q: got %s and %q, want %s and %q", row.value, got, rest, row.want, row.rest)
		}
	}
}
