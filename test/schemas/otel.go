package schemas

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow"
)

// attribute is a row of otel-1.44.tsv.
type attribute struct{ typ, stability string }

// otelAttributes are those of the registry; below otelOwn stand those that it has
// no name for.
var otelAttributes = func() map[string]attribute {
	attributes := map[string]attribute{}
	for _, r := range rows("otel-1.44.tsv", 3) {
		attributes[r[0]] = attribute{r[1], r[2]}
	}
	// Of opentelemetry-collector-contrib, pkg/translator/azurelogs.
	attributes["azure.operation.name"] = attribute{"string", "development"}
	return attributes
}()

const otelOwn = "azure.flow."

// otelNumbers are our own attributes that are integers, otelTexts are those that
// are texts; with a context there are more of these, of the endpoints.
var (
	otelNumbers = []string{"protocol_number", "bytes", "packets", "source.bytes", "source.packets", "destination.bytes", "destination.packets",
		"aggregate.tuples", "aggregate.begin", "aggregate.continue", "aggregate.end", "aggregate.denied", "aggregate.source_ports", "aggregate.destination_ports"}
	otelTexts = []string{"action", "direction", "state", "community_id", "encryption.code", "encryption.status", "mac", "start", "end",
		"log.kind", "log.version", "log.guid", "log.resource_id", "log.system_id", "log.acl_id", "log.time", "aggregate.key"}
)

// otelContext are the types of what a context adds below our own prefix, by name.
var otelContext = func() map[string]string {
	types := map[string]string{}
	for _, f := range nsgflow.SchemaOTel.ContextFields() {
		if own, isOwn := strings.CutPrefix(f.Name, otelOwn); isOwn {
			types[own] = map[string]string{"keyword": "string", "long": "int", "double": "double", "boolean": "boolean"}[f.Type]
			if f.List {
				types[own] += "[]"
			}
		}
	}
	return types
}()

// otelForms are what the values of our own attributes look like.
var otelForms = map[string]*regexp.Regexp{
	"action":        regexp.MustCompile(`^(allow|deny)$`),
	"direction":     regexp.MustCompile(`^(inbound|outbound)$`),
	"state":         stateWord,
	"community_id":  communityID,
	"start":         millisecondsUTC,
	"end":           millisecondsUTC,
	"log.kind":      regexp.MustCompile(`^(nsg|vnet)$`),
	"aggregate.key": regexp.MustCompile(`^(connection|service|host)$`),
}

// otelMost are the largest values of integers that have one.
var otelMost = map[string]int64{"source.port": 65535, "destination.port": 65535, "azure.flow.protocol_number": 255}

// otelRecord are keys that are no attributes: Fluent Bit makes body and severity
// of them.
var otelRecord = map[string]string{"body": "string", "SeverityNumber": "int", "SeverityText": "string"}

// OTel judges an event of schema otel: every key is an attribute of the registry,
// of its type and not deprecated, or one of our own; then what is not in the
// registry.
func OTel(event Event) error {
	var c complaints
	for name, value := range event {
		typ, refusal := otelType(name)
		if refusal != "" {
			c.add("%s: %s", name, refusal)
			continue
		}
		switch v := value.(type) {
		case string:
			if typ != "string" {
				c.add("%s: a text, want %s", name, typ)
			} else if v == "" && name != "log.record.original" { // a tuple may be the empty text
				c.add("%s: empty", name)
			} else if form := otelForms[strings.TrimPrefix(name, otelOwn)]; form != nil && strings.HasPrefix(name, otelOwn) && !form.MatchString(v) {
				c.add("%s: %q", name, v)
			}
		case bool:
			if typ != "boolean" {
				c.add("%s: %t, want %s", name, v, typ)
			}
		case []any:
			if typ != "string[]" {
				c.add("%s: a list, want %s", name, typ)
			}
			for _, one := range v {
				if text, ok := one.(string); !ok || text == "" {
					c.add("%s: %v in a list of texts", name, one)
				}
			}
		case json.Number:
			if typ == "double" {
				continue
			}
			if n, err := v.Int64(); typ != "int" || err != nil {
				c.add("%s: the number %s, want %s", name, v, typ)
			} else if most, limited := otelMost[name]; n < 0 || limited && n > most {
				c.add("%s: %d", name, n)
			}
		default:
			c.add("%s: an object, want %s", name, typ)
		}
	}
	for _, name := range []string{"body", "log.record.uid", "cloud.provider", "azure.flow.log.kind"} {
		if text(event, name) == "" {
			c.add("%s: missing", name)
		}
	}
	if written := text(event, "azure.flow.log.time"); written != "" {
		if _, err := time.Parse(time.RFC3339, written); err != nil {
			c.add("azure.flow.log.time: %q is no time", written)
		}
	}
	if event["error.type"] != nil {
		otelError(&c, event)
	} else {
		otelFlow(&c, event)
	}
	return c.err()
}

// otelType is the type that an attribute has; "" and the reason where it may not be.
func otelType(name string) (typ, refusal string) {
	a, known := otelAttributes[name]
	own, isOwn := strings.CutPrefix(name, otelOwn)
	switch {
	case otelRecord[name] != "":
		return otelRecord[name], ""
	case known && a.stability == "deprecated":
		return "", "deprecated"
	case known:
		return a.typ, ""
	case !isOwn:
		return "", "not in the registry"
	case slices.Contains(otelNumbers, own):
		return "int", ""
	case slices.Contains(otelTexts, own):
		return "string", ""
	case otelContext[own] != "":
		return otelContext[own], ""
	}
	return "", "not one of ours"
}

// otelActions are the first words of bodies.
var otelActions = map[string]string{"allow": "Allow", "deny": "Deny", "": "Flow"}

// otelFlow has what holds among the fields of a flow.
func otelFlow(c *complaints, event Event) {
	for _, name := range []string{"SeverityNumber", "SeverityText"} {
		c.equal(name, event[name], nil)
	}
	c.equal("otel.event.name", event["otel.event.name"], "azure.flow")
	c.sum(event, "azure.flow.bytes", "azure.flow.source.bytes", "azure.flow.destination.bytes")
	c.sum(event, "azure.flow.packets", "azure.flow.source.packets", "azure.flow.destination.packets")
	version := map[int64]string{4: "ipv4", 6: "ipv6"}[versionOfIP(text(event, "source.address"), text(event, "destination.address"))]
	c.equal("network.type", text(event, "network.type"), version)
	otelTimes(c, event)
	otelProtocol(c, event)
	c.aggregate(event, "azure.flow.aggregate", "azure.flow.aggregate.tuples")
	if event["azure.flow.aggregate.key"] == nil {
		c.equal("azure.flow.aggregate.tuples", event["azure.flow.aggregate.tuples"], nil)
	}
	words := strings.Split(text(event, "body"), " ")
	if len(words) != 5 || words[3] != ">" {
		c.add("body: %q, want action, protocol, source > destination", text(event, "body"))
		return
	}
	protocol := text(event, "network.transport")
	if n, ok := number(event, "azure.flow.protocol_number"); ok && protocol == "" {
		protocol = strconv.FormatInt(n, 10)
	}
	c.equal("body: action", words[0], otelActions[text(event, "azure.flow.action")])
	if protocol == "" {
		protocol = "unknown"
	}
	c.equal("body: protocol", words[1], protocol)
	c.equal("body: source", words[2], otelEnd(event, "source"))
	c.equal("body: destination", words[4], otelEnd(event, "destination"))
}

// otelEnd is an end of a flow as a body has it: with its port if that is known.
func otelEnd(event Event, side string) string {
	address := text(event, side+".address")
	port, known := number(event, side+".port")
	if !known {
		return address
	}
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		address = "[" + address + "]"
	}
	return address + ":" + strconv.FormatInt(port, 10)
}

// otelError has what holds for a tuple that does not parse.
func otelError(c *complaints, event Event) {
	c.equal("SeverityNumber", integer(event, "SeverityNumber"), int64(17))
	c.equal("SeverityText", event["SeverityText"], "ERROR")
	c.equal("otel.event.name", event["otel.event.name"], "azure.flow.error")
	c.equal("error.type", event["error.type"], "azure.flow.parse")
	if event["log.record.original"] == nil {
		c.add("log.record.original: missing")
	}
	for name := range event {
		if otelOfFlows(name) {
			c.add("%s: in an error", name)
		}
	}
}

// otelOfFlows says whether an attribute is one that only flows have.
func otelOfFlows(name string) bool {
	own, isOwn := strings.CutPrefix(name, otelOwn)
	if isOwn {
		return own != "mac" && !strings.HasPrefix(own, "log.")
	}
	return strings.HasPrefix(name, "network.") || strings.HasPrefix(name, "source.") || strings.HasPrefix(name, "destination.")
}

// otelProtocol: the name is that of the number, where the number has one.
func otelProtocol(c *complaints, event Event) {
	n, there := number(event, "azure.flow.protocol_number")
	name := text(event, "network.transport")
	if !there {
		c.equal("network.transport", name, "")
		return
	}
	if n <= 255 {
		c.equal("network.transport", name, nsgflow.Protocol(n).Name())
	}
}

// otelTimes: aggregates have both ends.
func otelTimes(c *complaints, event Event) {
	start, end := text(event, "azure.flow.start"), text(event, "azure.flow.end")
	if event["azure.flow.aggregate.key"] != nil && (start == "" || end == "") {
		c.add("azure.flow.start, azure.flow.end: %q, %q in an aggregate", start, end)
	}
	if start != "" && end != "" && start > end {
		c.add("azure.flow.end: %q, before the start", end)
	}
}
