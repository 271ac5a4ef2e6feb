package input

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/internal/token"
)

// countAccounts is how many events name each account, as their source and in
// the path of their blob.
func countAccounts(t *testing.T, root string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	content, err := os.ReadFile(filepath.Join(root, "out", "flow"))
	if err != nil {
		return nil // not yet
	}
	for _, line := range textfile.Lines(string(content)) {
		var e struct {
			Azure struct {
				Storage struct{ Account struct{ Name string } }
			}
			Log struct{ File struct{ Path string } }
		}
		if json.Unmarshal([]byte(line), &e) != nil {
			continue // not written whole yet
		}
		name := e.Azure.Storage.Account.Name
		counts[name]++
		if !strings.Contains(e.Log.File.Path, name) {
			t.Errorf("account %q in an event of %s", name, e.Log.File.Path)
		}
	}
	return counts
}

// One section follows two accounts, another one a third, with the same
// state_path: every event comes once and names its account.
func TestAzureSeveralAccounts(t *testing.T) {
	t.Parallel()
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		var storages []azure.Storage
		var writers []*follow.Writer
		for range 3 {
			s := azure.NewStorage(t)
			storages = append(storages, s)
			w := follow.NewWriter(t, s)
			w.Minute()
			writers = append(writers, w)
		}
		root := follow.Stage(t)
		second := fmt.Sprintf("\n[INPUT]\n    Name nsgflow\n    Tag flow\n    state_path %s/state\n    storage.type filesystem\n    %s\n",
			root, strings.Join(follow.Accounts(t, storages[2]), "\n    "))
		textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, follow.Accounts(t, storages[:2]...)...)+second)
		want := map[string]int{}
		for i, w := range writers {
			want[storages[i].Account] = len(w.Tuples)
		}
		a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "follow.conf"))
		a.Until("the events", func() bool { return fmt.Sprint(countAccounts(t, root)) == fmt.Sprint(want) })
		a.Stop()
		if got := countAccounts(t, root); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("events by account: %v, want %v", got, want)
		}
	})
}

// The accounts of flow logs are found, those of some subscriptions only where
// the section says so.
func TestAzureDiscover(t *testing.T) {
	t.Parallel()
	tokens := token.New(t)
	storage := azure.StartOAuth(t, tokens)
	graph := azure.StartResourceGraph(t, tokens)
	var accounts []azure.OAuthAccount
	var rows []azure.FlowLogAccount
	writers := map[string]*follow.Writer{}
	for _, subscription := range []string{"2ab00000-0000-4000-8000-00000000beef", "2ab00000-0000-4000-8000-00000000cafe"} {
		a := storage.NewAccount(t)
		accounts = append(accounts, a)
		rows = append(rows, azure.FlowLogAccount{Subscription: subscription, StorageID: azure.StorageID(subscription, a.Name)})
		writers[a.Name] = follow.NewWriter(t, a.Storage)
		writers[a.Name].Minute()
	}
	graph.Set(1, rows...)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		for name, o := range map[string]struct {
			options []string
			want    []azure.OAuthAccount
		}{
			"all":              {nil, accounts},
			"one subscription": {[]string{"subscriptions " + rows[1].Subscription}, accounts[1:]},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root := follow.Stage(t)
				textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, append(o.options, "account discover", "auth service_principal")...))
				want := map[string]int{}
				for _, a := range o.want {
					want[a.Name] = len(writers[a.Name].Tuples)
				}
				a := r.Start(t, root, tokens.ServicePrincipal().Environment, "-c", filepath.Join(root, "etc", "follow.conf"))
				a.Until("the events", func() bool { return sumOf(countAccounts(t, root)) >= sumOf(want) })
				a.Stop()
				got := countAccounts(t, root)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("events by account: %v, want %v", got, want)
				}
				for _, one := range accounts {
					if n := strings.Count(a.Log.String(), "account "+one.Name+": found, its flow logs are followed"); n != min(1, want[one.Name]) {
						t.Errorf("%d lines about account %s", n, one.Name)
					}
				}
			})
		}
	})
}

func sumOf(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
