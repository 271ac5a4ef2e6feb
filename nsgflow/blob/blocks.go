package blob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

// pieceBytes is what one request fetches at most.
const pieceBytes = 4 << 20

// tailBytes is the length of the last block of a flow log, `]}`. New blocks
// are put in before it.
const tailBytes = 2

// layout is a version of a blob.
type layout struct {
	etag azcore.ETag
	end  int64   // of what may be read: without the tail
	ends []int64 // of the committed blocks, ascending
}

// read brings what was added to a blob into parts.
func (f *Follower) read(s *source) error {
	lay, err := f.layout(s)
	if err != nil {
		return err
	}
	f.mu.Lock()
	version := versionOf(lay.etag)
	s.wanted = version
	from := s.read
	closed := s.closed
	f.mu.Unlock()
	if from.ETag == version && !(from.Half && closed) {
		return nil
	}
	if lay.end < from.Offset {
		f.log(Warn, fmt.Sprintf("blob %q: has shrunk from at least %d to %d bytes, it is read anew", s.url, from.Offset, lay.end))
		from = mark{}
	}
	from.ETag, from.Half = "", false
	c := newCutter(from.Offset)
	// The first piece begins with what the mark knows of the bytes before it.
	for known := int64(from.Checked); known > 0 || c.end() < lay.end; known = 0 {
		piece := make([]byte, known+min(lay.end-c.end(), pieceBytes))
		n, err := f.fetch(s, lay, c.end()-known, piece)
		if int64(n) < known {
			return err
		}
		if known > 0 && check(piece[:known]) != from.Check {
			f.log(Warn, fmt.Sprintf("blob %q: was replaced by another, it is read anew", s.url))
			from, c = mark{}, newCutter(0)
			continue
		}
		c.feed(piece[known:n])
		if from, err = f.push(s, f.cut(s, c, lay, closed), from, err); err != nil {
			return err
		}
	}
	from.ETag, from.Half = version, c.open()
	_, err = f.push(s, nil, from, nil)
	return err
}

// cut takes the records out of what has come so far.
//
// Azure commits whole records, so one that does not end, or ends only by
// swallowing the beginning of a later block, is damaged: the bytes up to that
// block are handed on as they are. One that nothing follows may be half written
// still, and waits until its hour is long over.
func (f *Follower) cut(s *source, c *cutter, lay layout, closed bool) []Record {
	var records []Record
	add := func(text []byte, offset int64) {
		records = append(records, Record{Text: text, Path: s.url, Container: s.container, Blob: s.name, Offset: offset})
	}
	for {
		for text, offset, ok := c.next(); ok; text, offset, ok = c.next() {
			if end, found := lay.restart(text, offset); found && !json.Valid(text) {
				text = text[:end-offset]
				c.back(end)
			}
			add(text, offset)
		}
		if !c.open() {
			return records
		}
		whole, long := c.end() == lay.end, c.end()-c.openAt() >= maxRecord
		if !whole && !long {
			return records
		}
		end, found := lay.restart(c.rest(), c.openAt())
		if !found && !closed && !long {
			return records
		}
		add(c.give(end))
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

// push adds records to what is ready, as soon as there is room, and gives the
// mark behind them. failed is passed through: what came before it counts.
func (f *Follower) push(s *source, records []Record, m mark, failed error) (mark, error) {
	size := 0
	for _, r := range records {
		size += len(r.Text)
	}
	if len(records) > 0 {
		last := records[len(records)-1]
		m = behind(last.Text, last.Offset)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.await(func() bool { return f.paused.IsZero() && f.held < f.o.BatchBytes }) {
		return m, f.ctx.Err()
	}
	s.read = m
	if len(records) > 0 || m.ETag != "" {
		f.ready = append(f.ready, part{source: s, records: records, end: m})
		s.parts++
		f.held += size
	}
	return m, failed
}

func (f *Follower) layout(s *source) (lay layout, err error) {
	err = f.ask(listTimeout, func(ctx context.Context, c *service.Client) error {
		list, err := s.client(c).GetBlockList(ctx, blockblob.BlockListTypeCommitted, nil)
		if err != nil {
			return err
		}
		if list.ETag == nil {
			return errors.New("answer without an ETag")
		}
		lay = layout{etag: *list.ETag}
		for _, b := range list.CommittedBlocks {
			if b.Size != nil {
				lay.end += *b.Size
				lay.ends = append(lay.ends, lay.end)
			}
		}
		n := len(lay.ends)
		switch {
		case n == 0 && list.BlobContentLength != nil:
			// Uploaded in one go: it has no blocks.
			lay.end = *list.BlobContentLength
		case n > 1 && lay.end-lay.ends[n-2] == tailBytes:
			lay.end = lay.ends[n-2]
		}
		return nil
	})
	return lay, err
}

// fetch fills b with the bytes from a place in this very version of a blob.
// Where it fails, the first n may have come all the same.
func (f *Follower) fetch(s *source, lay layout, from int64, b []byte) (n int, err error) {
	err = f.ask(readTimeout, func(ctx context.Context, c *service.Client) error {
		answer, err := s.client(c).DownloadStream(ctx, &blob.DownloadStreamOptions{
			Range:            blob.HTTPRange{Offset: from + int64(n), Count: int64(len(b) - n)},
			AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &lay.etag}},
		})
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		got, err := io.ReadFull(answer.Body, b[n:])
		n += got
		return err
	})
	f.mu.Lock()
	f.stats.Read += uint64(n)
	f.mu.Unlock()
	if hasStatus(err, http.StatusPreconditionFailed) {
		return 0, errChanged
	}
	return n, err
}

func (s *source) client(c *service.Client) *blockblob.Client {
	return c.NewContainerClient(s.container).NewBlockBlobClient(s.name)
}

func hasStatus(err error, code int) bool {
	var response *azcore.ResponseError
	return errors.As(err, &response) && response.StatusCode == code
}
