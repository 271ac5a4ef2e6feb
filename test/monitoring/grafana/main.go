// Command grafana says where dashboards are not what Grafana's schema has: a member
// that it does not know, or of another type. It takes their files, and leaves queries
// of data sources that Grafana does not bring along.
//
// A module of its own: nothing else needs Grafana's types.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var d dashboard.Dashboard
	if err := some(d.UnmarshalJSONStrict(text)); err != nil {
		return err
	}
	return some(d.Validate())
}

// some leaves out lists of errors that are empty.
func some(err error) error {
	if err != nil && err.Error() == "" {
		return nil
	}
	return err
}
