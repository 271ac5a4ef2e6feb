package storage

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	address "fluent-bit-nsgflow/nsgflow/context"
	"fluent-bit-nsgflow/test/azure"
)

// cloudOfTest answers in place of Entra ID and Azure Resource Manager; all else goes
// where it goes.
type cloudOfTest struct {
	host   string
	broken func(*http.Request) // sees every request to the manager first; may be nil
}

func (c *cloudOfTest) Do(r *http.Request) (*http.Response, error) {
	switch r.URL.Host {
	case "management.azure.com":
		if c.broken != nil {
			c.broken(r)
		}
		fallthrough
	case "login.microsoftonline.com":
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", c.host
	}
	return http.DefaultClient.Do(r)
}

// inventoryOptions are those of a follower that writes the inventory of an estate,
// often. An identity signs in to the manager, a key to the storage.
func inventoryOptions(t *testing.T, manager http.Handler) (Options, *cloudOfTest) {
	t.Helper()
	const tenant = "7e4a0000-0000-4000-8000-00000000c0de"
	for name, value := range map[string]string{"AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/", "AZURE_TENANT_ID": tenant,
		"AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": "s3cr3t-of-the-test"} {
		t.Setenv(name, value)
	}
	mux := http.NewServeMux()
	mux.Handle("/", manager)
	mux.HandleFunc("/"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token_endpoint":"%[1]s/token","authorization_endpoint":"%[1]s/authorize","issuer":"%[1]s/v2.0"}`, "https://login.microsoftonline.com/"+tenant)
	})
	mux.HandleFunc("/"+tenant+"/token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"t"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := &cloudOfTest{host: server.Listener.Addr().String()}
	o := opts(t, azure.NewContainer(t))
	o.Transport, o.pace = c, time.Millisecond
	o.ContextPath, o.ContextInterval = filepath.Join(t.TempDir(), "a", "context"), 20*time.Millisecond
	return o, c
}

// written is what the files of a folder say of the estate's address, and of the tag's.
func written(t *testing.T, folder string) string {
	t.Helper()
	var all []string
	for _, file := range []string{inventoryFile, serviceTagsFile} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			return err.Error()
		}
		all = append(all, string(text))
	}
	return strings.Join(all, "\n")
}

func files(t *testing.T, folder string) (all []string) {
	t.Helper()
	there, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range there {
		all = append(all, one.Name())
	}
	return all
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// The files are written, whole, again and again, readable for others, and say who
// has the address; service tags once a day only, also over a restart.
func TestInventory(t *testing.T) {
	e := azure.NewEstate(t)
	o, _ := inventoryOptions(t, e)
	f, log := open(t, o)
	file := filepath.Join(o.ContextPath, inventoryFile)
	await(t, "both files", func() bool { return exists(file) && exists(filepath.Join(o.ContextPath, serviceTagsFile)) })
	first, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if first.Mode().Perm() != 0o644 {
		t.Errorf("mode %v", first.Mode())
	}
	await(t, "another inventory", func() bool { next, err := os.Stat(file); return err == nil && !os.SameFile(first, next) })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(files(t, o.ContextPath)); got != "[inventory.jsonl service-tags.json]" {
		t.Errorf("files %s", got)
	}
	for _, want := range []string{`"cloud":"AzureCloud"`, azure.EstateVM, azure.EstateAddress, `"mac":"000D3AF1C27E"`, azure.EstateTag} {
		if !strings.Contains(written(t, o.ContextPath), want) {
			t.Errorf("no %s in\n%s", want, written(t, o.ContextPath))
		}
	}
	for kind, name := range map[string]string{"inventory": inventoryFile, "service-tags": serviceTagsFile} {
		data, err := os.ReadFile(filepath.Join(o.ContextPath, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := address.Check(kind, data, time.Now()); err != nil {
			t.Error(err)
		}
	}
	if n := log.count("5 objects are in " + file); n != 1 {
		t.Errorf("%d lines about the file, in\n%s", n, log)
	}

	// What a kill left is swept away.
	left := filepath.Join(o.ContextPath, ".inventory.jsonl.123")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := e.Asked("properties.virtualNetworkPeerings")
	f, _ = open(t, o)
	await(t, "more passes", func() bool { return e.Asked("properties.virtualNetworkPeerings") > before+2 })
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if exists(left) || e.Asked("serviceTags") != 1 {
		t.Errorf("files %v, asked %d times for service tags", files(t, o.ContextPath), e.Asked("serviceTags"))
	}
}

// A pass that fails writes nothing, is said once with the reason, and once more when
// it is over. Reading goes on.
func TestInventoryFails(t *testing.T) {
	only := func(part string, instead func(string, http.ResponseWriter, *http.Request) bool) func(string, http.ResponseWriter, *http.Request) bool {
		return func(what string, w http.ResponseWriter, r *http.Request) bool {
			return what == part && instead(what, w, r)
		}
	}
	says := func(text string) func(string, http.ResponseWriter, *http.Request) bool {
		return func(_ string, w http.ResponseWriter, _ *http.Request) bool { io.WriteString(w, text); return true }
	}
	const nics, vnets = "resources | where type =~ 'microsoft.network/networkinterfaces'", "properties.virtualNetworkPeerings"
	for _, tt := range []struct {
		name    string
		instead func(string, http.ResponseWriter, *http.Request) bool
		want    string
	}{
		{"refused", azure.RefuseAll(http.StatusForbidden, "AccessDenied"), "inventory: subscriptions: HTTP 403 AccessDenied, the file stays as it is, trying again"},
		{"a part is refused", only(nics, azure.RefuseAll(http.StatusForbidden, "AccessDenied")), "inventory: NICs: HTTP 403 AccessDenied, the file stays as it is, trying again"},
		{"a part of the rows", only(nics, says(`{"totalRecords":2,"count":1,"data":[{"key":"a"}],"facets":[],"resultTruncated":"false"}`)), "inventory: NICs: 1 rows came, there are 2, the file stays"},
		{"no VNet", only(vnets, says(`{"totalRecords":0,"count":0,"data":[],"facets":[],"resultTruncated":"false"}`)), "inventory: the identity sees no VNet, it needs the role Reader"},
		{"not JSON", only(nics, says(`<html>`)), "inventory: NICs: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := azure.NewEstate(t)
			e.Set(tt.instead)
			o, _ := inventoryOptions(t, e)
			_, log := open(t, o)
			await(t, "the reason", func() bool { return log.count(tt.want) == 1 })
			before := e.Asked("microsoft.resources/subscriptions'")
			await(t, "more passes", func() bool { return e.Asked("microsoft.resources/subscriptions'") > before+2 })
			if log.count(tt.want) != 1 || len(files(t, o.ContextPath)) != 0 {
				t.Errorf("files %v, log\n%s", files(t, o.ContextPath), log)
			}
			e.Set(nil)
			await(t, "the end of it", func() bool { return log.count("inventory: recovered after") == 1 })
			if !exists(filepath.Join(o.ContextPath, inventoryFile)) {
				t.Error("no file")
			}
		})
	}
}

// Service tags that are refused keep the inventory from nothing.
func TestServiceTagsFail(t *testing.T) {
	e := azure.NewEstate(t)
	e.Set(func(what string, w http.ResponseWriter, r *http.Request) bool {
		return what == "serviceTags" && azure.RefuseAll(http.StatusForbidden, "AuthorizationFailed")(what, w, r)
	})
	o, _ := inventoryOptions(t, e)
	_, log := open(t, o)
	await(t, "some tries", func() bool { return e.Asked("serviceTags") > 2 })
	if log.count("service tags: HTTP 403 AuthorizationFailed, the file stays as it is, trying again") != 1 {
		t.Errorf("log\n%s", log)
	}
	if there := files(t, o.ContextPath); !slices.Contains(there, inventoryFile) || slices.Contains(there, serviceTagsFile) {
		t.Errorf("files %v", there)
	}
	e.Set(nil)
	await(t, "the end of it", func() bool { return log.count("service tags: recovered after") == 1 })
}

// A cloud without the table of scale sets gives an inventory, and it is said once
// what is missing.
func TestInventoryWithoutATable(t *testing.T) {
	e := azure.NewEstate(t)
	e.Set(func(what string, w http.ResponseWriter, r *http.Request) bool {
		return what == "computeresources" && azure.RefuseAll(http.StatusBadRequest, "BadRequest")(what, w, r)
	})
	o, _ := inventoryOptions(t, e)
	_, log := open(t, o)
	await(t, "some passes", func() bool { return e.Asked("properties.virtualNetworkPeerings") > 2 })
	if log.count("does not know NICs of scale sets, VMs of scale sets:") != 1 || !exists(filepath.Join(o.ContextPath, inventoryFile)) {
		t.Errorf("log\n%s", log)
	}
}

// Throttling is waited for, as long as Azure says.
func TestInventoryIsThrottled(t *testing.T) {
	e := azure.NewEstate(t)
	left := 2
	e.Set(func(what string, w http.ResponseWriter, r *http.Request) bool {
		left--
		return left >= 0 && azure.RefuseAll(http.StatusTooManyRequests, "RateLimiting", "x-ms-user-quota-resets-after", "00:00:01")(what, w, r)
	})
	o, _ := inventoryOptions(t, e)
	began := time.Now()
	_, log := open(t, o)
	await(t, "the file", func() bool { return exists(filepath.Join(o.ContextPath, inventoryFile)) })
	if took := time.Since(began); took < 2*time.Second || log.count("trying again") != 0 {
		t.Errorf("after %s, log\n%s", took, log)
	}
}

// A request that hangs keeps neither reading nor the end of the agent waiting.
func TestInventoryHangs(t *testing.T) {
	e := azure.NewEstate(t)
	hangs := make(chan struct{}, 1)
	e.Set(func(_ string, w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, `{"totalRecords":`)
		w.(http.Flusher).Flush()
		select {
		case hangs <- struct{}{}:
		default:
		}
		<-r.Context().Done()
		return true
	})
	o, _ := inventoryOptions(t, e)
	c := azure.NewContainer(t)
	o.Containers = []string{azure.NameOf(c)}
	want := fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
	f, log := open(t, o)
	<-hangs
	same(t, take(t, f, total(want)), want)
	began := time.Now()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %s", took)
	}
	if log.count("inventory") != 0 || len(files(t, o.ContextPath)) != 0 {
		t.Errorf("files %v, log\n%s", files(t, o.ContextPath), log)
	}
}

// A panic is said, and takes nothing along.
func TestInventoryPanics(t *testing.T) {
	o, cloud := inventoryOptions(t, azure.NewEstate(t))
	cloud.broken = func(*http.Request) { panic("broken") }
	c := azure.NewContainer(t)
	o.Containers = []string{azure.NameOf(c)}
	want := fill(t, c, []string{azure.VNetName(1, azure.ThisHour)})
	f, log := open(t, o)
	await(t, "the panic", func() bool { return log.count("inventory: internal error: broken") == 1 })
	same(t, take(t, f, total(want)), want)
}

// One section writes to a folder; the first of several agents writes at all; what
// cannot be written to stops the start.
func TestInventoryFolder(t *testing.T) {
	e := azure.NewEstate(t)
	o, _ := inventoryOptions(t, e)
	agent := NewAgent()
	start := func(o Options) (*Follower, *logged, error) {
		l := &logged{}
		f, err := agent.Open(o, l.add, func() {})
		if err == nil {
			t.Cleanup(func() { f.Close() })
		}
		return f, l, err
	}
	first, _, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	second := o
	second.Containers = []string{azure.NameOf(azure.NewContainer(t))}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(o.ContextPath, link); err != nil {
		t.Fatal(err)
	}
	second.ContextPath = link
	if _, _, err := start(second); err == nil || !strings.Contains(err.Error(), "option context_path: another section writes to") {
		t.Errorf("a second section: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := start(second); err != nil {
		t.Errorf("the folder is not given back: %v", err)
	}

	third := o
	third.ContextPath, third.Shard, third.StatePath = filepath.Join(t.TempDir(), "context"), Shard{2, 3}, t.TempDir()
	_, log, err := start(third)
	if err != nil || exists(third.ContextPath) || log.count("the agent with shard 1/3 writes it") != 1 {
		t.Errorf("shard 2/3: %v, log\n%s", err, log)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fourth := o
	fourth.ContextPath, fourth.StatePath = filepath.Join(file, "context"), t.TempDir()
	if _, _, err := start(fourth); err == nil || !strings.HasPrefix(err.Error(), "option context_path: mkdir "+file) {
		t.Errorf("a folder below a file: %v", err)
	}
}
