package nsgflow

import (
	"unsafe"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/enrich"
)

// keptContext is the default of Options.ContextCache.
const keptContext = 16 << 20

// newContext makes what writes the fields of a context; nil where there is none.
func newContext(o Options) *enrich.Writer {
	if o.Context == nil {
		return nil
	}
	limit := o.ContextCache
	if limit == 0 {
		limit = keptContext
	}
	return enrich.NewWriter(schemas[o.Schema].context, limit, func(name string) bool { return !o.excludes(name) })
}

// beginContext takes up the tables of the chunk at hand. An inner Normalizer has them
// from the outermost one.
func (n *Normalizer) beginContext() {
	if n.options.Context != nil && n.depth == 0 {
		n.encoder.context.Begin(n.options.Context.Generation())
	}
}

// ContextCounts are what a Normalizer has asked its context.
func (n *Normalizer) ContextCounts() (c context.Counts) {
	if n.encoder.context != nil {
		c = n.encoder.context.Counts()
	}
	return c
}

// Directions are cast: both types have the same numbers.
var (
	_ = [1]struct{}{}[int(Inbound)-int(context.Inbound)]
	_ = [1]struct{}{}[int(Outbound)-int(context.Outbound)]
)

// lookUpAddresses asks about both addresses of the flow at hand. It says how many bytes that
// adds to the event.
func (e *encoder) lookUpAddresses() (size int) {
	f := e.event.flow
	return e.context.Look(f.source.inContext(&f.Source), f.destination.inContext(&f.Destination), context.Direction(f.Direction))
}

// expect says that a flow of the group is about to come.
func (e *encoder) expect(f *parsedTuple) {
	e.context.Expect(f.source.inContext(&f.Source), f.destination.inContext(&f.Destination), context.Direction(f.Direction))
}

// inContext is the address of an end as a context takes it.
func (a *address) inContext(e *Endpoint) context.Address {
	if a.is4 {
		return context.AddressFrom4(a.v4)
	}
	return context.AddressOf(e.Addr)
}

// setOrigin sets what is known of the NIC of the group.
func (gv *groupValues) setOrigin(o *context.Origin) {
	t := &gv.values
	t[groupInstanceID], t[groupInstanceName] = bytesOf(o.InstanceID), bytesOf(o.InstanceName)
	t[groupMachineType], t[groupZone], t[groupAccountName] = bytesOf(o.MachineType), bytesOf(o.AvailabilityZone), bytesOf(o.AccountName)
}

// bytesOf is a text that nobody writes to, without a copy; nil of an empty one.
func bytesOf(text string) []byte {
	if text == "" {
		return nil
	}
	return unsafe.Slice(unsafe.StringData(text), len(text))
}
