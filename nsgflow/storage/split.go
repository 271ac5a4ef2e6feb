package storage

import (
	"bytes"
	"encoding/json"
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/split"
)

// maxRecord bounds what is held of one record that does not end. Azure cuts
// its records at about 32 KB.
const maxRecord = 16 << 20

// eachRecord takes the records out of what has come so far, with their places.
//
// Azure commits whole records, so one that does not end, or ends only by
// swallowing the beginning of a later block, is damaged: the bytes up to that
// block are handed on as they are. One that nothing follows may be half written
// still, and waits until its hour is long over: until the blob is closed.
func (lay layout) eachRecord(s *split.Splitter, closed bool, add func(text []byte, offset int64)) {
	for {
		for text, offset, ok := s.Next(); ok; text, offset, ok = s.Next() {
			if end, found := lay.restart(text, offset); found && !json.Valid(text) {
				text = text[:end-offset]
				s.Back(end)
			}
			add(text, offset)
		}
		if !s.Open() {
			return
		}
		whole, long := s.End() == lay.end, s.End()-s.OpenAt() >= maxRecord
		if !whole && !long {
			return
		}
		end, found := lay.restart(s.Rest(), s.OpenAt())
		if !found && !closed && !long {
			return
		}
		add(s.Give(end))
	}
}

// restart is the end of the first block within a text behind which a record
// seems to begin, else the end of the text.
func (lay layout) restart(text []byte, offset int64) (at int64, found bool) {
	next, _ := slices.BinarySearch(lay.ends, offset+1)
	for _, end := range lay.ends[next:] {
		if end >= offset+int64(len(text)) {
			break
		}
		if bytes.HasPrefix(bytes.TrimLeft(text[end-offset:], ", \r\n"), []byte("{")) {
			return end, true
		}
	}
	return offset + int64(len(text)), false
}
