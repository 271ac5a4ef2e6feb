// Command run passes flow logs (a file that is named, else the samples) through
// the filter and prints the events, one JSON object a line: in the Fluent Bit of this machine, else in
// a Docker engine, else in the stand-in host. One line on stderr says which.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// image is pulled where only Docker is at hand.
const image = "fluent/fluent-bit:5.1.1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	object, err := engine.Object()
	if err != nil {
		return err
	}
	files, err := flowLogs(os.Args[1:])
	if err != nil {
		return err
	}
	path, how := engine.Find()
	if path != "" {
		fmt.Fprintln(os.Stderr, "run: Fluent Bit:", how)
		return printed(exec.CommandContext(ctx, path, arguments(object, files)...))
	}
	if engine.Docker() {
		fmt.Fprintf(os.Stderr, "run: Docker, %s (%s)\n", image, how)
		args := []string{"run", "--rm", "-v", object + ":/nsgflow/flb-filter_nsgflow.so:ro", "-v", filepath.Dir(files) + ":/nsgflow/logs:ro", image, engine.Installed}
		return printed(exec.CommandContext(ctx, "docker", append(args, arguments("/nsgflow/flb-filter_nsgflow.so", "/nsgflow/logs/"+filepath.Base(files))...)...))
	}
	fmt.Fprintf(os.Stderr, "run: stand-in host (%s, no Docker engine)\n", how)
	return standIn(ctx, files)
}

// flowLogs are the files to read, as a pattern.
func flowLogs(args []string) (pattern string, err error) {
	if len(args) == 0 {
		return engine.Path("conf", "samples", "*"), nil
	}
	if _, err := os.Stat(args[0]); err != nil {
		return "", err
	}
	return filepath.Abs(args[0])
}

// arguments read every file to its end and stop there.
func arguments(object, files string) []string {
	return []string{"-e", object,
		"-i", "tail", "-t", "flow", "-p", "path=" + files, "-p", "read_from_head=true", "-p", "exit_on_eof=true", "-p", "buffer_max_size=512M",
		"-F", "nsgflow", "-m", "flow",
		"-o", "stdout", "-m", "flow", "-p", "format=json_lines", "-p", "json_date_key=false"}
}

// printed shows the host's own log only where the run failed.
func printed(command *exec.Cmd) error {
	var log bytes.Buffer
	command.Stdout, command.Stderr = os.Stdout, &log
	err := command.Run()
	if err != nil {
		os.Stderr.Write(log.Bytes())
	}
	return err
}

func standIn(ctx context.Context, pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	events, err := engine.StandIn{}.Events(ctx, files)
	for _, lines := range events {
		os.Stdout.Write(lines)
	}
	return err
}
