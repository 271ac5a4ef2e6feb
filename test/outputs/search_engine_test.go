package outputs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/needs"
	"fluent-bit-nsgflow/test/internal/textfile"
)

// searchEngine is a real OpenSearch: the one at OPENSEARCH (http://host:port),
// else one that the test starts.
type searchEngine struct{ url string }

func startSearch(t *testing.T) searchEngine {
	t.Helper()
	if url := os.Getenv("OPENSEARCH"); url != "" {
		return searchEngine{strings.TrimSuffix(url, "/")}
	}
	needs.Programs(t, "mvn", "javac")
	classpath, err := mavenClasspath(t, "test/outputs/opensearch/pom.xml")
	if err != nil {
		t.Skipf("skipped: Maven has no OpenSearch: %v", err)
	}
	node := exec.Command("java", "-Xmx512m", "-cp", classpath, textfile.Path("test/outputs/opensearch/SearchNode.java"), t.TempDir())
	var log bytes.Buffer
	node.Stderr = &log
	output, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Start(t, node)
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://127.0.0.1:") {
			go io.Copy(io.Discard, output)
			return searchEngine{lines.Text()}
		}
	}
	t.Fatalf("OpenSearch did not start:\n%s", log.String())
	return searchEngine{}
}

// mavenClasspath is what the dependencies of a project lie at: from what was fetched
// before; the first time from Maven's repository.
func mavenClasspath(t *testing.T, project string) (string, error) {
	t.Helper()
	file := t.TempDir() + "/classpath"
	command := []string{"-q", "-B", "-f", textfile.Path(project), "dependency:build-classpath", "-Dmdep.outputFile=" + file}
	if exec.Command("mvn", append(command, "-o")...).Run() != nil {
		if out, err := exec.Command("mvn", command...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %.500s", err, out)
		}
	}
	return textfile.Read(t, file), nil
}

// call is a request, whose answer is decoded into to.
func (s searchEngine) call(t *testing.T, method, path string, body any, to any) {
	t.Helper()
	if err := s.try(method, path, body, to); err != nil {
		t.Fatal(err)
	}
}

func (s searchEngine) try(method, path string, body any, to any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	q, err := http.NewRequest(method, s.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return json.NewDecoder(answer.Body).Decode(to)
}

// load puts the shipped templates in, the component first, as the
// configurations say.
func (s searchEngine) load(t *testing.T) {
	t.Helper()
	for _, load := range [][2]string{{"_component_template/azure-flow-mappings", "component_template.json"}, {"_index_template/azure-flow", "index_template.json"}} {
		var done struct{ Acknowledged bool }
		s.call(t, http.MethodPut, "/"+load[0], json.RawMessage(textfile.Read(t, "conf/index/"+load[1])), &done)
	}
}

// searchStream is the data stream of one test.
type searchStream struct {
	searchEngine
	name string
}

// stream has a namespace that nobody else has, instead of "default".
func (s searchEngine) stream(t *testing.T, r fluentbit.Release, name string) (stream searchStream, namespace string) {
	namespace = strings.ReplaceAll(fmt.Sprintf("test%d.%s.%s", time.Now().UnixNano(), r.Version, name), ".", "")
	stream = searchStream{s, "logs-azure.flow-" + namespace}
	t.Cleanup(func() { s.try(http.MethodDelete, "/_data_stream/"+stream.name, nil, &struct{}{}) })
	return stream, namespace
}

type query = map[string]any

// count is how many documents a query finds; nil: all. Before the stream's index
// is ready it is -1.
func (s searchStream) count(q query) int {
	var found struct {
		Hits struct{ Total struct{ Value int } }
	}
	search := query{"track_total_hits": true, "size": 0}
	if q != nil {
		search["query"] = q
	}
	if s.try(http.MethodPost, "/"+s.name+"/_refresh", nil, &struct{}{}) != nil || s.try(http.MethodPost, "/"+s.name+"/_search", search, &found) != nil {
		return -1
	}
	return found.Hits.Total.Value
}

// refused is how many documents were there already.
func (s searchStream) refused() int {
	var stats struct {
		All struct {
			Primaries struct {
				Indexing struct {
					Failed int `json:"index_failed"`
				}
			}
		} `json:"_all"`
	}
	if s.try(http.MethodGet, "/"+s.name+"/_stats/indexing", nil, &stats) != nil {
		return -1
	}
	return stats.All.Primaries.Indexing.Failed
}

// sums are a number's by the values of a field.
func (s searchStream) sums(t *testing.T, by, of string) map[string]float64 {
	t.Helper()
	var found struct {
		Aggregations struct {
			By struct {
				Buckets []struct {
					Key string
					Sum struct{ Value float64 }
				}
			}
		}
	}
	s.call(t, http.MethodPost, "/"+s.name+"/_search", query{"size": 0, "aggs": query{"by": query{
		"terms": query{"field": by, "size": 10000}, "aggs": query{"sum": query{"sum": query{"field": of}}}}}}, &found)
	sums := map[string]float64{}
	for _, b := range found.Aggregations.By.Buckets {
		sums[b.Key] = b.Sum.Value
	}
	return sums
}

// mapped are the types of all fields, by their names.
func mapped(prefix string, properties map[string]any, to map[string]string) map[string]string {
	for name, v := range properties {
		field := v.(map[string]any)
		if inner, ok := field["properties"].(map[string]any); ok {
			mapped(prefix+name+".", inner, to)
		} else {
			to[prefix+name] = fmt.Sprint(field["type"])
		}
		if inner, ok := field["fields"].(map[string]any); ok {
			mapped(prefix+name+".", inner, to)
		}
	}
	return to
}

// checkMapping finds the fields of the templates, each in its type, and besides
// them those that records brought along.
func (s searchStream) checkMapping(t *testing.T, besides map[string]string) {
	t.Helper()
	var indices map[string]struct {
		Mappings struct{ Properties map[string]any }
	}
	s.call(t, http.MethodGet, "/"+s.name+"/_mapping", nil, &indices)
	var component struct {
		Template struct {
			Mappings struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(textfile.Read(t, "conf/index/component_template.json")), &component); err != nil {
		t.Fatal(err)
	}
	want := mapped("", component.Template.Mappings.Properties, map[string]string{})
	maps.Copy(want, besides)
	for name, index := range indices {
		if !strings.HasPrefix(name, ".ds-"+s.name+"-") {
			t.Errorf("%s is no index of a data stream", name)
		}
		if diff := cmp.Diff(want, mapped("", index.Mappings.Properties, map[string]string{})); diff != "" {
			t.Errorf("%s is mapped otherwise (-templates +index): %s", name, diff)
		}
	}
	var streams struct {
		DataStreams []struct{ Template string } `json:"data_streams"`
	}
	s.call(t, http.MethodGet, "/_data_stream/"+s.name, nil, &streams)
	if len(indices) == 0 || len(streams.DataStreams) != 1 || streams.DataStreams[0].Template != "azure-flow" {
		t.Errorf("%d indices, data streams %+v", len(indices), streams)
	}
}
