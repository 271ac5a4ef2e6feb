package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/token"
)

// emulated are the options of accounts in the emulator.
func emulated(t *testing.T, storages ...azure.Storage) []string {
	t.Helper()
	var names []string
	for _, s := range storages {
		names = append(names, s.Account)
	}
	return []string{"account " + strings.Join(names, ","), "account_key " + azure.Key,
		"endpoint " + strings.TrimSuffix(azure.Endpoint(t), azure.Account) + "{account}"}
}

// countAccounts is how many events name each account, as their source and in
// the path of their blob.
func countAccounts(t *testing.T, root string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	content, err := os.ReadFile(filepath.Join(root, "out", "flow"))
	if err != nil {
		return nil // not yet
	}
	for _, line := range lines(string(content)) {
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
	inEveryRelease(t, func(t *testing.T, r release) {
		var storages []azure.Storage
		var writers []*writer
		for range 3 {
			s := azure.NewStorage(t)
			storages = append(storages, s)
			w := newWriter(t, s)
			w.minute()
			writers = append(writers, w)
		}
		root := stageInput(t, r)
		second := fmt.Sprintf("\n[INPUT]\n    Name nsgflow\n    Tag flow\n    state_path %s/state\n    storage.type filesystem\n    %s\n",
			root, strings.Join(emulated(t, storages[2]), "\n    "))
		write(t, root, "etc/follow.conf", following(root, emulated(t, storages[:2]...)...)+second)
		want := map[string]int{}
		for i, w := range writers {
			want[storages[i].Account] = len(w.tuples)
		}
		a := r.start(t, root, nil, "-c", filepath.Join(root, "etc", "follow.conf"))
		a.until("the events", func() bool { return fmt.Sprint(countAccounts(t, root)) == fmt.Sprint(want) })
		a.stop()
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
	writers := map[string]*writer{}
	for _, subscription := range []string{"2ab00000-0000-4000-8000-00000000beef", "2ab00000-0000-4000-8000-00000000cafe"} {
		a := storage.NewAccount(t)
		accounts = append(accounts, a)
		rows = append(rows, azure.FlowLogAccount{Subscription: subscription, StorageID: azure.StorageID(subscription, a.Name)})
		writers[a.Name] = newWriter(t, a.Storage)
		writers[a.Name].minute()
	}
	graph.Set(1, rows...)
	inEveryRelease(t, func(t *testing.T, r release) {
		for name, o := range map[string]struct {
			options []string
			want    []azure.OAuthAccount
		}{
			"all":              {nil, accounts},
			"one subscription": {[]string{"subscriptions " + rows[1].Subscription}, accounts[1:]},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root := stageInput(t, r)
				write(t, root, "etc/follow.conf", following(root, append(o.options, "account discover", "auth service_principal")...))
				want := map[string]int{}
				for _, a := range o.want {
					want[a.Name] = len(writers[a.Name].tuples)
				}
				a := r.start(t, root, tokens.ServicePrincipal().Environment, "-c", filepath.Join(root, "etc", "follow.conf"))
				a.until("the events", func() bool { return sumOf(countAccounts(t, root)) >= sumOf(want) })
				a.stop()
				got := countAccounts(t, root)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("events by account: %v, want %v", got, want)
				}
				for _, one := range accounts {
					if n := strings.Count(a.log.String(), "account "+one.Name+": found, its flow logs are followed"); n != min(1, want[one.Name]) {
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
