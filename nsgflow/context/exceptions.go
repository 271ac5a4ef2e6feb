package context

import (
	"bytes"
	"errors"
	"net/netip"
)

// exceptions are the networks that no list may match.
type exceptions struct {
	prefixes []netip.Prefix
	skipped  skipped
}

// readExceptions reads plain text, or a warning list of MISP. most bounds its
// prefixes, of which a range is several.
func readExceptions(data []byte, most int) (*exceptions, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	e := &exceptions{}
	all := 0
	add := func(text string, line int) error {
		all++
		prefixes, err := prefixesOf(text)
		if err != nil {
			e.skipped.add(line, err)
			return nil
		}
		e.prefixes = append(e.prefixes, prefixes...)
		if len(e.prefixes) > most {
			return tooMany(most, "exceptions")
		}
		return nil
	}
	data = withoutMark(data)
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		var list struct {
			List *[]string `json:"list"`
		}
		if err := unmarshal(data, &list); err != nil {
			return nil, err
		}
		if list.List == nil {
			return nil, errors.New(`no warning list of MISP: it has no "list"`)
		}
		for _, text := range *list.List {
			if err := add(text, 0); err != nil {
				return nil, err
			}
		}
	} else {
		for n, line := range lines(data) {
			if !isComment(line) {
				token, _ := firstToken(string(line))
				if err := add(token, n); err != nil {
					return nil, err
				}
			}
		}
	}
	return e, e.skipped.bad(all)
}
