package tables

import (
	"errors"
	"slices"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/plugin/config"
)

// Filter is what the options of the filter say. Whoever runs it opens the files
// where it HasContext, and sets Options.Context.
type Filter struct {
	nsgflow.Options
	HasContext bool
	Files      context.Options

	saysContext  bool   // on, or off
	namesContext string // the first option that needs a context; empty: none does
}

const filePaths = "absolute paths, separated by commas"

// ContextOptions are those of the filter that say what it knows of addresses.
var ContextOptions = []config.Option[Filter]{
	{Key: "context", Values: "on, off",
		Text: "Say what addresses are: class and flow type, and what the files of the next options know of them. Without it: on where one of these is set, else off.",
		Set: func(f *Filter, v string) bool {
			f.saysContext = true
			return setSwitch(&f.HasContext, v)
		}},
	ofContext("context_service_tags", "absolute path", "Azure's service tags: Microsoft's weekly file, or an answer of the Service Tag Discovery API.",
		func(o *context.Options, v string) bool { o.ServiceTags = v; return o.Validate() == nil && v != "" }),
	withReason("context_inventory", filePaths, "The estate: files that the input writes (JSON lines).",
		func(o *context.Options, v string) bool { return setPaths(o, &o.Inventory, v) }),
	withReason("context_networks", filePaths, "Networks of your own: CSV with a column cidr, or JSON lines.",
		func(o *context.Options, v string) bool { return setPaths(o, &o.Networks, v) }),
	ofContext("context_geo", "absolute path", "Database of countries or cities (MMDB).",
		func(o *context.Options, v string) bool { o.Geo = v; return o.Validate() == nil && v != "" }),
	ofContext("context_asn", "absolute path", "Database of autonomous systems (MMDB); may be the file of context_geo.",
		func(o *context.Options, v string) bool { o.ASN = v; return o.Validate() == nil && v != "" }),
	withReason("context_threats", "name=absolute path, separated by commas, at most 32", "Lists of malicious addresses: plain, CSV, JSON or STIX 2.1. The name becomes their provider.", setThreats),
	withReason("context_threats_except", filePaths, "Networks that no list may match: plain, or a warning list of MISP.",
		func(o *context.Options, v string) bool { return setPaths(o, &o.ThreatsExcept, v) }),
	withReason("context_tags", "names of tags, separated by commas, at most 8", "Tags of VMs in the inventory that become labels.",
		func(o *context.Options, v string) bool { o.Tags = list(v); return o.Validate() == nil }),
	{Key: "context_check", Values: "duration from 1s to 1h", Default: "5s",
		Text: "Time between two looks at the files: one that has changed is read, and used from the next chunk on.",
		Set: namesContext("context_check", func(f *Filter, v string) bool {
			return setDuration(&f.Files.Check, v, time.Second, time.Hour)
		})},
	{Key: "context_cache", Values: "size from 1M to 1G", Default: "16M",
		Text: "Most that this section keeps of what it has written of addresses.",
		Set: namesContext("context_cache", func(f *Filter, v string) bool {
			return setSize(&f.ContextCache, v, 1<<20, 1<<30)
		})},
}

// ofContext is an option that is one of the context's own.
func ofContext(key, values, text string, set func(*context.Options, string) bool) config.Option[Filter] {
	return config.Option[Filter]{Key: key, Values: values, Text: text,
		Set: namesContext(key, func(f *Filter, v string) bool { return set(&f.Files, v) })}
}

// withReason is one whose values can be wrong in more than one way.
func withReason(key, values, text string, set func(*context.Options, string) bool) config.Option[Filter] {
	o := ofContext(key, values, text, set)
	o.Why = func(f Filter) error { return f.Files.Validate() }
	return o
}

// namesContext notes that an option of the context is there.
func namesContext(key string, set func(*Filter, string) bool) func(*Filter, string) bool {
	return func(f *Filter, v string) bool {
		if f.namesContext == "" {
			f.namesContext = key
		}
		return set(f, v)
	}
}

func setPaths(o *context.Options, to *[]string, v string) bool {
	*to = items(v)
	return o.Validate() == nil && !slices.Contains(*to, "")
}

func setThreats(o *context.Options, v string) bool {
	o.Threats = nil
	for _, one := range items(v) {
		name, path, _ := strings.Cut(one, "=")
		if path == "" {
			return false
		}
		o.Threats = append(o.Threats, context.ThreatList{Name: name, Path: path})
	}
	return o.Validate() == nil
}

// items are the items of a text, without blanks.
func items(v string) (all []string) {
	for item := range strings.SplitSeq(v, ",") {
		all = append(all, strings.TrimSpace(item))
	}
	return all
}

// withContext decides whether there is a context.
func (f *Filter) withContext() error {
	if f.saysContext && !f.HasContext && f.namesContext != "" {
		return errors.New("option context: off is not allowed beside " + f.namesContext)
	}
	f.HasContext = f.HasContext || f.namesContext != ""
	return nil
}
