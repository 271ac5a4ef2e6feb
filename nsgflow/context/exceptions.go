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

// readExceptions reads plain text, or a warning list of MISP.
func readExceptions(data []byte) (*exceptions, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	e := &exceptions{}
	all := 0
	add := func(text string, line int) {
		all++
		prefixes, err := prefixesOf(text)
		if err != nil {
			e.skipped.add(line, err)
			return
		}
		e.prefixes = append(e.prefixes, prefixes...)
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
			add(text, 0)
		}
	} else {
		for n, line := range lines(data) {
			if !isComment(line) {
				token, _ := firstToken(string(line))
				add(token, n)
			}
		}
	}
	if len(e.prefixes) > maxThreats {
		return nil, tooMany(maxThreats, "exceptions")
	}
	return e, e.skipped.bad(all)
}
