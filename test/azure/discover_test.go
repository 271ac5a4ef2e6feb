package azure_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
	"fluent-bit-nsgflow/plugin/tables"
	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/token"
)

// discovery is a tenant with flow logs, in which a service principal is signed
// in.
type discovery struct {
	tokens  *token.Service
	service *azure.OAuth
	graph   *azure.ResourceGraph
}

func newDiscovery(t *testing.T) discovery {
	t.Helper()
	d := discovery{tokens: token.New(t)}
	d.service = azure.StartOAuth(t, d.tokens)
	d.graph = azure.StartResourceGraph(t, d.tokens)
	for _, e := range d.tokens.ServicePrincipal().Environment {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	return d
}

// section follows what is discovered, often. Options are names and values.
func (d discovery) section(t *testing.T, options ...string) (*storage.Follower, *logged) {
	t.Helper()
	return d.sectionOf(t, storage.NewAgent(), 50*time.Millisecond, options...)
}

// sectionOf is one of several of an agent, with a time between two looks for accounts.
func (d discovery) sectionOf(t *testing.T, agent *storage.Agent, looks time.Duration, options ...string) (*storage.Follower, *logged) {
	t.Helper()
	set := map[string]string{"account": "discover", "auth": "service_principal", "start": "beginning"}
	for i := 0; i < len(options); i += 2 {
		set[options[i]] = options[i+1]
	}
	o, err := tables.ParseInputOptions(func(key string) string { return set[key] })
	if err != nil {
		t.Fatal(err)
	}
	o.Transport = d.tokens.Client()
	o.PollInterval, o.ListInterval, o.DiscoverInterval = 50*time.Millisecond, 50*time.Millisecond, looks
	l := &logged{}
	f, err := agent.Open(o, l.add, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l
}

// Accounts come and go while they are followed: each is taken up once, named
// once when it is gone, and nothing of it is lost or read again.
func TestDiscoverWhileAccountsComeAndGo(t *testing.T) {
	d := newDiscovery(t)
	var accounts []azure.OAuthAccount
	var rows []azure.FlowLogAccount
	var logs []*azure.FlowLog
	for i := range 3 {
		a := d.service.NewAccount(t)
		accounts = append(accounts, a)
		rows = append(rows, azure.FlowLogAccount{Subscription: fmt.Sprint("s", i), StorageID: azure.StorageID(fmt.Sprint("s", i), a.Name)})
		logs = append(logs, azure.NewFlowLog(t, a.VNet, azure.VNetName(i, azure.ThisHour)))
	}
	n := 0
	// comes writes a record to an account and expects it, and nothing else.
	comes := func(f *storage.Follower, i int) {
		t.Helper()
		n++
		logs[i].Grow(azure.VNetRecord(n))
		got := take(t, f, 1)
		if len(got) != 1 || got[0].Account != accounts[i].Name || string(got[0].Text) != azure.VNetRecord(n) {
			t.Errorf("%d records, want that of account %s", len(got), accounts[i].Name)
		}
	}
	looks := func(more int) {
		t.Helper()
		before := d.graph.Queries()
		await(t, "some more looks", func() bool { return d.graph.Queries() >= before+more })
	}
	found := func(i int) string { return "account " + accounts[i].Name + ": found, its flow logs are followed" }
	gone := func(i int) string { return "account " + accounts[i].Name + ": no flow log names it any more" }

	d.graph.Set(0, rows[0])
	f, log := d.section(t, "state_path", t.TempDir())
	comes(f, 0)
	d.graph.Set(0, rows[0], rows[1], azure.FlowLogAccount{StorageID: "/subscriptions/s/resourceGroups/r/providers/Microsoft.ClassicStorage/storageAccounts/old"})
	comes(f, 1)
	comes(f, 0)
	d.graph.Set(0, rows[1]) // its blobs are there still
	await(t, "the line about it", func() bool { return log.count(gone(0)) == 1 })
	comes(f, 0)
	d.graph.Fail(http.StatusForbidden, "AccessDenied", "")
	await(t, "the line about a look that fails", func() bool {
		return log.count("discovery: azure resource graph: HTTP 403 AccessDenied, trying again") == 1
	})
	looks(5)
	d.graph.Set(0, rows...)
	comes(f, 2)
	looks(5)
	comes(f, 1)
	text := log.text()
	for line, want := range map[string]int{found(0): 2, found(1): 1, found(2): 1, gone(0): 1, gone(1): 0, gone(2): 0,
		"which names no storage account": 1, "AccessDenied": 1, "discovery: recovered": 1} {
		if log.count(line) != want {
			t.Errorf("%d times %q, want %d, in\n%s", log.count(line), line, want, text)
		}
	}

	// Of some subscriptions only.
	f.Close()
	f, log = d.section(t, "subscriptions", "s2,s7", "state_path", t.TempDir())
	if got := take(t, f, 1); len(got) == 0 || got[0].Account != accounts[2].Name {
		t.Errorf("%d records", len(got))
	}
	looks(3)
	if log.count("found, its") != 1 || log.count(found(2)) != 1 {
		t.Errorf("log:\n%s", log.text())
	}
}

// What was discovered is remembered over a restart: an account that no flow log
// names any more is read to its end, and all are read while nobody answers the
// question for accounts.
func TestDiscoveredAccountsAreRemembered(t *testing.T) {
	d := newDiscovery(t)
	var rows []azure.FlowLogAccount
	var logs []*azure.FlowLog
	for i := range 2 {
		a := d.service.NewAccount(t)
		rows = append(rows, azure.FlowLogAccount{Subscription: "s", StorageID: azure.StorageID("s", a.Name)})
		logs = append(logs, azure.NewFlowLog(t, a.VNet, azure.VNetName(i, azure.ThisHour)))
		logs[i].Grow(azure.VNetRecord(i))
	}
	state := t.TempDir()
	d.graph.Set(0, rows...)
	f, _ := d.section(t, "state_path", state)
	take(t, f, 2)
	before := d.graph.Queries()
	await(t, "another look", func() bool { return d.graph.Queries() >= before+2 })
	f.Close()

	d.graph.Set(0, rows[0])
	logs[1].Grow(azure.VNetRecord(11))
	f, log := d.section(t, "state_path", state)
	if got := take(t, f, 1); len(got) != 1 || string(got[0].Text) != azure.VNetRecord(11) {
		t.Errorf("%d records of the account that is not named any more", len(got))
	}
	await(t, "a line about it", func() bool { return log.count("no flow log names it any more") == 1 })
	f.Close()

	for range 1000 {
		d.graph.Fail(http.StatusForbidden, "AccessDenied", "")
	}
	for i, l := range logs {
		l.Grow(azure.VNetRecord(20 + i))
	}
	f, log = d.section(t, "state_path", state)
	if got := take(t, f, 2); len(got) != 2 {
		t.Errorf("%d records while no accounts can be looked for", len(got))
	}
	await(t, "what is waited for", func() bool {
		waits := f.Waiting()
		return len(waits) == 1 && waits[0].Reason == storage.Lookup && waits[0].Account == ""
	})
	if log.count("known from before") != 2 {
		t.Errorf("log:\n%s", log.text())
	}
}

// Two sections with identities of their own share a folder of checkpoints. After a
// restart each follows the accounts that its own identity has found, and no others.
func TestSectionsRememberTheirOwnAccounts(t *testing.T) {
	d := newDiscovery(t)
	state := t.TempDir()
	var sections [][]string
	var logs []*azure.FlowLog
	var rows []azure.FlowLogAccount
	for i, tenant := range []string{token.Tenant, token.AnotherTenant} {
		p, a := d.tokens.Principal(tenant), d.service.NewAccount(t)
		sections = append(sections, []string{"tenant_id", p.Tenant, "client_id", p.ClientID, "client_secret", p.Secret, "state_path", state})
		rows = append(rows, azure.FlowLogAccount{Subscription: tenant, StorageID: azure.StorageID(tenant, a.Name)})
		logs = append(logs, azure.NewFlowLog(t, a.VNet, azure.VNetName(i, azure.ThisHour)))
	}
	agent := storage.NewAgent()
	var all []*storage.Follower
	for i, options := range sections {
		d.graph.Set(0, rows[i]) // that this identity may see
		logs[i].Grow(azure.VNetRecord(i))
		f, _ := d.sectionOf(t, agent, time.Hour, options...)
		take(t, f, 1)
		all = append(all, f)
	}
	for _, f := range all {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		d.graph.Fail(http.StatusServiceUnavailable, "ServiceUnavailable", "")
	}
	for i, options := range sections {
		text := azure.VNetRecord(10 + i)
		logs[i].Grow(text)
		f, _ := d.sectionOf(t, agent, time.Hour, options...)
		if got := take(t, f, 1); len(got) != 1 || string(got[0].Text) != text {
			t.Errorf("section %d: %d records of %q, want that of its own account", i+1, len(got), got[0].Account)
		}
	}
}

// A discovered account without a secret of its own is waited for as long as it has
// none.
func TestDiscoveredAccountWithoutSecret(t *testing.T) {
	d := newDiscovery(t)
	name := d.service.NewAccount(t).Name
	d.graph.Set(0, azure.FlowLogAccount{Subscription: "s", StorageID: azure.StorageID("s", name)})
	secrets := t.TempDir()
	f, l := d.section(t, "auth", "", "account_key", "file:"+secrets+"/{account}.key", "state_path", t.TempDir())
	waits := func() bool {
		return slices.ContainsFunc(f.Waiting(), func(w storage.Wait) bool {
			return w.Reason == storage.SignIn && strings.Contains(w.Detail, "account "+name+" is not read: option account_key")
		})
	}
	await(t, "what is waited for", waits)
	before := d.graph.Queries()
	await(t, "more looks", func() bool { return d.graph.Queries() >= before+3 })
	if !waits() || l.count(name+".key") != 1 {
		t.Errorf("%+v, log:\n%s", f.Waiting(), l.text())
	}
	if err := os.WriteFile(secrets+"/"+name+".key", []byte(azure.Key), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of it", func() bool { return !waits() && l.count("found, its flow logs are followed") == 1 })
}

// A section with an end does not come to it before it has found an account, and can
// read all that it has found.
func TestUntilOfDiscoveredAccounts(t *testing.T) {
	d := newDiscovery(t)
	account := d.service.NewAccount(t)
	hour := azure.ThisHour.Add(-5 * time.Hour)
	azure.NewFlowLog(t, account.VNet, azure.VNetName(1, hour)).Grow(azure.VNetRecord(1))
	secrets := t.TempDir()
	f, l := d.section(t, "auth", "", "account_key", "file:"+secrets+"/{account}.key", "state_path", t.TempDir(),
		"start", hour.Format(time.RFC3339), "until", hour.Add(time.Hour).Format(time.RFC3339))
	goesOn := func(while string) {
		t.Helper()
		before, until := d.graph.Queries(), time.Now().Add(2*time.Second) // the end is looked for twice a second
		await(t, "more looks", func() bool { return d.graph.Queries() >= before+3 && time.Now().After(until) })
		if l.count("until ") > 0 {
			t.Fatalf("the end, while %s:\n%s", while, l.text())
		}
	}
	goesOn("no account is found")
	d.graph.Set(0, azure.FlowLogAccount{Subscription: "s", StorageID: azure.StorageID("s", account.Name)})
	goesOn("one cannot be read")
	if err := os.WriteFile(filepath.Join(secrets, account.Name+".key"), []byte(azure.Key), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := take(t, f, 1); len(got) != 1 {
		t.Errorf("%d records", len(got))
	}
	await(t, "the end", func() bool { return l.count("everything before it is read") == 1 })
}

// A client secret of a section, in a file, is taken up when it is mended: for looking
// for accounts and for reading them.
func TestMendedClientSecret(t *testing.T) {
	d := newDiscovery(t)
	principal := d.tokens.Principal(token.AnotherTenant)
	account := d.service.NewAccount(t)
	d.graph.Set(0, azure.FlowLogAccount{Subscription: "s", StorageID: azure.StorageID("s", account.Name)})
	file := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong-for-a-while")
	azure.NewFlowLog(t, account.NSG, azure.NSGName("EDGE-NSG", 1, azure.ThisHour)).Grow(azure.NSGRecord(1))
	options := []string{"auth", "auto", "tenant_id", principal.Tenant, "client_id", principal.ClientID, "client_secret", "file:" + file}
	found, foundSays := d.section(t, append(options, "state_path", t.TempDir())...)
	named, namedSays := d.section(t, append(options, "account", account.Name, "state_path", t.TempDir())...)
	for _, l := range []*logged{foundSays, namedSays} {
		await(t, "a line that names who is refused", func() bool {
			return l.count("sign-in as service principal "+principal.ClientID+" of tenant "+principal.Tenant+": HTTP 401 invalid_client AADSTS7000215") > 0
		})
	}
	write(principal.Secret)
	for _, f := range []*storage.Follower{found, named} {
		if got := take(t, f, 1); len(got) != 1 {
			t.Errorf("%d records", len(got))
		}
	}
	if foundSays.count("wrong-for-a-while")+namedSays.count("wrong-for-a-while") > 0 {
		t.Error("a line has the secret")
	}
}

// logged gathers log lines.
type logged struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (l *logged) add(_ storage.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(&l.lines, text)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.String()
}

func (l *logged) count(part string) int { return strings.Count(l.text(), part) }

const patience = time.Minute

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// take hands out and commits until so many records have come and no more come.
func take(t *testing.T, f *storage.Follower, want int) (got []storage.Record) {
	t.Helper()
	next := func() int {
		b, err := f.Next(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		f.Commit(b.Token)
		got = append(got, b.Records...)
		return len(b.Records)
	}
	await(t, fmt.Sprintf("%d records", want), func() bool { next(); return len(got) >= want })
	for quiet := 0; quiet < 3; quiet++ {
		time.Sleep(50 * time.Millisecond)
		if next() > 0 {
			quiet = 0
		}
	}
	return got
}
