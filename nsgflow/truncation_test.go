package nsgflow_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// A blob cut at any byte: the records that are whole become events, and from
// the first byte of the one that is not the text is passed on.
func TestTruncatedText(t *testing.T) {
	const (
		head   = `{"records":[`
		first  = `{"time":"2020-12-14T22:15:59.25Z","rule":"a","flow.0":"` + goodTuple + `"}`
		second = `{"a":{"b":["\u00e9",1.5e3,null]}}`
		third  = `{"rule":"b","properties":{"flows":[{"rule":"r","flows":[{"mac":"m","flowTuples":["` + goodTuple + `","x"]}]}]}}`
		blob   = head + first + "," + second + " , " + third + "\n]}"
	)
	ends := []int{len(head + first), len(head + first + "," + second), len(head + first + "," + second + " , " + third)}
	starts := []int{len(head), len(head + first + ","), len(head + first + "," + second + " , ")}
	wants := [][]string{{goodEvent}, {"foreign " + `{"message":` + quoted(second) + `}`}, {goodEvent, "error"}}
	for cut := range len(blob) + 1 {
		text := blob[:cut]
		var want []string
		rest := -1
		for i := range ends {
			switch {
			case cut >= ends[i]:
				want = append(want, wants[i]...)
			case cut > starts[i] && rest < 0:
				rest = starts[i]
			}
		}
		changed := cut >= ends[0] || cut == len(head) || strings.Contains(text, `"flow.0"`)
		if !changed {
			want, rest = nil, -1 // no key of a flow log is in it yet
		}
		n := newNormalizer(t)
		chunk, got := asText.read(t, n, text)
		if got != changed {
			t.Fatalf("cut at %d: changed is %v", cut, got)
		}
		records, err := unpacked(chunk)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		for i, o := range records {
			b := brief(t, o)
			if strings.HasPrefix(b, "rest ") {
				checkRestOf(t, cut, o, text, rest)
				rest = -1
				continue
			}
			if i >= len(want) || !strings.HasPrefix(b, want[i]) {
				t.Errorf("cut at %d: record %d is %s", cut, i, b)
			}
		}
		if rest >= 0 {
			t.Errorf("cut at %d: the rest from %d on is missing: %q", cut, rest, records)
		}
		if len(records) < len(want) {
			t.Errorf("cut at %d: %d records, want %d and the rest", cut, len(records), len(want))
		}
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func checkRestOf(t *testing.T, cut int, o out, text string, from int) {
	t.Helper()
	var body struct{ Message string }
	if err := json.Unmarshal([]byte(o.Body), &body); err != nil {
		t.Fatal(err)
	}
	if from < 0 || body.Message != text[from:] {
		t.Errorf("cut at %d: the rest is %q, want it from %d on", cut, body.Message, from)
	}
	if o.Time != arrivalText {
		t.Errorf("cut at %d: the rest has time %s", cut, o.Time)
	}
}

// A chunk's body cut at any byte has no size: it is for the caller to pass on.
func TestTruncatedMsgpack(t *testing.T) {
	_, inputs := goldenCases(t)
	body := packed(t, inputs["nsg_v2"])
	for cut := range body {
		n := newNormalizer(t)
		if out, size, changed := n.AppendRecord([]byte("x"), body[:cut], source); size != 0 || changed || string(out) != "x" {
			t.Fatalf("cut at %d: size %d, changed %v, %q", cut, size, changed, out)
		}
	}
}
