package engine

import (
	"testing"
	"time"
)

func TestPackUnpack(t *testing.T) {
	const lines = `{"b":1,"a":[true,null,-7,1.5,"x<y"],"c":{"z":9223372036854775807,"é":{}}}` + "\n" + `{}` + "\n"
	at := time.Unix(1700000000, 123000000)
	for _, framing := range []Framing{New, Old} {
		chunk, err := Pack(framing, at, []byte(lines))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Lines(chunk)
		if err != nil || string(got) != lines {
			t.Errorf("framing %d: got %s, %v", framing, got, err)
		}
		records, _ := Unpack(chunk)
		if r := records[0]; !r.Time.Equal(at) || r.Framing != framing || (framing == New) != (string(r.Metadata) == "{}") {
			t.Errorf("framing %d: record %+v", framing, r)
		}
		for cut := 1; cut < len(chunk); cut++ {
			if records, err := Unpack(chunk[:cut]); err == nil && len(records) != 1 {
				t.Errorf("framing %d: %d bytes of %d read as %d records", framing, cut, len(chunk), len(records))
			}
		}
	}
}
