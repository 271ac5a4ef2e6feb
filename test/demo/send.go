package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// patience is how long nothing may arrive.
const patience = time.Minute

// layOut makes the agent's folder anew, with the hour's logs in it.
func layOut(root, object string, h hour) error {
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := engine.Stage(root, engine.Path("conf"), object); err != nil {
		return err
	}
	return h.write(filepath.Join(root, "flow-logs"))
}

// send brings the logs into the store and waits until all are there. path is
// the Fluent Bit, empty for the stand-in host; how says where it is from.
func send(ctx context.Context, say *progress, to *store, root, path, how string, h hour) error {
	began := time.Now()
	by := "Fluent Bit, " + how
	if path == "" {
		by = "the stand-in host: " + how
	}
	say.step("sending with %s", by)
	transfer := func() error { return byStandIn(ctx, say, to, root, h) }
	if path != "" {
		transfer = func() error { return byAgent(ctx, say, to, root, path, h) }
	}
	if err := transfer(); err != nil {
		return err
	}
	n, err := to.count(ctx)
	if err == nil && n != h.flows() {
		err = fmt.Errorf("%d events have arrived of %d flows", n, h.flows())
	}
	if err == nil {
		say.done("%d events are in VictoriaLogs, after %.1f s, by way of %s", n, time.Since(began).Seconds(), by)
	}
	return err
}

// byAgent runs Fluent Bit, with the configuration as it is shipped.
func byAgent(ctx context.Context, say *progress, to *store, root, path string, h hour) error {
	command := exec.Command(path, "-c", filepath.Join(root, "etc", "victorialogs.conf"))
	command.Dir = root
	at, err := url.Parse(to.address)
	if err != nil {
		return err
	}
	command.Env = append(os.Environ(), "VICTORIALOGS_HOST="+at.Hostname(), "VICTORIALOGS_PORT="+at.Port())
	agent, err := startChild(root+".log", command)
	if err != nil {
		return err
	}
	defer agent.stop()
	return arrived(ctx, say, to, agent, h.flows())
}

// arrived waits until the store has as many events as there are flows.
func arrived(ctx context.Context, say *progress, to *store, agent *child, flows int) error {
	last, since := 0, time.Now()
	for {
		n, err := to.count(ctx)
		if err != nil || n >= flows {
			return err
		}
		if n != last {
			last, since = n, time.Now()
		}
		say.at(n, flows)
		switch {
		case agent.hasEnded():
			return errors.New("Fluent Bit has ended:\n" + agent.lastLines())
		case time.Since(since) > patience:
			return fmt.Errorf("%d of %d flows have arrived, and for %v none:\n%s", n, flows, patience, agent.lastLines())
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

var uri = regexp.MustCompile(`(?m)^\s*URI\s+(\S+)`)

// byStandIn filters the files and posts what the output would.
func byStandIn(ctx context.Context, say *progress, to *store, root string, h hour) error {
	conf, err := os.ReadFile(filepath.Join(root, "etc", "victorialogs.conf"))
	if err != nil {
		return err
	}
	target := uri.FindSubmatch(conf)
	if target == nil {
		return errors.New("victorialogs.conf has no URI")
	}
	files, err := filepath.Glob(filepath.Join(root, "flow-logs", "*"))
	if err != nil {
		return err
	}
	events, err := engine.StandIn{Options: [][]string{{"schema=ecs"}}}.Events(ctx, files)
	if err != nil {
		return err
	}
	for i, lines := range events {
		if _, err := to.post(ctx, string(target[1]), "application/stream+json", bytes.NewReader(lines)); err != nil {
			return err
		}
		say.at(i+1, len(files))
	}
	// Events can be found from a second after their insertion on.
	for range 50 {
		if n, err := to.count(ctx); err != nil || n >= h.flows() {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
