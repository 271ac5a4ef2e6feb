package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"

	"github.com/spf13/cobra"
)

var lineEnds = regexp.MustCompile(`[\r\n]+`)

func recordsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "records FILE… | -",
		Short: "Write each record on a line of its own, as Fluent Bit's tail reads them",
		Args:  cobra.MinimumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		out := bufio.NewWriterSize(c.OutOrStdout(), 1<<20)
		err := each(c, args, func(s *source) error {
			n := 0
			var line bytes.Buffer
			for t, err := range s.texts() {
				if err != nil {
					return err
				}
				n++
				line.Reset()
				// Of what is no JSON, line ends become blanks: they mean nothing in it.
				if json.Compact(&line, t.json) != nil {
					line.Reset()
					line.Write(lineEnds.ReplaceAll(t.json, []byte(" ")))
				}
				line.WriteByte('\n')
				if _, err := out.Write(line.Bytes()); err != nil {
					return err
				}
			}
			if n == 0 {
				text, code := whatItIs(s, false)
				newProgress(c, s).say(s.name + ": " + text)
				return code
			}
			if s.cutOff != "" {
				newProgress(c, s).say(s.name + ": " + s.cutOff)
				return damaged
			}
			return nil
		})
		return cmp.Or(out.Flush(), err)
	}
	return c
}
