package context_test

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"fluent-bit-nsgflow/nsgflow/context"
)

func Example() {
	tags, err := filepath.Abs("testdata/service-tags.json")
	if err != nil {
		panic(err)
	}
	var w context.Watcher
	c, err := w.Open(context.Options{ServiceTags: tags})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	tables := c.Generation()
	origin := tables.Origin("00-0D-3A-F1-C2-7E", "")
	source := tables.Endpoint(netip.MustParseAddr("10.20.0.4"), origin)
	destination := tables.Endpoint(netip.MustParseAddr("20.60.0.1"), origin)
	flowType, _ := context.FlowTypeOf(&origin, context.Outbound, source.Side, destination.Side)
	fmt.Println(source.Class, destination.ServiceTag, destination.SystemServiceName, destination.Region, flowType)
	// Output: private Storage.EastUS AzureStorage eastus AzurePublic
}

// A cache keeps what is written of an answer, here a text.
func ExampleCache() {
	var w context.Watcher
	c, err := w.Open(context.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()

	cache := context.NewCache(16<<20, func(dst []byte, a *context.Answer, _ uint8) []byte {
		return append(append(dst, "class="...), a.Class.String()...)
	}, func(text []byte) string { return string(text) })
	tables := c.Generation()
	for range 2 {
		fmt.Println(cache.Get(tables, context.AddressOf(netip.MustParseAddr("168.63.129.16")), &context.Origin{}, 0))
	}
	n := cache.Counts()
	fmt.Println(n.Hits, n.Misses)
	// Output:
	// class=platform
	// class=platform
	// 1 1
}
