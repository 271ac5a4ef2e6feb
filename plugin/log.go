package main

import (
	"fmt"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/config"
)

// recoverPanic turns a panic into a line: no fault of ours may end the agent. It
// is to be deferred.
func recoverPanic(say func(text string)) {
	if p := recover(); p != nil {
		say("internal error: " + config.Quote(fmt.Sprint(p)))
	}
}

// noticeInterval keeps bad input from flooding the agent's log.
const noticeInterval = 10 * time.Second

// notice holds back an instance's warnings about its input.
type notice struct {
	last time.Time
	said nsgflow.Counts
}

// lineByLine is said once. Nothing is wrong with the records: they pass on.
const lineByLine = "a flow log comes line by line, as tail reads one that is pretty-printed, and gives no event: " +
	"write each on one line (nsgflow records, jq -c), join its lines (multiline.parser of tail), or read it with the input nsgflow"

// due returns the warning for what was counted since the previous one, or ""
// where there is nothing to say yet.
func (n *notice) due(c nsgflow.Counts, now time.Time) string {
	if c.LineByLine && !n.said.LineByLine {
		n.said.LineByLine = true
		return lineByLine
	}
	bad, unknown := c.Errors-n.said.Errors, c.Unknown-n.said.Unknown
	if bad == 0 && unknown == 0 || now.Sub(n.last) < noticeInterval {
		return ""
	}
	n.last, n.said = now, c
	text := fmt.Sprintf("%d errors, %d unknown codes since the last warning", bad, unknown)
	if bad > 0 {
		text += ", for example: " + c.LastError
	}
	return text
}

// summary is the line that an instance leaves behind.
func summary(c nsgflow.Counts) string {
	return fmt.Sprintf("%d flows, %d events, %d dropped, %d errors, %d unknown codes, %d foreign records, %d empty flow logs",
		c.AllFlows(), c.Events, c.AllDropped(), c.Errors, c.Unknown, c.Foreign, c.Empty)
}
