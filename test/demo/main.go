// Command demo shows what flow logs tell: an hour of them goes through the
// filter into VictoriaLogs, in the Fluent Bit of this machine, else in the
// stand-in host. It prints five answers and the address of a page to look
// at, and waits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// Children end with the thread that started them (Pdeathsig): it has to be
// the one that lives as long as the process.
func init() { runtime.LockOSThread() }

// options of a run.
type options struct {
	port   int
	folder string // of all that it makes
	tuples int
	once   bool
}

func main() {
	var o options
	flag.IntVar(&o.port, "port", 9428, "port of VictoriaLogs, on 127.0.0.1")
	flag.StringVar(&o.folder, "folder", engine.Path("build", "demo"), "where logs and store are made, anew in each run")
	flag.IntVar(&o.tuples, "tuples", 300, "tuples of the busiest interface in a quiet minute")
	flag.BoolVar(&o.once, "once", false, "end after the answers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := o.run(ctx)
	if interrupted := ctx.Err() != nil; err != nil && !interrupted {
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	say := newProgress(os.Stdout)
	if err := free(o.port); err != nil {
		return err
	}
	object, program, err := build(say)
	if err != nil {
		return err
	}
	hour := lastHour(time.Now(), o.tuples)
	root := filepath.Join(o.folder, "fluent-bit")
	if err := layOut(root, object, hour); err != nil {
		return err
	}
	say.done("%d flows of %d network interfaces, from %s to %s, are in %s", hour.flows(), len(nics), clock(hour.start), clock(hour.end()), filepath.Join(root, "flow-logs"))
	to, err := startStore(ctx, program, filepath.Join(o.folder, "store"), o.port)
	if err != nil {
		return err
	}
	defer to.stop()
	agent, how := engine.Find()
	if err := send(ctx, say, to, root, agent, how, hour); err != nil {
		return err
	}
	if err := answer(ctx, os.Stdout, to); err != nil {
		return err
	}
	fmt.Printf("\nThe denied flows in the web UI, where any of the queries can be pasted:\n\n  %s\n", to.page(denied, hour))
	fmt.Print("\nThe panels of the dashboards in conf/dashboards there:\n\n")
	for _, q := range panelQuestions() {
		fmt.Printf("  %s\n  %s\n", q.title, to.page(q, hour))
	}
	if o.once {
		return nil
	}
	fmt.Print("\nCtrl-C ends the demo.\n")
	for !say.gone() {
		select {
		case <-ctx.Done():
			return nil
		case <-to.ended:
			return errors.New("VictoriaLogs has ended:\n" + to.lastLines())
		case <-time.After(time.Second):
		}
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format("15:04 UTC") }

// build makes the object, and VictoriaLogs where it is not there yet.
func build(say *progress) (object, program string, err error) {
	say.step("building the filter")
	if object, err = engine.Object(); err != nil {
		return "", "", err
	}
	say.done("the filter is in build/")
	program, err = buildStore(say)
	return object, program, err
}
