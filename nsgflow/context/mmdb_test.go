package context

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// mmdb is a database with these records, by prefix.
func mmdb(t testing.TB, records map[string]mmdbtype.DataType) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "Made-Up", Description: map[string]string{"en": "made up for tests"}, BuildEpoch: 1740700800, // 2025-02-28
		IncludeReservedNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, record := range records {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type (
	object = mmdbtype.Map
	word   = mmdbtype.String
)

func named(code, name string) object {
	o := object{}
	if code != "" {
		o["iso_code"] = word(code)
	}
	if name != "" {
		o["names"] = object{"en": word(name), "de": word("anders")}
	}
	return o
}

var linkoeping = object{
	"continent":          object{"code": word("EU"), "names": object{"en": word("Europe")}},
	"country":            named("SE", "Sweden"),
	"registered_country": named("US", "United States"),
	"subdivisions":       mmdbtype.Slice{named("E", "Östergötland County")},
	"city":               named("", "Linköping"),
	"location":           object{"latitude": mmdbtype.Float64(58.4167), "longitude": mmdbtype.Float64(15.6167), "accuracy_radius": mmdbtype.Uint16(76)},
}

func TestDatabases(t *testing.T) {
	for form, c := range map[string]struct {
		records map[string]mmdbtype.DataType
		addr    string
		geo     string
		as      string
	}{
		"MaxMind City": {map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping, "2a02:d100::/29": linkoeping}, "89.160.20.112",
			"{EU SE Sweden SE-E Östergötland County Linköping 58.4167 15.6167 true}", ""},
		"MaxMind, IPv6": {map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping, "2a02:d100::/29": linkoeping}, "2a02:d100::1",
			"{EU SE Sweden SE-E Östergötland County Linköping 58.4167 15.6167 true}", ""},
		"registered only": {map[string]mmdbtype.DataType{"1.0.0.0/8": object{"registered_country": named("US", "United States")}, "2.0.0.0/8": linkoeping}, "1.2.3.4", "", ""},
		"MaxMind ASN": {map[string]mmdbtype.DataType{"89.160.0.0/17": object{"autonomous_system_number": mmdbtype.Uint32(29518), "autonomous_system_organization": word("Bredband2 AB")}}, "89.160.20.112",
			"", "{29518 Bredband2 AB}"},
		"DB-IP": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country": named("SE", "Sweden"), "subdivisions": mmdbtype.Slice{named("", "Östergötland")}, "city": named("", "Linköping"),
			"traits": object{"autonomous_system_number": mmdbtype.Uint32(29518), "autonomous_system_organization": word("Bredband2 AB")}}}, "89.160.20.112",
			"{ SE Sweden  Östergötland Linköping 0 0 false}", "{29518 Bredband2 AB}"},
		"IPinfo, older": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country": word("SE"), "country_name": word("Sweden"), "continent": word("EU"), "region": word("Östergötland"), "region_code": word("E"), "city": word("Linköping"), "lat": word("58.41"), "lng": word("15.61")}}, "89.160.20.112",
			"{EU SE Sweden SE-E Östergötland Linköping 58.41 15.61 true}", ""},
		"IPinfo, extended": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country": word("SE"), "region": word("E"), "region_name": word("Östergötland"), "latitude": word(""), "longitude": word("")}}, "89.160.20.112",
			"{ SE  SE-E Östergötland  0 0 false}", ""},
		"IPinfo Lite": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country_code": word("SE"), "country": word("Sweden"), "continent": word("Europe"), "continent_code": word("EU"), "asn": word("AS29518"), "as_name": word("Bredband2 AB"), "as_domain": word("bredband2.com")}}, "89.160.20.112",
			"{EU SE Sweden    0 0 false}", "{29518 Bredband2 AB}"},
		"IPinfo ASN": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"asn": word("AS29518"), "name": word("Bredband2 AB"), "domain": word("x")}}, "89.160.20.112", "", "{29518 Bredband2 AB}"},
		"ip-location-db": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country_code": word("SE"), "state1": word("Östergötland"), "city": word("Linköping"), "latitude": mmdbtype.Float32(58.5), "longitude": mmdbtype.Float32(15.5)}}, "89.160.20.112",
			"{ SE   Östergötland Linköping 58.5 15.5 true}", ""},
		"nowhere on earth": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country_code": word("SE"), "latitude": mmdbtype.Float64(math.NaN()), "longitude": mmdbtype.Float64(0)}}, "89.160.20.112",
			"{ SE     0 0 false}", ""},
		"a long name": {map[string]mmdbtype.DataType{"89.160.20.0/24": object{"country_code": word("SE"), "city": word("x" + strings.Repeat("ö", 200))}}, "89.160.20.112",
			"{ SE    x" + strings.Repeat("ö", 127) + " 0 0 false}", ""},
		"not there": {map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping}, "89.160.21.1", "", ""},
	} {
		d, err := readDatabase(mmdb(t, c.records))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		kept := newKeptRecords(1 << 20)
		for _, records := range []*records{nil, kept.geo, kept.geo} {
			f := d.of(netip.MustParseAddr(c.addr), records)
			geo, as := "", ""
			if f.geo != nil {
				geo = fmt.Sprint(*f.geo)
			}
			if f.as != nil {
				as = fmt.Sprint(*f.as)
			}
			if geo != c.geo || as != c.as {
				t.Errorf("%s: %q, %q\nnot %q, %q", form, geo, as, c.geo, c.as)
			}
		}
	}
}

// TestDatabasesOfAnswer: only public addresses that the estate does not name are
// asked.
func TestDatabasesOfAnswer(t *testing.T) {
	d, err := readDatabase(mmdb(t, map[string]mmdbtype.DataType{"::/0": object{"country_code": word("SE"), "asn": word("AS7")}}))
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, "", shop)
	tables.geo, tables.asn = d, d
	for addr, want := range map[string]Sources{
		"9.9.9.9": FromGeo | FromASN, "2a02::1": FromGeo | FromASN, "::ffff:9.9.9.9": FromGeo | FromASN,
		"10.200.0.1": 0, "192.0.2.1": 0, "20.54.1.9": FromInventory, "8.8.4.4": FromInventory, "168.63.129.16": 0,
	} {
		if a := tables.Endpoint(netip.MustParseAddr(addr), Origin{}); a.Sources != want || (a.Geo != nil) != (want&FromGeo != 0) {
			t.Errorf("%s: %b, not %b", addr, a.Sources, want)
		}
	}
}

func TestDatabasesRefused(t *testing.T) {
	good := mmdb(t, map[string]mmdbtype.DataType{"89.160.20.0/24": linkoeping})
	for want, data := range map[string][]byte{
		"the file is empty": nil,
		"error opening database: invalid MaxMind DB file":                       []byte("<html>"),
		"no country, city or ASN in it: its records have \"domain, user_type\"": mmdb(t, map[string]mmdbtype.DataType{"1.0.0.0/8": object{"domain": word("x"), "user_type": word("y")}}),
		"no country, city or ASN in it: it has no records":                      mmdb(t, map[string]mmdbtype.DataType{"1.0.0.0/8": word("a text")}),
		"half":     good[:len(good)/2],
		"no tree":  good[200:],
		"crossed":  bytes.Replace(good, []byte("node_count"), []byte("node_cuont"), 1),
		"too many": bytes.Replace(good, []byte("record_size\xa1\x1c"), []byte("record_size\xa1\x20"), 1),
	} {
		_, err := readDatabase(data)
		if err == nil {
			t.Errorf("%s: not refused", want)
			continue
		}
		t.Logf("%s: %v", want, err)
		if strings.Contains(want, " in it") && err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

// TestDamagedDatabases: one with bytes changed at random is refused or harmless.
func TestDamagedDatabases(t *testing.T) {
	records := map[string]mmdbtype.DataType{}
	for i := range 40 {
		records[fmt.Sprintf("%d.0.0.0/9", 20+i)] = object{"country": named("SE", fmt.Sprint("Sweden", i)), "location": object{"latitude": mmdbtype.Float64(i), "longitude": mmdbtype.Float64(i)},
			"subdivisions": mmdbtype.Slice{named("E", "e"), named("F", "f")}}
	}
	good := mmdb(t, records)
	refused := 0
	tries := 3000
	if testing.Short() {
		tries = 300
	}
	for seed := range uint64(tries) {
		r := rand.New(rand.NewPCG(seed, 2))
		data := bytes.Clone(good)
		for range 1 + r.IntN(4) {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
		if harmless(data) != nil {
			refused++
		}
	}
	if refused < tries/10 || refused == tries {
		t.Errorf("%d of %d are refused", refused, tries)
	}
}

// harmless asks a database of many addresses, if it is read at all.
func harmless(data []byte) error {
	d, err := readDatabase(data)
	if err != nil {
		return err
	}
	for i := range 256 {
		d.of(netip.AddrFrom4([4]byte{byte(i), 1, 2, 3}), nil)
		d.of(netip.AddrFrom16([16]byte{byte(i), 1, 2, 3}), nil)
	}
	return nil
}

var databases = flag.String("databases", "", "a folder of MMDB files, which are refused or harmless, as those of github.com/maxmind/MaxMind-DB")

func TestFolderOfDatabases(t *testing.T) {
	if *databases == "" {
		t.Skip("no folder: go test -run FolderOfDatabases ./nsgflow/context -databases FOLDER")
	}
	n := 0
	err := filepath.Walk(*databases, func(path string, info os.FileInfo, err error) error {
		if err != nil || !strings.HasSuffix(path, ".mmdb") {
			return err
		}
		n++
		t.Logf("%s: %v", filepath.Base(path), harmless(readFile(t, path)))
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d files, %v", n, err)
	}
}
