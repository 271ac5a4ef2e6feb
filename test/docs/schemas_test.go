package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// wrongNames are the cells of a table, a schema a column, that are no field of their
// schema. The first line of the table names the schemas.
func wrongNames(t *testing.T, table string) (wrong []string, cells int) {
	t.Helper()
	quoted := regexp.MustCompile("^`(.*)`$")
	var schemas []nsgflow.Schema
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		columns := strings.Split(strings.Trim(line, "| "), " | ")
		for j, cell := range columns {
			name := quoted.FindStringSubmatch(cell)
			switch {
			case i == 0:
				schema, err := nsgflow.ParseSchema(name[1])
				if err != nil {
					t.Fatal(err)
				}
				schemas = append(schemas, schema)
			case name != nil:
				cells++
				if !slices.ContainsFunc(schemas[j].Fields(), func(f nsgflow.Field) bool { return f.Name == name[1] }) {
					wrong = append(wrong, schemas[j].String()+" "+name[1])
				}
			}
		}
	}
	return wrong, cells
}

// What mapping.md says that fields are called in other schemas is what they are
// called.
func TestFieldsInOtherSchemas(t *testing.T) {
	_, table, _ := strings.Cut(textfile.Read(t, "docs/mapping.md"), "\n## Fields of `ecs`\n")
	table = table[strings.Index(table, "| `ecs` |"):]
	table, _, _ = strings.Cut(table, "\n\n")
	if wrong, cells := wrongNames(t, table); len(wrong) > 0 || cells < 100 {
		t.Errorf("no fields: %q, of %d", wrong, cells)
	}
	broken := "| `ecs` | `asim` |\n|---|---|\n| `event.id` | `EventOriginalUID` |\n| `event.idea` | – |"
	if wrong, _ := wrongNames(t, broken); !slices.Equal(wrong, []string{"asim EventOriginalUID", "ecs event.idea"}) {
		t.Errorf("of a broken table: %q", wrong)
	}
}
