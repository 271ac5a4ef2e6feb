package main

import "fluent-bit-nsgflow/nsgflow"

// totals are the values of an instance's counters, in the order of the series
// in metrics.c.
func totals(c nsgflow.Counts) [10]uint64 {
	nsg, vnet := c.Flows[nsgflow.NSG], c.Flows[nsgflow.VNet]
	return [...]uint64{
		nsg[nsgflow.DecisionUnknown], nsg[nsgflow.Allowed], nsg[nsgflow.Denied],
		vnet[nsgflow.DecisionUnknown], vnet[nsgflow.Allowed], vnet[nsgflow.Denied],
		c.Errors, c.Unknown, c.Foreign, c.Empty,
	}
}
