package context

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// withoutMark is a text without the byte-order mark that may stand in front of it.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\ufeff")) }

// lines are the lines of a file, with their numbers, from 1 on, and without the
// blanks around them.
func lines(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		rest := data
		for n := 1; len(rest) > 0; n++ {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte{'\n'})
			if !yield(n, bytes.TrimSpace(line)) {
				return
			}
		}
	}
}

var errEmpty = errors.New("the file is empty")

func tooMany(most int, what string) error {
	return fmt.Errorf("more than %s %s", count(most), what)
}

// lineError is what is wrong in a line of a file.
type lineError struct {
	line int
	err  error
}

func (e lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e lineError) Unwrap() error { return e.err }

// unmarshal reads JSON that may begin with a byte-order mark. Errors say the line.
func unmarshal(data []byte, into any) error {
	data = withoutMark(data)
	err := json.Unmarshal(data, into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return lineError{lineAt(data, syntax.Offset), errors.New(syntax.Error())}
	case errors.As(err, &kind):
		return lineError{lineAt(data, kind.Offset), wrongType(kind)}
	}
	return err
}

// elements reads those of an array of JSON, one by one: as a slice, those of a file
// that is made for it would be a hundred times as long.
type elements func(*json.Decoder) error

func (read elements) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	switch first, _ := d.Token(); first {
	case json.Delim('['):
	case nil:
		return nil
	default:
		return errors.New("not a list")
	}
	for d.More() {
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

// wrongType says that a member is of another type than it should be.
func wrongType(err *json.UnmarshalTypeError) error {
	if err.Field == "" {
		return fmt.Errorf("unexpected %s", err.Value)
	}
	return fmt.Errorf("%s: unexpected %s", err.Field, err.Value)
}

// jsonReason is an error of a line of JSON, without the place in the line.
func jsonReason(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return wrongType(kind)
	}
	return errors.New(err.Error())
}

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(int(offset), len(data))], []byte{'\n'})
}

// maxColumns of a line of CSV. A field is many times as long as its comma.
const maxColumns = 10_000

// tooWide says that a line of CSV has too many fields.
func tooWide(data []byte) error {
	for n, line := range lines(data) {
		if bytes.Count(line, []byte{','}) >= maxColumns {
			return lineError{n, tooMany(maxColumns, "columns")}
		}
	}
	return nil
}

// csvReason is an error of CSV behind so many lines.
func csvReason(err error, before int) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return lineError{parse.Line + before, parse.Err}
	}
	return err
}

// timeOf reads the times that files have. Not ok: it is none of them.
func timeOf(text string) (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05 UTC", time.DateOnly} {
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at.UTC(), true
		}
	}
	return at, false
}

// skipped counts the entries of a foreign file that are none. A few are left out;
// where they are many, the file is something else.
type skipped struct {
	n     int
	first error // with its line, where there are lines
}

func (s *skipped) add(line int, err error) {
	if s.n == 0 {
		s.first = err
		if line > 0 {
			s.first = lineError{line, err}
		}
	}
	s.n++
}

// bad says that too many of all entries are none.
func (s *skipped) bad(all int) error {
	if s.n > 100 && s.n > all/100 || s.n > 0 && s.n == all {
		return fmt.Errorf("%w; %s of %s entries are like that", s.first, count(s.n), count(all))
	}
	return nil
}

// remarks are a line about what was skipped, if anything was.
func (s *skipped) remarks(what string) []string {
	if s.n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s %s are left out, the first: %v", count(s.n), what, s.first)}
}
