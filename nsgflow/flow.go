package nsgflow

import "net/netip"

// Flow is one flow tuple, read. Flows are comparable.
type Flow struct {
	Family      Family
	Time        int64 // milliseconds since 1970-01-01 UTC; NSG logs whole seconds
	Source      Endpoint
	Destination Endpoint
	Protocol    Protocol
	Direction   Direction
	Decision    Decision
	State       State
	Encryption  Encryption

	// EncryptionCode is column 8 of a VNet tuple as the log has it. Empty
	// for NSG.
	EncryptionCode string

	// Unknown counts the columns (protocol, direction, decision, state,
	// encryption) whose value no document names.
	Unknown uint8

	// Of the flow's record and group, as the log has them. Only Flows sets
	// them.
	Rule     string
	Resource string // NSG: resourceId; VNet: targetResourceID
	MAC      string
}

// Endpoint is one side of a flow.
type Endpoint struct {
	Addr    netip.Addr // IPv4 or IPv6, never with a zone
	Port    uint16
	Packets Counter // sent by this side
	Bytes   Counter // sent by this side
}

// Counter counts packets or bytes since the flow's previous tuple. It is
// negative where the log leaves it empty, which is not the same as zero.
type Counter int64

// CounterAbsent is the value of a counter that the log leaves empty.
const CounterAbsent Counter = -1

// Family is the kind of flow log that a tuple comes from. It decides what
// columns 7 and 8 of the tuple mean.
type Family uint8

const (
	NSG  Family = iota // network security group flow logs, versions 1 and 2
	VNet               // Virtual Network flow logs, version 4
)

func (f Family) String() string { return [...]string{NSG: "nsg", VNet: "vnet"}[f] }

// Direction says which way the flow passed the network interface.
type Direction uint8

const (
	DirectionUnknown Direction = iota // neither I nor O
	Inbound                           // I
	Outbound                          // O
)

func (d Direction) String() string {
	return [...]string{DirectionUnknown: "unknown", Inbound: "inbound", Outbound: "outbound"}[d]
}

// Decision is what the rule did with the flow.
type Decision uint8

const (
	DecisionUnknown Decision = iota // NSG: neither A nor D; VNet: the state is unknown
	Allowed                         // NSG: A; VNet: state B, C or E
	Denied                          // NSG: D; VNet: state D
)

func (d Decision) String() string {
	return [...]string{DecisionUnknown: "unknown", Allowed: "allowed", Denied: "denied"}[d]
}

// State is the part of the flow's life that a tuple reports.
type State uint8

const (
	StateUnknown State = iota // a letter that no document names
	StateAbsent               // NSG version 1 has no state, version 2 may leave it empty
	Begin                     // B; of a denied NSG flow: its only tuple, not a beginning
	Continue                  // C, every five minutes
	End                       // E
	Deny                      // D, VNet only
)

func (s State) String() string {
	return [...]string{StateUnknown: "unknown", StateAbsent: "absent", Begin: "begin", Continue: "continue", End: "end", Deny: "deny"}[s]
}

// Encryption is the meaning of column 8 of a VNet tuple, from "Virtual network
// flow logs" on Microsoft Learn.
type Encryption uint8

const (
	EncryptionAbsent      Encryption = iota // NSG, or an empty column
	EncryptionUnknown                       // a code that no document names: see Flow.EncryptionCode
	Encrypted                               // X
	Unencrypted                             // NX
	HardwareNotSupported                    // NX_HW_NOT_SUPPORTED
	SoftwareNotReady                        // NX_SW_NOT_READY
	NotAccepted                             // NX_NOT_ACCEPTED
	DiscoveryNotSupported                   // NX_NOT_SUPPORTED
	LocalDestination                        // NX_LOCAL_DST
	Fallback                                // NX_FALLBACK
)

func (e Encryption) String() string {
	return [...]string{
		EncryptionAbsent:      "absent",
		EncryptionUnknown:     "unknown",
		Encrypted:             "encrypted",
		Unencrypted:           "unencrypted",
		HardwareNotSupported:  "unencrypted: host hardware not supported",
		SoftwareNotReady:      "unencrypted: host software not ready",
		NotAccepted:           "unencrypted: dropped, policy does not allow unencrypted",
		DiscoveryNotSupported: "unencrypted: discovery not supported",
		LocalDestination:      "unencrypted: source and destination on one host",
		Fallback:              "unencrypted: fell back to unencrypted",
	}[e]
}
