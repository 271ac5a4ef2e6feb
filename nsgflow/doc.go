// Package nsgflow turns Azure network flow logs into events, one per flow.
//
// In go flow logs as Azure and the tools around it write them: NSG flow logs
// versions 1 and 2 and Virtual Network flow logs version 4, as the blob, as
// single records, flattened or denormalised, as JSON text or as a msgpack
// map. Out come events of one of the documented schemas, as msgpack, in the
// framing that Fluent Bit uses for records.
//
// A [Normalizer] does the whole way, bytes in and bytes out; [ParseTuple]
// reads a single flow tuple. The package knows nothing of Fluent Bit's API
// and needs no cgo.
package nsgflow
