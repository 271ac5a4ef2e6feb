package nsgflow

import (
	"bytes"
	"fmt"
	"strconv"
)

// TupleError says which part of a flow log does not parse. It is built only
// when something fails.
type TupleError struct {
	// Path leads to the tuple, for instance
	// "records[0].properties.flows[2].flows[0].flowTuples[17]". Empty for
	// a tuple on its own.
	Path string
	// Column counts from 0; -1 where the value as a whole is wrong.
	Column int
	// Reason says what is wrong where it is not the column's value.
	Reason string
	// Value is what stands there, whole.
	Value string
	// More is how many more values of a wrong type the record has, which have no
	// error of their own.
	More int
}

// Error has the form `path: column 3 (source port): "99999"`. The value is
// escaped and cut at 128 bytes, so that no input can forge a line of a log.
func (e *TupleError) Error() string {
	var room [256]byte
	b := room[:0]
	if e.Path != "" {
		b = append(append(b, e.Path...), ": "...)
	}
	if e.Column >= 0 {
		b = strconv.AppendInt(append(b, "column "...), int64(e.Column), 10)
		b = append(append(append(b, " ("...), columnNames[e.Column]...), "): "...)
	}
	if e.Reason != "" {
		b = append(append(b, e.Reason...), ": "...)
	}
	b = appendQuoted(b, e.Value)
	if e.More > 0 {
		b = strconv.AppendInt(append(b, ", and "...), int64(e.More), 10)
		b = append(b, " more values of a wrong type in this record"...)
	}
	return string(b)
}

const quotedMax = 128

// appendQuoted appends s as Go's %q writes it, cut at 128 bytes of s.
func appendQuoted(dst []byte, s string) []byte {
	if len(s) <= quotedMax {
		return strconv.AppendQuote(dst, s)
	}
	return append(strconv.AppendQuote(dst, s[:quotedMax]), "..."...)
}

// newTupleError explains why line failed at the column that parse returned.
func newTupleError(path string, family Family, line []byte, bad int) *TupleError {
	if n := bytes.Count(line, []byte{','}) + 1; n < fewestColumns[family] {
		return &TupleError{Path: path, Column: -1, Value: string(line),
			Reason: strconv.Itoa(n) + " columns, at least " + strconv.Itoa(fewestColumns[family]) + " expected"}
	}
	cols := bytes.SplitN(line, []byte{','}, len(columnNames)+1)
	return &TupleError{Path: path, Column: bad, Value: string(cols[bad])}
}

// TextError says where and why a text does not parse.
type TextError struct {
	Offset int // in bytes
	Reason string
}

func (e *TextError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }
