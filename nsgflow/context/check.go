package context

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// FileKinds are the kinds of files that Check reads, by the ends of their options,
// and mmdb for a database of anything.
func FileKinds() (all []string) {
	for k := range kinds {
		all = append(all, fileKind(kind(k)))
	}
	return append(all, anyDatabase)
}

const anyDatabase = "mmdb"

// fileKind is the option without "context_", with dashes.
func fileKind(k kind) string {
	return strings.ReplaceAll(strings.TrimPrefix(kinds[k].option, "context_"), "_", "-")
}

// Check reads a file of a kind, and says in a line what is in it, and in others
// what was left out. The error says what is wrong with it.
func Check(fileKindName string, data []byte, now time.Time) (lines []string, err error) {
	k := slices.Index(FileKinds(), fileKindName)
	if fileKindName == anyDatabase {
		p, err := parse(&source{kind: geoKind}, data, now)
		if err != nil {
			return nil, err
		}
		return []string{summary(p.value)}, nil
	}
	if k < 0 {
		return nil, fmt.Errorf("kind %s: there are %s", quote(fileKindName), strings.Join(FileKinds(), ", "))
	}
	if err := tooLong(int64(len(data)), kinds[k].most); err != nil {
		return nil, err
	}
	s := &source{kind: kind(k)}
	p, err := parse(s, data, now)
	if err != nil {
		return nil, err
	}
	f := &file{of: []*source{s}}
	s.files = []*file{f}
	if err, _ := f.use(p); err != nil {
		return nil, err
	}
	lines = append([]string{summary(p.value)}, p.remarks...)
	return lines, nil
}

// summary is what a file is.
func summary(value any) string {
	switch v := value.(type) {
	case *serviceTags:
		return fmt.Sprintf("service tags of %.60s, version %.60s: %s tags, %s prefixes", v.cloud, v.change, count(len(v.tags)), count(len(v.nodes)-1))
	case *inventoryFile:
		return fmt.Sprintf("an inventory of %.60s, %s: %s VNets, %s NICs, %s VMs, %s frontends and private endpoints, %s public addresses, %s objects in all",
			v.cloud, v.time.Format(time.RFC3339), count(len(v.vnets)), count(len(v.nics)), count(len(v.vms)), count(len(v.resources)), count(len(v.publics)), count(v.objects))
	case *networkFile:
		return fmt.Sprintf("networks: %s rows", count(len(v.rows)))
	case *database:
		has := map[bool]string{true: "countries or cities"}[v.hasGeo]
		if v.hasASN {
			has = strings.TrimPrefix(has+" and ASN", " and ")
		}
		return fmt.Sprintf("a database of %s, %s: %s", v.built.Format(time.DateOnly), clean(v.reader.Metadata.DatabaseType), has)
	case *threatList:
		return fmt.Sprintf("a threat list: %s entries", count(v.entries))
	case *exceptions:
		return fmt.Sprintf("exceptions of threat lists: %s networks", count(len(v.prefixes)))
	}
	return ""
}

var (
	isBundle   = regexp.MustCompile(`"type"\s*:\s*"bundle"`)
	isWarnings = regexp.MustCompile(`"(list|matching_attributes)"\s*:\s*\[`)
)

// KindOf is the kind of a file by its name and its beginning, some kilobytes.
// Empty: it looks like none of them.
func KindOf(name string, head []byte) string {
	head = withoutMark(head)
	has := func(text string) bool { return bytes.Contains(head, []byte(`"`+text+`"`)) }
	first, _ := firstEntry(head)
	k := kind(0)
	switch {
	case strings.HasSuffix(strings.ToLower(name), ".mmdb"):
		return anyDatabase
	case len(first) == 0:
		return ""
	case first[0] == '{' && bytes.Contains(first, []byte(`"nsgflow_inventory"`)):
		k = inventoryKind
	case first[0] == '{' && (has("addressPrefixes") || has("changeNumber") && has("values")):
		k = tagKind
	case first[0] == '{' && isBundle.Match(head):
		k = threatKind
	case first[0] == '{' && bytes.Contains(first, []byte(`"cidr"`)):
		k = threatKind
		if slices.ContainsFunc([]string{"name", "zone", "kind", "domain", "vnet", "labels"}, func(m string) bool { return bytes.Contains(first, []byte(`"`+m+`"`)) }) {
			k = networksKind
		}
	case first[0] == '{' && isWarnings.Match(head) && has("list"):
		k = exceptionKind
	case first[0] == '[' && has("ip_address"):
		k = threatKind
	case first[0] == '{' || first[0] == '[':
		return ""
	case isHead(first):
		return kindOfCSV(first)
	case isPlain(head):
		k = threatKind
	default:
		return ""
	}
	return fileKind(k)
}

// kindOfCSV tells by a head line.
func kindOfCSV(head []byte) string {
	columns, err := csv.NewReader(bytes.NewReader(head)).Read()
	if err != nil {
		return ""
	}
	ofNetworks, hasPrefix, hasAddress := 0, false, false
	for _, c := range columns {
		c = strings.ToLower(strings.TrimSpace(c))
		if networkColumns[c] != nil {
			ofNetworks++
		}
		hasPrefix = hasPrefix || c == "cidr"
		hasAddress = hasAddress || slices.Contains(addressFields, c)
	}
	switch {
	case hasPrefix && (len(columns) == 1 || ofNetworks > 1): // another may be misspelt
		return fileKind(networksKind)
	case hasAddress:
		return fileKind(threatKind)
	}
	return ""
}

// isPlain says that every whole line is an address with nothing but a comment
// behind it.
func isPlain(head []byte) bool {
	if end := bytes.LastIndexByte(head, '\n'); end >= 0 {
		head = head[:end]
	}
	n := 0
	for _, line := range lines(head) {
		if isComment(line) {
			continue
		}
		token, rest := firstToken(string(line))
		rest = strings.TrimSpace(rest)
		if _, err := prefixesOf(token); err != nil || rest != "" && rest[0] != '#' && rest[0] != ';' {
			return false
		}
		n++
	}
	return n > 0
}
