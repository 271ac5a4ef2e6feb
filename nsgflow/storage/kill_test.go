package storage

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
)

// followed is what a process is told that TestKill kills.
type followed struct {
	Out     string // file of what it is handed
	Options Options
}

// childEnv holds it as JSON.
const childEnv = "FOLLOWED"

// followChild is what TestKill kills: it brings what it is handed to a file,
// as Fluent Bit does to its storage.
func followChild() {
	var c followed
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	f, err := NewAgent().Open(c.Options, func(level Level, text string) {
		if level <= Warn {
			fmt.Fprintln(os.Stderr, text)
		}
	}, func() {})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	out, err := os.OpenFile(c.Out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for {
		b, err := f.Next(batchOfChild)
		if err != nil {
			os.Exit(0)
		}
		if len(b.Records) == 0 {
			<-f.Ready()
			continue
		}
		var lines []byte
		for _, r := range b.Records {
			line, _ := json.Marshal([]any{r.Blob, r.Offset, string(r.Text)})
			lines = append(append(lines, line...), '\n')
		}
		if _, err := out.Write(lines); err != nil {
			panic(err)
		}
		for f.Commit(b.Token); f.Saved() < b.Token; {
			time.Sleep(time.Millisecond)
		}
	}
}

// batchOfChild is some 80 records.
const batchOfChild = 64 << 10

// Killed at any moment, again and again, a follower loses nothing, and repeats
// at most a batch each time.
func TestKill(t *testing.T) {
	t.Parallel()
	loops := 50
	if !long {
		loops = 8
	}
	c := azure.NewContainer(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "out")
	o := opts(t, c)
	o.PollInterval, o.ListInterval, o.StatePath = 20*time.Millisecond, 20*time.Millisecond, dir
	told, err := json.Marshal(followed{file, o})
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), childEnv+"="+string(told))

	// The writer goes on while followers come and go.
	want := map[string][]string{}
	stop, done := make(chan struct{}), make(chan struct{})
	var written atomic.Int64
	go func() {
		defer close(done)
		var logs []*azure.FlowLog
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if n%40 == 0 {
				logs = append(logs, azure.NewFlowLog(t, c, azure.VNetName(len(logs), azure.ThisHour)))
			}
			i := rand.IntN(len(logs))
			name := azure.VNetName(i, azure.ThisHour)
			block := []string{azure.VNetRecord(2 * n), azure.VNetRecord(2*n + 1)}
			logs[i].Grow(block...)
			want[name] = append(want[name], block...)
			written.Add(2)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	start := func() *exec.Cmd {
		child := exec.Command(os.Args[0])
		child.Env, child.Stderr = env, os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		return child
	}
	kills, alive := 0, time.Now()
	for range loops {
		child := start()
		time.Sleep(time.Duration(50+rand.IntN(1500)) * time.Millisecond)
		if err := child.Process.Signal(syscall.SIGKILL); err == nil {
			kills++
		}
		child.Wait()
	}
	took := time.Since(alive)
	close(stop)
	<-done

	child := start()
	defer child.Wait()
	defer child.Process.Kill()
	var seen map[string]int
	await(t, "all records in the file", func() bool {
		seen = readLines(t, file)
		return len(seen) >= int(written.Load())
	})
	lost, repeated, lines := 0, 0, 0
	for name, texts := range want {
		for _, text := range texts {
			n := seen[name+" "+text]
			if n == 0 {
				lost++
			}
			repeated += max(0, n-1)
			lines += n
			delete(seen, name+" "+text)
		}
	}
	t.Logf("%d kills in %s: %d records written, %d lost, %d handed over again", kills, took.Round(time.Second), written.Load(), lost, repeated)
	if lost > 0 || len(seen) > 0 || kills != loops {
		t.Errorf("%d lost, %d invented, %d of %d killed", lost, len(seen), kills, loops)
	}
	if most := loops * batchOfChild / len(azure.VNetRecord(0)); repeated > most {
		t.Errorf("%d handed out again, more than a batch each time (%d)", repeated, most)
	}
}

// readLines counts what is in the file. The last line may be cut short by a
// kill: the next child begins in the middle of it.
func readLines(t *testing.T, file string) map[string]int {
	seen := map[string]int{}
	in, err := os.Open(file)
	if err != nil {
		return seen
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := lines.Text()
		for {
			var line [3]any
			if json.Unmarshal([]byte(text), &line) == nil {
				seen[fmt.Sprint(line[0], " ", line[2])]++
				break
			}
			i := strings.Index(text[1:], `["flowLog`)
			if i < 0 {
				break
			}
			text = text[1+i:]
		}
	}
	return seen
}
