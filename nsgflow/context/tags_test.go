package context

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestServiceTags(t *testing.T) {
	data := readFile(t, "testdata/service-tags.json")
	// The API writes numbers as texts and may say that there is a next page; files
	// have other ends of lines, or a mark of their byte order.
	api := bytes.ReplaceAll(data, []byte(`"changeNumber": 376`), []byte(`"changeNumber": "376", "nextLink": null, "type": "x"`))
	crlf := append([]byte("\ufeff"), bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))...)
	for form, data := range map[string][]byte{"file": data, "API": api, "CRLF": crlf} {
		s, err := readServiceTags(data)
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if s.change != "376" || s.cloud != "Public" {
			t.Errorf("%s: version %q of %q", form, s.change, s.cloud)
		}
		for addr, want := range map[string]tagAnswer{
			"20.60.0.1":         {"Storage.EastUS", "AzureStorage", "eastus"},
			"20.60.1.1":         {"Storage", "AzureStorage", ""},
			"20.190.128.5":      {"AzureActiveDirectory.ServiceEndpoint", "AzureIdentity", "southcentralus"},
			"20.190.128.70":     {"AzureActiveDirectory", "AzureAD", "southcentralus"},
			"20.190.129.1":      {"AzureActiveDirectory", "AzureAD", ""},
			"20.50.10.1":        {"LogicApps", "LogicApps", ""},
			"20.50.10.33":       {"LogicAppsManagement.WestEurope", "LogicAppsManagement", "westeurope"},
			"20.50.11.1":        {"AzureCloud", "", ""},
			"51.116.16.9":       {"Storage.GermanyWestCentral", "AzureStorage", "germanywestcentral"},
			"51.116.17.9":       {"Storage", "AzureStorage", "germanywestcentral"},
			"51.116.0.9":        {"AzureCloud.germanywc", "", "germanywestcentral"},
			"51.116.200.9":      {"AzureCloud.brazilne", "", "brazilne"},
			"51.116.201.9":      {"AzureCloud", "", ""},
			"13.107.246.7":      {"AzureFrontDoor.Frontend", "AzureFrontDoor", ""},
			"2620:1ec:29::7":    {"AzureFrontDoor.Frontend", "AzureFrontDoor", ""},
			"2603:1020:1000::1": {"AzureCloud.germanywc", "", "germanywestcentral"},
			"168.63.129.16":     {},
			"10.0.0.1":          {},
		} {
			got, ok := s.of(netip.MustParseAddr(addr))
			if got != want || ok != (want != tagAnswer{}) {
				t.Errorf("%s: %s has %+v, not %+v", form, addr, got, want)
			}
		}
	}
}

func TestServiceTagsRefused(t *testing.T) {
	good := string(readFile(t, "testdata/service-tags.json"))
	many := `{"values":[{"name":"A","properties":{"addressPrefixes":["1.2.3.4"` + strings.Repeat(`,"x"`, 101) + strings.Repeat(`,"1.2.3.5"`, 200) + `]}}]}`
	for text, want := range map[string]string{
		"":                   "line 1: unexpected end of JSON input",
		"<html>":             "line 1: invalid character '<' looking for beginning of value",
		"{}":                 `no service tags in it: no "values"`,
		"[]":                 "line 1: unexpected array",
		`{"values":[]}`:      `no service tags in it: no "values"`,
		`{"values":[{}]}`:    "values[0]: a service tag without a name",
		good[:len(good)-800]: "line 27: unexpected end of JSON input",
		`{"values":[{"name":"A","properties":{"addressPrefixes":[1]}}]}`:         "values[0]: properties.addressPrefixes: unexpected number",
		`{"values":[{"name":"A","properties":{"addressPrefixes":["10.0.0."]}}]}`: `values[0] "A": "10.0.0.": no IP address and no prefix; 1 of 1 entries are like that`,
		`{"values":[{"name":"A","properties":{}}]}`:                              "no service tags in it: none has a prefix",
		many: `values[0] "A": "x": no IP address and no prefix; 101 of 302 entries are like that`,
	} {
		_, err := readServiceTags([]byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%.60q: %v, not %s", text, err, want)
		}
	}
	some := strings.ReplaceAll(many, strings.Repeat(`,"x"`, 101), `,"x"`)
	if s, err := readServiceTags([]byte(some)); err != nil || s.skipped.n != 1 {
		t.Errorf("one of many: %v", err)
	}
}

// TestServiceTagsOfAPage: one page of the API is not all of Azure, which is said.
func TestServiceTagsOfAPage(t *testing.T) {
	page := `{"changeNumber":"376","cloud":"Public","values":[{"name":"A","properties":{"addressPrefixes":["1.2.3.4"]}}],"nextLink":%q}`
	for next, want := range map[string]int{"": 1, "https://management.azure.com/next": 2} {
		if lines, err := Check("service-tags", fmt.Appendf(nil, page, next), noon); err != nil || len(lines) != want {
			t.Errorf("%q: %q, %v", next, lines, err)
		}
	}
}
