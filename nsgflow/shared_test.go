package nsgflow_test

import "testing"

// The library looks at no byte behind the slice that it is given: somebody
// else writes there meanwhile, and the race detector watches.
func TestSharedBuffer(t *testing.T) {
	inputs := ecsInputs(t)
	for _, l := range flowLogs(t, 100) {
		inputs[l.name] = l.texts[0]
	}
	for name, input := range inputs {
		for form, b := range map[string][]byte{"text": []byte(input), "record": packed(t, `{"log":`+quoted(input)+`}`), "map": packed(t, input)} {
			const rest = 256
			buffer := append(b, make([]byte, rest)...)
			given := buffer[:len(b)]
			written := make(chan struct{})
			go func() {
				for i := range rest {
					buffer[len(b)+i]++
				}
				close(written)
			}()
			n := newNormalizer(t)
			changed := false
			for range 3 {
				if form == "text" {
					_, changed = n.AppendText(nil, given, source)
				} else {
					_, _, changed = n.AppendRecord(nil, given, source)
				}
			}
			<-written
			if !changed {
				t.Errorf("%s as %s: not changed", name, form)
			}
		}
	}
}
