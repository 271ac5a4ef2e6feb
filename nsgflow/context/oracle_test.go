package context

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	tagFileFlag     = flag.String("service-tags", "", "a whole file of service tags for TestOracle, instead of one that is made up")
	oracleAddresses = flag.Int("addresses", 20_000, "how many addresses TestOracle asks for")
)

// TestOracle compares the tables with a scan of all prefixes in Python.
func TestOracle(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: ", err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	tagFile := *tagFileFlag
	if tagFile == "" {
		tagFile = write("tags.json", manyTags(t, 4000))
	}
	var file struct {
		Values []struct {
			Properties struct {
				Prefixes []netip.Prefix `json:"addressPrefixes"`
			} `json:"properties"`
		} `json:"values"`
	}
	tagData := readFile(t, tagFile)
	if err := json.Unmarshal(bytes.TrimPrefix(tagData, []byte("\ufeff")), &file); err != nil {
		t.Fatal(err)
	}
	var prefixes []netip.Prefix
	for _, v := range file.Values {
		prefixes = append(prefixes, v.Properties.Prefixes...)
	}

	r := rand.New(rand.NewPCG(11, 12))
	rows, list := "cidr,name\n", "# a list\n"
	seen := map[netip.Prefix]bool{}
	for i := range 3000 {
		p := prefixes[r.IntN(len(prefixes))]
		p = netip.PrefixFrom(p.Addr(), max(p.Bits()-r.IntN(5), 9)).Masked()
		if i%10 == 0 && p.Addr().Is4() {
			p = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(r.IntN(224)), byte(r.IntN(256))}), 8+r.IntN(20)).Masked()
		}
		if p.Addr().Is6() && p.Bits() < shortest6 || seen[p] {
			continue
		}
		seen[p] = true
		prefixes = append(prefixes, p)
		if i%2 == 0 {
			rows += fmt.Sprintf("%s,net %d\n", p, i)
		} else {
			list += p.String() + " # why\n"
		}
	}
	var addrs []netip.Addr
	for len(addrs) < *oracleAddresses*3/4 {
		addrs = append(addrs, edges(prefixes[r.IntN(len(prefixes))])...)
	}
	for len(addrs) < *oracleAddresses {
		if len(addrs)%4 == 0 {
			addrs = append(addrs, netip.AddrFrom16([16]byte{0x26, 0x03, 0x10, byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), 7: byte(r.IntN(256))}))
		} else {
			addrs = append(addrs, netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}))
		}
	}

	tags, err := readServiceTags(tagData)
	if err != nil {
		t.Fatal(err)
	}
	threats, err := readThreats([]byte(list), noon, maxThreats)
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, rows)
	tables.tags = tags

	var asked bytes.Buffer
	for _, a := range addrs {
		fmt.Fprintln(&asked, a)
	}
	c := exec.Command(python, "testdata/oracle.py", tagFile, write("networks.csv", []byte(rows)), write("list.netset", []byte(list)))
	c.Stdin = &asked
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	different, with := 0, [5]int{}
	for _, addr := range addrs {
		if !lines.Scan() {
			t.Fatal("the oracle has fewer answers")
		}
		a := tables.Endpoint(addr, Origin{})
		match := ""
		if m, ok := threats.match(addr.Unmap(), ""); ok {
			if match = m.Description; match == "" {
				match = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()).String()
			}
		}
		fields := []string{a.ServiceTag, a.SystemServiceName, a.Region, a.Network, match}
		for i, f := range fields {
			if f != "" {
				with[i]++
			}
		}
		if got := strings.Join(fields, "\t"); got != lines.Text() {
			if different++; different < 10 {
				t.Errorf("%v: %q, the oracle has %q", addr, got, lines.Text())
			}
		}
	}
	if different > 0 {
		t.Errorf("%d of %d differ", different, len(addrs))
	}
	for i, n := range with {
		if n == 0 {
			t.Errorf("no address has field %d", i)
		}
	}
	t.Logf("%d addresses; with tag, service, region, network, list: %d", len(addrs), with)
}
