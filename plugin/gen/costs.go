package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// pricesFile has the prices of Azure, with their date.
const pricesFile = "docs/prices.json"

// prices are of 10,000 operations each.
type prices struct {
	AsOf, Of, Currency string
	Per10000           struct{ List, Read float64 }
}

func readPrices(root string) (p prices, err error) {
	text, err := os.ReadFile(filepath.Join(root, pricesFile))
	if err != nil {
		return p, err
	}
	if err = json.Unmarshal(text, &p); err == nil && (p.AsOf == "" || p.Per10000.List == 0 || p.Per10000.Read == 0) {
		err = fmt.Errorf("%s: a price or the date is missing", pricesFile)
	}
	return p, err
}

// costs is what the requests of a month cost, by the formula of docs/input.md:
// VNet flow logs of one subscription in one account, five NICs each, all of them
// with traffic every minute.
func costs(p prices) string {
	const (
		minutes     = 730 * 60
		nicsEach    = 5
		listMinutes = 5.0
	)
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %s for 10,000 operations: %g for lists, %g for reads ([prices.json](prices.json)).\n\n", p.Of, p.AsOf, p.Currency, p.Per10000.List, p.Per10000.Read)
	fmt.Fprintf(&b, "| flow logs | NICs | poll_interval | lists | reads | lists, %[1]s | reads, %[1]s | together, %[1]s |\n|---:|---:|---|---:|---:|---:|---:|---:|\n", p.Currency)
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
			ofLists, ofReads := lists/10_000*p.Per10000.List, reads/10_000*p.Per10000.Read
			fmt.Fprintf(&b, "| %.0f | %.0f | %.0fs | %.0f | %.0f | %.2f | %.2f | %.0f |\n", flowLogs, nics, poll,
				lists, reads, ofLists, ofReads, ofLists+ofReads)
		}
	}
	return b.String()
}
