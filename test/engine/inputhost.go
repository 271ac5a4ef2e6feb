package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// InputLayouts are the releases that begin a layout of the struct of inputs.
var InputLayouts = []string{"1.9", "2.0.0", "2.0.7", "3.2.0", "3.2.3", "5.1"}

// InputHost is the stand-in host for inputs, test/host/input. The zero value,
// but for Dir, is the newest layout with memory storage.
type InputHost struct {
	Dir     string // of chunks
	Layout  string
	Stride  int
	Flags   []string // further flags of test/host/input/options.c
	Options [][]string
	Env     []string // added to this process's
}

// InputState is what the stand-in answers to each command.
type InputState struct {
	Appends, Records, Refused, Flushes, Resumes, Delivered, Longest int
	Paused                                                          int // instances
	Held, Most                                                      int // bytes, now and ever
}

// InputRun is a stand-in that is running.
type InputRun struct {
	PID     int
	command *exec.Cmd
	stdin   io.WriteCloser
	states  *bufio.Reader
	log     Buffer
}

// Start gives a run whose inputs have begun, or what a refused start left.
func (h InputHost) Start() (*InputRun, *Outcome, error) {
	if err := Make("build", "hosts"); err != nil {
		return nil, nil, err
	}
	args := []string{"-o", h.Dir}
	if h.Layout != "" {
		args = append(args, "-r", h.Layout)
	}
	if h.Stride != 0 {
		args = append(args, "-s", strconv.Itoa(h.Stride))
	}
	args = append(append(args, h.Flags...), Path("build", "flb-in_nsgflow.so"))
	for i, options := range h.Options {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, options...)
	}
	r := &InputRun{command: exec.Command(Path("build", "input-host"), args...)}
	r.command.Env = append(os.Environ(), h.Env...)
	r.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.command.Stderr = &r.log
	var err error
	if r.stdin, err = r.command.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	r.states = bufio.NewReader(out)
	if err := r.command.Start(); err != nil {
		return nil, nil, err
	}
	r.PID = r.command.Process.Pid
	if _, err := r.states.ReadBytes('\n'); err != nil {
		outcome := r.end()
		return nil, &outcome, nil
	}
	return r, nil, nil
}

// Wait is for a host that ends by itself.
func (h InputHost) Wait() (Outcome, error) {
	r, end, err := h.Start()
	if r != nil {
		r.Kill()
		return Outcome{}, fmt.Errorf("the host has not ended:\n%s", r.Log())
	}
	if err != nil {
		return Outcome{}, err
	}
	return *end, nil
}

// Do runs a command.
func (r *InputRun) Do(command string) (s InputState, err error) {
	if _, err := io.WriteString(r.stdin, command+"\n"); err != nil {
		return s, fmt.Errorf("%s: %w\n%s", command, err, r.Log())
	}
	line, err := r.states.ReadBytes('\n')
	if err != nil {
		return s, fmt.Errorf("%s: the host has ended: %w\n%s", command, err, r.end().Log)
	}
	return s, json.Unmarshal(line, &s)
}

// Kill is kill -9.
func (r *InputRun) Kill() { r.command.Process.Kill(); r.end() }

// Stop is what SIGTERM is to a host.
func (r *InputRun) Stop() Outcome {
	r.stdin.Close()
	io.Copy(io.Discard, r.states)
	return r.end()
}

func (r *InputRun) end() Outcome {
	r.stdin.Close()
	r.command.Wait()
	return Outcome{Log: r.Log(), Code: r.command.ProcessState.ExitCode()}
}

// Log is what was logged until now.
func (r *InputRun) Log() string { return r.log.String() }

// InputRecord is a record that the input made.
type InputRecord struct {
	PID     int // of the process that appended it
	Blob    string
	Offset  int
	Message string
}

// Delivered are the records of an instance that outputs have taken, and with
// kept those in files of chunks as well: what a host delivers when it starts
// again. They are in the order of their appending.
func (h InputHost) Delivered(instance int, kept bool) ([]InputRecord, error) {
	folders := []string{"out"}
	if kept {
		folders = append(folders, "storage")
	}
	type chunk struct {
		path                      string
		pid, seconds, nanoseconds int
	}
	var chunks []chunk
	for _, folder := range folders {
		dir := filepath.Join(h.Dir, folder, fmt.Sprintf("nsgflow.%d", instance))
		files, err := os.ReadDir(dir)
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		for _, f := range files {
			c := chunk{path: filepath.Join(dir, f.Name())}
			name := strings.ReplaceAll(f.Name(), " ", "")
			if _, err := fmt.Sscanf(name, "%d-%d.%d.flb", &c.pid, &c.seconds, &c.nanoseconds); err != nil {
				return nil, fmt.Errorf("chunk %q: %w", f.Name(), err)
			}
			chunks = append(chunks, c)
		}
	}
	slices.SortFunc(chunks, func(a, b chunk) int {
		if a.seconds != b.seconds {
			return a.seconds - b.seconds
		}
		return a.nanoseconds - b.nanoseconds
	})
	var records []InputRecord
	for _, c := range chunks {
		content, err := os.ReadFile(c.path)
		if err != nil {
			if os.IsNotExist(err) { // delivered meanwhile
				err = fmt.Errorf("%w: is the host running?", fs.ErrInvalid)
			}
			return nil, err
		}
		these, err := inputRecords(c.pid, content)
		if err != nil {
			return nil, fmt.Errorf("chunk %q: %w", c.path, err)
		}
		records = append(records, these...)
	}
	return records, nil
}

// inputRecords reads a chunk file of test/host/input/chunk.c. What a kill left
// behind the length in its head was never appended.
func inputRecords(pid int, file []byte) (records []InputRecord, err error) {
	const head, length = 24, 10
	if len(file) < head {
		return nil, nil
	}
	content := file[head:]
	content = content[:min(len(content), int(binary.BigEndian.Uint32(file[length:])))]
	all, err := Unpack(content)
	for _, one := range all {
		r := InputRecord{PID: pid}
		var body struct {
			Message string
			Log     struct{ Offset int }
			Azure   struct {
				Storage struct{ Container, Blob struct{ Name string } }
			}
		}
		if err := json.Unmarshal(one.Body, &body); err != nil {
			return nil, err
		}
		r.Message, r.Offset = body.Message, body.Log.Offset
		r.Blob = body.Azure.Storage.Container.Name + "/" + body.Azure.Storage.Blob.Name
		records = append(records, r)
	}
	return records, err
}

// Buffer may be read while a process writes to it. The zero value is empty.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *Buffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *Buffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Until asks for the state until it is as wanted.
func (r *InputRun) Until(timeout time.Duration, wanted func(InputState) bool) (InputState, error) {
	for deadline := time.Now().Add(timeout); ; time.Sleep(5 * time.Millisecond) {
		s, err := r.Do("status")
		if err != nil || wanted(s) {
			return s, err
		}
		if time.Now().After(deadline) {
			return s, fmt.Errorf("not within %s: %+v\n%s", timeout, s, r.Log())
		}
	}
}
