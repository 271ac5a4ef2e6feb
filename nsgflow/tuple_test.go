package nsgflow_test

import (
	"errors"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

func endpoint(addr string, port uint16, packets, bytes nsgflow.Counter) nsgflow.Endpoint {
	return nsgflow.Endpoint{Addr: netip.MustParseAddr(addr), Port: port, Packets: packets, Bytes: bytes}
}

const absent = nsgflow.CounterAbsent

var tuples = []struct {
	family nsgflow.Family
	tuple  string
	want   nsgflow.Flow
}{
	{nsgflow.NSG, "1518341457,203.0.113.7,10.3.0.4,51012,23,T,I,D", nsgflow.Flow{
		Time:   1518341457000,
		Source: endpoint("203.0.113.7", 51012, absent, absent), Destination: endpoint("10.3.0.4", 23, absent, absent),
		Protocol: 6, Direction: nsgflow.Inbound, Decision: nsgflow.Denied, State: nsgflow.StateAbsent}},
	{nsgflow.NSG, "1724090709,10.3.0.4,198.51.100.20,49152,443,U,O,A,E,1,74,0,", nsgflow.Flow{
		Time:   1724090709000,
		Source: endpoint("10.3.0.4", 49152, 1, 74), Destination: endpoint("198.51.100.20", 443, 0, absent),
		Protocol: 17, Direction: nsgflow.Outbound, Decision: nsgflow.Allowed, State: nsgflow.End}},
	{nsgflow.NSG, "1724090709,10.3.0.4,198.51.100.20,49152,443,47,O,A,B,,,,", nsgflow.Flow{
		Time:   1724090709000,
		Source: endpoint("10.3.0.4", 49152, absent, absent), Destination: endpoint("198.51.100.20", 443, absent, absent),
		Protocol: 47, Direction: nsgflow.Outbound, Decision: nsgflow.Allowed, State: nsgflow.Begin}},
	{nsgflow.NSG, "1724090709,10.3.0.4,198.51.100.20,0,0,,,,X", nsgflow.Flow{
		Time:   1724090709000,
		Source: endpoint("10.3.0.4", 0, absent, absent), Destination: endpoint("198.51.100.20", 0, absent, absent),
		Protocol: nsgflow.ProtocolUnknown, Unknown: 4}},
	{nsgflow.VNet, "1726286400512,fd00::4,fd00::5,52001,1433,T,O,C,NX_FALLBACK,14,2210,11,9081,more", nsgflow.Flow{
		Family: nsgflow.VNet, Time: 1726286400512,
		Source: endpoint("fd00::4", 52001, 14, 2210), Destination: endpoint("fd00::5", 1433, 11, 9081),
		Protocol: 6, Direction: nsgflow.Outbound, Decision: nsgflow.Allowed, State: nsgflow.Continue, Encryption: nsgflow.Fallback, EncryptionCode: "NX_FALLBACK"}},
	{nsgflow.VNet, "1726286400,10.3.1.4,10.3.2.9,1,2,255,I,D,", nsgflow.Flow{
		Family: nsgflow.VNet, Time: 1726286400000,
		Source: endpoint("10.3.1.4", 1, absent, absent), Destination: endpoint("10.3.2.9", 2, absent, absent),
		Protocol: 255, Direction: nsgflow.Inbound, Decision: nsgflow.Denied, State: nsgflow.Deny}},
	{nsgflow.VNet, "1726286400,10.3.1.4,10.3.2.9,1,2,U,I,D,B", nsgflow.Flow{ // the NSG layout
		Family: nsgflow.VNet, Time: 1726286400000,
		Source: endpoint("10.3.1.4", 1, absent, absent), Destination: endpoint("10.3.2.9", 2, absent, absent),
		Protocol: 17, Direction: nsgflow.Inbound, Decision: nsgflow.Denied, State: nsgflow.Begin}},
	{nsgflow.VNet, "1726286400,fd00::4,fd00::5,1,2,T,O,A,,1,2,3,4", nsgflow.Flow{
		Family: nsgflow.VNet, Time: 1726286400000,
		Source: endpoint("fd00::4", 1, 1, 2), Destination: endpoint("fd00::5", 2, 3, 4),
		Protocol: 6, Direction: nsgflow.Outbound, Decision: nsgflow.Allowed, State: nsgflow.StateAbsent}},
	{nsgflow.VNet, "1726286400,10.3.1.4,10.3.2.9,1,2,T,I,D,D", nsgflow.Flow{ // not that
		Family: nsgflow.VNet, Time: 1726286400000,
		Source: endpoint("10.3.1.4", 1, absent, absent), Destination: endpoint("10.3.2.9", 2, absent, absent),
		Protocol: 6, Direction: nsgflow.Inbound, Decision: nsgflow.Denied, State: nsgflow.Deny,
		Encryption: nsgflow.EncryptionUnknown, EncryptionCode: "D", Unknown: 1}},
	{nsgflow.VNet, "1726286400,10.3.1.4,10.3.2.9,1,2,256,I,A,NX_OTHER", nsgflow.Flow{
		Family: nsgflow.VNet, Time: 1726286400000,
		Source: endpoint("10.3.1.4", 1, absent, absent), Destination: endpoint("10.3.2.9", 2, absent, absent),
		Protocol: nsgflow.ProtocolUnknown, Direction: nsgflow.Inbound, Encryption: nsgflow.EncryptionUnknown, EncryptionCode: "NX_OTHER", Unknown: 3}},
}

// addresses compares them as they are: they have fields of their own.
var addresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestParseTuple(t *testing.T) {
	for _, row := range tuples {
		got, err := nsgflow.ParseTuple(row.family, row.tuple)
		if err != nil {
			t.Errorf("%s: %v", row.tuple, err)
		}
		if got != row.want {
			t.Errorf("%s: %s", row.tuple, cmp.Diff(row.want, got, addresses))
		}
	}
}

func TestEncryptionCodes(t *testing.T) {
	for code, want := range map[string]nsgflow.Encryption{
		"": nsgflow.EncryptionAbsent, "X": nsgflow.Encrypted, "NX": nsgflow.Unencrypted,
		"NX_HW_NOT_SUPPORTED": nsgflow.HardwareNotSupported, "NX_SW_NOT_READY": nsgflow.SoftwareNotReady,
		"NX_NOT_ACCEPTED": nsgflow.NotAccepted, "NX_NOT_SUPPORTED": nsgflow.DiscoveryNotSupported,
		"NX_LOCAL_DST": nsgflow.LocalDestination, "NX_FALLBACK": nsgflow.Fallback,
		"x": nsgflow.EncryptionUnknown, "NX ": nsgflow.EncryptionUnknown,
	} {
		f, err := nsgflow.ParseTuple(nsgflow.VNet, "1726286400,10.3.1.4,10.3.2.9,1,2,6,I,B,"+code)
		if err != nil || f.Encryption != want || f.EncryptionCode != code {
			t.Errorf("%q: got %v, code %q, error %v", code, f.Encryption, f.EncryptionCode, err)
		}
	}
}

// FuzzParseTuple compares with a reading of the mapping, section 2, by split
// columns and the standard library.
func FuzzParseTuple(f *testing.F) {
	for _, row := range tuples {
		f.Add(row.tuple, row.family == nsgflow.VNet)
	}
	quoted := func(c rune) bool { return c == '"' }
	for _, row := range hostile {
		for _, s := range strings.FieldsFunc(row.input, quoted) {
			if strings.Contains(s, ",") && len(s) < 1000 {
				f.Add(s, false)
				f.Add(s, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, tuple string, vnet bool) {
		family := nsgflow.NSG
		if vnet {
			family = nsgflow.VNet
		}
		got, err := nsgflow.ParseTuple(family, tuple)
		want, column := readTuple(family, tuple)
		if column != fine {
			var e *nsgflow.TupleError
			if !errors.As(err, &e) {
				t.Fatalf("%q: got %+v, want an error in column %d", tuple, got, column)
			}
			if e.Column != column || !cmp.Equal(got, nsgflow.Flow{}, addresses) {
				t.Errorf("%q: got %v, want column %d", tuple, err, column)
			}
			if s := err.Error(); !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 1000 {
				t.Errorf("%q: message %q", tuple, s)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", tuple, err)
		}
		if diff := cmp.Diff(want, got, addresses); diff != "" {
			t.Errorf("%q: %s", tuple, diff)
		}
	})
}

const (
	tooFew = -1 // columns
	fine   = -2
)

// readTuple gives the column that does not parse, or fine.
func readTuple(family nsgflow.Family, tuple string) (f nsgflow.Flow, column int) {
	c := strings.Split(tuple, ",")
	if len(c) < 8 || family == nsgflow.VNet && len(c) < 9 {
		return f, tooFew
	}
	c = append(c, make([]string, 13)...)
	f.Family = family
	seconds, ok := whole(c[0], 18)
	if !ok {
		seconds, ok = wholeFloat(c[0])
	}
	switch {
	case !ok:
		return f, 0
	case seconds < 1e11:
		f.Time = seconds * 1000
	default:
		f.Time = seconds
	}
	if f.Time >= (1<<31)*1000 {
		return f, 0
	}
	for i, e := range []*nsgflow.Endpoint{&f.Source, &f.Destination} {
		addr, err := netip.ParseAddr(c[1+i])
		if err != nil || addr.Zone() != "" {
			return f, 1 + i
		}
		e.Addr = addr
	}
	for i, e := range []*nsgflow.Endpoint{&f.Source, &f.Destination} {
		port, ok := whole(c[3+i], 5)
		if !ok || port > 65535 {
			return f, 3 + i
		}
		e.Port = uint16(port)
	}
	f.Protocol = nsgflow.ProtocolUnknown
	if n, ok := whole(c[5], 3); ok && n < 256 {
		f.Protocol = nsgflow.Protocol(n)
	} else if n, ok := map[string]nsgflow.Protocol{"T": 6, "U": 17}[c[5]]; ok {
		f.Protocol = n
	}
	f.Direction = map[string]nsgflow.Direction{"I": nsgflow.Inbound, "O": nsgflow.Outbound}[c[6]]
	states := map[string]nsgflow.State{"B": nsgflow.Begin, "C": nsgflow.Continue, "E": nsgflow.End}
	inNSGLayout := strings.Contains(" T U ", " "+c[5]+" ") && strings.Contains(" A D ", " "+c[7]+" ") &&
		(c[8] == "" || strings.Contains(" B C E ", " "+c[8]+" "))
	if family == nsgflow.NSG || inNSGLayout {
		f.Decision = map[string]nsgflow.Decision{"A": nsgflow.Allowed, "D": nsgflow.Denied}[c[7]]
		states[""] = nsgflow.StateAbsent
		f.State = states[c[8]]
	} else {
		states["D"] = nsgflow.Deny
		f.State = states[c[7]]
		switch f.State {
		case nsgflow.Begin, nsgflow.Continue, nsgflow.End:
			f.Decision = nsgflow.Allowed
		case nsgflow.Deny:
			f.Decision = nsgflow.Denied
		}
		f.Encryption, f.EncryptionCode = encryptionOf(c[8]), c[8]
	}
	for i, p := range []*nsgflow.Counter{&f.Source.Packets, &f.Source.Bytes, &f.Destination.Packets, &f.Destination.Bytes} {
		*p = nsgflow.CounterAbsent
		if c[9+i] == "" {
			continue
		}
		n, ok := whole(c[9+i], 18)
		if !ok {
			return f, 9 + i
		}
		*p = nsgflow.Counter(n)
	}
	for _, unknown := range []bool{
		f.Protocol == nsgflow.ProtocolUnknown, f.Direction == nsgflow.DirectionUnknown,
		f.Decision == nsgflow.DecisionUnknown,
		f.State == nsgflow.StateUnknown && family == nsgflow.NSG, // of VNet it is the decision
		f.Encryption == nsgflow.EncryptionUnknown,
	} {
		if unknown {
			f.Unknown++
		}
	}
	return f, fine
}

// whole is a decimal number of so many digits at most.
func whole(s string, digits int) (int64, bool) {
	if s == "" || len(s) > digits || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

var floatText = regexp.MustCompile(`^([0-9]{1,18})(\.[0-9]+)?([eE]\+?[0-9]{1,2})?$`)

// wholeFloat is a floating-point number without a fraction, of 18 digits at most.
func wholeFloat(s string) (int64, bool) {
	parts := floatText.FindStringSubmatch(s)
	if parts == nil || len(strings.TrimLeft(strings.Replace(parts[1]+parts[2], ".", "", 1), "0")) > 18 {
		return 0, false
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok || !n.IsInt() || n.Num().Cmp(big.NewInt(1e18)) >= 0 {
		return 0, false
	}
	return n.Num().Int64(), true
}

func encryptionOf(code string) nsgflow.Encryption {
	codes := []string{"X", "NX", "NX_HW_NOT_SUPPORTED", "NX_SW_NOT_READY", "NX_NOT_ACCEPTED", "NX_NOT_SUPPORTED", "NX_LOCAL_DST", "NX_FALLBACK"}
	for i, known := range codes {
		if code == known {
			return nsgflow.Encrypted + nsgflow.Encryption(i)
		}
	}
	if code == "" {
		return nsgflow.EncryptionAbsent
	}
	return nsgflow.EncryptionUnknown
}
