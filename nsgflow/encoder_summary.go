package nsgflow

import (
	"strconv"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// What some schemas say of both ends of a flow at once.

// observables are what stands before the addresses in OCSF's list of them.
var observables = func() (before [2][]byte) {
	for i, name := range []string{"src_endpoint.ip", "dst_endpoint.ip"} {
		b := append(before[i], msgpack.FixMap|4)
		for _, text := range []string{"name", name, "type", "IP Address", "type_id"} {
			b = msgpack.AppendString(b, text)
		}
		before[i] = msgpack.AppendString(append(b, 2), "value")
	}
	before[0] = append([]byte{msgpack.FixArray | 2}, before[0]...)
	return before
}()

// appendObservables appends both addresses as OCSF's objects observable, also
// where they are equal.
func (p *parsedTuple) appendObservables(dst []byte) []byte {
	dst = p.source.appendTo(append(dst, observables[0]...))
	return p.destination.appendTo(append(dst, observables[1]...))
}

var decisionWords = [...]string{DecisionUnknown: "Flow ", Allowed: "Allow ", Denied: "Deny "}

// appendSummary appends the flow in a line, as a string:
// Allow tcp 203.0.113.24:51844 > 10.20.0.4:443
func (e *encoder) appendSummary(dst []byte) []byte {
	f, g := e.event.flow, e.event.aggregate
	start := len(dst)
	dst = append(dst, msgpack.Str8, 0) // the length comes last
	dst = append(dst, decisionWords[f.Decision]...)
	dst = append(dst, f.Protocol.String()...)
	dst = append(dst, ' ')
	dst = f.source.appendEnd(dst, f.Source.Port, g == nil || g.ports[0] == 1)
	dst = append(dst, " > "...)
	dst = f.destination.appendEnd(dst, f.Destination.Port, g == nil || g.ports[1] == 1)
	dst[start+1] = byte(len(dst) - start - 2) // two addresses have less than 100 bytes
	return dst
}

// appendEnd appends an address, and a port where there is one.
func (a *address) appendEnd(dst []byte, port uint16, hasPort bool) []byte {
	text := a.text
	if a.size > 0 {
		text = a.packed[1:a.size]
	}
	if !hasPort {
		return append(dst, text...)
	}
	if a.is4 {
		dst = append(append(dst, text...), ':')
	} else {
		dst = append(append(append(dst, '['), text...), "]:"...)
	}
	return strconv.AppendUint(dst, uint64(port), 10)
}
