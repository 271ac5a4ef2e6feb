package nsgflow

import "net/netip"

// Family is the kind of flow log that a tuple comes from. It decides what
// columns 7 and 8 of the tuple mean.
type Family uint8

const (
	NSG  Family = iota // network security group flow logs, versions 1 and 2
	VNet               // Virtual Network flow logs, version 4
)

// Direction says on which way the flow passed the network interface.
type Direction uint8

const (
	DirectionUnknown Direction = iota // neither I nor O
	Inbound                           // I
	Outbound                          // O
)

// Decision is what the rule did with the flow.
type Decision uint8

const (
	DecisionUnknown Decision = iota // NSG: neither A nor D; VNet: the state is unknown
	Allowed                         // NSG: A; VNet: state B, C or E
	Denied                          // NSG: D; VNet: state D
)

// State is the part of the flow's life that a tuple reports.
type State uint8

const (
	StateUnknown State = iota // a letter that no document names
	StateAbsent               // NSG version 1 has no state; version 2 may leave it empty
	Begin                     // B; of a denied NSG flow: its only tuple, not a beginning
	Continue                  // C, every five minutes
	End                       // E
	Deny                      // D, VNet only
)

// Encryption is the code of column 8 of a VNet tuple, from "Virtual network
// flow logs" on Microsoft Learn.
type Encryption uint8

const (
	EncryptionAbsent      Encryption = iota // NSG, or an empty column
	EncryptionUnknown                       // a code that no document names; see Flow.EncryptionCode
	Encrypted                               // X
	Unencrypted                             // NX
	HardwareNotSupported                    // NX_HW_NOT_SUPPORTED
	SoftwareNotReady                        // NX_SW_NOT_READY
	NotAccepted                             // NX_NOT_ACCEPTED
	DiscoveryNotSupported                   // NX_NOT_SUPPORTED
	LocalDestination                        // NX_LOCAL_DST
	Fallback                                // NX_FALLBACK
)

// ProtocolUnknown stands for a protocol column that is neither a letter that
// Azure documents nor a number from 0 to 255.
const ProtocolUnknown Protocol = -1

// Protocol is an IANA protocol number, or ProtocolUnknown.
type Protocol int16

// Counter counts packets or bytes since the flow's previous tuple. It is
// negative where the log leaves it empty, which is not the same as zero.
type Counter int64

// CounterAbsent is the value of a counter that the log leaves empty.
const CounterAbsent Counter = -1

// Endpoint is one side of a flow.
type Endpoint struct {
	Addr    netip.Addr // IPv4 or IPv6, never with a zone
	Port    uint16
	Packets Counter // sent by this side
	Bytes   Counter // sent by this side

	column []byte  // Addr as the tuple has it, and the comma in front of it
	v4     [4]byte // an IPv4 address; Addr is made of it last, see complete
	is4    bool
}

// complete makes Addr, which parse leaves out where nobody will look at it.
func (e *Endpoint) complete() {
	if e.is4 {
		e.Addr = netip.AddrFrom4(e.v4)
	}
}

// sameAddress compares addresses of flows that parse has read.
func sameAddress(a, b *Endpoint) bool {
	return a.is4 == b.is4 && (a.is4 && a.v4 == b.v4 || !a.is4 && a.Addr == b.Addr)
}

// Flow is one flow tuple, read.
type Flow struct {
	Family      Family
	Time        int64 // milliseconds since 1970-01-01 UTC; NSG logs whole seconds
	Source      Endpoint
	Destination Endpoint
	Protocol    Protocol
	Direction   Direction
	Decision    Decision
	State       State
	Encryption  Encryption // valid iff Family is VNet

	// Unknown counts the columns (protocol, direction, decision, state,
	// encryption) whose value no document names.
	Unknown uint8

	encryption []byte // the code as the tuple has it, empty for NSG
}

// addresses says which version of IP both addresses have.
func (f *Flow) addresses() addresses {
	switch s, d := f.Source.is4, f.Destination.is4; {
	case s && d:
		return addressesIPv4
	case !s && !d:
		return addressesIPv6
	}
	return addressesMixed
}

// EncryptionCode is column 8 of a VNet tuple as the log has it.
func (f *Flow) EncryptionCode() string { return string(f.encryption) }
