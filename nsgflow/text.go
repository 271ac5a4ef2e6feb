package nsgflow

// Enumerations marshal as the texts of their String methods, as in JSON.

func (f Family) MarshalText() ([]byte, error)     { return []byte(f.String()), nil }
func (d Direction) MarshalText() ([]byte, error)  { return []byte(d.String()), nil }
func (d Decision) MarshalText() ([]byte, error)   { return []byte(d.String()), nil }
func (s State) MarshalText() ([]byte, error)      { return []byte(s.String()), nil }
func (e Encryption) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
func (p Protocol) MarshalText() ([]byte, error)   { return []byte(p.String()), nil }
func (s Schema) MarshalText() ([]byte, error)     { return []byte(s.String()), nil }
func (a Aggregate) MarshalText() ([]byte, error)  { return []byte(a.String()), nil }
