package main

import (
	"bytes"
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// aroundRecord is more than keys and heads take in a record.
const aroundRecord = 160

// encodeRecords appends records in the framing that every host takes: [time,
// body]. The encoder's errors are those of its writer.
func encodeRecords(to *bytes.Buffer, records []storage.Record, now time.Time) error {
	size := 0
	for i := range records {
		r := &records[i]
		size += len(r.Text) + len(r.Account) + len(r.Path) + len(r.Container) + len(r.Blob) + aroundRecord
	}
	to.Grow(size)
	e := msgpack.NewEncoder(to)
	for i := range records {
		if err := encodeRecord(e, &records[i], now); err != nil {
			return err
		}
	}
	return nil
}

// encodeRecord writes {"message": text, "log": {"file": {"path": …}, "offset":
// …}, "azure": {"storage": {"account": {"name": …}, "container": {"name": …},
// "blob": {"name": …}}}}.
func encodeRecord(e *msgpack.Encoder, r *storage.Record, now time.Time) error {
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
		e.EncodeMapLen(3),
		e.EncodeString("account"),
		e.EncodeMapLen(1),
		e.EncodeString("name"),
		e.EncodeString(r.Account),
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
