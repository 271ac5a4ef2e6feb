package azure

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// FlowLog grows a blob as Azure does: a head and a tail, and every minute a
// block in between.
type FlowLog struct {
	t      testing.TB
	blob   *blockblob.Client
	ids    []string
	minute int
}

func blockID(s string) string {
	return base64.StdEncoding.EncodeToString([]byte(s + strings.Repeat("0", 33-len(s))))
}

// NewFlowLog is a blob with head and tail only.
func NewFlowLog(t testing.TB, c *container.Client, name string) *FlowLog {
	t.Helper()
	l := &FlowLog{t: t, blob: c.NewBlockBlobClient(name)}
	l.stage(blockID("A"), `{"records":[`)
	l.stage(blockID("Z"), `]}`)
	l.commit()
	return l
}

func (l *FlowLog) stage(id, text string) {
	l.t.Helper()
	if _, err := l.blob.StageBlock(context.Background(), id, streaming.NopCloser(strings.NewReader(text)), nil); err != nil {
		l.t.Fatal(err)
	}
}

func (l *FlowLog) commit() {
	l.t.Helper()
	list := append(append([]string{blockID("A")}, l.ids...), blockID("Z"))
	if _, err := l.blob.CommitBlockList(context.Background(), list, nil); err != nil {
		l.t.Fatal(err)
	}
}

// Grow puts in a block of whole records.
func (l *FlowLog) Grow(records ...string) {
	l.t.Helper()
	text := strings.Join(records, ",")
	if l.minute > 0 {
		text = "," + text
	}
	l.GrowRaw(text)
}

// GrowRaw puts in a block as it is.
func (l *FlowLog) GrowRaw(text string) {
	l.t.Helper()
	l.minute++
	id := blockID(fmt.Sprintf("B%06d", l.minute))
	l.stage(id, text)
	l.ids = append(l.ids, id)
	l.commit()
}

// Shrink takes out all data blocks with the next commit.
func (l *FlowLog) Shrink() { l.ids = nil }
