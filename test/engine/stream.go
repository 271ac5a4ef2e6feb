package engine

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
)

// Stream is a stand-in that runs while its chunks come one by one.
type Stream struct {
	Log     Buffer
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// Stream starts a stand-in.
func (s StandIn) Stream(ctx context.Context) (*Stream, error) {
	s.Flags = append(s.Flags, "-s")
	command, err := s.command(ctx)
	if err != nil {
		return nil, err
	}
	running := &Stream{command: command}
	command.Stderr = &running.Log
	if running.in, err = command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	running.out = bufio.NewReader(out)
	return running, command.Start()
}

// Pass gives what becomes of a chunk.
func (s *Stream) Pass(chunk []byte) ([]byte, error) {
	if _, err := s.in.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(chunk))), chunk...)); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.Log.String())
	}
	var size [4]byte
	if _, err := io.ReadFull(s.out, size[:]); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.Log.String())
	}
	result := make([]byte, binary.LittleEndian.Uint32(size[:]))
	_, err := io.ReadFull(s.out, result)
	return result, err
}

// Reload exits all instances and starts them anew, as a hot reload does.
func (s *Stream) Reload() error {
	_, err := s.Pass(nil)
	return err
}

// Pid is its process.
func (s *Stream) Pid() int { return s.command.Process.Pid }

// End closes the input and waits for the end. An error is a broken contract, a race or a
// crash; the log says which.
func (s *Stream) End() error {
	if err := s.in.Close(); err != nil {
		return err
	}
	return s.command.Wait()
}
