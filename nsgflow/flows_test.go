package nsgflow_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fluent-bit-nsgflow/nsgflow"

	"github.com/google/go-cmp/cmp"
)

// Flows gives what a Normalizer makes events of: as many flows and errors, in
// the same order.
func TestFlows(t *testing.T) {
	_, inputs := goldenCases(t)
	for _, row := range hostile {
		inputs["hostile: "+row.name] = row.input
	}
	for name, input := range inputs {
		n := newNormalizer(t, inECS)
		var want, got []string
		for _, o := range asText.records(t, n, input) {
			event := decoded(t, o.Body)
			switch kind := valueIn(t, event, "event.kind"); {
			case kind == "event":
				want = append(want, fmt.Sprintln(valueIn(t, event, "rule.name"), valueIn(t, event, "azure.resource.id"), valueIn(t, event, "source.ip"), valueIn(t, event, "source.port")))
			case kind == "pipeline_error":
				want = append(want, fmt.Sprint(valueIn(t, event, "error.message")))
			}
		}
		orNil := func(s string) any {
			if s == "" {
				return nil
			}
			return s
		}
		for f, err := range nsgflow.Flows([]byte(input)) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			got = append(got, fmt.Sprintln(orNil(strings.ToValidUTF8(f.Rule, "\uFFFD")), orNil(f.Resource), f.Source.Addr, f.Source.Port))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFlowsStop(t *testing.T) {
	text := []byte(nsg(`"`+goodTuple+`","`+goodTuple+`"`) + nsg(`"`+goodTuple+`"`) + "{")
	count := 0
	for range nsgflow.Flows(text) {
		if count++; count == 2 {
			break
		}
	}
	if count != 2 {
		t.Errorf("%d flows after the second", count)
	}
	var last error
	for _, err := range nsgflow.Flows(text) {
		last = err
	}
	var damage *nsgflow.TextError
	if !errors.As(last, &damage) || damage.Offset != len(text) {
		t.Errorf("got %v", last)
	}
}
