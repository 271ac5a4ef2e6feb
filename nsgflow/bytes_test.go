package nsgflow_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/loggen"
)

const hashesFile = "testdata/bytes.tsv"

// framings are the two ways in which hosts frame a record, a column each.
var framings = []nsgflow.Frame{
	{Time: eventTime(arrival)},
	{Time: eventTime(arrival), Metadata: []byte("\x81\xa1a\xa1b")},
}

// TestBytes holds the output to hashes: for each input, schema, original and
// framing all bytes that come out, and what is counted. A change of the code
// that is not meant to change events leaves the file as it is. One that is
// writes it anew with -update, and git shows which inputs are concerned.
func TestBytes(t *testing.T) {
	t.Parallel()
	nsgflow.WithoutRaceDetector(t)
	frames, originals := framings, []bool{false, true}
	if testing.Short() && !*update {
		frames, originals = framings[:1], originals[1:]
	}
	var b strings.Builder
	inputs := bytesInputs(t)
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for schema, schemaName := range nsgflow.Schemas() {
			for _, original := range originals {
				fmt.Fprintf(&b, "%s\t%s\toriginal %v", name, schemaName, original)
				for _, frame := range frames {
					n := newNormalizer(t, func(o *nsgflow.Options) {
						*o = nsgflow.DefaultOptions(nsgflow.Schema(schema))
						o.Original = original
					})
					b.WriteString("\t" + hashOfOutput(n, inputs[name], frame))
				}
				b.WriteByte('\n')
			}
		}
	}
	if *update {
		if err := os.WriteFile(hashesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(hashesFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(content), "\n")
	want = slices.DeleteFunc(want, func(line string) bool { return len(originals) == 1 && strings.Contains(line, "\toriginal false\t") })
	got := strings.Split(b.String(), "\n")
	if len(want) != len(got) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if left, ok := strings.CutPrefix(want[i], got[i]); !ok || len(frames) == len(framings) && left != "" {
			t.Errorf("got %s\nwant %s", got[i], want[i])
		}
	}
}

// hashOfOutput reads each form of an input twice: the second time the
// Normalizer has templates for it.
func hashOfOutput(n *nsgflow.Normalizer, forms []form, frame nsgflow.Frame) string {
	sum := sha256.New()
	for range 2 {
		for _, f := range forms {
			var out []byte
			var changed bool
			if f.isText {
				out, changed = n.AppendText(nil, f.input, frame)
			} else {
				out, _, changed = n.AppendRecord(nil, f.input, frame)
			}
			fmt.Fprintf(sum, "%v %d %s %+v\n", changed, len(out), out, countsOfBytes(n))
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)[:8])
}

// countsOfBytes are the counts that the hashes have. Without options that make
// less of it, every flow is one event.
func countsOfBytes(n *nsgflow.Normalizer) (c struct {
	Flows                           [2][3]uint64
	Errors, Unknown, Foreign, Empty uint64
	LastError                       string
}) {
	all := n.Counts()
	if all.Events != all.AllFlows() || all.AllDropped() != 0 {
		panic(fmt.Sprintf("%+v", all))
	}
	c.Flows, c.Errors, c.Unknown, c.Foreign, c.Empty, c.LastError = all.Flows, all.Errors, all.Unknown, all.Foreign, all.Empty, all.LastError
	return c
}

// form is a way in which an input reaches a Normalizer: as a text on its own,
// or as the body of a record.
type form struct {
	isText bool
	input  []byte
}

// bytesInputs are all golden and hostile inputs, and large logs, as text,
// as text in two fields of a record that has others, and as a map.
func bytesInputs(t *testing.T) map[string][]form {
	texts := ecsInputs(t)
	_, inputs := goldenCases(t)
	maps.Copy(texts, inputs)
	for _, row := range hostile {
		texts["hostile: "+row.name] = row.input
	}
	for _, family := range []loggen.Family{loggen.NSGv1, loggen.NSGv2, loggen.VNet} {
		for name, shape := range map[string]loggen.Shape{"blob": loggen.Blob, "flattened": loggen.Flattened} {
			var b bytes.Buffer
			if err := (loggen.Log{Family: family, Records: 20, Tuples: 48, Seed: 7}).Write(&b, shape); err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.SplitN(b.String(), "\n", 4)[:min(3, strings.Count(b.String(), "\n"))] {
				texts[fmt.Sprintf("generated: %s, %s, %d", family, name, i)] = line
			}
		}
	}
	forms := map[string][]form{}
	for name, text := range texts {
		forms[name] = []form{
			{true, []byte(text)},
			{false, packed(t, `{"message":`+quoted(text)+`}`)},
			{false, packed(t, `{"host":{"os":"linux"},"event":{"module":"x"},"log":`+quoted(text)+`,"n":1}`)},
		}
		if values, ok := trees(text); ok && len(values) == 1 {
			if body, ok := values[0].(object); ok && len(body) > 0 {
				forms[name] = append(forms[name], form{false, packed(t, text)})
			}
		}
	}
	for _, log := range everyLetter() {
		forms["letters"] = append(forms["letters"], form{true, []byte(log)}, form{false, packed(t, log)})
	}
	for _, row := range structured {
		forms["structured: "+row.name] = []form{{false, []byte(row.body)}}
	}
	return forms
}
