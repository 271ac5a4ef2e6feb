package main

import (
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow"
)

func TestSummary(t *testing.T) {
	c := nsgflow.Counts{Flows: [2][3]uint64{{1, 2, 3}, {0, 4, 0}}, Events: 5, Dropped: [5]uint64{1, 0, 6}, Errors: 8, Unknown: 9, Foreign: 10, Empty: 11}
	const want = "10 flows, 5 events, 7 dropped, 8 errors, 9 unknown codes, 10 foreign records, 11 empty flow logs"
	if got := summary(c); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNotice(t *testing.T) {
	var n notice
	start := time.Unix(1700000000, 0)
	for _, step := range []struct {
		after time.Duration
		count nsgflow.Counts
		want  string
	}{
		{0, nsgflow.Counts{Flows: [2][3]uint64{{0, 5}}, Foreign: 3, Empty: 1}, ""},
		{0, nsgflow.Counts{Errors: 2, LastError: "a"}, "2 errors, 0 unknown codes since the last warning, for example: a"},
		{9 * time.Second, nsgflow.Counts{Errors: 7, Unknown: 1, LastError: "a"}, ""},
		{10 * time.Second, nsgflow.Counts{Errors: 8, Unknown: 1, LastError: "a"}, "6 errors, 1 unknown codes since the last warning, for example: a"},
		{time.Hour, nsgflow.Counts{Errors: 8, Unknown: 1, LastError: "a"}, ""},
		{time.Hour, nsgflow.Counts{Errors: 8, Unknown: 4, LastError: "a"}, "0 errors, 3 unknown codes since the last warning"},
		{time.Hour, nsgflow.Counts{Errors: 8, Unknown: 5, LineByLine: true}, lineByLine},
		{2 * time.Hour, nsgflow.Counts{Errors: 8, Unknown: 5, LineByLine: true}, "0 errors, 1 unknown codes since the last warning"},
		{3 * time.Hour, nsgflow.Counts{Errors: 8, Unknown: 5, LineByLine: true}, ""},
	} {
		if got := n.due(step.count, start.Add(step.after)); got != step.want {
			t.Errorf("after %v: got %q, want %q", step.after, got, step.want)
		}
	}
}
