package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/nsgflow/internal/azure"
)

func lookupCommand() *cobra.Command {
	var o context.Options
	var threats []string
	var vnet, mac string
	c := &cobra.Command{
		Use:   "lookup [flags] ADDRESS…",
		Short: "Show what context knows of an address, and which rule decides",
		Long: `Shows what each file of context knows of an address, and which rule decides. The
options are the filter's, with dashes. Addresses of VNets overlap: --vnet or --mac
say where the record is from.`,
		Args: cobra.MinimumNArgs(1),
	}
	f := c.Flags()
	f.StringVar(&o.ServiceTags, "context-service-tags", "", "File of Azure's service tags.")
	f.StringSliceVar(&o.Inventory, "context-inventory", nil, "Files of the estate's inventory.")
	f.StringSliceVar(&o.Networks, "context-networks", nil, "Files of your own networks.")
	f.StringVar(&o.Geo, "context-geo", "", "Database with countries or cities (MMDB).")
	f.StringVar(&o.ASN, "context-asn", "", "Database with autonomous systems (MMDB).")
	f.StringSliceVar(&threats, "context-threats", nil, "Threat lists, name=path.")
	f.StringSliceVar(&o.ThreatsExcept, "context-threats-except", nil, "Networks that no list may match.")
	f.StringSliceVar(&o.Tags, "context-tags", nil, "Tags of VMs that become labels.")
	f.StringVar(&vnet, "vnet", "", "Resource ID of the VNet, subnet or NIC of the record.")
	f.StringVar(&mac, "mac", "", "MAC of the NIC of the record.")
	c.RunE = func(c *cobra.Command, args []string) error {
		for _, text := range threats {
			name, path, ok := strings.Cut(text, "=")
			if !ok {
				return fmt.Errorf("option context_threats: %q is not allowed, it takes: name=path, separated by commas", text)
			}
			o.Threats = append(o.Threats, context.ThreatList{Name: name, Path: path})
		}
		if _, ok := azure.ParseMAC(mac); mac != "" && !ok {
			return fmt.Errorf("--mac %q: not twelve hex digits", mac)
		}
		if vnet != "" && !strings.HasPrefix(strings.ToLower(vnet), "/subscriptions/") {
			return fmt.Errorf("--vnet %q: not the id of a VNet, a subnet or a NIC", vnet)
		}
		if err := absolute(&o); err != nil {
			return err
		}
		files, err := openContext(c, o)
		if err != nil {
			return err
		}
		defer files.Close()
		for _, text := range args {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return fmt.Errorf("%q: no IP address", text)
			}
			t := files.Generation()
			if err := lookup(c.OutOrStdout(), t, addr, t.Origin(mac, vnet)); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// troubleOf says what is wrong with files of context, but not that one is read.
func troubleOf(c *cobra.Command) func(context.Level, string) {
	return func(level context.Level, line string) {
		if level != context.Info {
			fmt.Fprintln(c.ErrOrStderr(), "nsgflow:", line)
		}
	}
}

// openContext reads the files of context, once. Unlike an agent, for which a file may
// come later, it wants all of them to be there.
func openContext(c *cobra.Command, o context.Options) (*context.Context, error) {
	o.Log = troubleOf(c)
	if err := o.Missing(); err != nil {
		return nil, err
	}
	return new(context.Watcher).Open(o)
}

// absolute makes the paths absolute, which the options of an agent have to be.
func absolute(o *context.Options) error {
	paths := []*string{&o.ServiceTags, &o.Geo, &o.ASN}
	for _, list := range [][]string{o.Inventory, o.Networks, o.ThreatsExcept} {
		for i := range list {
			paths = append(paths, &list[i])
		}
	}
	for i := range o.Threats {
		paths = append(paths, &o.Threats[i].Path)
	}
	for _, path := range paths {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}

func lookup(out io.Writer, t *context.Tables, addr netip.Addr, o context.Origin) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tKNOWS\tWHY\n", addr)
	for _, f := range t.Explain(addr, o) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Source, oneLine(f.Knows), oneLine(f.Why))
	}
	w.Flush()
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// oneLine shows control characters of files, not obeys them.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\ufffd'
		}
		return r
	}, text)
}

// checkContext says what a file of context is, or what is wrong with it.
func checkContext(out io.Writer, s *source, kind string) error {
	var from io.Reader = s
	if !bytes.HasPrefix(s.head, s.raw) { // an agent does not unpack it
		from = bytes.NewReader(s.raw)
	}
	data, err := io.ReadAll(io.LimitReader(from, mostContext+1))
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if len(data) > mostContext {
		return fmt.Errorf("%s: more than %d bytes", s.name, mostContext)
	}
	lines, err := context.Check(kind, data, time.Now())
	if err != nil {
		fmt.Fprintf(out, "%s: %s: %s\n", s.name, kind, oneLine(err.Error()))
		return damaged
	}
	for _, line := range lines {
		fmt.Fprintf(out, "%s: %s\n", s.name, oneLine(line))
	}
	return nil
}

// mostContext bounds a file of context that is checked.
const mostContext = 1 << 30
