package context

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	csv := "\ufeff# ours\r\nName, cidr ,zone,kind,domain,vnet,labels\r\n" +
		"hq,192.168.0.0/16,office,site,,,country=se; owner=it\r\n" +
		"\"lab, north\",192.168.7.0/24,lab,,lab.example,,\r\n" +
		"vpn,172.30.0.0/24,,client,,,\r\n" +
		"all,10.0.0.0/8,inside,network,,,\r\n" +
		"shop,10.0.0.0/8,shop,,,Shop-VNet,\r\n" +
		"shop by id,10.0.0.0/8,shop2,,," + strings.ToUpper(sub) + "/VIRTUALNETWORKS/ALONE,\r\n" +
		"alone by name,10.0.0.0/8,shop3,,,alone,\r\n" +
		"partner,9.9.0.0/16,,,,,\r\n"
	lines := `{"cidr":"192.168.0.0/16","name":"hq","zone":"office","kind":"site","labels":"country=se;owner=it"}
{"cidr":"192.168.7.0/24","name":"lab, north","zone":"lab","domain":"lab.example"}

{"cidr":"172.30.0.0/24","name":"vpn","kind":"client"}
{"cidr":"10.0.0.0/8","name":"all","zone":"inside"}
{"cidr":"10.0.0.0/8","name":"shop","zone":"shop","vnet":"shop-vnet"}
{"cidr":"10.0.0.0/8","name":"shop by id","zone":"shop2","vnet":"` + sub + `/virtualnetworks/alone"}
{"cidr":"10.0.0.0/8","name":"alone by name","zone":"shop3","vnet":"alone"}
{"cidr":"9.9.0.0/16","name":"partner"}
`
	for form, text := range map[string]string{"CSV": csv, "JSON lines": lines} {
		for _, inventories := range [][][]byte{nil, {shop}} {
			tables := tablesOf(t, text, inventories...)
			for _, c := range []struct{ from, addr, want string }{
				{"", "192.168.1.1", "hq office  [{country se} {owner it}]"},
				{"", "192.168.7.1", "lab, north lab lab.example []"},
				{"", "10.77.0.1", "all inside  []"},
				{"shop-vnet", "10.77.0.1", "shop shop  []"},
				{"alone", "10.77.0.1", "shop by id shop2  []"},
				{"hub", "10.77.0.1", "all inside  []"},
				{"", "9.9.9.9", "partner   []"},
				{"", "8.8.8.8", "   []"},
			} {
				a := tables.Endpoint(netip.MustParseAddr(c.addr), in(tables, c.from))
				if got := fmt.Sprint(a.Network, " ", a.Zone, " ", a.Domain, " ", a.Labels); got != c.want {
					t.Errorf("%s, %d inventories: %s from %q: %s, not %s", form, len(inventories), c.addr, c.from, got, c.want)
				}
			}
		}
	}
}

func TestNetworksRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "the file is empty",
		"\n\n":                                "the file is empty",
		"name\nx\n":                           `line 1: no column "cidr"`,
		"cidr,nmae\n":                         `line 1: column "nmae": there are cidr, name, zone, kind, domain, vnet, labels`,
		"cidr,CIDR\n":                         `line 1: column "cidr" is there twice`,
		"cidr,name\n10.0.0.0/8\n":             "line 2: wrong number of fields",
		"cidr\n10.0.0\n":                      `line 2: cidr "10.0.0": no IP address and no prefix`,
		"cidr,kind\n# c\n10.0.0.0/8,office\n": `line 3: kind "office": there are site, client, network`,
		"cidr\n10.0.0.0/8\n10.0.0.1/8\n":      "line 3: cidr 10.0.0.0/8 is in line 2, too",
		"cidr,labels\n10.0.0.0/8,a\n":         `line 2: labels "a": not like name=value`,
		"cidr,labels\n10.0.0.0/8,a.b=c\n":     `line 2: labels "a.b=c": a name has no dots`,
		"cidr,labels\n10.0.0.0/8,a=c;a=d\n":   `line 2: labels "a=d": the name is there twice`,
		"cidr,labels\n10.0.0.0/8," + pairs(9) + "\n": `line 2: labels "n8=v": more than 8 of an address`,
		"cidr\n\"10.0.0.0/8\n":                       `line 2: extraneous or missing " in quoted-field`,
		`{"cidr":"10.0.0.0/8"}` + "\n" + `{"cidr":`:  "line 2: unexpected end of JSON input",
		`{"cidr":7}`: "line 1: cidr: unexpected number",
		"{}":         `line 1: cidr "": no IP address and no prefix`,
	} {
		_, err := readNetworks([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, not %s", text, err, want)
		}
	}
	rows := "cidr,labels\n"
	for i := range 65 {
		rows += fmt.Sprintf("10.0.%d.0/24,n%d=v\n", i, i)
	}
	f, err := readNetworks([]byte(rows))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newNetworks([]*networkFile{f}); err == nil || err.Error() != "line 66: more than 64 names of labels" {
		t.Errorf("names of labels: %v", err)
	}
	one, _ := readNetworks([]byte("cidr\n10.0.0.0/8\n"))
	if _, err := newNetworks([]*networkFile{one, one}); err == nil || err.Error() != "cidr 10.0.0.0/8 is in another file, too" {
		t.Errorf("two files: %v", err)
	}
}

func pairs(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("n%d=v", i))
	}
	return strings.Join(all, ";")
}
