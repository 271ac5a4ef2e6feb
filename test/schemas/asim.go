package schemas

import (
	"encoding/json"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow"
)

// asimField is a row of asim.tsv.
type asimField struct {
	table, tester, class, logical string
	values                        []string // nil: any
	alias                         string
}

const none = "-" // in a column of a table

var asimFields = func() map[string]asimField {
	fields := map[string]asimField{}
	for _, r := range rows("asim.tsv", 7) {
		f := asimField{table: r[1], tester: r[2], class: r[3], logical: r[4], alias: r[6]}
		if r[5] != none {
			f.values = strings.Split(r[5], "|")
		}
		fields[r[0]] = f
	}
	return fields
}()

var protocolKeywords = func() map[string]bool {
	keywords := map[string]bool{}
	for _, r := range rows("protocol-numbers.tsv", 2) {
		keywords[r[1]] = true
	}
	return keywords
}()

// asimLogical are the tests of ASimDataTester by the logical type, in lower case:
// it has "MAC Address" where its own table has "MAC address", so that its test of
// MACs never runs.
var asimLogical = map[string]func(string) bool{
	"ip address":      func(v string) bool { _, err := netip.ParseAddr(v); return err == nil },
	"mac address":     regexp.MustCompile(`^[a-fA-F0-9]{2}(:[a-fA-F0-9]{2}){5}$`).MatchString,
	"hostname":        regexp.MustCompile(`^[a-zA-Z0-9-]{1,61}$`).MatchString,
	"domain":          regexp.MustCompile(`^([_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)*[a-zA-Z]{2,63}$`).MatchString,
	"fqdn":            regexp.MustCompile(`^([_a-zA-Z0-9][_a-zA-Z0-9-]{0,62}\.)+[a-zA-Z]{2,63}$`).MatchString,
	"networkprotocol": func(v string) bool { return protocolKeywords[v] },
}

// asimTypes are the column types of Log Analytics, as JSON.
var asimTypes = map[string]func(any) bool{
	"string":  func(v any) bool { _, ok := v.(string); return ok },
	"dynamic": func(v any) bool { _, ok := v.(map[string]any); return ok },
	"int":     func(v any) bool { return isInteger(v, 1<<31-1) },
	"long":    func(v any) bool { return isInteger(v, 1<<63-1) },
	"real":    func(v any) bool { _, ok := v.(json.Number); return ok },
	"datetime": func(v any) bool {
		text, _ := v.(string)
		_, err := time.Parse("2006-01-02T15:04:05.000Z", text)
		return err == nil
	},
}

// isInteger says whether v is one from 0 to most: no column has less.
func isInteger(v any, most int64) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	i, err := n.Int64()
	return err == nil && 0 <= i && i <= most
}

// ASIM judges an event of schema asim: as a row of the table
// ASimNetworkSessionLogs, then as Microsoft's tester does behind the parser of
// the table, then by what both leave out.
func ASIM(event Event) error {
	var c complaints
	for name, value := range event {
		f, known := asimFields[name]
		switch {
		case !known || f.table == none:
			c.add("%s: not a column", name)
		case !asimTypes[f.table](value):
			c.add("%s: %s is no %s", name, shown(value), f.table)
		}
	}
	for _, name := range []string{"EventStartTime", "EventEndTime", "EventOriginalUid"} { // without one time, the parser replaces both
		if event[name] == nil {
			c.add("%s: missing", name)
		}
	}
	c.noEmpty("", event, "AdditionalFields.Original")
	asimConstant(&c, event)
	asimTester(&c, asimProjection(event))
	if text(event, "EventMessage") != "" {
		asimError(&c, event)
	} else {
		asimFlow(&c, event)
	}
	additional, _ := event["AdditionalFields"].(map[string]any)
	asimAdditional(&c, additional)
	return c.err()
}

// asimConstant has what holds for every event.
func asimConstant(c *complaints, event Event) {
	c.equal("EventSchemaVersion", event["EventSchemaVersion"], "0.2.7")
	dvc := text(event, "DvcId")
	if dvc == "" {
		dvc = text(event, "EventProduct")
	}
	c.equal("Dvc", text(event, "Dvc"), dvc)
	if written := at(event, "AdditionalFields.RecordTime"); written != nil {
		if _, err := time.Parse(time.RFC3339, text(event, "AdditionalFields.RecordTime")); err != nil {
			c.add("AdditionalFields.RecordTime: %s is no time", shown(written))
		}
	}
}

// asimProjection is what the parser ASimNetworkSessionNative makes of a row of
// the table. TimeGenerated is the table's own where an event has none.
func asimProjection(event Event) Event {
	first := func(names ...string) string {
		for _, name := range names {
			if v := text(event, name); v != "" {
				return v
			}
		}
		return ""
	}
	p := maps.Clone(event)
	set := func(name, value string) {
		if value != "" {
			p[name] = value
		}
	}
	if p["TimeGenerated"] == nil {
		p["TimeGenerated"] = event["EventStartTime"]
	}
	p["Type"], p["EventUid"], p["EventSchema"] = "ASimNetworkSessionLogs", "of the row", "NetworkSession"
	set("DvcScopeId", first("DvcSubscriptionId"))
	if event["EventEndTime"] == nil { // sic, for both
		p["EventEndTime"], p["EventStartTime"] = p["TimeGenerated"], p["TimeGenerated"]
	}
	p["Dvc"] = text(event, "EventVendor") + "/" + text(event, "EventProduct")
	set("Dvc", first("DvcFQDN", "DvcHostname", "DvcIpAddr", "DvcId"))
	set("Dst", first("DstFQDN", "DstHostname", "DstIpAddr", "DstDvcId"))
	set("Src", first("SrcFQDN", "SrcHostname", "SrcIpAddr", "SrcDvcId"))
	for alias, of := range map[string]string{"Hostname": "DstHostname", "IpAddr": "SrcIpAddr", "Rule": "NetworkRuleName", "Duration": "NetworkDuration",
		"SessionId": "NetworkSessionId", "User": "DstUsername", "InnerVlanId": "SrcVlanId", "OuterVlanId": "DstVlanId"} {
		if v := event[of]; v != nil {
			p[alias] = v
		}
	}
	delete(p, "DvcSubscriptionId")
	return p
}

// asimTester has the rules of ASimSchemaTester and ASimDataTester whose results
// are "(0) Error", and those for what is mandatory.
func asimTester(c *complaints, event Event) {
	for name, f := range asimFields {
		value := event[name]
		v, isText := value.(string)
		empty := value == nil || isText && v == ""
		switch {
		case f.class == "Mandatory" && empty:
			c.add("%s: mandatory, and empty", name)
		case f.class == "Conditional" && empty != (text(event, f.alias) == ""):
			c.add("%s: goes with %s", name, f.alias)
		case f.class == "Alias" && empty != (event[f.alias] == nil):
			c.add("%s: alias of %s", name, f.alias)
		case empty:
		case f.tester != none && !asimTypes[f.tester](value):
			c.add("%s: %s is no %s for the tester", name, shown(value), f.tester)
		case f.values != nil && !slices.Contains(f.values, v):
			c.add("%s: %q is not in the tester's list", name, v)
		default:
			if is := asimLogical[strings.ToLower(f.logical)]; is != nil && !is(v) {
				c.add("%s: %q is no %s", name, v, f.logical)
			}
		}
	}
}

// asimOutcome is what stands beside an action.
var asimOutcome = map[string][2]string{
	"Allow": {"Success", "Informational"},
	"Deny":  {"Failure", "Low"},
	"":      {"NA", "Informational"},
}

// asimFlow has what holds among the fields of a flow.
func asimFlow(c *complaints, event Event) {
	for _, name := range []string{"SrcIpAddr", "DstIpAddr"} {
		if text(event, name) == "" {
			c.add("%s: missing", name)
		}
	}
	outcome := asimOutcome[text(event, "DvcAction")]
	c.equal("EventResult", text(event, "EventResult"), outcome[0])
	c.equal("EventSeverity", text(event, "EventSeverity"), outcome[1])
	version := map[int64]string{4: "IPv4", 6: "IPv6"}[versionOfIP(text(event, "SrcIpAddr"), text(event, "DstIpAddr"))]
	c.equal("NetworkProtocolVersion", text(event, "NetworkProtocolVersion"), version)
	c.sum(event, "NetworkBytes", "SrcBytes", "DstBytes")
	c.sum(event, "NetworkPackets", "SrcPackets", "DstPackets")
	for _, name := range []string{"SrcPortNumber", "DstPortNumber"} {
		if n, there := number(event, name); there && n > 65535 {
			c.add("%s: %d", name, n)
		}
	}
	for name, form := range map[string]*regexp.Regexp{"EventOriginalSubType": stateWord, "NetworkSessionId": communityID} {
		if v := text(event, name); v != "" && !form.MatchString(v) {
			c.add("%s: %q", name, v)
		}
	}
	asimProtocol(c, event)
	asimMAC(c, event)
	asimTimes(c, event)
	c.aggregate(event, "AdditionalFields", "EventCount")
}

// asimProtocol: a protocol has a keyword or else a number; what has a Community ID
// has a protocol.
func asimProtocol(c *complaints, event Event) {
	keyword := text(event, "NetworkProtocol")
	n, numbered := number(event, "AdditionalFields.ProtocolNumber")
	switch {
	case numbered && (keyword != "" || n > 255 || nsgflow.Protocol(n).Name() != ""):
		c.add("AdditionalFields.ProtocolNumber: %d, with the keyword %q", n, keyword)
	case !numbered && keyword == "" && event["NetworkSessionId"] != nil:
		c.add("NetworkProtocol: missing")
	}
}

// asimMAC: the MAC of the NIC is that of its side, too.
func asimMAC(c *complaints, event Event) {
	sides := map[string]string{"Outbound": "SrcMacAddr", "Inbound": "DstMacAddr"}
	own := sides[text(event, "NetworkDirection")]
	for _, side := range sides {
		want := ""
		if side == own {
			want = text(event, "DvcMacAddr")
		}
		c.equal(side, text(event, side), want)
	}
}

// asimTimes: single tuples have one time, aggregates two and what is between.
func asimTimes(c *complaints, event Event) {
	start, errStart := time.Parse(time.RFC3339, text(event, "EventStartTime"))
	end, errEnd := time.Parse(time.RFC3339, text(event, "EventEndTime"))
	if errStart != nil || errEnd != nil {
		return // said already
	}
	if own := event["TimeGenerated"]; own != nil {
		c.equal("TimeGenerated", own, event["EventStartTime"])
	}
	if at(event, "AdditionalFields.AggregatedBy") != nil {
		if end.Before(start) {
			c.add("EventEndTime: %s, before the start", shown(event["EventEndTime"]))
		}
		c.equal("NetworkDuration", integer(event, "NetworkDuration"), min(end.Sub(start).Milliseconds(), mostMilliseconds))
		return
	}
	c.equal("EventEndTime", event["EventEndTime"], event["EventStartTime"])
	c.equal("NetworkDuration", event["NetworkDuration"], nil)
	c.equal("EventCount", integer(event, "EventCount"), int64(1))
}

// asimError has what holds for a tuple that does not parse.
func asimError(c *complaints, event Event) {
	for name := range event {
		if strings.HasPrefix(name, "Network") && name != "NetworkRuleName" || strings.HasPrefix(name, "Src") || strings.HasPrefix(name, "Dst") || name == "DvcAction" {
			c.add("%s: in an error", name)
		}
	}
	c.equal("EventResult", text(event, "EventResult"), "NA")
	c.equal("EventSeverity", text(event, "EventSeverity"), "Informational")
	c.equal("EventEndTime", event["EventEndTime"], event["EventStartTime"])
	if at(event, "AdditionalFields.Original") == nil {
		c.add("AdditionalFields.Original: missing")
	}
}

// asimTexts and asimNumbers are the fields of AdditionalFields.
var (
	asimTexts = []string{"FlowLogKind", "FlowLogGuid", "FlowLogResourceId", "AclId", "RuleClass", "Ruleset", "Region", "SystemId", "RecordTime",
		"MacAddress", "EncryptionCode", "EncryptionStatus", "Original", "AggregatedBy"}
	asimNumbers = []string{"ProtocolNumber", "Begin", "Continue", "End", "Denied", "SrcPorts", "DstPorts"}
)

func asimAdditional(c *complaints, additional Event) {
	for name, value := range additional {
		switch v, isText := value.(string); {
		case slices.Contains(asimTexts, name):
			if !isText || v == "" && name != "Original" { // a tuple may be the empty text
				c.add("AdditionalFields.%s: %s is no text", name, shown(value))
			}
		case !slices.Contains(asimNumbers, name):
			c.add("AdditionalFields.%s: not one of them", name)
		case !isInteger(value, 1<<63-1):
			c.add("AdditionalFields.%s: %s is no integer", name, shown(value))
		}
	}
	if kind := additional["FlowLogKind"]; kind != "nsg" && kind != "vnet" {
		c.add("AdditionalFields.FlowLogKind: %s", shown(kind))
	}
}

// ASIMColumns are the types of the columns of the table ASimNetworkSessionLogs
// that events may have.
func ASIMColumns() map[string]string {
	columns := map[string]string{}
	for name, f := range asimFields {
		if f.table != none {
			columns[name] = f.table
		}
	}
	return columns
}
