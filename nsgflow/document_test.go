package nsgflow_test

import (
	"strings"
	"testing"
)

// A foreign record that stands before the first flow log of its list passes on as
// it is written, also where it has a list that is not well formed between its
// records: no content is lost, and none of what stands behind it.
func TestForeignBeforeFlowLog(t *testing.T) {
	const flow = `{"flow.0":"1607984156,192.0.2.4,198.51.100.7,36422,443,T,O,A","rule":"r"}`
	for _, foreign := range []string{`{"a":1}`, `[1 2]`, `{"records":[1,,2]}`, `[{"records":[{"a":1} [3]]}]`, `"a"`} {
		for _, around := range [][2]string{{``, ``}, {`[`, `]`}, {`{"records":[`, `]}`}} {
			text := around[0] + foreign + `,{"b":2},` + flow + `,` + foreign + around[1]
			var got []string
			for _, o := range asText.records(t, newNormalizer(t), text) {
				if !strings.Contains(o.Body, `"kind":"event"`) {
					got = append(got, o.Body)
				}
			}
			want := `{"message":` + quoted(foreign) + `} {"message":` + quoted(`{"b":2}`) + `} {"message":` + quoted(foreign) + `}`
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
}
