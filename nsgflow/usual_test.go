package nsgflow

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
)

// usualTuples must be read by parseUsual: that is what makes the filter fast.
var usualTuples = []struct {
	family Family
	tuple  string
}{
	{NSG, "1741078800,10.20.2.175,192.0.2.140,36857,443,T,O,A,C,163,39609,177,40710"},
	{NSG, "1741078800,10.20.2.175,192.0.2.140,36857,443,T,O,A,B,,,,"},
	{NSG, "1741078800,10.0.0.4,192.0.2.7,1,0,U,I,D"},
	{NSG, "1741078800,10.0.0.4,192.0.2.7,1,0,U,I,D,B"},
	{NSG, "1741078800,10.0.0.4,192.0.2.7,1,0,U,I,D,E,"},
	{NSG, "0000000000,0.0.0.0,1.1.1.1,0,0,U,I,A,E,0,0,0,"},
	{NSG, "1741078800,255.255.255.255,255.255.255.255,65535,65535,T,O,A,E,1234567,1234567,1234567,12345678"},
	{NSG, "1741078800,9.99.199.255,249.200.100.10,65535,80,T,O,A,E,99999999,1,2,3"},
	{VNet, "1741078800123,10.20.2.175,192.0.2.140,36857,443,6,O,C,NX,163,39609,177,40710"},
	{VNet, "1741078800123,10.20.2.175,192.0.2.140,36857,443,17,O,B,X,0,0,0,0"},
	{VNet, "1741078800,10.20.2.175,192.0.2.140,36857,443,255,I,D,NX_HW_NOT_SUPPORTED,0,0,0,0"},
	{VNet, "1741078800123,255.255.255.255,255.255.255.255,65535,65535,255,O,E,NX_HW_NOT_SUPPORTED,1234567,1234567,1234567,12345678"},
	{VNet, "1741078800123,10.20.2.175,192.0.2.140,36857,443,6,I,D,"},
	{VNet, "1741078800123,10.20.2.175,192.0.2.140,36857,443,6,I,D,NX"},
}

// agree holds parseUsual to parseColumns for a line with something behind it
// in memory, and says whether it has read the line.
func agree(t *testing.T, family Family, line, behind string) bool {
	t.Helper()
	memory := append(make([]byte, 0, len(line)+len(behind)+usualRoom), line+behind...)
	in := memory[:len(line)]
	var got, want Flow
	if !got.parseUsual(family, in) {
		return false
	}
	if bad := want.parseColumns(family, bytes.Clone(in)); bad != tupleFine {
		t.Fatalf("%q, then %q: read, but column %d is bad", line, behind, bad)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%q, then %q: got %+v, want %+v", line, behind, got, want)
	}
	return true
}

func TestUsualTuples(t *testing.T) {
	for _, row := range usualTuples {
		if !agree(t, row.family, row.tuple, "") {
			t.Errorf("%s: left to the columns", row.tuple)
		}
	}
}

// What stands behind a tuple in memory makes no difference, a cut tuple in
// front of its own rest least of all.
func TestUsualTuplesCut(t *testing.T) {
	for _, row := range usualTuples {
		for i := range row.tuple {
			line, rest := row.tuple[:i], row.tuple[i:]
			for _, behind := range []string{rest, "," + rest, "0" + rest, `"` + rest, ",,,,,,,,,"} {
				agree(t, NSG, line, behind)
				agree(t, VNet, line, behind)
			}
		}
	}
}

// One byte of a usual tuple is another, is missing or comes twice.
func TestUsualTuplesChanged(t *testing.T) {
	read := 0
	for _, row := range usualTuples {
		for i := range row.tuple {
			before, after := row.tuple[:i], row.tuple[i+1:]
			lines := []string{before + after, row.tuple[:i+1] + row.tuple[i:]}
			for _, c := range "\x00 !\"+,-./0123456789:;@ABCDEINOTUX\\_bx\x7f\u00e9" {
				lines = append(lines, before+string(c)+after, before+string(c)+row.tuple[i:])
			}
			for _, b := range []string{"\x80", "\x8a", "\xb0", "\xff", "\xac", "\xae"} { // digits and separators with the high bit
				lines = append(lines, before+b+after)
			}
			for _, line := range lines {
				for _, family := range []Family{NSG, VNet} {
					if agree(t, family, line, "") {
						read++
					}
				}
			}
		}
	}
	if read < 1000 {
		t.Errorf("only %d of the changed tuples were read", read)
	}
}

// Random columns, most of them good.
func TestUsualTuplesRandom(t *testing.T) {
	columns := []func(r *rand.Rand) string{
		pick("1741078800", "1741078800123", "0", "2147483647", "2147483648", "9999999999", "2147483647999", "2147483648000", "0000000000001", "99999999999"),
		address, address, digit, digit,
		pick("T", "U", "6", "17", "255", "256", "0", ""), pick("I", "O", "X", ""), pick("A", "D", "B", "C", "E", ""),
		pick("B", "C", "E", "D", "", "X", "NX", "NX_LOCAL_DST", "NX_HW_NOT_SUPPORTED", "NX_OTHER"), digit, digit, digit, digit, digit,
	}
	r := rand.New(rand.NewPCG(1, 2))
	read := 0
	const count = 200_000
	for range count {
		line := columns[0](r)
		for _, c := range columns[1 : 6+r.IntN(9)] {
			line += "," + c(r)
		}
		for _, family := range []Family{NSG, VNet} {
			if agree(t, family, line, "") {
				read++
			}
		}
	}
	if read < count/1000 {
		t.Errorf("only %d of %d were read", read, count)
	}
}

func pick(from ...string) func(r *rand.Rand) string {
	return func(r *rand.Rand) string { return from[r.IntN(len(from))] }
}

func address(r *rand.Rand) string {
	if r.IntN(20) == 0 {
		return pick("fd00::4", "10.0.0", "10.0.0.256", "10.0.0.04", "", "10.0.0.1.2", "300.1.1.1", "::ffff:1.2.3.4")(r)
	}
	octet := func() string { return pick("0", "1", "9", "10", "99", "100", "199", "200", "249", "255")(r) }
	return octet() + "." + octet() + "." + octet() + "." + octet()
}

// digit is a number of up to ten digits, now and then none.
func digit(r *rand.Rand) string {
	const digits = "9081726354"
	return digits[:min(r.IntN(8), r.IntN(11))]
}
