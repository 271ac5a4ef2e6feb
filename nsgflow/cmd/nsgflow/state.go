package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fluent-bit-nsgflow/nsgflow/storage"
)

func stateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "state",
		Short: "Show or set how far the input of Fluent Bit has read",
		Long: `Shows or sets the checkpoints of the input, in the folder of its option
state_path. Both refuse while an agent has the folder open. After a kill or a power
cut they look at the chunks that the agent has left, so that its storage.path must be
there, too: without it, records may get lost or come again.`,
	}
	c.AddCommand(stateShowCommand(), stateSetCommand())
	return c
}

func stateShowCommand() *cobra.Command {
	var blobs bool
	c := &cobra.Command{
		Use:   "show [flags] FOLDER",
		Short: "Show which containers were read, and how far",
		Args:  cobra.ExactArgs(1),
	}
	c.Flags().BoolVar(&blobs, "blobs", false, "Show each blob too.")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		return withState(args[0], func(s *storage.State) error {
			all, err := s.Containers()
			if err != nil {
				return err
			}
			out := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(out, "CONTAINER\tREAD BEFORE\tBLOBS\tUNREAD\tNEWEST\tBYTES")
			for _, one := range all {
				unread, bytes, newest := 0, int64(0), "–"
				for _, b := range one.Blobs {
					bytes += b.Offset
					if !b.Whole {
						unread++
					}
				}
				if len(one.Blobs) > 0 {
					newest = hour(one.Blobs[0].Hour)
				}
				fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%s\t%s\n", one.URL, hour(one.ReadBefore), len(one.Blobs), unread, newest, inBytes(bytes))
				for _, b := range one.Blobs {
					if blobs {
						fmt.Fprintf(out, "  %s\t\t\t%s\t%s\t%d\n", b.Name, map[bool]string{true: "", false: "more"}[b.Whole], hour(b.Hour), b.Offset)
					}
				}
			}
			return out.Flush()
		})
	}
	return c
}

func hour(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func stateSetCommand() *cobra.Command {
	var to, container string
	c := &cobra.Command{
		Use:   "set --to TIME [flags] FOLDER",
		Short: "Set the hour from which on the next agent reads",
		Long: `Sets the hour from which on the next agent reads: again, where it lies in the
past; leaving out what was not read, where it lies ahead of that.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&to, "to", "", "RFC 3339 time, such as 2026-11-29T08:00:00Z; its hour counts.")
	c.Flags().StringVar(&container, "container", "", "Only containers whose URL has this in it; without it, all.")
	c.MarkFlagRequired("to")
	c.RunE = func(c *cobra.Command, args []string) error {
		at, err := time.Parse(time.RFC3339, to)
		if err != nil {
			return fmt.Errorf("option to: %q is no RFC 3339 time, such as 2026-11-29T08:00:00Z", to)
		}
		if at.After(time.Now()) {
			return fmt.Errorf("option to: %s lies in the future: nothing would be read until then", to)
		}
		return withState(args[0], func(s *storage.State) error {
			all, err := s.Containers()
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return errors.New("no container has been read yet")
			}
			set := 0
			for _, one := range all {
				if !strings.Contains(one.URL, container) {
					continue
				}
				if err := s.Set(one.URL, at); err != nil {
					return err
				}
				set++
				fmt.Fprintf(c.OutOrStdout(), "%s is read from %s on\n", one.URL, hour(at.Truncate(time.Hour)))
			}
			if set == 0 {
				return fmt.Errorf("no container has %q in its URL", container)
			}
			return nil
		})
	}
	return c
}

func withState(folder string, do func(*storage.State) error) error {
	s, err := storage.OpenState(folder)
	if err != nil {
		return err
	}
	return cmp.Or(do(s), s.Close())
}
