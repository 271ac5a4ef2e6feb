package context

import (
	"net/netip"
)

// Class is the kind of network that an address is of, by its bits alone.
type Class uint8

const (
	Public Class = iota
	Platform
	Unspecified
	Loopback
	Broadcast
	Multicast
	LinkLocal
	Private
	Documentation
	Reserved
)

// String is the class as events have it.
func (c Class) String() string {
	return [...]string{
		Public:        "public",
		Platform:      "platform",
		Unspecified:   "unspecified",
		Loopback:      "loopback",
		Broadcast:     "broadcast",
		Multicast:     "multicast",
		LinkLocal:     "link_local",
		Private:       "private",
		Documentation: "documentation",
		Reserved:      "reserved",
	}[c]
}

// The first row that contains an address says its class. 168.63.129.16 is
// Azure's DNS and health probe, 169.254.169.254 its metadata service
// (Microsoft Learn, "What is IP address 168.63.129.16?"); the others are of
// IANA's special-purpose registries.
var (
	classes4 = classRows(
		classRow{Platform, "168.63.129.16/32"},
		classRow{Platform, "169.254.169.254/32"},
		classRow{Unspecified, "0.0.0.0/32"},
		classRow{Loopback, "127.0.0.0/8"},
		classRow{Broadcast, "255.255.255.255/32"},
		classRow{Multicast, "224.0.0.0/4"},
		classRow{LinkLocal, "169.254.0.0/16"},
		classRow{Private, "10.0.0.0/8"},
		classRow{Private, "172.16.0.0/12"},
		classRow{Private, "192.168.0.0/16"},
		classRow{Private, "100.64.0.0/10"},
		classRow{Documentation, "192.0.2.0/24"},
		classRow{Documentation, "198.51.100.0/24"},
		classRow{Documentation, "203.0.113.0/24"},
		classRow{Reserved, "0.0.0.0/8"},
		classRow{Reserved, "192.0.0.0/24"},
		classRow{Reserved, "198.18.0.0/15"},
		classRow{Reserved, "240.0.0.0/4"},
	)
	classes6 = classRows(
		classRow{Unspecified, "::/128"},
		classRow{Loopback, "::1/128"},
		classRow{Multicast, "ff00::/8"},
		classRow{LinkLocal, "fe80::/10"},
		classRow{Private, "fc00::/7"},
		classRow{Documentation, "2001:db8::/32"},
		classRow{Documentation, "3fff::/20"},
		classRow{Reserved, "100::/64"},
		classRow{Public, "2001::/32"}, // Teredo
		classRow{Reserved, "2001::/23"},
	)
)

type classRow struct {
	class  Class
	prefix string
}

// masked is a row, ready to be compared with.
type masked struct {
	first, mask point
	class       Class
}

func classRows(rows ...classRow) (all []masked) {
	for _, row := range rows {
		p := netip.MustParsePrefix(row.prefix)
		all = append(all, masked{pointOf(p.Addr()), maskOf(p.Bits()), row.class})
	}
	return all
}

// ClassOf is the class of an address. One that is mapped from IPv4 counts as
// what it is mapped from.
func ClassOf(addr netip.Addr) Class {
	addr = addr.Unmap()
	rows := classes4
	if !addr.Is4() {
		rows = classes6
	}
	at := pointOf(addr)
	for i := range rows {
		row := &rows[i]
		if at.high&row.mask.high == row.first.high && at.low&row.mask.low == row.first.low {
			return row.class
		}
	}
	return Public
}

// surelyPublic are the first bytes of IPv4 addresses of which all are public.
var surelyPublic = func() (of [256]bool) {
	for i := range of {
		of[i] = true
	}
	for _, row := range classes4 {
		first := byte(row.first.high >> 56)
		mask := byte(row.mask.high >> 56)
		for i := range of {
			if byte(i)&mask == first&mask {
				of[i] = false
			}
		}
	}
	return of
}()

// isSurelyPublic says in less time that most public addresses are.
func (p point) isSurelyPublic(is4 bool) bool {
	if is4 {
		return surelyPublic[p.high>>56]
	}
	// 2000::/3 is what is routed; 2001::/16 and 3fff::/16 have exceptions.
	head := p.high >> 48
	return head>>13 == 1 && head != 0x2001 && head != 0x3fff
}
