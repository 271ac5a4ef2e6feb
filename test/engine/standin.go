package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Layouts are the releases that the stand-in can be: each begins a layout of
// the plugin struct or of the instance.
var Layouts = []string{"1.9", "2.1", "2.2", "3.2"}

// Strides are the sizes of an option table's element, before and from 5.0.3.
var Strides = []int{96, 104}

// StandIn is one run of the stand-in host. The zero value is the newest layout
// with one instance that configures nothing.
type StandIn struct {
	Layout  string
	Stride  int
	Options [][]string // key=value, for each instance
	Flags   []string   // further flags of test/host/options.c
	Arch    string     // "arm64": the cross-built host and object, emulated
	Under   []string   // a command to run the stand-in under, with its arguments
}

// Outcome is what a run left behind.
type Outcome struct {
	Chunks [][]byte // one for each chunk that went in
	Stdout []byte   // as it was written: the option table after the flag -h
	Log    string
	Code   int
}

// Run passes chunks through the filter. An error means that the stand-in did
// not get to run; a refused start or a broken contract is an Outcome's Code.
func (s StandIn) Run(ctx context.Context, chunks ...[]byte) (Outcome, error) {
	command, err := s.command(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var in, out, log bytes.Buffer
	for _, chunk := range chunks {
		in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(chunk))))
		in.Write(chunk)
	}
	command.Stdin, command.Stdout, command.Stderr = &in, &out, &log
	err = command.Run()
	outcome := Outcome{Stdout: out.Bytes(), Log: log.String(), Code: command.ProcessState.ExitCode()}
	if outcome.Code < 0 { // not started, killed or crashed
		return outcome, fmt.Errorf("%q: %w\n%s", command.Args, err, log.String())
	}
	if outcome.Code == 0 && len(chunks) > 0 {
		outcome.Chunks, err = unframe(out.Bytes(), len(chunks))
		return outcome, err
	}
	return outcome, nil
}

// Events are what becomes of each file, one JSON object a line: a record for each
// of its lines. Those before an error are there, too.
func (s StandIn) Events(ctx context.Context, files []string) (events [][]byte, err error) {
	var chunks [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		lines := strings.Split(string(bytes.TrimRight(text, "\n")), "\n")
		chunks = append(chunks, PackText(New, time.Now(), "log", lines...))
	}
	outcome, err := s.Run(ctx, chunks...)
	if err != nil {
		return nil, err
	}
	if outcome.Code != 0 {
		return nil, fmt.Errorf("stand-in host ended with %d\n%s", outcome.Code, outcome.Log)
	}
	for _, chunk := range outcome.Chunks {
		lines, err := Lines(chunk)
		events = append(events, lines)
		if err != nil {
			return events, err
		}
	}
	return events, nil
}

func (s StandIn) command(ctx context.Context) (*exec.Cmd, error) {
	layout, stride := s.Layout, s.Stride
	if layout == "" {
		layout = Layouts[len(Layouts)-1]
	}
	if stride == 0 {
		stride = Strides[len(Strides)-1]
	}
	folder, args := Path("build"), slices.Clone(s.Under)
	if s.Arch == "arm64" {
		folder, args = Path("build", "arm64"), append(args, "qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu")
	}
	if err := Make("ARCH="+s.Arch, "build", "hosts"); err != nil {
		return nil, err
	}
	args = append(args, folder+"/host-"+strconv.Itoa(stride), "-l", layout)
	args = append(args, s.Flags...)
	args = append(args, folder+"/flb-filter_nsgflow.so")
	for i, options := range s.Options {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, options...)
	}
	return exec.CommandContext(ctx, args[0], args[1:]...), nil
}

func unframe(frames []byte, count int) ([][]byte, error) {
	var chunks [][]byte
	for len(frames) >= 4 {
		size := int(binary.LittleEndian.Uint32(frames))
		if len(frames) < 4+size {
			break
		}
		chunks, frames = append(chunks, frames[4:4+size]), frames[4+size:]
	}
	if len(frames) > 0 || len(chunks) != count {
		return nil, fmt.Errorf("stand-in wrote %d chunks and %d bytes more, for %d", len(chunks), len(frames), count)
	}
	return chunks, nil
}
