package split

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

// cutAll feeds a text in pieces of a size.
func cutAll(text string, at int64, size int) (records []string, open bool) {
	c := New(at)
	for len(text) > 0 {
		n := min(size, len(text))
		c.Feed([]byte(text[:n]))
		text = text[n:]
		for record, offset, ok := c.Next(); ok; record, offset, ok = c.Next() {
			records = append(records, fmt.Sprintf("%d:%s", offset, record))
		}
	}
	return records, c.Open()
}

var cuts = []struct {
	name, text string
	at         int64
	want       string
	open       bool
}{
	{"nothing", ``, 0, ``, false},
	{"head", `{"records":[`, 0, ``, false},
	{"head and tail", `{"records":[]}`, 0, ``, false},
	{"one", `{"records":[{"a":1}]}`, 0, `12:{"a":1}`, false},
	{"two", `{"records":[{"a":1},{"b":[2]}`, 0, `12:{"a":1} 20:{"b":[2]}`, false},
	{"mark and blanks", "\ufeff{\r\n \"records\" : [\r\n {\"a\":1}\r\n]}", 0, `23:{"a":1}`, false},
	{"no head", `{"a":1},{"b":2}`, 0, `0:{"a":1} 8:{"b":2}`, false},
	{"head cut short", `{"reco`, 0, ``, false},
	{"later", `,{"a":1},{"b":2}`, 100, `101:{"a":1} 109:{"b":2}`, false},
	{"a head in the middle is a record", `,{"records":[{"a":1}]}`, 100, `101:{"records":[{"a":1}]}`, false},
	{"brackets in strings", `{"a":"]}{[","b":"\"}","c":"\\"},{"d":1}`, 9, `9:{"a":"]}{[","b":"\"}","c":"\\"} 41:{"d":1}`, false},
	{"half", `{"a":1},{"b":`, 9, `9:{"a":1}`, true},
	{"half in a string", `{"a":"\"`, 9, ``, true},
	{"rubbish", `xyz{"a":1}`, 9, `9:xyz 12:{"a":1}`, false},
	{"rubbish at the end", `{"a":1},xyz`, 9, `9:{"a":1}`, true},
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range cuts {
		for _, size := range []int{1, 2, 3, 7, 1000} {
			got, open := cutAll(tt.text, tt.at, size)
			if text := strings.Join(got, " "); text != tt.want || open != tt.open {
				t.Errorf("%s, %d bytes at a time: %s open %t, want %s open %t", tt.name, size, text, open, tt.want, tt.open)
			}
		}
	}
}

// Of a file, lists are found wherever they stand, whatever the pieces, and its end
// tells whether it is cut off.
func TestFile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, want string
		cutOff     bool
	}{
		{``, ``, false},
		{`{"records":[{"a":1},{"b":[2]}]}`, `12:{"a":1} 20:{"b":[2]}`, false},
		{`{"records":[{"a":1},`, `12:{"a":1}`, true},
		{`{"records":[{"a":1}]`, `12:{"a":1}`, true},
		{`{"rec`, ``, true},
		{`{"a":1`, `0:{"a":1`, true},
		{`{"a":1}{"records":[{"b":1}]}` + "\n\ufeff" + `[{"c":1}]`, `0:{"a":1} 19:{"b":1} 33:{"c":1}`, false},
		{`{"records":[{"a":1}],"b":"]}","c":{"d":[{}]}}{"e":1}`, `12:{"a":1} 45:{"e":1}`, false},
		{`{"records":[{"a":1}]` + "\n" + `{"records":[{"b":1}]}`, `12:{"a":1} 33:{"b":1}`, false},
		{`[1,[{"a":1}],"b",{"c":1},2]`, `1:1,[ 4:{"a":1} 13:"b" 17:{"c":1} 25:2`, false},
		{`[1,2`, `1:1,2`, true},
		{`xyz{"a":1}]}xyz`, `0:xyz 3:{"a":1} 12:xyz`, false},
		{"a line [b]\n{\"a\":1}\nanother [b]\n", "0:a line [b] 11:{\"a\":1} 19:another [b]", false},
	} {
		for _, size := range []int{1, 2, 3, 7, 1000} {
			got, cutOff := cutFile(tt.text, size)
			if text := strings.Join(got, " "); text != tt.want || cutOff != tt.cutOff {
				t.Errorf("%s, %d bytes at a time: %s cut off %t, want %s cut off %t", tt.text, size, text, cutOff, tt.want, tt.cutOff)
			}
		}
	}
}

// cutFile feeds a file in pieces of a size.
func cutFile(text string, size int) (records []string, cutOff bool) {
	note := func(record []byte, offset int64) { records = append(records, fmt.Sprintf("%d:%s", offset, record)) }
	s := NewFile()
	for len(text) > 0 {
		n := min(size, len(text))
		s.Feed([]byte(text[:n]))
		text = text[n:]
		for record, offset, ok := s.Next(); ok; record, offset, ok = s.Next() {
			note(record, offset)
		}
	}
	record, offset, ok, cutOff := s.Finish()
	if ok {
		note(record, offset)
	}
	return records, cutOff
}

// What is cut out of a file does not depend on the pieces, and nothing is invented.
func FuzzFile(f *testing.F) {
	for _, tt := range cuts {
		f.Add(tt.text, 1)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 || size > len(text)+1 {
			return
		}
		want, cutOff := cutFile(text, len(text)+1)
		got, gotCutOff := cutFile(text, size)
		if strings.Join(got, " ") != strings.Join(want, " ") || cutOff != gotCutOff {
			t.Fatalf("%q: %q cut off %t at once, %q cut off %t by %d", text, want, cutOff, got, gotCutOff, size)
		}
		for _, r := range got {
			place, record, _ := strings.Cut(r, ":")
			offset, _ := strconv.Atoi(place)
			if record == "" || !strings.HasPrefix(text[offset:], record) {
				t.Fatalf("%q: invented %q at %d", text, record, offset)
			}
		}
	})
}

// A head is not waited for without end: what has only begun as one is held as other
// values are.
func TestBlanksInAHead(t *testing.T) {
	s := NewFile()
	s.Feed([]byte("{"))
	for range 100 {
		s.Feed(bytes.Repeat([]byte(" "), 4<<10))
		if _, _, ok := s.Next(); ok {
			t.Fatal("a record of blanks")
		}
	}
	if !s.Open() {
		t.Errorf("nothing is open")
	}
}

// What is open is not copied again with every piece: a text without end would take
// its length times the number of its pieces.
func TestOpenIsKeptInPlace(t *testing.T) {
	const pieces, size = 1000, 4 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := New(100)
	s.Feed([]byte(`{"a":"`))
	for range pieces {
		s.Feed(bytes.Repeat([]byte("x"), size))
		if _, _, ok := s.Next(); ok {
			t.Fatal("a record that does not end")
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 10*pieces*size {
		t.Errorf("%d bytes of memory for %d bytes", got, pieces*size)
	}
}

// What is cut does not depend on the pieces, nothing but separators is lost,
// and nothing is invented.
func FuzzCut(f *testing.F) {
	for _, tt := range cuts {
		f.Add(tt.text, 1)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 || size > len(text)+1 {
			return
		}
		want, open := cutAll(text, 9, len(text)+1)
		got, gotOpen := cutAll(text, 9, size)
		if strings.Join(got, " ") != strings.Join(want, " ") || open != gotOpen {
			t.Fatalf("%q: %q at once, %q by %d", text, want, got, size)
		}
		at := 0
		for _, r := range got {
			place, record, _ := strings.Cut(r, ":")
			var offset int
			fmt.Sscan(place, &offset)
			offset -= 9
			if strings.Trim(text[at:offset], ", \t\r\n]}") != "" {
				t.Fatalf("%q: lost %q", text, text[at:offset])
			}
			if !strings.HasPrefix(text[offset:], record) {
				t.Fatalf("%q: invented %q at %d", text, record, offset)
			}
			at = offset + len(record)
		}
		if !open && strings.Trim(text[at:], ", \t\r\n]}") != "" {
			t.Fatalf("%q: lost %q", text, text[at:])
		}
	})
}

func BenchmarkCut(b *testing.B) {
	var text strings.Builder
	for i := range 3000 {
		text.WriteString("," + azure.VNetRecord(i))
	}
	bytes := []byte(text.String())
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		c := New(12)
		c.Feed(bytes)
		n := 0
		for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			n++
		}
		if n != 3000 {
			b.Fatal(n)
		}
	}
}
