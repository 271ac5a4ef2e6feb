package main

import (
	"bytes"
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-nsgflow/nsgflow/blob"
)

// reader is the input without its door: it makes Fluent Bit records of what a
// follower reads.
type reader struct {
	follower *blob.Follower
	lines    blob.Lines
	lag      time.Duration
	token    blob.Token // of the batch that the host has, 0: none
	took     time.Time  // when the host took the last batch
	buffer   bytes.Buffer
}

const (
	// aroundRecord is more than keys and heads take in a record.
	aroundRecord = 128
	// keptBytes is how large a buffer may be that waits for the next second.
	keptBytes = 8 << 20
)

// collect returns the records that are ready, at most a batch: [time, body],
// the framing that every host takes. They are valid until the next call.
func (r *reader) collect(now time.Time) ([]byte, error) {
	batch, err := r.follower.Next(0)
	if err != nil || len(batch.Records) == 0 {
		return nil, err
	}
	r.token = batch.Token
	size := 0
	for _, record := range batch.Records {
		size += len(record.Text) + len(record.Path) + len(record.Container) + len(record.Blob) + aroundRecord
	}
	if r.buffer.Cap() > keptBytes {
		r.buffer = bytes.Buffer{}
	}
	r.buffer.Reset()
	r.buffer.Grow(size)
	e := msgpack.NewEncoder(&r.buffer)
	for i := range batch.Records {
		if err := encodeRecord(e, &batch.Records[i], now); err != nil {
			return nil, err
		}
	}
	return r.buffer.Bytes(), nil
}

// taken says that the host has copied what collect returned.
func (r *reader) taken() {
	if r.token != 0 {
		r.follower.Commit(r.token)
		r.token, r.took = 0, time.Now()
	}
}

// encodeRecord writes {"message": text, "log": {"file": {"path": …}, "offset":
// …}, "azure": {"storage": {"container": {"name": …}, "blob": {"name": …}}}}.
// The encoder's errors are those of its writer.
func encodeRecord(e *msgpack.Encoder, r *blob.Record, now time.Time) error {
	var at [8]byte
	binary.BigEndian.PutUint32(at[:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(at[4:], uint32(now.Nanosecond()))
	for _, step := range []error{
		e.EncodeArrayLen(2),
		e.EncodeExtHeader(0, len(at)),
		write(e, at[:]),
		e.EncodeMapLen(3),
		e.EncodeString("message"),
		e.EncodeString(unsafe.String(unsafe.SliceData(r.Text), len(r.Text))), // nobody changes it
		e.EncodeString("log"),
		e.EncodeMapLen(2),
		e.EncodeString("file"),
		e.EncodeMapLen(1),
		e.EncodeString("path"),
		e.EncodeString(r.Path),
		e.EncodeString("offset"),
		e.EncodeInt(r.Offset),
		e.EncodeString("azure"),
		e.EncodeMapLen(1),
		e.EncodeString("storage"),
		e.EncodeMapLen(2),
		e.EncodeString("container"),
		e.EncodeMapLen(1),
		e.EncodeString("name"),
		e.EncodeString(r.Container),
		e.EncodeString("blob"),
		e.EncodeMapLen(1),
		e.EncodeString("name"),
		e.EncodeString(r.Blob),
	} {
		if step != nil {
			return step
		}
	}
	return nil
}

func write(e *msgpack.Encoder, b []byte) error {
	_, err := e.Writer().Write(b)
	return err
}
