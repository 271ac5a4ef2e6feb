package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/nsgflow/internal/split"
	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
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

// reader fetches what was added to blobs, and splits it into records: hops 2 and
// 3. Several goroutines share it, each with another blob.
type reader struct {
	account  string
	requests *requests
	blobs    *blobs
	memory   *memory
	ready    *ready // what was read goes there
	log      Log
	byBlocks bool // read by the block list always
}

// read brings what was added to a blob into parts. A panic is an error.
func (r *reader) read(b *blob, t task) error {
	return guarded(b.quoted(), r.log, func() error { return r.readOn(b, t) })
}

func (r *reader) readOn(b *blob, t task) error {
	from := t.from
	if t.ask && !(from.Half && t.closed) {
		if done, err := r.readInOne(b, t); err != nil || done {
			return err
		}
	}
	lay, err := r.layout(b)
	if err != nil {
		return err
	}
	if from.ETag == versionOf(lay.etag) && !(from.Half && t.closed) {
		return nil
	}
	if lay.end < from.Offset {
		r.restart(b, fmt.Sprintf("has shrunk from at least %d to %d bytes", from.Offset, lay.end))
		from = checkpoint.Checkpoint{}
	}
	from.ETag, from.Half = "", false
	return r.readFrom(b, lay, from, t.closed)
}

// errGivesWay is of a blob that is read on when one of now has had its turn.
var errGivesWay = errors.New("gives way")

// readFrom reads on behind a checkpoint. The first piece begins with what the
// checkpoint knows of the bytes before it.
func (r *reader) readFrom(b *blob, lay layout, from checkpoint.Checkpoint, closed bool) error {
	s, began := split.New(from.Offset), from.Offset
	held := int64(0) // of the memory, for the piece
	release := func() {
		r.memory.change(-held)
		held = 0
	}
	defer release()
	open := openRecord{m: r.memory}
	defer open.end()
	for known := int64(from.Checked); known > 0 || s.End() < lay.end; known = 0 {
		if open.mustBegin() {
			if err := open.begin(); err != nil {
				return err
			}
			s, known = split.New(from.Offset), int64(from.Checked)
		}
		size := known + min(lay.end-s.End(), pieceBytes-checkpoint.MaxChecked)
		if err := open.acquire(size); err != nil {
			return err
		}
		held = size
		piece := make([]byte, size)
		n, err := r.fetch(b, lay, s.End()-known, piece)
		if int64(n) < known {
			return err
		}
		if known > 0 && !from.StandsBehind(piece[:known]) {
			release()
			r.restart(b, "was replaced by another")
			from, s, began = checkpoint.Checkpoint{}, split.New(0), 0
			continue
		}
		s.Feed(piece[known:n])
		var records []Record
		lay.eachRecord(s, closed, func(text []byte, offset int64) {
			records = append(records, r.record(b, text, offset))
		})
		held = 0 // the records have it
		from = r.ready.push(b, records, from, size)
		open.hold(s)
		if err != nil {
			return err
		}
		if s.End() < lay.end && from.Offset > began && r.blobs.givesWay(b) {
			return errGivesWay
		}
	}
	from.ETag, from.Half = versionOf(lay.etag), s.Open()
	r.ready.push(b, nil, from, 0)
	r.requests.alerts.clear(b.quoted())
	return nil
}

func (r *reader) record(b *blob, text []byte, offset int64) Record {
	return Record{Text: text, Account: r.account, Path: b.url, Container: b.container, Blob: b.name, Offset: offset}
}

func (r *reader) restart(b *blob, why string) {
	r.requests.figures.add(func(s *AccountStats) { s.Restarts++ })
	r.log(Warn, fmt.Sprintf("blob %q: %s, it is read from its beginning", b.url, why))
}

func (r *reader) layout(b *blob) (lay layout, err error) {
	err = r.requests.do(b.blobID, listTimeout, func(ctx context.Context, c *service.Client) error {
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
func (r *reader) fetch(b *blob, lay layout, from int64, p []byte) (n int, err error) {
	for try, before := 1, -1; try <= maxTries && n > before; try++ {
		if before = n; try > 1 {
			r.requests.retried()
		}
		if err = r.fetchOnce(b, lay, from, p, &n); err == nil {
			break
		}
	}
	r.requests.figures.add(func(s *AccountStats) { s.Read += uint64(n) })
	if means(err, changed) {
		n = 0
	}
	return n, err
}

func (r *reader) fetchOnce(b *blob, lay layout, from int64, p []byte, n *int) error {
	return r.requests.do(b.blobID, readTimeout, func(ctx context.Context, c *service.Client) error {
		answer, err := blobClient(c, b.blobID).DownloadStream(ctx, &azblob.DownloadStreamOptions{
			Range:            azblob.HTTPRange{Offset: from + int64(*n), Count: int64(len(p) - *n)},
			AccessConditions: &azblob.AccessConditions{ModifiedAccessConditions: &azblob.ModifiedAccessConditions{IfMatch: &lay.etag}},
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
