package nsgflow

// letters are the letters of columns 5 to 8 that documents name, and what each
// of them means in the column where it may stand.
var letters = [256]struct {
	protocol  Protocol // 0: none
	direction Direction
	decision  Decision // NSG only
	state     State    // D is VNet only
}{
	'T': {protocol: tcp}, 'U': {protocol: udp},
	'I': {direction: Inbound}, 'O': {direction: Outbound},
	'A': {decision: Allowed}, 'D': {decision: Denied, state: Deny},
	'B': {state: Begin}, 'C': {state: Continue}, 'E': {state: End},
}

// letter is the column's only letter, or 0.
func letter(col []byte) byte {
	if len(col) == 1 {
		return col[0]
	}
	return 0
}

// countUnknown counts a column whose value no document names.
func (f *Flow) countUnknown(unknown bool) {
	if unknown {
		f.Unknown++
	}
}

// setProtocol reads column 5: a letter or a number.
func (f *Flow) setProtocol(col []byte) {
	if f.Protocol = letters[letter(col)].protocol; f.Protocol != 0 {
		return
	}
	n, p := digits(col, 0)
	if p == 0 || p > 3 || p < len(col) || n > 255 {
		n = int64(ProtocolUnknown)
	}
	f.Protocol = Protocol(n)
	f.countUnknown(f.Protocol == ProtocolUnknown)
}

// setDirection reads column 6.
func (f *Flow) setDirection(col []byte) {
	f.Direction = letters[letter(col)].direction
	f.countUnknown(f.Direction == DirectionUnknown)
}

// setDecision reads column 7 of the NSG layout.
func (f *Flow) setDecision(col []byte) {
	f.Decision = letters[letter(col)].decision
	f.countUnknown(f.Decision == DecisionUnknown)
}

// setState reads column 8 of the NSG layout.
func (f *Flow) setState(col []byte) {
	if len(col) == 0 {
		f.State = StateAbsent
		return
	}
	if f.State = letters[letter(col)].state; f.State == Deny {
		f.State = StateUnknown
	}
	f.countUnknown(f.State == StateUnknown)
}

// setStateAndDecision reads column 7 of the VNet layout, which has both in one
// letter.
func (f *Flow) setStateAndDecision(col []byte) {
	f.State = letters[letter(col)].state
	f.Decision = decisions[f.State]
	f.countUnknown(f.State == StateUnknown)
}

// decisions are those that follow from the state of a VNet tuple.
var decisions = [...]Decision{Begin: Allowed, Continue: Allowed, End: Allowed, Deny: Denied}

// setEncryption reads column 8 of the VNet layout.
func (p *parsedTuple) setEncryption(col []byte) {
	p.encryptionCode = col
	p.Encryption = encryptionOf(col)
	p.countUnknown(p.Encryption == EncryptionUnknown)
}

func encryptionOf(code []byte) Encryption {
	switch string(code) {
	case "":
		return EncryptionAbsent
	case "X":
		return Encrypted
	case "NX":
		return Unencrypted
	case "NX_HW_NOT_SUPPORTED":
		return HardwareNotSupported
	case "NX_SW_NOT_READY":
		return SoftwareNotReady
	case "NX_NOT_ACCEPTED":
		return NotAccepted
	case "NX_NOT_SUPPORTED":
		return DiscoveryNotSupported
	case "NX_LOCAL_DST":
		return LocalDestination
	case "NX_FALLBACK":
		return Fallback
	}
	return EncryptionUnknown
}
