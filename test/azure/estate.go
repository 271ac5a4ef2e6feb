package azure

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Estate answers as a resource manager does what the inventory asks: queries of
// Azure Resource Graph, whose rows are given and not computed, and Service Tags -
// List. It has one VNet with a VM, and a storage service.
type Estate struct {
	t       testing.TB
	mu      sync.Mutex
	asked   map[string]int
	instead func(what string, w http.ResponseWriter, r *http.Request) bool
}

// What the estate has: a VM and its address, and the tag of another address.
const (
	EstateVM         = "vm-web-01"
	EstateAddress    = "10.20.0.4"
	EstateTag        = "Storage.WestEurope"
	EstateTagAddress = "20.60.0.1"
)

const estateGroup = "/subscriptions/2ab00000-0000-4000-8000-00000000beef/resourcegroups/shop/providers/"

// estateRows are by a part of their query.
var estateRows = map[string]string{
	"microsoft.resources/subscriptions'":     `{"id":"/subscriptions/2ab00000-0000-4000-8000-00000000beef","name":"Shop production"}`,
	"properties.virtualNetworkPeerings":      `{"id":"` + estateGroup + `microsoft.network/virtualnetworks/shop","name":"shop","location":"westeurope","space":"[\"10.20.0.0/16\"]","peers":"[]"}`,
	"mv-expand s = properties.subnets":       `{"key":"` + estateGroup + `microsoft.network/virtualnetworks/shop/subnets/web","id":"` + estateGroup + `microsoft.network/virtualnetworks/shop","name":"web","prefix":"10.20.0.0/24","prefixes":""}`,
	"=~ 'microsoft.compute/virtualmachines'": `{"id":"` + estateGroup + `microsoft.compute/virtualmachines/` + EstateVM + `","name":"` + EstateVM + `","location":"westeurope","vmid":"8f1f","size":"Standard_D4s_v5","host":"","zone":"1","scaleset":"","tags":"{}"}`,
	"resources | where type =~ 'microsoft.network/networkinterfaces'": `{"key":"nic|a","id":"` + estateGroup + `microsoft.network/networkinterfaces/web","name":"web","location":"westeurope","mac":"00-0D-3A-F1-C2-7E","vm":"` +
		estateGroup + `microsoft.compute/virtualmachines/` + EstateVM + `","pe":"","ip":"` + EstateAddress + `","subnet":"` + estateGroup + `microsoft.network/virtualnetworks/shop/subnets/web","fqdns":""}`,
}

const estateTags = `{"name":"Public","changeNumber":"376","cloud":"Public","values":[{"name":"` + EstateTag + `","id":"` + EstateTag +
	`","properties":{"changeNumber":"12","region":"westeurope","systemService":"AzureStorage","addressPrefixes":["20.60.0.0/24"]}}]}`

// NewEstate answers until the test ends.
func NewEstate(t testing.TB) *Estate { return &Estate{t: t, asked: map[string]int{}} }

// Asked is how often something was asked for.
func (e *Estate) Asked(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked[what]
}

func (e *Estate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, answer := "serviceTags", estateTags
	if r.Method == http.MethodPost {
		var q graphRequest
		if json.NewDecoder(r.Body).Decode(&q) != nil {
			return // who asks has gone away
		}
		if q.Options.ResultFormat != "objectArray" {
			e.t.Errorf("asked %+v", q)
		}
		rows, count := "", "0"
		what = "nothing"
		for part, row := range estateRows {
			if strings.Contains(q.Query, part) {
				what, rows, count = part, row, "1"
			}
		}
		if strings.HasPrefix(q.Query, "computeresources") {
			what = "computeresources"
		}
		answer = `{"totalRecords":` + count + `,"count":` + count + `,"data":[` + rows + `],"facets":[],"resultTruncated":"false"}`
	} else if r.URL.Path != "/subscriptions/2ab00000-0000-4000-8000-00000000beef/providers/Microsoft.Network/locations/westeurope/serviceTags" {
		http.NotFound(w, r)
		return
	}
	e.mu.Lock()
	e.asked[what]++
	instead := e.instead
	e.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if instead == nil || !instead(what, w, r) {
		w.Write([]byte(answer))
	}
}

// Set answers a request otherwise from now on, where instead reports true. what is
// a part of the query, or serviceTags. Nil: as ever.
func (e *Estate) Set(instead func(what string, w http.ResponseWriter, r *http.Request) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instead = instead
}

// RefuseAll is for Set: an error of Azure.
func RefuseAll(status int, code string, header ...string) func(string, http.ResponseWriter, *http.Request) bool {
	return func(_ string, w http.ResponseWriter, _ *http.Request) bool {
		graphError(w, failure{status: status, code: code, header: header})
		return true
	}
}
