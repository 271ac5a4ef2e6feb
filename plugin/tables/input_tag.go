package tables

import (
	"fmt"
	"regexp"
	"strings"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// Tag is what Fluent Bit's own option of that name says, with places for what is of
// a record. The zero value: it has none, and every record has the instance's.
type Tag string

// tagPlaces are what stands for something in a tag.
var tagPlaces = map[string]func(storage.Record) string{
	storage.AccountPlaceholder: func(r storage.Record) string { return r.Account },
	"{container}":              func(r storage.Record) string { return r.Container },
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// ParseTag takes the text of the option.
func ParseTag(text string) (Tag, error) {
	places := inBraces.FindAllString(text, -1)
	for _, place := range places {
		if tagPlaces[place] == nil {
			return "", fmt.Errorf("option tag: %s stands for nothing, it takes: {account}, {container}", place)
		}
	}
	if len(places) == 0 {
		return "", nil
	}
	return Tag(text), nil
}

// Of is the tag of a record; empty: the instance's.
func (t Tag) Of(r storage.Record) []byte {
	text := string(t)
	for place, of := range tagPlaces {
		text = strings.ReplaceAll(text, place, of(r))
	}
	return []byte(text)
}
