package context

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// csv reads a list with a head line, such as Feodo Tracker's. What stands before
// the head are comments.
func (r *threatReader) csv(data []byte) error {
	if err := tooWide(data); err != nil {
		return err
	}
	first, number := firstEntry(data)
	for range number - 1 {
		_, data, _ = bytes.Cut(data, []byte{'\n'})
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.Comment = '#'
	in.FieldsPerRecord = -1
	in.TrimLeadingSpace = true
	in.ReuseRecord = true
	columns, err := in.Read()
	if err != nil {
		return csvReason(err, number-1)
	}
	columns = slices.Clone(columns)
	for i := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(columns[i]))
	}
	if !slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(addressFields, c) }) {
		return fmt.Errorf("no column with an address in line %d (%s)", number, headText(first))
	}
	fields := threatFields{}
	for {
		record, err := in.Read()
		if err == io.EOF {
			return nil
		}
		var wrong *csv.ParseError
		// Quotes that are wrong within a line cost the line. One that is open at the end of
		// a line may take others with it, and is open at the end of a file that is cut off.
		if errors.As(err, &wrong) && wrong.StartLine == wrong.Line && in.InputOffset() < int64(len(data)) {
			r.all++
			r.list.skipped.add(wrong.Line+number-1, wrong.Err)
			continue
		}
		if err != nil {
			return csvReason(err, number-1)
		}
		clear(fields)
		for i, value := range record[:min(len(record), len(columns))] {
			fields[columns[i]] = value
		}
		line, _ := in.FieldPos(0)
		if err := r.add(fields.first(addressFields...), r.detail(fields), line+number-1); err != nil {
			return err
		}
	}
}

// headText is a head line, shortened, in quotes.
func headText(line []byte) string {
	first, _, _ := strings.Cut(string(line), ",")
	return `"` + strings.Trim(quote(strings.Trim(first, `" `)), `"`) + `,…"`
}

// threatObject is an object of a list: any members, numbers as they are written.
type threatObject map[string]json.RawMessage

// fields are those members that are texts or numbers.
func (o threatObject) fields() threatFields {
	f := make(threatFields, len(o))
	for name, raw := range o {
		var text string
		switch {
		case len(raw) == 0:
		case raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
			f[strings.ToLower(name)] = text
		case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
			f[strings.ToLower(name)] = string(raw)
		}
	}
	return f
}

// jsonArray reads a list of objects, such as Feodo Tracker's, or of texts.
func (r *threatReader) jsonArray(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	// Lines are counted on from the entry before: a list has up to millions of them.
	line, counted := 1, 0
	here := func() int {
		offset := int(d.InputOffset())
		line += bytes.Count(data[counted:offset], []byte{'\n'})
		counted = offset
		return line
	}
	at := func(err error) error {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return lineError{here(), jsonReason(err)}
	}
	if _, err := d.Token(); err != nil {
		return at(err)
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return at(err)
		}
		var object threatObject
		fields := threatFields{}
		if raw[0] == '"' {
			var text string
			_ = json.Unmarshal(raw, &text)
			fields["ip"] = text
		} else if json.Unmarshal(raw, &object) == nil {
			fields = object.fields()
		}
		if err := r.add(fields.first(addressFields...), r.detail(fields), here()); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return at(err)
	}
	if rest := bytes.TrimSpace(data[d.InputOffset():]); len(rest) > 0 {
		return lineError{here(), errors.New("there is more behind the list")}
	}
	return nil
}

// jsonObjects reads a bundle of STIX, or an object a line.
func (r *threatReader) jsonObjects(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	var head struct {
		Type string `json:"type"`
	}
	if err := d.Decode(&head); err == nil && head.Type == "bundle" {
		return r.stix(data)
	}
	records, counted := 0, -1
	for n, line := range lines(data) {
		if isComment(line) {
			continue
		}
		if counted >= 0 {
			return lineError{n, errors.New("there is more behind the metadata")}
		}
		var object threatObject
		if err := json.Unmarshal(line, &object); err != nil {
			return lineError{n, jsonReason(err)}
		}
		fields := object.fields()
		if fields["type"] == "metadata" {
			var metadata struct {
				Timestamp int64 `json:"timestamp"`
				Records   int   `json:"records"`
			}
			if err := json.Unmarshal(line, &metadata); err != nil {
				return lineError{n, jsonReason(err)}
			}
			counted = metadata.Records
			if metadata.Timestamp > 0 {
				r.list.time = time.Unix(metadata.Timestamp, 0).UTC()
			}
			if counted != records {
				return lineError{n, fmt.Errorf("the file is cut off: metadata counts %s records, there are %s", count(counted), count(records))}
			}
			continue
		}
		records++
		if err := r.add(fields.first(addressFields...), r.detail(fields), n); err != nil {
			return err
		}
	}
	return nil
}

// stixObject is an object of a bundle of STIX 2.1.
type stixObject struct {
	Type        string          `json:"type"`
	Pattern     string          `json:"pattern"`
	PatternType string          `json:"pattern_type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Confidence  json.RawMessage `json:"confidence"` // a whole number
	Revoked     bool            `json:"revoked"`
	ValidFrom   string          `json:"valid_from"`
	ValidUntil  string          `json:"valid_until"`
	References  []struct {
		URL string `json:"url"`
	} `json:"external_references"`
}

// The patterns that are read: addresses, with OR between.
const stixComparison = `(?:ipv4-addr|ipv6-addr):value\s*(?:=|ISSUBSET)\s*'([^'\\]*)'`

var (
	stixObservation = `\[\s*` + stixComparison + `(?:\s+OR\s+` + stixComparison + `)*\s*\]`
	stixPattern     = regexp.MustCompile(`^\s*` + stixObservation + `(?:\s+OR\s+` + stixObservation + `)*\s*$`)
	stixAddress     = regexp.MustCompile(stixComparison)
)

// oddIndicator is what is wrong with one indicator. It costs this one.
type oddIndicator struct{ error }

// stix reads the indicators of a bundle. Other objects are none of a list's.
func (r *threatReader) stix(data []byte) error {
	r.isTimed = true
	i := -1
	var raw json.RawMessage
	var bundle struct {
		Objects elements `json:"objects"`
	}
	bundle.Objects = func(d *json.Decoder) error {
		i++
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("objects[%d]: %w", i, jsonReason(err))
		}
		if string(raw) == "null" {
			return nil
		}
		if raw[0] != '{' {
			return fmt.Errorf("objects[%d]: no object", i)
		}
		var o stixObject
		err := json.Unmarshal(raw, &o)
		var kind *json.UnmarshalTypeError
		switch {
		case err == nil:
			err = r.stixObject(&o)
		case !errors.As(err, &kind):
			err = jsonReason(err)
		case o.Type != "indicator":
			return nil // what else is in a bundle has members of any type
		default:
			err = oddIndicator{wrongType(kind)}
		}
		var odd oddIndicator
		switch {
		case errors.As(err, &odd):
			r.all++
			r.list.skipped.add(0, fmt.Errorf("objects[%d]: %w", i, odd.error))
		case err != nil:
			return fmt.Errorf("objects[%d]: %w", i, err)
		}
		return nil
	}
	return unmarshal(data, &bundle)
}

func (r *threatReader) stixObject(o *stixObject) error {
	if o.Type != "indicator" || o.Revoked {
		return nil
	}
	if o.PatternType != "" && o.PatternType != "stix" || !stixPattern.MatchString(o.Pattern) {
		r.list.others++
		return nil
	}
	d := threatDetail{name: r.texts.of(o.Name), description: r.texts.of(o.Description)}
	d.confidence = confidence(string(o.Confidence))
	for _, ref := range o.References {
		if ref.URL != "" {
			d.reference = r.texts.of(ref.URL)
			break
		}
	}
	from, fromOK := timeOf(o.ValidFrom)
	until, untilOK := timeOf(o.ValidUntil)
	if o.ValidFrom != "" && !fromOK || o.ValidUntil != "" && !untilOK {
		return oddIndicator{fmt.Errorf("valid_from %s, valid_until %s: no times", quote(o.ValidFrom), quote(o.ValidUntil))}
	}
	for _, match := range stixAddress.FindAllStringSubmatch(o.Pattern, -1) {
		if err := r.addTimed(match[1], d, 0, from, until); err != nil {
			return err
		}
	}
	return nil
}
