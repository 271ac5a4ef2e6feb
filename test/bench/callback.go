package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/loggen"
)

const (
	chunkFlows  = 60 * flowsPerRecord // about 256 KB, what tail hands over at a time
	chunkCount  = 8
	chunkRounds = 30
	tries       = 3
)

// framed are chunks for the stand-in host.
func framed(s *scenario, chunks, records int) ([]byte, error) {
	var frames []byte
	log := s.log(chunks * records * s.log(0).Tuples)
	var b bytes.Buffer
	if err := log.Write(&b, loggen.Records); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	at := time.Date(2025, 3, 4, 12, 0, 0, 0, time.UTC)
	for ; len(lines) > 0; lines = lines[records:] {
		chunk, err := engine.Pack(engine.New, at, []byte(strings.Join(lines[:records], "\n")))
		if s.input == "text" {
			chunk = engine.PackText(engine.New, at, "log", lines[:records]...)
		}
		if err != nil {
			return nil, err
		}
		frames = binary.LittleEndian.AppendUint32(frames, uint32(len(chunk)))
		frames = append(frames, chunk...)
	}
	return frames, nil
}

// eventsOf are the ready-made events of the floor.
func (p *pipeline) eventsOf(s *scenario) string {
	return p.path(fmt.Sprintf("%s%s%t.events", s.traffic, strings.Join(s.options, ","), s.context))
}

// floorEvents writes them: nsgflow's own, of some records. They stay in the
// processor's cache, the floor pays for nothing but handing them over.
func (p *pipeline) floorEvents(ctx context.Context, s *scenario) error {
	alone := *s
	alone.aggregate = ""
	events, _, err := p.standIn(ctx, &alone, ours, max(2, 16*flowsPerRecord/s.log(0).Tuples), 1)
	if err != nil {
		return err
	}
	return os.WriteFile(p.eventsOf(s), events, 0o644)
}

var spent = regexp.MustCompile(`cb_filter: (\d+) ns`)

// callback is the time in cb_filter for one flow: the best of several tries,
// because the host's clock also runs while others have the processor.
func (p *pipeline) callback(ctx context.Context, s *scenario, v variant) (best time.Duration, err error) {
	records := s.log(chunkFlows).Records
	for try := range tries {
		_, log, err := p.standIn(ctx, s, v, chunkCount, records, "-t", "-r", strconv.Itoa(chunkRounds))
		if err != nil {
			return 0, err
		}
		match := spent.FindSubmatch(log)
		if match == nil {
			return 0, fmt.Errorf("the stand-in host says no time: %q", log)
		}
		total, err := strconv.ParseInt(string(match[1]), 10, 64)
		if err != nil {
			return 0, err
		}
		if d := time.Duration(total / int64(chunkCount*records*s.log(0).Tuples*chunkRounds)); try == 0 || d < best {
			best = d
		}
	}
	return best, nil
}

func (p *pipeline) standIn(ctx context.Context, s *scenario, v variant, chunks, records int, flags ...string) (out, log []byte, err error) {
	frames, err := framed(s, chunks, records)
	if err != nil {
		return nil, nil, err
	}
	args := append(flags, objectOf(p.work, filterNames[v]))
	if v == ours {
		args = append(args, p.settings(s)...)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, engine.Path("build", "host-104"), args...)
	command.Env = append(os.Environ(), "FLOOR_EVENTS="+p.eventsOf(s))
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stderr = bytes.NewReader(frames), &stderr
	if len(flags) == 0 {
		command.Stdout = &stdout
	}
	if err := command.Run(); err != nil {
		return nil, nil, fmt.Errorf("%q: %w\n%s", command.Args, err, stderr.Bytes())
	}
	return stdout.Bytes(), stderr.Bytes(), nil
}
