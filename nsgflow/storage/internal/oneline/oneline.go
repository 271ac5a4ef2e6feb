// Package oneline makes texts of unknown length fit into a line of a log.
package oneline

import "strings"

// Of is a text in one line: its beginning, up to the end of a word, where it is
// long.
func Of(text string) string {
	const most = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	text = text[:most]
	if end := strings.LastIndexByte(text, ' '); end > most/2 {
		text = text[:end]
	}
	return strings.ToValidUTF8(text, "") + " …"
}
