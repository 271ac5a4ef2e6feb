// Command bill simulates what the input asks of storage in a month, and brings the
// table in docs/input.md up to date.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	page   = "docs/input.md"
	prices = "docs/prices.json"
	month  = 730 * time.Hour
)

// estate is a number of flow logs in one account, all alike.
type estate struct {
	flowLogs int
	nics     int // of each
	kind     kind
}

var estates = []estate{
	{1, 1, busy}, {10, 5, busy}, {100, 5, busy}, {500, 5, busy}, {10, 100, busy}, {1, 1000, busy},
	{100, 5, fitful}, {10, 100, fitful}, {10, 100, rare}, {1, 417, silent},
}

func main() {
	text, err := os.ReadFile(page)
	if err == nil {
		text, err = filled(".", text)
	}
	if err == nil {
		err = os.WriteFile(page, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bill:", err)
		os.Exit(1)
	}
}

var block = regexp.MustCompile(`(?s)(<!-- measured: bill -->\n).*?(<!-- /measured -->)`)

// filled is the page with the table of now.
func filled(root string, page []byte) ([]byte, error) {
	p, err := readPrices(root)
	if err != nil {
		return nil, err
	}
	return block.ReplaceAll(page, []byte("${1}"+table(p)+"${2}")), nil
}

// price is of 10,000 operations each.
type price struct {
	AsOf, Of, Currency string
	Per10000           struct{ List, Read float64 }
}

func readPrices(root string) (p price, err error) {
	text, err := os.ReadFile(filepath.Join(root, prices))
	if err != nil {
		return p, err
	}
	if err = json.Unmarshal(text, &p); err == nil && (p.AsOf == "" || p.Per10000.List == 0 || p.Per10000.Read == 0) {
		err = fmt.Errorf("%s: a price or the date is missing", prices)
	}
	return p, err
}

// bill is that of a month.
type bill struct {
	reads, lists     float64
	perNIC           float64 // reads of a NIC in a minute
	median, most     time.Duration
	ofReads, ofLists float64 // money
}

// of simulates one of the flow logs, as they do not know of each other.
func (e estate) of(p price) (b bill) {
	lasting := month
	if e.nics > 10 {
		lasting = month / 30
	}
	nics := make([]kind, e.nics)
	for i := range nics {
		nics[i] = e.kind
	}
	o := flowLog(nics, lasting, 1)
	scale := float64(e.flowLogs) * float64(month) / float64(lasting)
	b.perNIC = float64(o.reads) / float64(e.nics) / lasting.Minutes()
	b.reads = float64(o.reads) * scale
	// Besides: of the container and the folders on the way, of the other container, and
	// every six hours three days of each flow log.
	b.lists = float64(o.lists)*scale + 4*float64(month/listEvery) + 3*float64(e.flowLogs)*month.Hours()/6
	b.ofReads, b.ofLists = b.reads/10_000*p.Per10000.Read, b.lists/10_000*p.Per10000.List
	if n := len(o.late); n > 0 {
		b.median, b.most = o.late[n/2], o.late[n*99/100]
	}
	return b
}

func table(p price) string {
	bills := make([]bill, len(estates))
	var all sync.WaitGroup
	for i, e := range estates {
		all.Go(func() { bills[i] = e.of(p) })
	}
	all.Wait()
	var t bytes.Buffer
	fmt.Fprintf(&t, "%s, %s, %s for 10,000 operations: %g for lists, %g for reads ([prices.json](prices.json)).\n\n", p.Of, p.AsOf, p.Currency, p.Per10000.List, p.Per10000.Read)
	fmt.Fprintf(&t, "| flow logs | NICs of each | these are | requests a NIC and minute | reads a month | lists a month | %s a month | late: half of the blocks | 99 of 100 |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|\n", p.Currency)
	for i, e := range estates {
		b := bills[i]
		late := func(d time.Duration) string {
			if d == 0 {
				return "–"
			}
			return fmt.Sprintf("%.0f s", d.Seconds())
		}
		fmt.Fprintf(&t, "| %d | %d | %s | %.2f | %.0f | %.0f | %s | %s | %s |\n", e.flowLogs, e.nics, e.kind.name, b.perNIC, b.reads, b.lists,
			strings.TrimSuffix(fmt.Sprintf("%.1f", b.ofReads+b.ofLists), ".0"), late(b.median), late(b.most))
	}
	return t.String()
}
