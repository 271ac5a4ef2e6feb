// Command run passes flow logs (what the environment's FILE names: files, folders,
// - for standard input; else the samples) through the filter and prints the events, one JSON
// object a line: in the Fluent Bit of this machine, else in a Docker engine, else
// in the program nsgflow, which is the same without an agent. One line on standard
// error says which. The environment's SCHEMA and AGGREGATE are options of the
// filter.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/engine"
)

// image is pulled where only Docker is at hand.
const image = "fluent/fluent-bit:5.1.1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	switch err := run(ctx); {
	case errors.Is(err, errSaid):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

// files are what FILE names: one path, though it may have blanks in it, else
// several with blanks between them.
func files() []string {
	names := os.Getenv("FILE")
	if names == "" {
		return []string{engine.Path("conf", "samples")}
	}
	if _, err := os.Stat(names); err == nil {
		return []string{names}
	}
	return strings.Fields(names)
}

func run(ctx context.Context) error {
	object, err := engine.Object()
	if err != nil {
		return err
	}
	// The host would say it too, behind much else.
	if _, err := tables.ParseFilterOptions(option); err != nil {
		return err
	}
	program, files := engine.Path("build", "nsgflow"), files()
	dir, err := os.MkdirTemp("", "nsgflow-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// The host's tail reads lines, and a blob as downloaded has none that ends.
	lines := filepath.Join(dir, "records.ndjson")
	bad := records(ctx, program, lines, files)
	if bad != nil && bad != errSaid {
		return bad
	}
	if err := anyFlows(ctx, program, lines); err != nil {
		return cmp.Or(bad, err)
	}
	path, how := engine.Find()
	if named := os.Getenv("FLUENT_BIT"); named != "" {
		if _, err := exec.LookPath(named); err != nil {
			return fmt.Errorf("the variable FLUENT_BIT names no program: %w", err)
		}
	}
	switch {
	case path != "":
		fmt.Fprintln(os.Stderr, "run: Fluent Bit:", how)
		err = printed(exec.CommandContext(ctx, path, arguments(object, lines)...))
	case engine.Docker():
		fmt.Fprintf(os.Stderr, "run: Docker, %s (%s)\n", image, how)
		args := []string{"run", "--rm", "-v", object + ":/nsgflow/flb-filter_nsgflow.so:ro", "-v", dir + ":/nsgflow/logs:ro", image, engine.Installed}
		err = printed(exec.CommandContext(ctx, "docker", append(args, arguments("/nsgflow/flb-filter_nsgflow.so", "/nsgflow/logs/records.ndjson")...)...))
	default:
		fmt.Fprintf(os.Stderr, "run: the program nsgflow (%s, no Docker engine)\n", how)
		args := []string{"events"}
		for _, o := range options() {
			args = append(args, "--"+o[0], o[1])
		}
		// Each file by itself: in one text, what is damaged hides what stands behind it.
		read := files
		if slices.Contains(files, "-") { // it has been read
			read = []string{lines}
		}
		command := exec.CommandContext(ctx, program, append(args, read...)...)
		if bad == nil { // else it has been said
			command.Stderr = os.Stderr
		}
		err = printed(command)
	}
	return cmp.Or(bad, err)
}

// errSaid is of files that cannot be read or are cut off: the program has said it.
var errSaid = errors.New("some files are bad")

// anyFlows is the reason why there are none, if that is so.
func anyFlows(ctx context.Context, program, lines string) error {
	if info, err := os.Stat(lines); err == nil && info.Size() == 0 {
		return errSaid // of each file
	}
	out, err := exec.CommandContext(ctx, program, "check", lines).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == noFlowLog {
		return errors.New(strings.TrimSpace(strings.TrimPrefix(string(out), lines+": ")))
	}
	return nil
}

// records writes each record of the files on a line. What is no flow log is said,
// and what cannot be read whole is errSaid: the others are shown.
func records(ctx context.Context, program, to string, files []string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	command := exec.CommandContext(ctx, program, append([]string{"records"}, files...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, out, os.Stderr
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit), exit.ExitCode() < 0: // a signal
		return err
	case exit.ExitCode() == noFlowLog:
		return nil
	}
	return errSaid
}

// noFlowLog is an exit code of the program.
const noFlowLog = 3

// option is the value of an option of the filter that the environment names.
func option(key string) (string, bool) {
	value := os.Getenv(map[string]string{"schema": "SCHEMA", "aggregate": "AGGREGATE"}[key])
	return value, value != ""
}

// options are those of the filter that the environment names.
func options() (all [][2]string) {
	for _, key := range []string{"schema", "aggregate"} {
		if value, ok := option(key); ok {
			all = append(all, [2]string{key, value})
		}
	}
	return all
}

// arguments read a file to its end and stop there.
func arguments(object, lines string) []string {
	args := []string{"-e", object,
		"-i", "tail", "-t", "flow", "-p", "path=" + lines, "-p", "read_from_head=true", "-p", "exit_on_eof=true", "-p", "buffer_max_size=512M",
		"-F", "nsgflow", "-m", "flow"}
	for _, o := range options() {
		args = append(args, "-p", o[0]+"="+o[1])
	}
	return append(args, "-o", "stdout", "-m", "flow", "-p", "format=json_lines", "-p", "json_date_key=false")
}

// printed shows the host's own log only where the run failed.
func printed(command *exec.Cmd) error {
	var log bytes.Buffer
	command.Stdout = os.Stdout
	if command.Stderr == nil {
		command.Stderr = &log
	}
	err := command.Run()
	if err != nil {
		os.Stderr.Write(log.Bytes())
	}
	return err
}
