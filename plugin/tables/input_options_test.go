package tables

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/test/azure"
)

func parse(pairs ...string) (storage.Options, error) {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return ParseInputOptions(func(key string) string { return m[key] })
}

// clean takes away what the environment of a developer may hold.
func clean(t *testing.T) {
	t.Setenv("AZURE_TENANT_ID", "")
	t.Setenv("AZURE_CLIENT_ID", "")
	for _, p := range InputOptions {
		if p.Env != "" {
			t.Setenv(p.Env, "")
		}
	}
}

func TestInputDefaults(t *testing.T) {
	clean(t)
	got, err := parse("account", "example")
	if err != nil {
		t.Fatal(err)
	}
	want := storage.Options{
		Accounts: []string{"example"}, Discovery: storage.Discovery{DiscoverInterval: 10 * time.Minute},
		Inventory: storage.Inventory{ContextInterval: 15 * time.Minute}, Auth: storage.AuthAuto, Start: storage.Start{Back: time.Hour},
		PollInterval: 30 * time.Second, ListInterval: 5 * time.Minute,
		Containers: []string{"insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent"},
		StatePath:  "/var/lib/fluent-bit/nsgflow", BatchBytes: 1 << 20, PendingLimit: 64 << 20, Concurrency: 4, Shard: storage.Shard{I: 1, Of: 1},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(storage.Options{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestInputOptions(t *testing.T) {
	clean(t)
	for _, tt := range []struct {
		key, value string
		want       any
		of         func(storage.Options) any
	}{
		{"start", "now", storage.Start{Now: true}, func(o storage.Options) any { return o.Start }},
		{"start", "Beginning", storage.Start{}, func(o storage.Options) any { return o.Start }},
		{"start", "7d", storage.Start{Back: 168 * time.Hour}, func(o storage.Options) any { return o.Start }},
		{"start", "90m", storage.Start{Back: 90 * time.Minute}, func(o storage.Options) any { return o.Start }},
		{"start", "2026-01-02T03:04:05Z", storage.Start{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, func(o storage.Options) any { return o.Start }},
		{"poll_interval", "90", 90 * time.Second, func(o storage.Options) any { return o.PollInterval }},
		{"list_interval", "1m", time.Minute, func(o storage.Options) any { return o.ListInterval }},
		{"pending_limit", "64M", 64 << 20, func(o storage.Options) any { return o.PendingLimit }},
		{"account", "one, two ,one", []string{"one", "two"}, func(o storage.Options) any { return o.Accounts }},
		{"account", "discover", true, func(o storage.Options) any { return o.Accounts[0] == storage.Discover }},
		{"subscriptions", "a, b", []string{"a", "b"}, func(o storage.Options) any { return o.Subscriptions }},
		{"batch_bytes", "16K", 16 << 10, func(o storage.Options) any { return o.BatchBytes }},
		{"batch_bytes", "512k", 512 << 10, func(o storage.Options) any { return o.BatchBytes }},
		{"batch_bytes", "8MB", 8 << 20, func(o storage.Options) any { return o.BatchBytes }},
		{"batch_bytes", "100000", 100_000, func(o storage.Options) any { return o.BatchBytes }},
		{"shard", "2/3", storage.Shard{I: 2, Of: 3}, func(o storage.Options) any { return o.Shard }},
		{"containers", "one1, two2 ,one1", []string{"one1", "two2"}, func(o storage.Options) any { return o.Containers }},
		{"endpoint", "https://example.blob.core.usgovcloudapi.net/", "https://example.blob.core.usgovcloudapi.net", func(o storage.Options) any { return o.Endpoint }},
		{"context_path", "/data/context/", "/data/context", func(o storage.Options) any { return o.ContextPath }},
		{"context_interval", "1h", time.Hour, func(o storage.Options) any { return o.ContextInterval }},
		{"include", "*/EDGE-NSG/*, *_edge-flowlog/*", []string{"*/EDGE-NSG/*", "*_edge-flowlog/*"}, func(o storage.Options) any { return o.Include }},
		{"until", "2026-01-02T01:00:00+01:00", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), func(o storage.Options) any { return o.Until }},
		{"client_id", "c11e0000-0000-4000-8000-000000000001", "c11e0000-0000-4000-8000-000000000001", func(o storage.Options) any { return o.ClientID }},
		{"tenant_id", "example.onmicrosoft.com", "example.onmicrosoft.com", func(o storage.Options) any { return o.TenantID }},
		{"auth", "Managed_Identity", storage.AuthManagedIdentity, func(o storage.Options) any { return o.Auth }},
	} {
		o, err := parse("account", "example", tt.key, tt.value)
		if err != nil {
			t.Errorf("%s %s: %v", tt.key, tt.value, err)
			continue
		}
		if diff := cmp.Diff(tt.want, tt.of(o)); diff != "" {
			t.Errorf("%s %s: -want +got\n%s", tt.key, tt.value, diff)
		}
	}
}

func TestWrongInputValues(t *testing.T) {
	clean(t)
	for _, tt := range [][2]string{
		{"account", "Example"}, {"account", "x"}, {"endpoint", "example.net"}, {"endpoint", "https://example.net/?sig=x"}, {"endpoint", "https://u:p@example.net"},
		{"account", "one,,two"}, {"account", "one,discover"}, {"list_interval", "0"}, {"discover_interval", "1s"}, {"pending_limit", "1M"}, {"pending_limit", "3G"},
		{"context_path", "context"}, {"context_path", "./context"}, {"context_interval", "59s"}, {"context_interval", "25h"}, {"context_interval", "often"},
		{"subscriptions", "a,,b"}, {"tenant_id", "a/b"}, {"client_id", "of mine"}, {"exclude", "*a,,"}, {"until", "7d"}, {"until", "2026-01-02"}, {"resource_manager", "management"},
		{"auth", "password"}, {"containers", "UPPER"}, {"containers", "a1b,,c1d"}, {"start", "yesterday"}, {"start", "-1h"}, {"start", "0"},
		{"poll_interval", "0"}, {"poll_interval", "2h"}, {"poll_interval", "fast"}, {"batch_bytes", "15K"}, {"batch_bytes", "1G"}, {"batch_bytes", "99999999M"},
		{"concurrency", "0"}, {"concurrency", "65"}, {"concurrency", "many"},
		{"shard", "0/2"}, {"shard", "3/2"}, {"shard", "1"}, {"shard", "1/2000"}, {"shard", "a/b"}, {"start", "99999999999999999999d"},
	} {
		_, err := parse("account", "example", tt[0], tt[1])
		if err == nil {
			t.Errorf("%s %q is taken", tt[0], tt[1])
			continue
		}
		want := fmt.Sprintf("option %s: %q is not allowed, it takes: ", tt[0], tt[1])
		if !strings.HasPrefix(err.Error(), want) || len(err.Error()) == len(want) {
			t.Errorf("%s %q: %v", tt[0], tt[1], err)
		}
	}
	if _, err := parse(); err == nil || !strings.HasPrefix(err.Error(), "option account: missing") {
		t.Errorf("no account: %v", err)
	}
	for _, tt := range []struct{ pairs, want string }{
		{"account=discover account_key=YWJj", "option account: discover needs"},
		{"account=one,two endpoint=https://one.example.net", "option endpoint: has no {account}"},
		{"endpoint=https://{account}.example.net", "option account: missing"},
		{"account=one client_id=i client_secret=s", "option tenant_id: missing"},
		{"account=one tenant_id=t client_certificate=f", "option client_id: missing"},
		{"account=one client_id=i tenant_id=t auth=service_principal", "option client_secret: missing"},
		{"account=one client_secret=s client_certificate=f", "option client_certificate: stands beside"},
		{"account=one auth=managed_identity client_secret=s", "option auth: \"managed_identity\" does not take"},
		{"account=one client_secret=file:{account}", "option client_secret: the value is not allowed"},
	} {
		if _, err := parse(strings.FieldsFunc(tt.pairs, func(r rune) bool { return r == '=' || r == ' ' })...); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.pairs, err)
		}
	}
	if _, err := parse("account", "example", "auth", "sas_token"); err == nil || !strings.HasPrefix(err.Error(), "option sas_token: missing") {
		t.Errorf("no token: %v", err)
	}
}

// Secrets are looked for in the environment where they are not configured.
func TestSecretsFromEnvironment(t *testing.T) {
	clean(t)
	t.Setenv("AZURE_STORAGE_KEY", azure.Key)
	if o, err := parse("account", "example"); err != nil || string(o.AccountKey) != azure.Key {
		t.Errorf("%v", err)
	}
}
