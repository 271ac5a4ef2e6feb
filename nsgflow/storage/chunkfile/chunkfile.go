// Package chunkfile reads what a file of Fluent Bit's chunks says of itself
// (lib/chunkio/include/chunkio/cio_file_st.h):
//
//	bytes 0 to 1    0xC1 0x00
//	bytes 2 to 5    checksum; zero without storage.checksum
//	bytes 10 to 13  length of the records; since 2.0
//	bytes 22 to 23  length of the metadata
//	from 24 on      metadata: four bytes, the tag, in 4.2 and later the routes; then the records
//
// Its name is made of the process id and the time, in seconds and nanoseconds.
package chunkfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Is reports whether a file is a chunk, by its name.
func Is(name string) bool { return filepath.Ext(name) == ".flb" }

// MadeSince reports, by the name of a chunk, whether this process has made it
// since a moment, which is one of time.Now. Where the clock was set meanwhile, it
// may say so of an older one.
func MadeSince(name string, moment time.Time) bool {
	var pid int
	var seconds, nanoseconds int64
	_, err := fmt.Sscanf(strings.ReplaceAll(name, " ", ""), "%d-%d.%d.flb", &pid, &seconds, &nanoseconds)
	if err != nil || pid != os.Getpid() {
		return false
	}
	return since(time.Unix(seconds, nanoseconds), moment, time.Now(), time.Since(moment))
}

// since compares with a moment as the clock was then, and as it is now.
func since(made, moment, now time.Time, elapsed time.Duration) bool {
	return !made.Before(moment.Round(0)) || !made.Before(now.Round(0).Add(-elapsed))
}

// HasChecksum reports whether a chunk was written with storage.checksum. One that
// cannot be read counts as such.
func HasChecksum(path string) bool {
	var head [6]byte
	return read(path, 0, head[:]) != nil || binary.BigEndian.Uint32(head[2:]) != 0
}

// Metadata is that of a chunk: the same for all that the host fills one after the
// other. Empty: it cannot be read, or the host has not written it yet.
func Metadata(path string) string {
	var length [2]byte
	if read(path, 22, length[:]) != nil {
		return ""
	}
	metadata := make([]byte, binary.BigEndian.Uint16(length[:]))
	if read(path, 24, metadata) != nil {
		return ""
	}
	return string(metadata)
}

func read(path string, at int64, into []byte) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.ReadAt(into, at)
	return err
}

// Mark is where what a chunk held at a moment ends, and a checksum of it. The host
// only appends: as long as the chunk is whole, those bytes stay.
type Mark struct {
	End int64  `json:"end"` // of it, in the file
	Sum uint32 `json:"sum"` // CRC-32 (Castagnoli) of the bytes from 22 to there
}

// ErrNotWhole says of a chunk that the host would not take it up: its head is not
// written yet, or tells of more than the file has.
var ErrNotWhole = errors.New("the head of the chunk is not written, or tells of more than its file has")

// MarkOf marks what a chunk holds, also one that the host writes to.
func MarkOf(path string) (m Mark, err error) {
	file, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer file.Close()
	if m.End, err = endOf(file); err != nil {
		return m, err
	}
	m.Sum, err = sumTo(file, m.End)
	return m, err
}

// Holds reports whether the host finds in a chunk what it held at a mark.
func (m Mark) Holds(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	if end, err := endOf(file); err != nil || end < m.End || m.End < begin {
		return false
	}
	sum, err := sumTo(file, m.End)
	return err == nil && sum == m.Sum
}

// begin is where that begins which no append changes.
const begin = 22

func sumTo(file *os.File, end int64) (sum uint32, err error) {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, err = io.CopyN(h, io.NewSectionReader(file, begin, end-begin), end-begin)
	return h.Sum32(), notWhole(err)
}

// endOf is the end of the records in a chunk. Without their length, up to 1.9, they
// end where only zeros follow: a record that ends in zeros makes that a little too early,
// which does no harm.
func endOf(file *os.File) (end int64, err error) {
	var head [24]byte
	if _, err := file.ReadAt(head[:], 0); err != nil {
		return 0, notWhole(err)
	}
	if head[0] != 0xc1 || head[1] != 0 {
		return 0, ErrNotWhole
	}
	records, metadata := int64(binary.BigEndian.Uint32(head[10:])), int64(binary.BigEndian.Uint16(head[22:]))
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if end = 24 + metadata + records; end > info.Size() {
		return 0, ErrNotWhole
	}
	if records > 0 {
		return end, nil
	}
	var piece [4096]byte
	for to := info.Size(); to > end; {
		from := max(to-int64(len(piece)), end)
		if _, err := file.ReadAt(piece[:to-from], from); err != nil {
			return 0, notWhole(err)
		}
		if n := len(bytes.TrimRight(piece[:to-from], "\x00")); n > 0 {
			return from + int64(n), nil
		}
		to = from
	}
	return end, nil
}

// notWhole is what is said where a file ends too early.
func notWhole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrNotWhole
	}
	return err
}
