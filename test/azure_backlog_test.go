package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// A backlog is read at the pace of the one-second tick times batch_bytes or of
// the storage service, in bounded memory. NSGFLOW_BACKLOG_MB sets how much.
func TestAzureBacklog(t *testing.T) {
	const maxOwnMB = 256
	const batch = "24M" // about as much as Azurite gives in a second
	backlogMB := 96
	if text := os.Getenv("NSGFLOW_BACKLOG_MB"); text != "" {
		var err error
		if backlogMB, err = strconv.Atoi(text); err != nil {
			t.Fatalf("NSGFLOW_BACKLOG_MB: %v", err)
		}
	}
	if len(releases()) == 0 {
		t.Skip("skipped: no Fluent Bit found")
	}
	r := releases()[0]
	storage := azure.NewStorage(t)
	bytes, records := backlog(t, storage, backlogMB)
	port, err := azure.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	root := stageInput(t, r)
	write(t, root, "etc/backlog.conf", fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        1
    HTTP_Server  On
    HTTP_Listen  127.0.0.1
    HTTP_Port    %d
    Plugins_File %s/etc/azure-plugins.conf
    storage.path %[2]s/storage
[INPUT]
    Name         nsgflow
    Tag          flow
    state_path   %[2]s/state
    storage.type filesystem
    batch_bytes  %s
[OUTPUT]
    Name         null
    Match        *
`, port, root, batch))
	a := r.start(t, root, storage.Environment, "-c", "etc/backlog.conf")
	began := time.Now()
	idle, peak := 0, 0
	for deadline := began.Add(agentTimeout); ; time.Sleep(50 * time.Millisecond) {
		own := privateMB(t, a.cmd.Process.Pid)
		if idle == 0 {
			idle = own
		}
		peak = max(peak, own)
		if recordsOf(port) >= records {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d records", recordsOf(port), records)
		}
	}
	took := time.Since(began)
	a.stop()
	t.Logf("Fluent Bit %s, input to null, batch_bytes %s: %d MB, %d records in %s: %.1f MB/s; private memory at most %d MB, %d MB before",
		r.version, batch, bytes/1e6, records, took.Round(100*time.Millisecond), float64(bytes)/1e6/took.Seconds(), peak, idle)
	if peak-idle > maxOwnMB {
		t.Errorf("%d MB of the input's own, more than %d", peak-idle, maxOwnMB)
	}
}

// backlog fills blobs with records of 32 KB, as Azure cuts them.
func backlog(t *testing.T, s azure.Storage, mb int) (bytes, records int) {
	t.Helper()
	var n []int
	for len(n) < 32_000/len(azure.VNetTuple(0)) {
		n = append(n, len(n))
	}
	record := azure.VNetRecord(n...)
	const perBlock, blocks = 128, 8 // 4 MB, 32 MB a blob
	block := strings.Repeat(","+record, perBlock)
	var all sync.WaitGroup
	turns := make(chan struct{}, 4)
	for blob := 0; bytes < mb*1e6; blob++ {
		bytes += blocks * perBlock * len(record)
		records += blocks * perBlock
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			l := azure.NewFlowLog(t, s.VNet, azure.VNetName(blob, azure.ThisHour))
			for i := range blocks {
				text := block
				if i == 0 {
					text = text[1:]
				}
				l.GrowRaw(text)
			}
		})
	}
	all.Wait()
	return bytes, records
}

var inputRecords = regexp.MustCompile(`"nsgflow\.0":\{"records":(\d+)`)

// recordsOf is what the host has counted so far.
func recordsOf(port int) (n int) {
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/metrics", port))
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if m := inputRecords.FindSubmatch(body); err == nil && m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	return n
}

// privateMB is a process's memory without the pages of files.
func privateMB(t *testing.T, pid int) (mb int) {
	t.Helper()
	status := read(t, fmt.Sprintf("/proc/%d/status", pid))
	if _, after, ok := strings.Cut(status, "RssAnon:"); ok {
		fmt.Sscan(after, &mb)
	}
	return mb / 1024
}
