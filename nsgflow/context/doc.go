// Package context knows what is behind an address: its class, Azure's service tag,
// who has it in the estate, the user's name of its network, where it is, and which
// threat lists have it. It reads files, and watches them; it asks nobody. It knows
// nothing of Fluent Bit, of flow logs, or of how events are written.
//
//	var w context.Watcher
//	c, err := w.Open(context.Options{ServiceTags: "/data/tags.json", Inventory: []string{"/data/inventory.jsonl"}})
//	defer c.Close()
//
//	tables := c.Generation()                      // once for a chunk
//	origin := tables.Origin(mac, resourceID)      // once for a record
//	answer := tables.Endpoint(address, origin)    // or through a Cache
//	flowType, hop := context.FlowTypeOf(&origin, context.Outbound, source.Side, destination.Side)
//
// # Who may call what
//
// [Tables] are immutable, with all that they point to: any goroutine may ask, and
// an answer stays valid for as long as somebody has it. A file that changes makes
// other Tables, which share with the older ones what has not changed; the older
// ones go when nobody has them any more.
//
// [Watcher] and [Context] are for any goroutine. [Context.Generation] and
// [Context.Stats] wait for nothing. Open and Close wait for a file that is being
// read.
//
// A [Cache] is for one goroutine. An [Origin] and a [Side] are of the Tables that
// they were asked of: those of others say the wrong thing, and harm nothing.
//
// # The way of a file
//
// source.go says what there is of each kind: option, bounds, reader, what is made
// of several files. watcher.go has the Contexts and their files, watcher_look.go looks
// at these (stat) and has them read (file.go) when they have rested, watcher_load.go says
// whether what was read is used. What is made of them is published as a generation
// (tables.go). A bad file changes nothing. reading.go has what the readers of all kinds
// share.
//
//   - tags.go: service tags, prefixes that nest; the choice among them is made when
//     the table is built.
//   - inventory.go reads the estate's inventory (inventory_lines.go), estate_build.go
//     makes one estate (estate.go) of several files, resolve.go finds an address from
//     a place.
//   - networks.go: the user's networks.
//   - mmdb.go: databases in MaxMind's format, whole in memory: a file that is mapped
//     and then cut off would end the process.
//   - threats.go: lists; threats_forms.go: CSV, JSON and STIX; exceptions.go.
//
// prefixes.go has the table of all of them: ranges of addresses, sorted. tables.go
// has one generation of them together. class.go says what an address is by its bits.
// answer.go puts together what the sources say, flowtype.go says what two sides
// make, cache.go keeps what a writer made of answers. explain.go and check.go are
// for eyes.
//
// # Words
//
//   - source: the files of one option that make one thing.
//   - place: the VNet of a record, from which an address is looked up.
//   - owner: what has an address: a NIC, a frontend, a private endpoint.
//   - match: how an owner was found.
//   - ambiguous: two answers are possible, so there is none.
package context
