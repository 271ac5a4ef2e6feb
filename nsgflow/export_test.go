package nsgflow

import "testing"

// ReadFrame is for tests from outside, which go through chunks by themselves.
var ReadFrame = readFrame

// WithoutPatience makes templates for outlines as soon as they come.
func (n *Normalizer) WithoutPatience() { n.encoder.templates.outlines = outlines{} }

// Groups is how many groups templates are kept of.
func (n *Normalizer) Groups() int { return len(n.encoder.templates.groups) }

// OutlineBytes is the memory of the templates for outlines.
func (n *Normalizer) OutlineBytes() (bytes int) {
	for _, g := range n.encoder.templates.groups {
		for _, t := range g.list {
			for _, o := range t.outlined {
				bytes += o.template.bytes()
			}
		}
	}
	return bytes
}

// WithoutRaceDetector skips what is about memory, or long and in one goroutine:
// make test runs it without the race detector, too.
func WithoutRaceDetector(t *testing.T) {
	t.Helper()
	if RaceDetector {
		t.Skip("skipped: runs without the race detector")
	}
}
