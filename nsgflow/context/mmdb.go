package context

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// database is a file in MaxMind's format, in memory. It is immutable.
type database struct {
	reader *maxminddb.Reader
	built  time.Time
	nested bool // countries, cities and the like are maps, as MaxMind has them
	hasGeo bool
	hasASN bool
}

// Geo is where an address is. Texts are empty where the database has none.
type Geo struct {
	ContinentCode, CountryISOCode, CountryName string
	RegionISOCode, RegionName, CityName        string
	Latitude, Longitude                        float64 // valid iff HasLocation
	HasLocation                                bool
}

// AS is the autonomous system of an address.
type AS struct {
	Number       uint32
	Organization string
}

// readDatabase checks a whole database. It keeps data.
func readDatabase(data []byte) (*database, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, err
	}
	if err := reader.Verify(); err != nil {
		return nil, err
	}
	d := &database{reader: reader, built: reader.Metadata.BuildTime().UTC()}
	if err := d.look(); err != nil {
		return nil, err
	}
	return d, nil
}

// look finds out by the first records what the database has. Names of files and
// of types say nothing.
func (d *database) look() error {
	const enough = 1000
	keys := map[string]bool{}
	n := 0
	for result := range d.reader.Networks() {
		if n++; n > enough {
			break
		}
		var record map[string]any
		if err := result.Decode(&record); err != nil {
			var kind maxminddb.UnmarshalTypeError
			if errors.As(err, &kind) { // no map
				continue
			}
			return err
		}
		for key, value := range record {
			keys[key] = true
			_, isMap := value.(map[string]any)
			switch key {
			case "country", "city", "continent", "location":
				d.nested = d.nested || isMap
				d.hasGeo = true
			case "country_code", "country_name", "region", "region_code", "region_name", "latitude", "lat":
				d.hasGeo = true
			case "subdivisions":
				d.hasGeo, d.nested = true, true
			case "autonomous_system_number", "asn":
				d.hasASN = true
			case "traits":
				traits, _ := value.(map[string]any)
				d.hasASN = d.hasASN || traits["autonomous_system_number"] != nil
				d.nested = true
			}
		}
	}
	if !d.hasGeo && !d.hasASN {
		return fmt.Errorf("no country, city or ASN in it: %s", d.keys(keys))
	}
	return nil
}

func (d *database) keys(found map[string]bool) string {
	names := slices.Sorted(maps.Keys(found))
	if len(names) == 0 {
		return "it has no records"
	}
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return "its records have " + quote(strings.Join(names, ", "))
}

// nestedRecord is a record of MaxMind or DB-IP.
type nestedRecord struct {
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Country struct {
		Code  string `maxminddb:"iso_code"`
		Names names  `maxminddb:"names"`
	} `maxminddb:"country"`
	Subdivisions []struct {
		Code  string `maxminddb:"iso_code"`
		Names names  `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	City struct {
		Names names `maxminddb:"names"`
	} `maxminddb:"city"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
	Number       uint32 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
	Traits       struct {
		Number       uint32 `maxminddb:"autonomous_system_number"`
		Organization string `maxminddb:"autonomous_system_organization"`
	} `maxminddb:"traits"`
}

type names struct {
	English string `maxminddb:"en"`
}

// flatRecord is a record of IPinfo or ip-location-db. Places are texts in some.
type flatRecord struct {
	Country       string `maxminddb:"country"`
	CountryCode   string `maxminddb:"country_code"`
	CountryName   string `maxminddb:"country_name"`
	Continent     string `maxminddb:"continent"`
	ContinentCode string `maxminddb:"continent_code"`
	Region        string `maxminddb:"region"`
	RegionCode    string `maxminddb:"region_code"`
	RegionName    string `maxminddb:"region_name"`
	State         string `maxminddb:"state1"`
	City          string `maxminddb:"city"`
	Lat           any    `maxminddb:"lat"`
	Lng           any    `maxminddb:"lng"`
	Latitude      any    `maxminddb:"latitude"`
	Longitude     any    `maxminddb:"longitude"`
	ASN           any    `maxminddb:"asn"`
	Name          string `maxminddb:"name"`
	ASName        string `maxminddb:"as_name"`
	Number        uint32 `maxminddb:"autonomous_system_number"`
	Organization  string `maxminddb:"autonomous_system_organization"`
}

// found is what a record of a database says; nil where it says nothing.
type found struct {
	geo *Geo
	as  *AS
}

// decode reads a record. One of another form than the first ones says nothing.
func (d *database) decode(result maxminddb.Result) (f found) {
	var geo Geo
	var as AS
	if d.nested {
		var r nestedRecord
		if result.Decode(&r) != nil {
			return f
		}
		geo = Geo{ContinentCode: r.Continent.Code, CountryISOCode: r.Country.Code, CountryName: r.Country.Names.English, CityName: r.City.Names.English}
		if len(r.Subdivisions) > 0 {
			geo.RegionISOCode, geo.RegionName = r.Subdivisions[0].Code, r.Subdivisions[0].Names.English
		}
		if at := r.Location; at.Latitude != nil && at.Longitude != nil {
			geo.Latitude, geo.Longitude, geo.HasLocation = *at.Latitude, *at.Longitude, true
		}
		as = AS{cmp.Or(r.Number, r.Traits.Number), cmp.Or(r.Organization, r.Traits.Organization)}
	} else {
		var r flatRecord
		if result.Decode(&r) != nil {
			return f
		}
		geo, as = r.geo(), r.as()
	}
	geo.finish()
	if geo != (Geo{}) {
		f.geo = &geo
	}
	if as.Number != 0 {
		as.Organization = clean(as.Organization)
		f.as = &as
	}
	return f
}

func (r *flatRecord) geo() Geo {
	g := Geo{ContinentCode: r.ContinentCode, CountryISOCode: r.CountryCode, CountryName: r.CountryName,
		RegionISOCode: r.RegionCode, RegionName: r.RegionName, CityName: r.City}
	switch {
	case r.Country == "":
	case g.CountryISOCode == "" && len(r.Country) == 2:
		g.CountryISOCode = r.Country
	default:
		g.CountryName = cmp.Or(g.CountryName, r.Country)
	}
	if g.ContinentCode == "" && len(r.Continent) == 2 {
		g.ContinentCode = r.Continent
	}
	switch {
	case r.RegionName != "":
		g.RegionISOCode = cmp.Or(g.RegionISOCode, r.Region)
	default:
		g.RegionName = cmp.Or(r.Region, r.State)
	}
	lat, hasLat := degrees(r.Latitude, r.Lat)
	lng, hasLng := degrees(r.Longitude, r.Lng)
	if hasLat && hasLng {
		g.Latitude, g.Longitude, g.HasLocation = lat, lng, true
	}
	return g
}

func (r *flatRecord) as() AS {
	a := AS{r.Number, cmp.Or(r.Organization, r.ASName, r.Name)}
	switch asn := r.ASN.(type) {
	case string:
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(asn), "AS"), 10, 32)
		if err == nil {
			a.Number = uint32(n)
		}
	case uint64:
		if asn <= 1<<32-1 {
			a.Number = uint32(asn)
		}
	}
	return a
}

// degrees are those of the first value that is a number or the text of one.
func degrees(values ...any) (d float64, ok bool) {
	for _, value := range values {
		switch v := value.(type) {
		case float64:
			return v, true
		case float32:
			return float64(v), true
		case string:
			if d, err := strconv.ParseFloat(v, 64); err == nil {
				return d, true
			}
		}
	}
	return 0, false
}

// finish makes what a database has fit for events: region codes as ECS has them,
// and places that are on the earth.
func (g *Geo) finish() {
	for _, text := range []*string{&g.ContinentCode, &g.CountryISOCode, &g.CountryName, &g.RegionISOCode, &g.RegionName, &g.CityName} {
		*text = clean(*text)
	}
	switch {
	case g.CountryISOCode == "":
		g.RegionISOCode = ""
	case g.RegionISOCode != "" && !strings.HasPrefix(g.RegionISOCode, g.CountryISOCode+"-"):
		g.RegionISOCode = g.CountryISOCode + "-" + g.RegionISOCode
	}
	// NaN compares false.
	if !(g.Latitude >= -90 && g.Latitude <= 90 && g.Longitude >= -180 && g.Longitude <= 180) {
		g.Latitude, g.Longitude, g.HasLocation = 0, 0, false
	}
}

// records keeps what records of a database say, by their places. Many networks
// share one. It is for one goroutine and one generation. nil keeps nothing.
type records struct {
	of   map[uintptr]found
	most int
}

const recordBytes = 256 // that one takes, or less

// of is what a database says of an address.
func (d *database) of(addr netip.Addr, kept *records) (f found) {
	if d == nil {
		return f
	}
	result := d.reader.Lookup(addr)
	if !result.Found() {
		return f
	}
	if kept == nil {
		return d.decode(result)
	}
	offset := result.Offset()
	f, ok := kept.of[offset]
	if !ok {
		f = d.decode(result)
		if len(kept.of) >= kept.most {
			clear(kept.of)
		}
		kept.of[offset] = f
	}
	return f
}

// keptRecords are those of the two databases.
type keptRecords struct{ geo, asn *records }

// newKeptRecords keeps as many of each database as bytes have room for.
func newKeptRecords(bytes int) keptRecords {
	most := max(bytes/recordBytes, 16)
	return keptRecords{&records{map[uintptr]found{}, most}, &records{map[uintptr]found{}, most}}
}

func (k *keptRecords) bytes() int {
	if k.geo == nil {
		return 0
	}
	return (len(k.geo.of) + len(k.asn.of)) * recordBytes
}
