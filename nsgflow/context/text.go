package context

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText is how long a text of a file may be in an event, in bytes.
const maxText = 256

// clean makes a text of a file fit for events: valid UTF-8, and not too long.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.Clone(text[:end])
}

// quote shows the beginning of a text in a message.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		end := most
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		return strconv.Quote(text[:end]) + "…"
	}
	return strconv.Quote(text)
}

// count is a number with commas.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// texts keeps each text once.
type texts map[string]string

func (t texts) of(text string) string {
	if kept, ok := t[text]; ok {
		return kept
	}
	text = strings.Clone(text) // it may be a part of a long one
	cleaned := clean(text)
	t[text] = cleaned
	return cleaned
}
