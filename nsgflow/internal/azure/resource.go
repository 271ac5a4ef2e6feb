// Package azure reads the names that Azure gives: resource ids, rules, MAC
// addresses.
package azure

import (
	"bytes"
	"strings"
)

// Resource is a resource id in parts, each as the id has it:
// /subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{name}
// Provider is the namespace with the first type, Microsoft.Network/networkSecurityGroups
// for instance; Name is what follows, with the types of what lies inside:
// my-vnet/subnets/my-subnet.
type Resource struct {
	id           string
	Subscription []byte
	Account      []byte // the subscription in lower case
	Group        []byte
	Provider     []byte
	Name         []byte
	Region       []byte // of a flow log
	LowerName    []byte // Azure's names have no case: NSG logs shout, VNet logs do not
}

// Parse reads an id; parts that it does not have stay empty. Ids come in any
// case. The parts of the last id are kept: logs name few resources.
func (r *Resource) Parse(id []byte) *Resource {
	if string(id) == r.id {
		return r
	}
	*r = Resource{id: string(id)}
	r.Region = regionOf(r.id)
	parts := strings.Split(r.id, "/")
	if len(parts) < 3 || parts[0] != "" {
		return r
	}
	for i := 1; i+1 < len(parts); i += 2 {
		value := parts[i+1]
		if value == "" {
			continue
		}
		switch strings.ToLower(parts[i]) {
		case "subscriptions":
			r.Subscription = []byte(value)
			r.Account = []byte(strings.ToLower(value))
		case "resourcegroups":
			r.Group = []byte(value)
		case "providers":
			if i+3 < len(parts) {
				r.Provider = []byte(value + "/" + parts[i+2])
				if name := strings.Join(parts[i+3:], "/"); name != "" {
					r.Name, r.LowerName = []byte(name), []byte(strings.ToLower(name))
				}
			}
			return r
		}
	}
	return r
}

// regionOf is the region of a flow log, from the name of its network watcher,
// NETWORKWATCHER_<REGION>, which Azure gives to those that it makes itself.
func regionOf(flowLog string) []byte {
	_, watcher, _ := strings.Cut(strings.ToLower(flowLog), "/networkwatchers/")
	watcher, _, _ = strings.Cut(watcher, "/")
	if name, ok := strings.CutPrefix(watcher, "networkwatcher_"); ok && name != "" {
		return []byte(name)
	}
	return nil
}

// ruleClasses are the prefixes of rule names, from "Flow logging for network
// security groups" on Microsoft Learn, and what they say. Rules of Virtual
// Network Manager have none of them.
var ruleClasses = []struct {
	prefix string
	class  []byte
}{
	{"DefaultRule_", []byte("default")},
	{"UserRule_", []byte("user")},
	{"PlatformRule", []byte("platform")},
}

// RuleClass is the class of a rule by its name; nil where that says none.
func RuleClass(rule []byte) []byte {
	for _, c := range ruleClasses {
		if bytes.HasPrefix(rule, []byte(c.prefix)) {
			return c.class
		}
	}
	return nil
}

// ParseMAC reads a MAC address: twelve hex digits, with separators between pairs or fours
// of them or without. ok is false for others.
func ParseMAC[T string | []byte](text T) (mac uint64, ok bool) {
	digits := 0
	for i := range len(text) {
		c := text[i]
		switch {
		case c-'0' <= 9:
			c -= '0'
		case (c|0x20)-'a' <= 5:
			c = (c | 0x20) - 'a' + 10
		case (c == '-' || c == ':' || c == '.') && digits%2 == 0 && digits > 0 && i+1 < len(text) && text[i-1] != c:
			continue
		default:
			return 0, false
		}
		if digits++; digits > 12 {
			return 0, false
		}
		mac = mac<<4 | uint64(c)
	}
	return mac, digits == 12
}

// AppendMAC appends a MAC address in the form of RFC 7042, as ECS wants it:
// DB-83-1E-FE-C3-76.
func AppendMAC(dst []byte, mac uint64) []byte {
	for shift := 40; shift >= 0; shift -= 8 {
		b := byte(mac >> shift)
		if dst = append(dst, hexDigits[b>>4], hexDigits[b&0xf]); shift > 0 {
			dst = append(dst, '-')
		}
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// AppendColons appends a MAC address that AppendMAC has written, with colons.
func AppendColons(dst []byte, mac []byte) []byte {
	for _, c := range mac {
		if c == '-' {
			c = ':'
		}
		dst = append(dst, c)
	}
	return dst
}
