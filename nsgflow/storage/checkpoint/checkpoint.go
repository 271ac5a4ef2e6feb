// Package checkpoint keeps how far blobs have been read, in files that outlive a
// kill of the process and, for what the host has on disk, a power cut.
//
//	checkpoint.go  a checkpoint, and how it tells a blob that has grown from one that was replaced
//	store.go       what is kept: a checkpoint for each blob, a watermark for each container, the accounts that were found
//	claims.go      who reads which part of a container
//	durable.go     when it is written: at once into the journal, once a second into the database, behind the chunks
//	journal.go     the file nsgflow.journal
//	chunks.go      the chunks of the host: which are closed; they are brought to disk before
//	risk.go        what stands for chunks that are not closed, and the way back
//	file.go        the file nsgflow.db, and what a damaged page of it does
//	rights.go      who else may write there
//
// # What is durable when
//
//   - [Store.Put] returns: the journal has it. A kill of the process loses it no
//     more; a power cut does. (Only Linux says in which boot of the machine a
//     journal was written. Elsewhere a kill loses what came after the last second.)
//   - A second later, more where the disk is slow: the chunks that it stands for are on disk,
//     then it is in the database. A power cut does not lose it, nor leave it ahead of
//     its chunks: where one of them is damaged that the host still wrote to, [Open] goes
//     back to what stood before.
//   - [Store.Settle] returns nil: the same holds for everything put before, and what is
//     forgotten stands for closed chunks.
//
// # What is locked
//
// Every method may be called from any goroutine. Settle, PutAccounts, Containers, Blobs
// and Close wait for the database to be written; Begun, Get and Accounts read it; Put
// writes to the journal. The others wait for nothing.
package checkpoint

import (
	"hash/fnv"
	"maps"
	"time"
)

// Checkpoint is how far a blob has been read. The zero value: not at all.
type Checkpoint struct {
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

// MaxChecked is what After hashes at most. It is far beyond what two records have
// in common at their end: it reaches into the tuples, which hold times.
const MaxChecked = 256

// After is the checkpoint at the end of a record that stands at offset.
func After(text []byte, offset int64) Checkpoint {
	tail := text[max(0, len(text)-MaxChecked):]
	return Checkpoint{Offset: offset + int64(len(text)), Check: sum(tail), Checked: len(tail)}
}

// StandsBehind reports whether before, the Checked bytes in front of Offset, are
// those that were there when the checkpoint was made.
func (c Checkpoint) StandsBehind(before []byte) bool { return sum(before) == c.Check }

func sum(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}

// Set is checkpoints by container and name of the blob. A container is named by
// its URL.
type Set map[string]map[string]Checkpoint

func (all Set) add(more Set) {
	for container, blobs := range more {
		if all[container] == nil {
			all[container] = map[string]Checkpoint{}
		}
		maps.Copy(all[container], blobs)
	}
}

// remove forgets those that have not changed since.
func (all Set) remove(old Set) {
	for container, blobs := range old {
		for name, c := range blobs {
			if all[container][name] == c {
				delete(all[container], name)
			}
		}
		if len(all[container]) == 0 {
			delete(all, container)
		}
	}
}

func (all Set) clone() Set {
	same := Set{}
	same.add(all)
	return same
}
