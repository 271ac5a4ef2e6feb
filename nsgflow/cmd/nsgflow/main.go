// Command nsgflow reads Azure flow logs from files: as events, as a table for
// eyes, or to say what is wrong with them. It shows what context knows of an
// address. It shows and sets how far the input of Fluent Bit has read. It is the
// library with a thin main.
//
// Exit codes:
//
//	0  there are flows, and all of them parse; a file of context is good
//	1  something does not parse or is cut off; the rest was written all the same
//	2  wrong usage, or something cannot be read or written
//	3  there is no flow log
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version string

// An exit code is an error of a command that has said what there was to say.
type exitCode int

const (
	damaged   exitCode = 1
	failed    exitCode = 2
	noFlowLog exitCode = 3
)

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func main() {
	err := root().Execute()
	var code exitCode
	switch {
	case err == nil:
	case errors.As(err, &code):
		os.Exit(int(code))
	default:
		fmt.Fprintln(os.Stderr, "nsgflow:", err)
		os.Exit(int(failed))
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "nsgflow",
		Short: "Azure flow logs as events, or as a table",
		Long: `Reads Azure NSG flow logs (versions 1 and 2) and Virtual Network flow logs
(version 4) from files: blobs as downloaded, one record a line, JSON of other
shippers, compressed with gzip or not. A folder stands for all files below it,
- for standard input.

Exit codes: 0 flows, all of which parse; 1 something does not parse
or is cut off; 2 wrong usage, or something cannot be read; 3 no flow log.`,
		Version:       versionText(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(eventsCommand(), flowsCommand(), checkCommand(), recordsCommand(), lookupCommand(), stateCommand())
	c.InitDefaultCompletionCmd()
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; %q lists what there is", err, c.CommandPath()+" --help")
	})
	refuse(c)
	return c
}

// refuse has the commands below one say what they take where arguments are wrong,
// and refuse a command below them that there is not.
func refuse(c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.HasSubCommands() {
			sub.Args = cobra.NoArgs // names the command that is unknown
			sub.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
			refuse(sub)
			continue
		}
		check := sub.Args
		sub.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) != nil {
				return fmt.Errorf("%d arguments; usage: %s", len(args), c.UseLine())
			}
			return nil
		}
	}
}

func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
