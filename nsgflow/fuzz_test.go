package nsgflow_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// seeds are all texts of the golden and the hostile cases.
func seeds(f *testing.F) {
	_, inputs := goldenCases(f)
	for _, input := range inputs {
		for schema := range nsgflow.Schemas() {
			f.Add(input, uint8(schema))
		}
		var body struct{ Message string }
		if json.Unmarshal([]byte(input), &body) == nil && body.Message != "" {
			f.Add(body.Message, uint8(0))
		}
	}
	for i, row := range hostile {
		if len(row.input) < 10_000 {
			f.Add(row.input, uint8(i))
		}
	}
}

// schema is one of all, by any number.
func schema(number uint8) func(*nsgflow.Options) {
	return inSchema(nsgflow.Schema(int(number) % len(nsgflow.Schemas())))
}

// kindsOf counts the records that came out, by the first word of brief.
func kindsOf(t *testing.T, records []out) map[string]int {
	kinds := map[string]int{}
	for _, o := range records {
		kind, _, _ := strings.Cut(brief(t, o), " ")
		kinds[kind]++
	}
	return kinds
}

func flows(c nsgflow.Counts) (sum uint64) {
	for _, decisions := range c.Flows {
		for _, n := range decisions {
			sum += n
		}
	}
	return sum
}

// FuzzText: every tuple in is an event or an error event out, foreign texts
// come back unchanged, and what is damaged is passed on to its last byte.
func FuzzText(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string, number uint8) {
		n := newNormalizer(t, schema(number))
		chunk, changed := asText.read(t, n, text)
		records, err := unpacked(chunk)
		if err != nil {
			t.Fatalf("%v in %q", err, chunk)
		}
		if !changed && len(chunk) > 0 {
			t.Fatalf("unchanged, but %q", chunk)
		}
		got := kindsOf(t, records)
		if c := n.Counts(); flows(c) != uint64(got["event"]) || c.Errors != uint64(got["error"]+got["rest"]) {
			t.Errorf("counted %+v of %v", c, got)
		}
		values, ok := trees(text)
		if !ok {
			checkRest(t, records, text)
			return
		}
		want := count(values)
		if changed != want.found {
			t.Fatalf("changed: %v, want %v", changed, want.found)
		}
		if !changed {
			return
		}
		if got["event"]+got["error"] != want.tuples || got["rest"] != 0 {
			t.Errorf("%d tuples became %v", want.tuples, got)
		}
		if utf8.ValidString(text) {
			checkForeign(t, records, want.foreign)
		}
	})
}

// checkRest checks what came out of a text that encoding/json does not take:
// if there is a record for the damage, it is the last, and ends as the text.
func checkRest(t *testing.T, records []out, text string) {
	for i, o := range records {
		if !strings.HasPrefix(brief(t, o), "rest ") {
			continue
		}
		var body struct{ Message string }
		if err := json.Unmarshal([]byte(o.Body), &body); err != nil {
			t.Fatal(err)
		}
		if i != len(records)-1 || !strings.HasSuffix(strings.ToValidUTF8(text, "\uFFFD"), body.Message) {
			t.Errorf("record %d of %d has the rest %q", i, len(records), body.Message)
		}
	}
}

// checkForeign checks that the foreign elements came out as they went in.
func checkForeign(t *testing.T, records []out, want []any) {
	var got []any
	for _, o := range records {
		if !strings.HasPrefix(brief(t, o), "foreign ") {
			continue
		}
		var body struct{ Message string }
		if err := json.Unmarshal([]byte(o.Body), &body); err != nil {
			t.Fatal(err)
		}
		values, ok := trees(body.Message)
		if !ok {
			t.Fatalf("a foreign element became %q", body.Message)
		}
		got = append(got, values...)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{})); diff != "" {
		t.Errorf("foreign elements: %s", diff)
	}
}

// FuzzTwice: what the package has written it leaves alone.
func FuzzTwice(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string, number uint8) {
		n := newNormalizer(t, schema(number))
		chunk, changed := under("log").read(t, n, text)
		if !changed {
			return
		}
		checkTwice(t, newNormalizer(t, schema(number)), chunk)
	})
}

// checkTwice checks that n leaves alone the records of a chunk whose frames
// are those of source.
func checkTwice(t *testing.T, n *nsgflow.Normalizer, chunk []byte) {
	t.Helper()
	frame := 2 + len(source.Time) + len(source.Metadata)
	for p := 0; p < len(chunk); {
		out, size, changed := n.AppendRecord(nil, chunk[p+frame:], source)
		if size == 0 || changed {
			t.Fatalf("the second time %q became %q", chunk[p:], out)
		}
		p += frame + size
	}
}

// FuzzStructured: a flow log gives the same events as text and as a map, or as
// an array in a field.
func FuzzStructured(f *testing.F) {
	seeds(f)
	bare := func(o *nsgflow.Options) { o.Original, o.ReserveData = false, false }
	f.Fuzz(func(t *testing.T, text string, number uint8) {
		values, ok := trees(text)
		if !ok || len(values) != 1 || !isExact(values[0]) || !utf8.ValidString(text) {
			return
		}
		asMap := asMap
		switch v := values[0].(type) {
		case object:
			if v.has("message", "log", "event") {
				return
			}
		case []any:
			asMap = reading{"array", func(t testing.TB, n *nsgflow.Normalizer, flowLog string) ([]byte, bool) {
				return appendBody(t, n, append([]byte("\x81\xa3log"), packed(t, flowLog)...))
			}}
		default:
			return
		}
		want := asText.records(t, newNormalizer(t, schema(number), bare), text)
		got := asMap.records(t, newNormalizer(t, schema(number), bare), text)
		if diff := cmp.Diff(comparable(t, want), comparable(t, got)); diff != "" {
			t.Error(diff)
		}
	})
}

var (
	quotedValue   = regexp.MustCompile(`: \\".*`)
	eventOriginal = regexp.MustCompile(`,"(original|Original|raw_data|log.record.original)":"([^"\\]|\\.)*"`)
	eventID       = regexp.MustCompile(`,"(id|EventOriginalUid|uid|log.record.uid)":"[0-9A-Za-z_-]*"`)
)

// comparable leaves out how a node of a wrong type is written, which text
// keeps as it was, with the ids that follow from it, and what foreign elements
// become.
func comparable(t *testing.T, records []out) (lines []string) {
	errors := kindsOf(t, records)["error"]
	for _, o := range records {
		line, _, _ := strings.Cut(brief(t, o), " ")
		switch line {
		case "event":
			line = o.Body
		case "error":
			line = quotedValue.ReplaceAllString(eventOriginal.ReplaceAllString(o.Body, ""), "")
		}
		if errors > 0 {
			line = eventID.ReplaceAllString(line, "")
		}
		lines = append(lines, o.Time+" "+line)
	}
	return lines
}
