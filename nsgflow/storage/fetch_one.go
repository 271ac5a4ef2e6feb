package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/nsgflow/internal/split"
	"fluent-bit-nsgflow/nsgflow/storage/checkpoint"
)

// What was added to a blob mostly is read with one request, which also asks whether
// there is anything (If-None-Match): from the bytes that the checkpoint knows to the
// end. The answer is of one version, that of its ETag. It is enough where
//
//   - the bytes before the checkpoint are those that were there, so that nothing was
//     replaced, as far as the block list would tell;
//   - it reaches to the end of the blob, which is `]}`: Azure writes that anew behind
//     every block, and it is never read;
//   - in between stand whole records, each valid JSON.
//
// Else nothing of it counts. The block list says then where the committed blocks
// end, what of a damaged record is to be handed on, and what is to be waited for.

// ending is the end of a blob of flow logs.
const ending = "]}"

// readInOne reports whether that is all: the blob has not changed, is not there, or
// was read to its end.
func (r *reader) readInOne(b *blob, t task) (done bool, err error) {
	from, held := t.from, int64(0)
	defer func() { r.memory.change(-held) }()
	text, version, written, err := r.behind(b, from, &held)
	if err == nil || means(err, unchanged) || means(err, gone) {
		b.in.known.answered(b.path, written, r.requests.clock.time())
	}
	switch {
	case means(err, unchanged) || means(err, gone):
		return !t.listed, nil // what contradicts the listing, the block list decides
	case means(err, changed): // shorter than the checkpoint
		return false, nil
	case err != nil:
		return false, err
	}
	known := from.Checked
	if r.byBlocks || len(text) < known+len(ending) || !bytes.HasSuffix(text, []byte(ending)) || known > 0 && !from.StandsBehind(text[:known]) {
		return false, nil
	}
	var records []Record
	s := split.New(from.Offset)
	s.Feed(text[known : len(text)-len(ending)]) // which ends no record
	for record, offset, ok := s.Next(); ok; record, offset, ok = s.Next() {
		if !json.Valid(record) {
			return false, nil
		}
		records = append(records, r.record(b, record, offset))
	}
	if s.Open() {
		return false, nil
	}
	from.ETag, from.Half = "", false
	from = r.ready.push(b, records, from, held)
	held = 0 // the records have it
	from.ETag = version
	r.ready.push(b, nil, from, 0)
	r.requests.alerts.clear(b.quoted())
	return true, nil
}

// behind is what stands behind a checkpoint in a blob that is of another version by
// now, with the bytes before it that the checkpoint knows, and when that was written.
// It is empty where it is more than a piece, or broke off, or where there is no memory
// for it at once: held is what it has taken.
func (r *reader) behind(b *blob, from checkpoint.Checkpoint, held *int64) (text []byte, version string, written time.Time, err error) {
	begin := from.Offset - int64(from.Checked)
	o := &azblob.DownloadStreamOptions{Range: azblob.HTTPRange{Offset: begin, Count: pieceBytes}}
	if from.ETag != "" {
		tag := azcore.ETag(`"` + from.ETag + `"`)
		o.AccessConditions = &azblob.AccessConditions{ModifiedAccessConditions: &azblob.ModifiedAccessConditions{IfNoneMatch: &tag}}
	}
	err = r.requests.do(b.blobID, readTimeout, func(ctx context.Context, c *service.Client) error {
		var raw *http.Response
		answer, err := blobClient(c, b.blobID).DownloadStream(policy.WithCaptureResponse(ctx, &raw), o)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if raw.StatusCode == http.StatusNotModified { // the SDK takes that for a success
			return runtime.NewResponseError(raw)
		}
		var first, last, size int64
		if answer.ETag == nil || answer.ContentRange == nil { // as of one that is empty
			return nil
		}
		if n, _ := fmt.Sscanf(*answer.ContentRange, "bytes %d-%d/%d", &first, &last, &size); n != 3 || first != begin || last < first || last-first >= pieceBytes {
			return errors.New("answer with other bytes than those asked for")
		}
		if written = r.requests.clock.time(); answer.LastModified != nil {
			written = *answer.LastModified
		}
		r.blobs.wrote(b, written)
		if last+1 < size {
			return nil
		}
		if !r.memory.agent.memory.try(&r.memory.held, last+1-first) {
			return nil // the block list, then: it waits with nothing under way
		}
		*held += last + 1 - first
		piece := make([]byte, last+1-first)
		n, err := io.ReadFull(answer.Body, piece)
		r.requests.figures.add(func(s *AccountStats) { s.Read += uint64(n) })
		if err == nil {
			text, version = piece, versionOf(*answer.ETag)
		}
		return nil
	})
	return text, version, written, err
}
