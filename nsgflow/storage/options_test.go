package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fluent-bit-nsgflow/test/azure"
)

func parse(pairs ...string) (Options, error) {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return Parse(func(key string) string { return m[key] })
}

// clean takes away what the environment of a developer may hold.
func clean(t *testing.T) {
	for _, p := range Table {
		if p.Env != "" {
			t.Setenv(p.Env, "")
		}
	}
}

func TestDefaults(t *testing.T) {
	clean(t)
	got, err := parse("account", "example")
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Accounts: []string{"example"}, Discovery: Discovery{DiscoverInterval: 10 * time.Minute}, Auth: authAuto, Start: Start{Back: time.Hour},
		PollInterval: 30 * time.Second, ListInterval: 5 * time.Minute,
		Containers: []string{"insights-logs-networksecuritygroupflowevent", "insights-logs-flowlogflowevent"},
		StatePath:  "/var/lib/fluent-bit/nsgflow", BatchBytes: 1 << 20, PendingLimit: 64 << 20, Concurrency: 4, Shard: Shard{1, 1},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Options{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	clean(t)
	for _, tt := range []struct {
		key, value string
		want       any
		of         func(Options) any
	}{
		{"start", "now", Start{Now: true}, func(o Options) any { return o.Start }},
		{"start", "Beginning", Start{}, func(o Options) any { return o.Start }},
		{"start", "7d", Start{Back: 168 * time.Hour}, func(o Options) any { return o.Start }},
		{"start", "90m", Start{Back: 90 * time.Minute}, func(o Options) any { return o.Start }},
		{"start", "2026-01-02T03:04:05Z", Start{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, func(o Options) any { return o.Start }},
		{"poll_interval", "90", 90 * time.Second, func(o Options) any { return o.PollInterval }},
		{"checkpoint_lag", "5s", []string{"option checkpoint_lag: has no effect any more, leave it out"}, func(o Options) any { return o.Warnings }},
		{"list_interval", "1m", time.Minute, func(o Options) any { return o.ListInterval }},
		{"pending_limit", "64M", 64 << 20, func(o Options) any { return o.PendingLimit }},
		{"account", "one, two ,one", []string{"one", "two"}, func(o Options) any { return o.Accounts }},
		{"account", "discover", true, func(o Options) any { return o.discovers() }},
		{"subscriptions", "a, b", []string{"a", "b"}, func(o Options) any { return o.Subscriptions }},
		{"batch_bytes", "512k", 512 << 10, func(o Options) any { return o.BatchBytes }},
		{"batch_bytes", "8MB", 8 << 20, func(o Options) any { return o.BatchBytes }},
		{"batch_bytes", "100000", 100_000, func(o Options) any { return o.BatchBytes }},
		{"shard", "2/3", Shard{2, 3}, func(o Options) any { return o.Shard }},
		{"containers", "one1, two2 ,one1", []string{"one1", "two2"}, func(o Options) any { return o.Containers }},
		{"endpoint", "https://example.blob.core.usgovcloudapi.net/", "https://example.blob.core.usgovcloudapi.net", func(o Options) any { return o.Endpoint }},
		{"auth", "Managed_Identity", authManagedIdentity, func(o Options) any { return o.Auth }},
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

func TestWrongValues(t *testing.T) {
	clean(t)
	for _, tt := range [][2]string{
		{"account", "Example"}, {"account", "x"}, {"endpoint", "example.net"}, {"endpoint", "https://example.net/?sig=x"}, {"endpoint", "https://u:p@example.net"},
		{"account", "one,,two"}, {"account", "one,discover"}, {"list_interval", "0"}, {"discover_interval", "1s"}, {"pending_limit", "1M"}, {"pending_limit", "3G"},
		{"subscriptions", "a,,b"}, {"resource_manager", "management"},
		{"auth", "password"}, {"containers", "UPPER"}, {"containers", "a1b,,c1d"}, {"start", "yesterday"}, {"start", "-1h"}, {"start", "0"},
		{"poll_interval", "0"}, {"poll_interval", "2h"}, {"poll_interval", "fast"}, {"batch_bytes", "1"}, {"batch_bytes", "1G"}, {"batch_bytes", "99999999M"},
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
	} {
		if _, err := parse(strings.FieldsFunc(tt.pairs, func(r rune) bool { return r == '=' || r == ' ' })...); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.pairs, err)
		}
	}
	if _, err := parse("account", "example", "auth", "sas_token"); err == nil || !strings.HasPrefix(err.Error(), "option sas_token: missing") {
		t.Errorf("no token: %v", err)
	}
}

func TestSecretsComeFromEnvironmentOrFile(t *testing.T) {
	clean(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(azure.Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NSGFLOW_TEST_KEY", azure.Key)
	for _, value := range []string{azure.Key, "env:NSGFLOW_TEST_KEY", "file:" + file} {
		o, err := parse("account", "example", "account_key", value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := o.AccountKey.read("example"); got != azure.Key || err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s %q", o, o, o, o.AccountKey, o.AccountKey); strings.Contains(text, azure.Key) {
			t.Errorf("%s: printed", value)
		}
	}
	t.Setenv("NSGFLOW_TEST_other", "of the other")
	if got, err := Secret("env:NSGFLOW_TEST_{account}").read("other"); got != "of the other" || err != nil {
		t.Errorf("of an account: %q, %v", got, err)
	}
	t.Setenv("AZURE_STORAGE_KEY", azure.Key)
	if o, err := parse("account", "example"); err != nil || string(o.AccountKey) != azure.Key {
		t.Errorf("from the environment by default: %v", err)
	}
}

// No message of a failing start tells a secret.
func TestNoSecretInErrors(t *testing.T) {
	clean(t)
	for _, pair := range [][2]string{
		{"account_key", "not*base64*at*all"},
		{"connection_string", "AccountName=example;AccountKey=not*base64*at*all"},
		{"connection_string", "not*base64*at*all"},
	} {
		o, err := parse("account", "example", pair[0], pair[1], "state_path", t.TempDir())
		if err == nil {
			_, err = NewAgent().Open(o, func(Level, string) {}, func() {})
		}
		if err == nil || strings.Contains(err.Error(), "base64*at") || !strings.Contains(err.Error(), pair[0]) {
			t.Errorf("%s: %v", pair[0], err)
		}
	}
}
