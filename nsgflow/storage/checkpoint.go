package storage

import (
	"hash/fnv"
	"time"
)

// checkpoint is how far a blob has been read. The zero value: not at all.
type checkpoint struct {
	// Offset is the end of the last record, or where to begin.
	Offset int64 `json:"offset"`
	// Check is a hash of the Checked bytes before Offset. It tells a blob
	// that has grown from one that was replaced.
	Check   uint64 `json:"check,omitempty"`
	Checked int    `json:"checked,omitempty"`
	// ETag is the version of which all has been read. Valid iff not empty.
	ETag string `json:"etag,omitempty"`
	// Half says that bytes without an end stood behind Offset. Valid iff
	// ETag is.
	Half bool `json:"half,omitempty"`
	// Modified is when a blob without a date in its name was written last.
	// The zero value: it has a date, or the checkpoint is of version 0.1.
	Modified time.Time `json:"modified,omitzero"`
}

// maxChecked is far beyond what two records have in common at their end: it
// reaches into the tuples, which hold times.
const maxChecked = 256

// checkpointAfter is the checkpoint at the end of a record.
func checkpointAfter(text []byte, offset int64) checkpoint {
	tail := text[max(0, len(text)-maxChecked):]
	return checkpoint{Offset: offset + int64(len(text)), Check: checksum(tail), Checked: len(tail)}
}

func checksum(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// blobID is a blob within its account.
type blobID struct{ container, name string }
