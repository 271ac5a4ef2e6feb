package nsgflow

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// fastTuples must be read by parseFast: that is what makes the filter fast.
var fastTuples = []struct {
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

// agree holds parseFast to parseColumns, and says whether it has read the line. The
// line stands at the end of a document, then in one that goes on behind it.
func agree(t *testing.T, family Family, line string) bool {
	t.Helper()
	document := []byte(line + strings.Repeat("1,.", 60))
	last := agreeIn(t, family, []byte(line)[:len(line):len(line)])
	if inside := agreeIn(t, family, document[:len(line)]); inside != last {
		t.Fatalf("%q: read %v at the end of a document, %v inside", line, last, inside)
	}
	return last
}

func agreeIn(t *testing.T, family Family, line []byte) bool {
	t.Helper()
	var got, want parsedTuple
	if !got.parseFast(family, line) {
		return false
	}
	if bad := want.parseColumns(family, line); bad != noColumn {
		t.Fatalf("%q: read, but column %d is bad", line, bad)
	}
	// What stands behind the text of an address is no part of it.
	for _, a := range []*address{&got.source, &got.destination} {
		clear(a.packed[a.size:])
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%q: got %+v, want %+v", line, got, want)
	}
	return true
}

func TestFastTuples(t *testing.T) {
	for _, row := range fastTuples {
		if !agree(t, row.family, row.tuple) {
			t.Errorf("%s: left to the columns", row.tuple)
		}
	}
}

func TestFastTuplesCut(t *testing.T) {
	for _, row := range fastTuples {
		for i := range row.tuple {
			agree(t, NSG, row.tuple[:i])
			agree(t, VNet, row.tuple[:i])
		}
	}
}

// One byte of a fast tuple is another, is missing or comes twice.
func TestFastTuplesChanged(t *testing.T) {
	t.Parallel()
	WithoutRaceDetector(t)
	read := 0
	for _, row := range fastTuples {
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
					if agree(t, family, line) {
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
func TestFastTuplesRandom(t *testing.T) {
	t.Parallel()
	WithoutRaceDetector(t)
	columns := []func(r *rand.Rand) string{
		pick("1741078800", "1741078800123", "0", "2147483647", "2147483648", "9999999999", "2147483647999", "2147483648000", "0000000000001", "99999999999"),
		anyAddress, anyAddress, digit, digit,
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
			if agree(t, family, line) {
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

func anyAddress(r *rand.Rand) string {
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
