package context

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)

const feodo = `################################################################
# abuse.ch Feodo Tracker Botnet C2 IP Blocklist (CSV)          #
# Last updated: 2025-03-04 08:55:00 UTC                        #
#                                                              #
# made up for tests                                            #
#                                                              #
################################################################
#
"first_seen_utc","dst_ip","dst_port","c2_status","last_online","malware"
"2024-02-12 13:50:35","89.160.20.112","443","offline","2024-03-09","Pikabot"
"2024-02-13 13:50:35","89.160.20.113","995","online","","QakBot"
# END 2 entries
`

const bundle = `{"type":"bundle","id":"bundle--1","objects":[
 {"type":"identity","name":"someone"},
 {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '89.160.20.112']","name":"C2","description":"a server","confidence":85,"valid_from":"2025-01-01T00:00:00Z","external_references":[{"source_name":"x"},{"source_name":"y","url":"https://example.org/c2"}]},
 {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value ISSUBSET '89.160.0.0/16' OR ipv6-addr:value = '2a00:1::7'] OR [ ipv4-addr:value='89.161.0.1' ]","name":"net","valid_from":"2025-01-01T00:00:00Z","valid_until":"2025-03-04T12:30:00.5Z"},
 {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '89.162.0.1']","revoked":true},
 {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '89.163.0.1']","valid_from":"2025-03-04T12:40:00Z","confidence":0},
 {"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'example.org']"},
 {"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '89.164.0.1' AND network-traffic:dst_port = 443]"},
 {"type":"indicator","pattern_type":"snort","pattern":"[ipv4-addr:value = '89.165.0.1']"},
 {"type":"relationship","source_ref":"x"}]}`

// matched are the matches of addresses, in a line each.
func matched(l *threatList, addrs ...string) string {
	var lines []string
	for _, addr := range addrs {
		match, ok := l.match(netip.MustParseAddr(addr), "list")
		if ok {
			addr += " " + strings.Join(strings.Fields(fmt.Sprintf("%+v", match)), " ")
		}
		lines = append(lines, addr)
	}
	return strings.Join(lines, "\n")
}

// TestMemoryOfReading: a file that is made to be much in memory is not. A range is up
// to 254 prefixes, and "{}," would be ninety bytes of a slice.
func TestMemoryOfReading(t *testing.T) {
	const most = 1000
	ranges := strings.Repeat("::1-f000::\n", 20_000)
	for name, c := range map[string]struct {
		text string
		read func(data []byte) error
	}{
		"ranges of a list":     {ranges, func(data []byte) error { _, err := readThreats(data, noon, most); return err }},
		"ranges of exceptions": {ranges, func(data []byte) error { _, err := readExceptions(data, most); return err }},
		"columns of a list":    {"ip" + strings.Repeat(",", 100_000), func(data []byte) error { _, err := readThreats(data, noon, most); return err }},
		"columns of networks":  {"cidr" + strings.Repeat(",", 100_000), func(data []byte) error { _, err := readNetworks(data); return err }},
		"STIX":                 {`{"type":"bundle","objects":[` + strings.Repeat("0,", 100_000) + `0]}`, func(data []byte) error { _, err := readThreats(data, noon, most); return err }},
		"service tags":         {`{"values":[` + strings.Repeat("{},", 100_000) + `{}]}`, func(data []byte) error { _, err := readServiceTags(data); return err }},
	} {
		data := []byte(c.text)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.read(data)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 20*uint64(len(data)) {
			t.Errorf("%s: %v, %d bytes of %d", name, err, took, len(data))
		}
	}
}

func TestThreatForms(t *testing.T) {
	plain := "# FireHOL\n\n; DROP\n// other\n1.10.16.0/20 ; SBL256894\n89.160.20.112\t# why\n5.6.7.8-5.6.7.11\n9.9.9.1 - 9.9.9.2\n2a00:1::/32\r\n::ffff:4.4.4.4\n10.11.12.13,443,x\n8.8.8.8:53\n0.0.0.0/0\n2000::/3\nexample.org\n"
	for _, c := range []struct{ form, text, addrs, want string }{
		{"plain", plain, "1.10.31.255 89.160.20.112 89.160.20.113 5.6.7.7 5.6.7.8 5.6.7.11 5.6.7.12 9.9.9.2 2a00:1:2::3 4.4.4.4 10.11.12.13 8.8.8.8 7.7.7.7",
			`1.10.31.255 {Type:ipv4-addr IP:1.10.16.0 Port:0 Provider:list Name:SBL256894 Description:1.10.16.0/20 Reference: Confidence: FirstSeen: LastSeen:}
89.160.20.112 {Type:ipv4-addr IP:89.160.20.112 Port:0 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}
89.160.20.113
5.6.7.7
5.6.7.8 {Type:ipv4-addr IP:5.6.7.8 Port:0 Provider:list Name: Description:5.6.7.8/30 Reference: Confidence: FirstSeen: LastSeen:}
5.6.7.11 {Type:ipv4-addr IP:5.6.7.8 Port:0 Provider:list Name: Description:5.6.7.8/30 Reference: Confidence: FirstSeen: LastSeen:}
5.6.7.12
9.9.9.2 {Type:ipv4-addr IP:9.9.9.2 Port:0 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}
2a00:1:2::3 {Type:ipv6-addr IP:2a00:1:: Port:0 Provider:list Name: Description:2a00:1::/32 Reference: Confidence: FirstSeen: LastSeen:}
4.4.4.4 {Type:ipv4-addr IP:4.4.4.4 Port:0 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}
10.11.12.13 {Type:ipv4-addr IP:10.11.12.13 Port:0 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}
8.8.8.8 {Type:ipv4-addr IP:8.8.8.8 Port:53 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}
7.7.7.7`},
		{"CSV", feodo, "89.160.20.112 89.160.20.113 89.160.20.114",
			`89.160.20.112 {Type:ipv4-addr IP:89.160.20.112 Port:443 Provider:list Name:Pikabot Description: Reference: Confidence: FirstSeen:2024-02-12T13:50:35.000Z LastSeen:2024-03-09T00:00:00.000Z}
89.160.20.113 {Type:ipv4-addr IP:89.160.20.113 Port:995 Provider:list Name:QakBot Description: Reference: Confidence: FirstSeen:2024-02-13T13:50:35.000Z LastSeen:}
89.160.20.114`},
		{"CSV with CRLF and a mark", "\ufeff; note\r\nName,Indicator,Confidence,Description\r\nx,89.160.20.0/24,85,\"a, b\"\r\ny,evil.example,1,\r\n", "89.160.20.1",
			`89.160.20.1 {Type:ipv4-addr IP:89.160.20.0 Port:0 Provider:list Name:x Description:a, b (89.160.20.0/24) Reference: Confidence:High FirstSeen: LastSeen:}`},
		{"CSV with quotes", "ip,name\n1.2.3.4,a 5\" disk\n\"1.2.3.5\",\"say \"hi\"\"\n1.2.3.6,x\n", "1.2.3.4 1.2.3.5 1.2.3.6",
			`1.2.3.4
1.2.3.5
1.2.3.6 {Type:ipv4-addr IP:1.2.3.6 Port:0 Provider:list Name:x Description: Reference: Confidence: FirstSeen: LastSeen:}`},
		{"JSON lines", `{"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}` + "\n" + `{"ip":"2.3.4.5","confidence":1}` + "\n" + `{"type":"metadata","timestamp":1741078500,"records":2}` + "\n", "1.10.16.0 2.3.4.5",
			`1.10.16.0 {Type:ipv4-addr IP:1.10.16.0 Port:0 Provider:list Name:SBL256894 Description:1.10.16.0/20 Reference: Confidence: FirstSeen: LastSeen:}
2.3.4.5 {Type:ipv4-addr IP:2.3.4.5 Port:0 Provider:list Name: Description: Reference: Confidence:Low FirstSeen: LastSeen:}`},
		{"JSON array", `[ {"ip_address":"1.2.3.4","port":8080,"status":"offline","hostname":null,"malware":"Dridex","first_seen":"2021-05-16 19:49:33","last_online":"2024-03-09"}, "2.3.4.5" ]`, "1.2.3.4 2.3.4.5",
			`1.2.3.4 {Type:ipv4-addr IP:1.2.3.4 Port:8080 Provider:list Name:Dridex Description: Reference: Confidence: FirstSeen:2021-05-16T19:49:33.000Z LastSeen:2024-03-09T00:00:00.000Z}
2.3.4.5 {Type:ipv4-addr IP:2.3.4.5 Port:0 Provider:list Name: Description: Reference: Confidence: FirstSeen: LastSeen:}`},
		{"STIX", bundle, "89.160.20.112 89.160.1.1 2a00:1::7 89.161.0.1 89.162.0.1 89.163.0.1 89.164.0.1 89.165.0.1",
			`89.160.20.112 {Type:ipv4-addr IP:89.160.20.112 Port:0 Provider:list Name:C2 Description:a server Reference:https://example.org/c2 Confidence:High FirstSeen: LastSeen:}
89.160.1.1 {Type:ipv4-addr IP:89.160.0.0 Port:0 Provider:list Name:net Description:89.160.0.0/16 Reference: Confidence: FirstSeen: LastSeen:}
2a00:1::7 {Type:ipv6-addr IP:2a00:1::7 Port:0 Provider:list Name:net Description: Reference: Confidence: FirstSeen: LastSeen:}
89.161.0.1 {Type:ipv4-addr IP:89.161.0.1 Port:0 Provider:list Name:net Description: Reference: Confidence: FirstSeen: LastSeen:}
89.162.0.1
89.163.0.1
89.164.0.1
89.165.0.1`},
		{"comments only", "# nothing today\n", "1.2.3.4", "1.2.3.4"},
	} {
		l, err := readThreats([]byte(c.text), noon, maxThreats)
		if err != nil {
			t.Errorf("%s: %v", c.form, err)
			continue
		}
		if got := matched(l, strings.Fields(c.addrs)...); got != c.want {
			t.Errorf("%s:\n%s\nnot\n%s", c.form, got, c.want)
		}
		switch c.form {
		case "plain":
			if l.skipped.n != 1 || l.wide != 2 || l.entries != 9 {
				t.Errorf("plain: %d skipped, %d wide, %d entries", l.skipped.n, l.wide, l.entries)
			}
		case "CSV with quotes":
			if l.skipped.n != 2 {
				t.Errorf("CSV: %d skipped", l.skipped.n)
			}
		case "STIX":
			if l.others != 3 || l.skipped.n != 0 {
				t.Errorf("STIX: %d others, %d skipped", l.others, l.skipped.n)
			}
			later := l.at(noon.Add(time.Hour))
			if got, want := matched(later, "89.160.1.1", "89.163.0.1"), "89.160.1.1\n89.163.0.1 {Type:ipv4-addr IP:89.163.0.1 Port:0 Provider:list Name: Description: Reference: Confidence:None FirstSeen: LastSeen:}"; got != want {
				t.Errorf("an hour later:\n%s", got)
			}
		case "JSON lines":
			if !l.time.Equal(time.Unix(1741078500, 0)) {
				t.Errorf("time %v", l.time)
			}
		}
	}
}

func TestThreatsRefused(t *testing.T) {
	half := feodo[:strings.Index(feodo, "dst_ip")] + "x" + feodo[strings.Index(feodo, `","dst_port`):]
	for text, want := range map[string]string{
		"":                     "the file is empty",
		half:                   `no column with an address in line 9 ("first_seen_utc,…")`,
		"\x1f\x8b\x08\x00\x00": `line 1: "\x1f\x8b\b\x00\x00": no IP address and no prefix; 1 of 1 entries are like that`,
		"<html>\n<body>\n":     `line 1: "<html>": no IP address and no prefix; 2 of 2 entries are like that`,
		strings.Repeat("1.2.3.4\n", 500) + strings.Repeat("x\n", 101):      `line 501: "x": no IP address and no prefix; 101 of 601 entries are like that`,
		"ip,name\n\"1.2.3.4,x\n1.2.3.5,\"y\"\n1.2.3.6,z\n":                 `line 3: extraneous or missing " in quoted-field`,
		"# x\nip,name\n\"1.2.3.4,x\n":                                      `line 3: extraneous or missing " in quoted-field`,
		`{"cidr":"1.2.3.0/24"}` + "\n" + `{"type":"metadata","records":5}`: `line 2: the file is cut off: metadata counts 5 records, there are 1`,
		`{"type":"metadata","records":0}` + "\n" + `{"cidr":"1.2.3.0/24"}`: `line 2: there is more behind the metadata`,
		`{"cidr":"1.2.3.0/24"}` + "\n" + `{"cidr":"1.2`:                    `line 2: unexpected end of JSON input`,
		"[\n{\"ip\":\"1.2.3.4\"},\n{\"ip\":":                               `line 2: unexpected EOF`,
		`[{"ip":"1.2.3.4"}`:                                                `line 1: unexpected EOF`,
		"[\"1.2.3.4\"]\n[\"1.2.3.5\"]":                                     `line 1: there is more behind the list`,
		`{"type":"bundle","objects":[{"type":"indicator","pattern":7}]}`:   `objects[0]: pattern: unexpected number; 1 of 1 entries are like that`,
		`{"type":"bundle","objects":[0]}`:                                  `objects[0]: no object`,
		`{"type":"bundle","objects":7}`:                                    `not a list`,
		`{"type":"bundle","objects":[`:                                     `line 1: unexpected end of JSON input`,
		`{"type":"bundle","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '1.2.3.4']","valid_until":"soon"}]}`: `objects[0]: valid_from "", valid_until "soon": no times; 1 of 1 entries are like that`,
	} {
		_, err := readThreats([]byte(text), noon, maxThreats)
		if err == nil || err.Error() != want {
			t.Errorf("%.60q: %v, not %s", text, err, want)
		}
	}
	if _, err := readThreats([]byte("1.2.3.4\n1.2.3.5\n1.2.3.6\n"), noon, 2); err == nil || err.Error() != "more than 5,000,000 entries of all lists" {
		t.Errorf("too many: %v", err)
	}
}

// threatArray is a list of objects, one a line; those from bad on have no address.
func threatArray(entries, bad int) []byte {
	text := []byte("[")
	for i := range entries {
		ip := fmt.Sprintf("198.51.%d.%d", i>>8&255, i&255)
		if i >= bad {
			ip = "gone"
		}
		text = fmt.Appendf(text, "\n{\"ip_address\":%q,\"malware\":\"Dridex\"},", ip)
	}
	return append(text[:len(text)-1], "\n]\n"...)
}

// TestThreatArrayLine: the line of an entry is right however far down it is.
func TestThreatArrayLine(t *testing.T) {
	l, err := readThreats(threatArray(3000, 2999), noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(l.skipped.n, " ", l.skipped.first), `1 line 3001: "gone": no IP address and no prefix`; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestThreatsHeap: a list is two ranges an address, and nothing of what read it.
func TestThreatsHeap(t *testing.T) {
	const entries = 200_000
	r := rand.New(rand.NewPCG(5, 6))
	var text strings.Builder
	for range entries {
		fmt.Fprintf(&text, "%d.%d.%d.%d\n", 1+r.IntN(220), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	data := []byte(text.String())
	before := heap()
	l, err := readThreats(data, noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	if bytes := heap() - before; bytes > entries*20 {
		t.Errorf("%d bytes for %d addresses", bytes, entries)
	}
	runtime.KeepAlive(data)
	runtime.KeepAlive(l)
}

func TestExceptions(t *testing.T) {
	for text, want := range map[string]string{
		"# ours\n20.0.0.0/8 # Azure\n1.1.1.1\n": "[20.0.0.0/8 1.1.1.1/32]",
		`{"name":"List of known IPv4 public DNS resolvers","version":1,"list":["8.8.8.8","9.9.9.0/24"],"matching_attributes":["ip-dst"]}`: "[8.8.8.8/32 9.9.9.0/24]",
		"":             "the file is empty",
		"{}":           `no warning list of MISP: it has no "list"`,
		`{"list":[7]}`: "line 1: list: unexpected number",
		"no address\n": `line 1: "no": no IP address and no prefix; 1 of 1 entries are like that`,
	} {
		e, err := readExceptions([]byte(text), maxThreats)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(e.prefixes)
		}
		if got != want {
			t.Errorf("%q: %s, not %s", text, got, want)
		}
	}
}

// TestThreatsOfAnswer: what is asked, and what is not.
func TestThreatsOfAnswer(t *testing.T) {
	list := func(text string) *threatList {
		l, err := readThreats([]byte(text), noon, maxThreats)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	tables := tablesOf(t, "", shop)
	for i := range 6 {
		tables.threats = append(tables.threats, namedList{fmt.Sprintf("list%d", i), list("10.0.0.0/8\n192.168.0.0/16\n20.54.1.9\n8.8.4.4\n89.160.20.112\n1.1.1.1\n")})
	}
	except, err := readExceptions([]byte("1.1.1.0/24\n"), maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	tables.finish([]*exceptions{except})
	for addr, want := range map[string]int{
		"89.160.20.112": 4, // of six lists
		"10.7.7.7":      0, // private
		"20.54.1.9":     0, // a public address of the estate
		"8.8.4.4":       0, // a VNet of the estate has it inside
		"1.1.1.1":       0, // an exception
		"9.9.9.9":       0,
	} {
		a := tables.Endpoint(netip.MustParseAddr(addr), Origin{})
		if len(a.Threats) != want || (a.Sources&FromThreats != 0) != (want > 0) {
			t.Errorf("%s has %d matches, not %d", addr, len(a.Threats), want)
		}
	}
	a := tables.Endpoint(netip.MustParseAddr("89.160.20.112"), Origin{})
	if a.Threats[0].Provider != "list0" || a.Threats[3].Provider != "list3" {
		t.Errorf("not in the order of the option: %+v", a.Threats)
	}
}

// What is odd in a bundle costs what it is in.
func TestOddObjectsOfSTIX(t *testing.T) {
	const address = `"pattern_type":"stix","pattern":"[ipv4-addr:value = '5.6.7.8']"`
	for odd, want := range map[string]struct{ entries, skipped int }{
		`{"type":"x-scoring","confidence":"high"}`:                                        {1, 0},
		`{"type":"observed-data","external_references":[{"url":["a"]}]}`:                  {1, 0},
		`{"confidence":"high","type":"x-scoring"}`:                                        {1, 0},
		`{"type":"indicator",` + address + `,"valid_from":"2024-01-01T00:00:00+0000"}`:    {1, 1},
		`{"type":"indicator","name":{"en":"x"},` + address + `}`:                          {1, 1},
		`{"type":"indicator",` + address + `,"confidence":85.5}`:                          {2, 0},
		`{"type":"indicator",` + address + `,"confidence":"high"}`:                        {2, 0},
		`{"type":"indicator",` + address + `,"created":"2024-01-01","labels":["a",null]}`: {2, 0},
	} {
		l, err := readThreats([]byte(`{"type":"bundle","objects":[{"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '1.2.3.4']"},`+odd+`]}`), noon, maxThreats)
		if err != nil {
			t.Errorf("%s: %v", odd, err)
		} else if l.entries != want.entries || l.skipped.n != want.skipped {
			t.Errorf("%s: %d entries, %d skipped", odd, l.entries, l.skipped.n)
		}
	}
}
