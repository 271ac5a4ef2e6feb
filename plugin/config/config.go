// Package config is the form of a table of options, the filter's and the
// input's alike: it is read from the host's configuration, and messages, the C
// header and the docs follow from it.
package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Option is one key of a configuration that is read into a T.
type Option[T any] struct {
	Key     string
	Env     string                // environment variable that is read where the key is not configured; may be empty
	Values  string                // what it takes, for messages and the docs
	Default string                // empty: none to show
	Text    string                // what it is for, in a sentence
	Secret  bool                  // no message shows its value
	Set     func(*T, string) bool // false: not allowed
	Why     func(T) error         // may be nil, or say nothing: what is wrong with the value that Set has taken and refused
}

// Parse reads a table into to, in its order. get gives the text of an option,
// and whether there is one.
func Parse[T any](table []Option[T], to *T, get func(Option[T]) (string, bool)) error {
	for _, o := range table {
		v, ok := get(o)
		if !ok || o.Set(to, v) {
			continue
		}
		text := fmt.Sprintf("option %s: %s is not allowed, it takes: %s", o.Key, o.quote(v), o.Values)
		if o.Why != nil {
			if err := o.Why(*to); err != nil {
				text += "; " + err.Error()
			}
		}
		return errors.New(text)
	}
	return nil
}

func (o Option[T]) quote(v string) string {
	if o.Secret {
		return "the value"
	}
	return Quote(v)
}

// Quote makes a text of unknown origin safe for one log line.
func Quote(v string) string {
	return strconv.Quote(v[:min(len(v), 128)])
}

// Markdown is a table for the docs.
func Markdown[T any](table []Option[T]) string {
	var b strings.Builder
	b.WriteString("| key | values | default | meaning |\n|---|---|---|---|\n")
	for _, o := range table {
		byDefault, text := "–", o.Text
		if o.Default != "" {
			byDefault = "`" + strings.ReplaceAll(o.Default, ",", "`, `") + "`"
		}
		if o.Env != "" {
			text += " Not configured: the environment's `" + o.Env + "`."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Key, o.Values, byDefault, text)
	}
	return b.String()
}

// Header is a table in C: an array of struct option_text (fluentbit.h). The
// host reads it before any of its threads may enter Go.
func Header[T any](name string, table []Option[T]) string {
	var b strings.Builder
	fmt.Fprintf(&b, "static const struct option_text %s[] = {\n", name)
	for _, o := range table {
		byDefault := "NULL"
		if o.Default != "" {
			byDefault = strconv.Quote(o.Default)
		}
		fmt.Fprintf(&b, "    {%q, %s,\n     %q},\n", o.Key, byDefault, o.Text+" Takes: "+o.Values+".")
	}
	b.WriteString("};\n")
	return b.String()
}
