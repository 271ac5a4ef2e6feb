// Command manifests reads rendered manifests and decodes each as strictly as
// the API server with --validate=strict: an unknown or doubled field is an
// error. It prints them as a list in JSON. Kinds of the Prometheus operator
// pass through.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	syaml "sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run(from io.Reader, to io.Writer) error {
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(from))
	all := []json.RawMessage{}
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return json.NewEncoder(to).Encode(all)
		}
		if err != nil {
			return err
		}
		text, err := syaml.YAMLToJSONStrict(document)
		if err != nil {
			return err
		}
		var kind struct{ APIVersion, Kind string }
		if err := json.Unmarshal(text, &kind); err != nil {
			return err
		}
		if kind.Kind == "" {
			continue // only comments
		}
		if !strings.HasPrefix(kind.APIVersion, "monitoring.coreos.com/") {
			if _, _, err := strict.Decode(text, nil, nil); err != nil {
				return fmt.Errorf("%s: %w", kind.Kind, err)
			}
		}
		all = append(all, text)
	}
}
