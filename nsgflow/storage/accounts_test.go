package storage

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/test/azure"
)

// accountsOptions follow several accounts of the emulator.
func accountsOptions(t *testing.T, storages []azure.Storage, secrets Secrets) Options {
	t.Helper()
	o := options(t, namesOf(storages)...)
	o.Endpoint, o.Secrets = emulator(t)+"{account}", secrets
	o.PollInterval, o.ListInterval = time.Second, time.Second
	return o
}

func emulator(t *testing.T) string { return strings.TrimSuffix(azure.Endpoint(t), azure.Account) }

func namesOf(storages []azure.Storage) (names []string) {
	for _, s := range storages {
		names = append(names, s.Account)
	}
	return names
}

// slow is a body of 1 KB a second, as long as it is said to be.
type slow struct {
	io.ReadCloser
	on *atomic.Bool
}

func (s slow) Read(b []byte) (int, error) {
	for n := 0; n < 100 && s.on.Load(); n++ {
		time.Sleep(10 * time.Millisecond)
	}
	if s.on.Load() {
		b = b[:min(len(b), 1024)]
	}
	return s.ReadCloser.Read(b)
}

// Of 28 accounts one refuses, one does not answer and one is slow. What is
// written to the others comes within a poll and two seconds.
func TestAccountsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	const accounts, most = 28, 0.05
	nics, rounds, within := 1, 6, 8*time.Second // beside other packages, under the race detector
	if long {
		nics, rounds, within = 10, 60, 3*time.Second
	}
	var storages []azure.Storage
	for range accounts {
		storages = append(storages, azure.NewStorage(t))
	}
	names := namesOf(storages)
	o := accountsOptions(t, storages, Secrets{AccountKey: azure.Key})
	o.ListInterval = time.Hour // NICs are known by name
	var bad atomic.Bool
	bad.Store(true)
	of := func(r *http.Request, n int) bool { return strings.HasPrefix(r.URL.Path, "/"+names[n]+"/") }
	o.Transport = &wire{
		harm: func(kind string, r *http.Request) (*http.Response, error) {
			switch {
			case of(r, 0):
				return answer(r, 403, "x-ms-error-code", "AuthenticationFailed"), nil
			case of(r, 1):
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return nil, nil
		},
		hurt: func(kind string, r *http.Response) {
			if (kind == "download" || kind == "ask") && of(r.Request, 2) {
				r.Body = slow{r.Body, &bad}
			}
		},
	}
	var logs [][]*azure.FlowLog
	for i, s := range storages {
		logs = append(logs, nil)
		for nic := range nics {
			logs[i] = append(logs[i], azure.NewFlowLog(t, s.VNet, azure.VNetName(nic, azure.ThisHour)))
		}
	}
	l := &logged{}
	agent := NewAgent()
	f, err := agent.Open(o, l.add, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	await(t, "a first look", func() bool {
		return !slices.ContainsFunc(f.all()[2:], func(a *account) bool {
			return slices.ContainsFunc(a.containers, func(c *container) bool { return c.lastListed().IsZero() })
		})
	})

	written := map[string]time.Time{} // by account and text
	delays := map[bool][]time.Duration{}
	n, missing := 0, 0
	collect := func(until func() bool) {
		for !until() {
			b, err := f.Next(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Records {
				at, ok := written[r.Account+" "+string(r.Text)]
				if !ok {
					t.Errorf("a record of account %q that nobody wrote there, or again", r.Account)
				}
				delete(written, r.Account+" "+string(r.Text))
				slow := r.Account == names[2]
				delays[slow] = append(delays[slow], time.Since(at))
				if !strings.HasPrefix(r.Path, emulator(t)+r.Account+"/") {
					t.Errorf("account %q, path %q", r.Account, r.Path)
				}
			}
			f.Commit(b.Token)
			if len(b.Records) == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}
	for range rounds {
		began := time.Now()
		for i := range accounts {
			if i < 2 {
				continue
			}
			for nic := range nics {
				count := 1
				if i == 2 {
					count = 60 // some 40 KB
				}
				var texts []string
				for range count {
					texts = append(texts, azure.VNetRecord(n))
					n++
				}
				logs[i][nic].Grow(texts...)
				for _, text := range texts {
					written[names[i]+" "+text] = time.Now()
				}
			}
			collect(func() bool { return true })
		}
		collect(func() bool { return time.Since(began) > time.Second })
	}
	last := time.Now()
	collect(func() bool {
		missing = 0
		for key := range written {
			if !strings.HasPrefix(key, names[2]+" ") {
				missing++
			}
		}
		return missing == 0 || time.Since(last) > within
	})
	slices.Sort(delays[false])
	late := 0
	for _, d := range delays[false] {
		if d > within {
			late++
		}
	}
	good := len(delays[false])
	t.Logf("%d records of %d accounts: half within %s, 95%% within %s, %d later than %s; %d of the slow one's", good, accounts-3,
		delays[false][good/2].Round(time.Millisecond), delays[false][good*95/100].Round(time.Millisecond), late, within, len(delays[true]))
	if missing > 0 || float64(late) > most*float64(good) {
		t.Errorf("%d of %d missing, %d late", missing, good, late)
	}
	if len(delays[true]) > good {
		t.Error("the slow account was not slow")
	}
	bad.Store(false)
	end := time.Now().Add(patience)
	collect(func() bool { return len(written) == 0 || time.Now().After(end) })
	if len(written) > 0 {
		t.Errorf("%d records of the slow account are missing", len(written))
	}
	for _, name := range names[3:] {
		if text := l.String(); strings.Contains(text, "account "+name+":") {
			t.Errorf("something of account %s in the log:\n%s", name, text)
		}
	}
	if l.count("account "+names[0]+": storage: HTTP 403 AuthenticationFailed, trying again") != 1 {
		t.Errorf("log:\n%s", l)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	agent.memory.free(t)
	agent.requests.free(t)
}

// Each account signs in with a secret of its own, from a file or the
// environment.
func TestSecretOfEachAccount(t *testing.T) {
	for _, kind := range []string{"file", "env"} {
		t.Run(kind, func(t *testing.T) {
			storages := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t), azure.NewStorage(t)}
			dir := t.TempDir()
			for i, name := range namesOf(storages) {
				key, err := service.NewSharedKeyCredential(name, azure.Key)
				if err != nil {
					t.Fatal(err)
				}
				c, err := service.NewClientWithSharedKeyCredential(emulator(t)+name, key, nil)
				if err != nil {
					t.Fatal(err)
				}
				u, err := c.GetSASURL(sas.AccountResourceTypes{Service: true, Container: true, Object: true}, sas.AccountPermissions{Read: true, List: true}, time.Now().Add(time.Hour), nil)
				if err != nil {
					t.Fatal(err)
				}
				token := u[strings.IndexByte(u, '?')+1:]
				if err := os.WriteFile(filepath.Join(dir, name+".sas"), []byte(token+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				t.Setenv("SAS_"+name, token)
				azure.NewFlowLog(t, storages[i].VNet, azure.VNetName(i, azure.ThisHour)).Grow(azure.VNetRecord(i))
			}
			value := map[string]string{"file": "file:" + dir + "/{account}.sas", "env": "env:SAS_{account}"}[kind]
			f, _ := open(t, accountsOptions(t, storages, Secrets{SASToken: Secret(value)}))
			var got []string
			for _, r := range take(t, f, len(storages)) {
				got = append(got, r.Account)
			}
			if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(namesOf(storages)))) {
				t.Errorf("records of %q", got)
			}
		})
	}
}

// Two sections may follow one account with checkpoints of their own, not with
// the same ones.
func TestAccountInTwoSections(t *testing.T) {
	t.Parallel()
	storages := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t)}
	names := namesOf(storages)
	azure.NewFlowLog(t, storages[0].VNet, azure.VNetName(1, azure.ThisHour)).Grow(azure.VNetRecord(1))
	azure.NewFlowLog(t, storages[1].VNet, azure.VNetName(1, azure.ThisHour)).Grow(azure.VNetRecord(2))
	agent := NewAgent()
	section := func(o Options) (*Follower, error) {
		f, err := agent.Open(o, func(Level, string) {}, func() {})
		if err == nil {
			t.Cleanup(func() { f.Close() })
		}
		return f, err
	}
	one := accountsOptions(t, storages[:1], Secrets{AccountKey: azure.Key})
	first, err := section(one)
	if err != nil {
		t.Fatal(err)
	}
	both := accountsOptions(t, []azure.Storage{storages[1], storages[0]}, Secrets{AccountKey: azure.Key})
	elsewhere := both.StatePath
	both.StatePath = one.StatePath
	if _, err := section(both); err == nil || err.Error() != fmt.Sprintf("account %q, container %q: is followed by another section with the same state_path already", names[0], both.Containers[0]) {
		t.Errorf("%v", err)
	}
	// What the refused one had taken is free again: an account beside it.
	second, err := section(accountsWith(one, names[1]))
	if err != nil {
		t.Fatal(err)
	}
	both.StatePath = elsewhere
	third, err := section(both)
	if err != nil {
		t.Fatal(err)
	}
	for f, want := range map[*Follower]int{first: 1, second: 1, third: 2} {
		if got := take(t, f, want); len(got) != want {
			t.Errorf("%d records, want %d", len(got), want)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if first, err = section(one); err != nil {
		t.Fatalf("after the first is closed: %v", err)
	}
	if got := take(t, first, 0); len(got) != 0 {
		t.Errorf("%d records again", len(got))
	}
	for _, f := range []*Follower{first, second, third} {
		f.Close()
	}
	if len(agent.stores) != 0 {
		t.Errorf("%d files are open at the end", len(agent.stores))
	}
	agent.memory.free(t)
	agent.requests.free(t)
}

func accountsWith(o Options, account string) Options {
	o.Accounts = []string{account}
	return o
}

// What one account may hold in memory is bounded, whatever the host does not
// take, and the others still get theirs.
func TestMemoryOfAccounts(t *testing.T) {
	t.Parallel()
	storages := []azure.Storage{azure.NewStorage(t), azure.NewStorage(t)}
	block := strings.Repeat(","+azure.VNetRecord(1), 1<<20/len(azure.VNetRecord(1)))
	for nic := range 4 {
		l := azure.NewFlowLog(t, storages[0].VNet, azure.VNetName(nic, azure.ThisHour))
		for n := range 4 {
			text := block
			if n == 0 {
				text = text[1:]
			}
			l.GrowRaw(text)
		}
	}
	agent := NewAgent()
	const limit = 4 << 20
	agent.memory = newLimiter(pieceBytes, limit)
	o := accountsOptions(t, storages, Secrets{AccountKey: azure.Key})
	f, err := agent.Open(o, func(Level, string) {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	held := func(i int) int64 {
		agent.memory.mu.Lock()
		defer agent.memory.mu.Unlock()
		return f.all()[i].reader.memory.held.held
	}
	await(t, "all that it may hold is held", func() bool { return held(0) > limit-pieceBytes })
	azure.NewFlowLog(t, storages[1].VNet, azure.VNetName(9, azure.ThisHour)).Grow(azure.VNetRecord(2))
	await(t, "the other account has its own part", func() bool { return held(1) > 0 })
	time.Sleep(200 * time.Millisecond)
	if h := held(0); h > limit+pieceBytes {
		t.Errorf("%d bytes held", h)
	}
	got := take(t, f, 0)
	want := 16*strings.Count(block, `"time"`) + 1
	for deadline := time.Now().Add(patience); len(got) < want && time.Now().Before(deadline); {
		got = append(got, take(t, f, 0)...)
	}
	if len(got) != want {
		t.Errorf("%d records, want %d", len(got), want)
	}
	await(t, "nothing is held", func() bool { return held(0) == 0 && held(1) == 0 })
	f.Close()
	agent.memory.free(t)
}
