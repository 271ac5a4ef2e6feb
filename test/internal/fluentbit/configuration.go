package fluentbit

import (
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/internal/event"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// Service is a [SERVICE] section for short runs.
func Service(root string) string {
	return fmt.Sprintf(`
[SERVICE]
    Flush        0.2
    Grace        1
    Plugins_File %[1]s/etc/plugins.conf
    Parsers_File %[1]s/etc/parsers.conf
`, root)
}

// Tailing is an input that reads files of the staged folder flow-logs.
func Tailing(root, file, tag, more string) string {
	return fmt.Sprintf(`
[INPUT]
    Name              tail
    Tag               %s
    Path              %s/flow-logs/%s
    Read_From_Head    On
    Refresh_Interval  1
    Buffer_Chunk_Size 256k
    Buffer_Max_Size   512M
%s`, tag, root, file, more)
}

// ExitOnEOF has tail end the agent behind the last line.
const ExitOnEOF = "    Exit_On_Eof On\n"

// Filtering is the filter.
func Filtering(match string, options ...string) string {
	return "\n[FILTER]\n    Name nsgflow\n    Match " + match + "\n    " + strings.Join(options, "\n    ") + "\n"
}

// Printing is the output whose lines Agent.Printed reads.
const Printing = `
[OUTPUT]
    Name             stdout
    Match            *
    Format           json_lines
    json_date_format iso8601
`

// Events are those of an input in a schema, with nothing behind the filter.
// Lines are parsed as JSON.
func (r Release) Events(t *testing.T, schema, input string) []event.Event {
	t.Helper()
	root := Stage(t)
	textfile.Write(t, root, "flow-logs/input.log", input)
	textfile.Write(t, root, "etc/plain.conf", Service(root)+Tailing(root, "*", "flow", ExitOnEOF+"    Parser flow_log\n")+Filtering("*", "schema "+schema)+Printing)
	a := r.Start(t, root, nil, "-c", "etc/plain.conf")
	a.Wait()
	return a.Printed()
}
