package main

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// The table in the page is what the schedule asks for now.
func TestBillIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	if !block.Match(text) {
		t.Fatal("the page has no table")
	}
	now, err := filled("../..", text)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(now, text) {
		t.Errorf("%s is stale: make generate", page)
	}
}

// What an operator pays and waits for with the default options stays within these bounds.
func TestBillIsSmall(t *testing.T) {
	t.Parallel()
	p, err := readPrices("../..")
	if err != nil {
		t.Fatal(err)
	}
	if cost := p.Per10000.List / p.Per10000.Read; cost > listCost || cost < listCost-1 {
		t.Errorf("a list costs %.1f requests", cost)
	}
	for _, tt := range []struct {
		estate
		requests, money float64
		median          time.Duration
	}{
		{estate{100, 5, busy}, 1.3, 15.1, 10 * time.Second},
		{estate{10, 100, busy}, 1.3, 25, 10 * time.Second},
		{estate{10, 100, fitful}, 1.3, 25, 10 * time.Second},
		{estate{1, 417, silent}, 0.01, 1, 0},
	} {
		b := tt.of(p)
		if money := b.ofReads + b.ofLists; b.perNIC > tt.requests || money > tt.money || b.median > tt.median {
			t.Errorf("%d flow logs of %d %s NICs: %.2f requests a NIC and minute, %.2f %s a month, half of the blocks %s late", tt.flowLogs, tt.nics, tt.kind.name,
				b.perNIC, money, p.Currency, b.median)
		}
	}
}
