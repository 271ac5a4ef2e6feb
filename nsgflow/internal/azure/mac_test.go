package azure_test

import (
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/azure"
)

func TestMAC(t *testing.T) {
	const form, colons = "00-0D-3A-F1-C2-7E", "00:0D:3A:F1:C2:7E"
	for _, text := range []string{"000D3AF1C27E", "000d3af1c27e", form, colons, "00.0d.3a.f1.c2.7e", "000d.3af1.c27e"} {
		mac, ok := azure.ParseMAC(text)
		got := azure.AppendMAC(nil, mac)
		if !ok || string(got) != form || string(azure.AppendColons(nil, got)) != colons {
			t.Errorf("%s: %v, %s", text, ok, got)
		}
	}
	for _, text := range []string{"", "00", "000D3AF1C27", "000D3AF1C27E0", "000D3AF1C27E00", "000D3AF1C27G", "00--0D3AF1C27E", "000D3AF1C27E-", "-000D3AF1C27E", "0-00D3AF1C27E", "000D3AF1C27é"} {
		if mac, ok := azure.ParseMAC([]byte(text)); ok {
			t.Errorf("%q: %x", text, mac)
		}
	}
}
