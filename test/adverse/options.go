package adverse

import (
	"strings"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/plugin/tables"
)

// Options are those of an element of Family.Options.
func Options(row string) (nsgflow.Options, error) {
	f, err := tables.ParseFilterOptions(func(key string) (string, bool) {
		for _, option := range strings.Fields(row) {
			if k, v, _ := strings.Cut(option, "="); k == key {
				return v, true
			}
		}
		return "", false
	})
	return f.Options, err
}
