package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
)

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
func (a *account) read(b *blobState) error {
	a.mu.Lock()
	asked, from, closed := b.byName, b.read, b.closed
	a.mu.Unlock()
	if asked && !(from.Half && closed) {
		if changed, err := a.hasChanged(b, from.ETag); err != nil || !changed {
			return err
		}
	}
	lay, err := a.layout(b)
	if err != nil {
		return err
	}
	version := versionOf(lay.etag)
	if from.ETag == version && !(from.Half && closed) {
		return nil
	}
	if lay.end < from.Offset {
		a.restart(b, fmt.Sprintf("has shrunk from at least %d to %d bytes", from.Offset, lay.end))
		from = checkpoint{}
	}
	from.ETag, from.Half = "", false
	return a.readFrom(b, lay, from, closed)
}

// readFrom reads on behind a checkpoint. The first piece begins with what the
// checkpoint knows of the bytes before it.
func (a *account) readFrom(b *blobState, lay layout, from checkpoint, closed bool) error {
	s := newSplitter(from.Offset)
	held := int64(0) // of the memory, for the piece
	release := func() {
		a.f.agent.memory.change(&a.memory, -held)
		held = 0
	}
	defer release()
	open := openRecord{a: a}
	defer open.end()
	for known := int64(from.Checked); known > 0 || s.end() < lay.end; known = 0 {
		if open.mustBegin() {
			if err := open.begin(); err != nil {
				return err
			}
			s, known = newSplitter(from.Offset), int64(from.Checked)
		}
		size := known + min(lay.end-s.end(), pieceBytes-maxChecked)
		if err := open.acquire(size); err != nil {
			return err
		}
		held = size
		piece := make([]byte, size)
		n, err := a.fetch(b, lay, s.end()-known, piece)
		if int64(n) < known {
			return err
		}
		if known > 0 && checksum(piece[:known]) != from.Check {
			release()
			a.restart(b, "was replaced by another")
			from, s = checkpoint{}, newSplitter(0)
			continue
		}
		s.feed(piece[known:n])
		records := a.split(b, s, lay, closed)
		held = 0 // the records have it
		from = a.push(b, records, from, size)
		open.hold(s)
		if err != nil {
			return err
		}
	}
	from.ETag, from.Half = versionOf(lay.etag), s.open()
	a.push(b, nil, from, 0)
	a.alerts.clear(b.quoted())
	return nil
}

func (a *account) restart(b *blobState, why string) {
	a.mu.Lock()
	a.stats.Restarts++
	a.mu.Unlock()
	a.log(Warn, fmt.Sprintf("blob %q: %s, it is read from its beginning", b.url, why))
}

// split takes the records out of what has come so far.
//
// Azure commits whole records, so one that does not end, or ends only by
// swallowing the beginning of a later block, is damaged: the bytes up to that
// block are handed on as they are. One that nothing follows may be half written
// still, and waits until its hour is long over.
func (a *account) split(b *blobState, s *splitter, lay layout, closed bool) []Record {
	var records []Record
	add := func(text []byte, offset int64) {
		records = append(records, Record{Text: text, Account: a.name, Path: b.url, Container: b.container, Blob: b.name, Offset: offset})
	}
	for {
		for text, offset, ok := s.next(); ok; text, offset, ok = s.next() {
			if end, found := lay.restart(text, offset); found && !json.Valid(text) {
				text = text[:end-offset]
				s.back(end)
			}
			add(text, offset)
		}
		if !s.open() {
			return records
		}
		whole, long := s.end() == lay.end, s.end()-s.openAt() >= maxRecord
		if !whole && !long {
			return records
		}
		end, found := lay.restart(s.rest(), s.openAt())
		if !found && !closed && !long {
			return records
		}
		add(s.give(end))
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

// push adds records to what is ready and gives the checkpoint behind them. The
// account holds the memory of the records in place of that of the piece.
func (a *account) push(b *blobState, records []Record, c checkpoint, piece int64) checkpoint {
	size := int64(0)
	for _, r := range records {
		size += int64(len(r.Text))
	}
	if len(records) > 0 {
		last := records[len(records)-1]
		c = checkpointAfter(last.Text, last.Offset)
	}
	a.f.agent.memory.change(&a.memory, size-piece)
	a.mu.Lock()
	b.read = c
	if c.ETag != "" {
		b.unsafeSince, b.unreadSince = b.oldest(), time.Time{}
	}
	if len(records) > 0 || c.ETag != "" {
		a.ready = append(a.ready, part{blob: b, records: records, end: c})
		b.parts++
	}
	a.mu.Unlock()
	signal(a.f.ready)
	return c
}

// hasChanged asks whether a blob is there in another version than the one
// known. A blob that is not there has not changed.
func (a *account) hasChanged(b *blobState, known string) (changed bool, err error) {
	o := &blob.GetPropertiesOptions{}
	if known != "" {
		tag := azcore.ETag(`"` + known + `"`)
		o.AccessConditions = &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: &tag}}
	}
	err = a.do(b.blobID, listTimeout, func(ctx context.Context, c *service.Client) error {
		answer, err := blobClient(c, b.blobID).GetProperties(ctx, o)
		if err == nil && answer.LastModified != nil {
			a.mu.Lock()
			b.changedAt(*answer.LastModified)
			a.mu.Unlock()
		}
		return err
	})
	if means(err, unchanged) || means(err, gone) {
		return false, nil
	}
	return err == nil, err
}

func (a *account) layout(b *blobState) (lay layout, err error) {
	err = a.do(b.blobID, listTimeout, func(ctx context.Context, c *service.Client) error {
		list, err := blobClient(c, b.blobID).GetBlockList(ctx, blockblob.BlockListTypeCommitted, nil)
		if err != nil {
			return err
		}
		if list.ETag == nil {
			return errors.New("answer without an ETag")
		}
		lay = layout{etag: *list.ETag}
		for _, block := range list.CommittedBlocks {
			if block == nil || block.Size == nil || *block.Size < 0 {
				return errors.New("block list without the sizes of the blocks")
			}
			lay.end += *block.Size
			lay.ends = append(lay.ends, lay.end)
		}
		n := len(lay.ends)
		switch {
		case n == 0 && list.BlobContentLength == nil:
			return errors.New("block list without blocks and without the length of the blob")
		case n == 0:
			// Uploaded in one go: it has no blocks.
			lay.end = *list.BlobContentLength
		case n > 1 && lay.end-lay.ends[n-2] == tailBytes:
			lay.end = lay.ends[n-2]
		}
		return nil
	})
	return lay, err
}

// fetch fills p with the bytes from a place in this very version of a blob.
// Where it fails, the first n may have come all the same. A body that breaks off
// is gone on with at once, some times.
func (a *account) fetch(b *blobState, lay layout, from int64, p []byte) (n int, err error) {
	for try, before := 1, -1; try <= maxTries && n > before; try++ {
		if before = n; try > 1 {
			a.retried()
		}
		if err = a.fetchOnce(b, lay, from, p, &n); err == nil {
			break
		}
	}
	a.mu.Lock()
	a.stats.Read += uint64(n)
	a.mu.Unlock()
	if means(err, changed) {
		n = 0
	}
	return n, err
}

func (a *account) fetchOnce(b *blobState, lay layout, from int64, p []byte, n *int) error {
	return a.do(b.blobID, readTimeout, func(ctx context.Context, c *service.Client) error {
		answer, err := blobClient(c, b.blobID).DownloadStream(ctx, &blob.DownloadStreamOptions{
			Range:            blob.HTTPRange{Offset: from + int64(*n), Count: int64(len(p) - *n)},
			AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: &lay.etag}},
		})
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		begin := fmt.Sprintf("bytes %d-", from+int64(*n))
		if answer.ETag == nil || *answer.ETag != lay.etag || answer.ContentRange == nil || !strings.HasPrefix(*answer.ContentRange, begin) {
			return errors.New("answer with other bytes than those asked for")
		}
		got, err := io.ReadFull(answer.Body, p[*n:])
		*n += got
		return err
	})
}

func blobClient(c *service.Client, id blobID) *blockblob.Client {
	return c.NewContainerClient(id.container).NewBlockBlobClient(id.name)
}

// versionOf is an ETag as listings have it, without the quotes of the header.
func versionOf(e azcore.ETag) string { return strings.Trim(string(e), `"`) }
