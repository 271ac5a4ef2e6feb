package main

import (
	"fmt"
	"strings"
)

// Prices of 10,000 operations in USD: Azure Blob Storage, hot tier, LRS, West
// Europe, as of November 2026.
const (
	priceOfLists = 0.054
	priceOfReads = 0.0043
)

// costs is what the requests of a month cost, by the formula of docs/input.md:
// VNet flow logs of one subscription in one account, five NICs each, all of them
// with traffic every minute.
func costs() string {
	const (
		minutes     = 730 * 60
		nicsEach    = 5
		listMinutes = 5.0
	)
	var b strings.Builder
	b.WriteString("| flow logs | NICs | poll_interval | lists | reads | lists, USD | reads, USD | together, USD |\n|---:|---:|---|---:|---:|---:|---:|---:|\n")
	for _, flowLogs := range []float64{10, 100, 500} {
		for _, poll := range []float64{30, 60} {
			nics := flowLogs * nicsEach
			// Asked for by name: one hour, and the hour before for 20 of 60
			// minutes. And once a minute the blocks, and the bytes that are new.
			reads := nics * minutes * (60/poll*(1+20.0/60) + 2)
			// One a flow log, one for the container, two and one for the
			// subscription on the way; every six hours three days of each flow
			// log instead.
			lists := minutes/listMinutes*(flowLogs+4) + 730/6.0*2*flowLogs
			usd := func(n, price float64) float64 { return n / 10_000 * price }
			fmt.Fprintf(&b, "| %.0f | %.0f | %.0fs | %.0f | %.0f | %.2f | %.2f | %.0f |\n", flowLogs, nics, poll,
				lists, reads, usd(lists, priceOfLists), usd(reads, priceOfReads), usd(lists, priceOfLists)+usd(reads, priceOfReads))
		}
	}
	return b.String()
}
