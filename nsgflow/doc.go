// Package nsgflow turns Azure network flow logs into events, one per flow.
//
// It reads NSG flow logs, versions 1 and 2, and Virtual Network flow logs,
// version 4. A flow log may be a blob, a single record, flattened or
// denormalised; and JSON text or a msgpack map.
//
// It writes msgpack: records in Fluent Bit's framing, whose bodies are events of
// a documented schema. It calls nothing of Fluent Bit and needs no cgo.
//
// To get the flows of a text, use [Flows]; to read a single tuple, use
// [ParseTuple]. To get events, make a [Normalizer] with [New]:
// [Normalizer.AppendText] takes a text, [Normalizer.AppendRecord] the body of a
// Fluent Bit record, and [Normalizer.AppendChunk] a whole chunk of records.
// [AppendJSONLines] shows events as JSON.
//
// # The way of a flow
//
// The loop in normalizer.go (Normalizer.read) is the way of every flow. It has
// three hops, and an object with the state of each; where flows are aggregated,
// there is a step between the second and the third.
//
// Hop 1, from bytes to records. chunk.go takes a chunk apart into records;
// frame.go reads what surrounds a record, and writes it around an event.
// detect.go says whether a record may be a flow log, and where in it that
// stands. document.go goes through the flow log and gives its records and the
// foreign records between them, with a reader (reader.go) for text or for
// msgpack: internal/jsontext and internal/msgpack. A record is read in
// record_read.go, by the keys of record_keys.go, into the struct of record.go.
// record_path.go names a tuple in an error.
//
// Hop 2, from tuple to [Flow]. tuple.go reads any tuple, tuple_fast.go the
// usual ones in less time; with a context, tuple_ahead.go reads some at once.
// tuple_address.go has the columns that are addresses,
// tuple_letters.go the letters of the columns protocol, direction, decision and
// state; both parsers use its table. flow.go is what comes out.
//
// Between hop 2 and hop 3, Normalizer.appendFlow decides what becomes of a flow.
// The option drop leaves it out (drop.go). Where it is a part of an event,
// aggregate.go adds it to the others that have its key (aggregate_key.go), until
// the record ends; internal/slots has its hash table, and the set of ports.
//
// Hop 3, from Flow to event. A schema is a table: schema.go has what tables are made
// of, schema_sekoia.go, schema_ecs.go, schema_asim.go, schema_ocsf.go and
// schema_otel.go are the five. template.go makes templates of events of it, one for each
// variant (variant.go), and template_cache.go keeps them. encoder.go writes
// an event: the fixed parts of a template, and behind each a dynamic one, a value
// of encoder_values.go.
// What the events of a group share is in encoder_group.go; internal/azure takes
// resource ids apart. The values that are more than a copy have files of their own:
// encoder_message.go, encoder_id.go, encoder_communityid.go, encoder_time.go and
// encoder_summary.go, which has what some schemas say of both ends at once;
// encoder_aggregate.go has those of aggregates. With a context, encoder_context.go
// looks up both addresses, internal/enrich writes what package context knows of
// them, by tables of its own (schemas.go there), and template_outline.go makes that
// largely constant.
//
// Beside the way: foreign.go writes foreign records and what is damaged, and
// reserved.go has the fields of the source record that every event keeps;
// encoder_reserved.go merges them with events that have the same keys. line_by_line.go
// recognises a flow log that comes line by line, output.go sizes what is written.
// fields.go shows the tables to what is generated from them.
//
// # Caches
//
// They save time and change no event.
//
//   - Templates (template_cache.go), by the texts of a group: the whole texts are
//     compared. Bounded in bytes; at the bound all are evicted. Without them, an
//     event takes 16 to 25 % longer.
//   - With a context, what is written of addresses (context.Cache), by address, place
//     and end; and templates for outlines (template_outline.go), at most 1 MB of them.
//     Without those, an event with a context takes 8 % longer.
//   - Edited templates (encoder_reserved.go), by template: they hold for one source
//     record and are dropped when the next one begins. Merging every event with
//     the reserved fields instead takes 2.6 times as long.
//   - Parts of resource ids (internal/azure), by the whole id: the last one of each
//     kind.
//   - The text of a minute (internal/msgpack/clock.go), by the minute.
//   - The first flows of aggregates (aggregate.go), by number: until the record
//     ends. Those of the others are parsed again.
//
// Buffers stay from one record to the next, without content; Normalizer.release
// says how many bytes at most.
//
// # Glossary
//
//   - chunk: a sequence of records, as Fluent Bit hands it to a filter.
//   - source record: a record of a chunk, before it is read.
//   - document: the flow log in it, a text or a msgpack map.
//   - record: one element of a flow log, as Azure writes it: a minute of one
//     network interface, or a part of it, because Azure cuts at some 500 tuples.
//     A document has one or many.
//   - group: the tuples of a record that share a rule.
//   - tuple: the text of one flow, with commas between its columns.
//   - flow: a tuple, read: [Flow].
//   - event: what a flow becomes, or an aggregate.
//   - aggregate: the flows of a record that become one event.
//   - foreign: no flow log. A foreign source record passes through byte for
//     byte; one that stands beside flow logs becomes a record of its own
//     (foreign.go).
//   - reserved field: a field of the source record that is not the flow log.
//     Every event keeps it ([Options.ReserveData]).
//   - original: the flattened JSON of one flow, kept in its event
//     ([Options.Original]).
//   - schema: the table of the fields of events: [Schema].
//   - variant: what a tuple says in letters. Events of one variant and one
//     group have the same fields.
//   - near end, far end: of a flow, the address on the side of the NIC that the record
//     is of, and the other one. Where the direction is not known, the source stands for
//     the near end.
//   - outline: what flows have in common whose events differ, of all that a context adds,
//     only in the texts of the far end: the near end, which entries there are, and the
//     flow type.
//   - envelope: the head or the tail of a blob on its own. Azure writes them as
//     blocks of their own.
//   - shape: how a flow log is written: blob, NSG record, VNet record,
//     flattened (flow.0, flow.1, ..., or one flowTuple) or denormalised (one
//     column a part).
//
// # To add a field
//
// Add a row to the table of the schema, schema_ecs.go or another. Its source is
// constant or always (a number), ofFlow, ofFlowList or ofNumber (a function of the
// variant), ofGroup (a groupValue of schema.go) or eachTuple (a slot of schema.go).
// A name may have several rows, each for other events: by their kind, by when (some
// variants), by with (events that have another field) and whereNo (groups that lack a
// groupValue). In the variants that unless names, a groupValue is the value. What a
// context knows of an address is a row of internal/enrich (schemas.go).
//
// A new groupValue gets its value in encoder_group.go. A new slot gets a case in
// encoder_values.go, and variant.go says which events have it. Then write
// the golden files anew with "go test ./nsgflow -update", read the difference,
// and run "make generate" for what follows from the tables.
package nsgflow
