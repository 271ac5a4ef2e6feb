package storage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resourcegraph/armresourcegraph"

	"fluent-bit-nsgflow/nsgflow/context/estate"
)

// What a folder of context gets.
const (
	inventoryFile   = "inventory.jsonl"
	serviceTagsFile = "service-tags.json"
)

const (
	// serviceTagsAge is how old service tags may become: Microsoft has new ones each week.
	serviceTagsAge = 24 * time.Hour
	// inventoryTry is for one request: an answer of 16 MB that trickles does not end by itself.
	inventoryTry = 2 * time.Minute
	// inventoryRetry is the first pause behind a pass that fails, and doubles up to the interval.
	inventoryRetry = time.Minute
)

// inventory writes who has which address, again and again, with the identity that
// finds accounts. It is for one goroutine, and reading never waits for it.
type inventory struct {
	f           *Follower
	folder      string
	credentials *credentials
	cloud       string         // by the name that Azure has for it; empty: a private one
	clients     estate.Clients // zero: not signed in yet
	told        bool           // that there is a file
}

// newInventory makes the folder and takes it. It is nil where this section is to
// write none.
func newInventory(f *Follower) (*inventory, error) {
	folder := f.o.ContextPath
	switch {
	case folder == "":
		return nil, nil
	case f.o.Shard.I > 1:
		f.log(Info, fmt.Sprintf("inventory: the agent with shard 1/%d writes it", f.o.Shard.Of))
		return nil, nil
	}
	folder, err := writable(folder)
	if err != nil {
		return nil, fmt.Errorf("option context_path: %w", err)
	}
	if !f.agent.claim(folder) {
		return nil, fmt.Errorf("option context_path: another section writes to %s: each needs a folder of its own, the filter takes the files of several", folder)
	}
	v := &inventory{f: f, folder: folder, credentials: f.signIn.apart()}
	for _, file := range []string{inventoryFile, serviceTagsFile} {
		estate.Sweep(v.path(file))
	}
	return v, nil
}

// writable makes a folder, and is its real path.
func writable(folder string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(folder, ".writable.*")
	if err != nil {
		return "", err
	}
	return folder, errors.Join(f.Close(), os.Remove(f.Name()))
}

// claim reports false for a folder that is another section's.
func (a *Agent) claim(folder string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := a.context[folder]
	a.context[folder] = true
	return !taken
}

// close gives the folder back.
func (v *inventory) close() {
	if v == nil {
		return
	}
	v.f.agent.mu.Lock()
	defer v.f.agent.mu.Unlock()
	delete(v.f.agent.context, v.folder)
}

func (v *inventory) path(file string) string { return filepath.Join(v.folder, file) }

func (v *inventory) loop() {
	f := v.f
	for retry := inventoryRetry; ; {
		pause := f.o.ContextInterval
		if v.say("inventory", v.pass(f.ctx)) {
			retry = inventoryRetry
		} else {
			v.clients = estate.Clients{} // there may be another secret
			pause = min(retry, pause)
			retry = 2 * pause
		}
		if !sleep(f.ctx, pause) {
			return
		}
	}
}

// say says once that something cannot be written, again for another reason, and once
// that it is over.
func (v *inventory) say(what string, err error) bool {
	switch {
	case err == nil:
		v.f.alerts.clear(what)
	case v.f.ctx.Err() == nil:
		v.f.alerts.raiseAnew(what, Warn, what+": "+inventoryReason(err)+", the file stays as it is, trying again")
	}
	return err == nil
}

// pass writes the inventory anew, and the service tags where they are old.
func (v *inventory) pass(ctx context.Context) error {
	if err := v.signIn(); err != nil {
		return err
	}
	f := v.f
	now, err := estate.Read(ctx, v.clients, estate.Options{Subscriptions: f.o.Subscriptions, Cloud: v.cloud, Pace: f.o.pace}, time.Now())
	if err != nil {
		return err
	}
	subscription, region := now.Network()
	if subscription == "" {
		return errors.New("the identity sees no VNet, it needs the role Reader on their subscriptions")
	}
	if len(now.Missing) > 0 {
		f.alerts.raise("inventory without a table", Warn, fmt.Sprintf("inventory: Resource Graph of this cloud does not know %s: of scale sets in uniform mode there are the NICs at most",
			strings.Join(now.Missing, ", ")))
	} else {
		f.alerts.end("inventory without a table", "inventory: Resource Graph knows all tables")
	}
	if err := os.MkdirAll(v.folder, 0o755); err != nil { // somebody may have removed it
		return err
	}
	if err := now.WriteFile(v.path(inventoryFile)); err != nil {
		return err
	}
	if now.LeftOut > 0 {
		f.alerts.raiseAnew("inventory with odd objects", Warn, fmt.Sprintf("inventory: %d objects are left out, which no filter would read, the first: %.200s", now.LeftOut, now.Odd))
	} else {
		f.alerts.end("inventory with odd objects", "inventory: all objects can be read")
	}
	if !v.told {
		v.told = true
		f.log(Info, fmt.Sprintf("inventory: %d objects are in %s, which is written every %s", now.Objects(), v.path(inventoryFile), f.o.ContextInterval))
	}
	v.say("service tags", v.passTags(ctx, subscription, region))
	return nil
}

// passTags asks where the file is old, also over a restart.
func (v *inventory) passTags(ctx context.Context, subscription, region string) error {
	path := v.path(serviceTagsFile)
	if info, err := os.Stat(path); err == nil {
		if age := time.Since(info.ModTime()); 0 <= age && age < serviceTagsAge {
			return nil
		}
	}
	tags, err := estate.ReadServiceTags(ctx, v.clients.Resources, subscription, region)
	if err != nil {
		return err
	}
	return tags.WriteFile(path)
}

// cloudNames are Azure's, by where one signs in.
var cloudNames = map[string]string{
	cloud.AzurePublic.ActiveDirectoryAuthorityHost:     "AzureCloud",
	cloud.AzureGovernment.ActiveDirectoryAuthorityHost: "AzureUSGovernment",
	cloud.AzureChina.ActiveDirectoryAuthorityHost:      "AzureChinaCloud",
}

func (v *inventory) signIn() error {
	if v.clients.Graph != nil {
		return nil
	}
	f := v.f
	home, err := f.o.cloud()
	if err != nil {
		return err
	}
	identity, err := v.credentials.identity(f.o.Endpoint)
	if err != nil {
		return err
	}
	options := managerOptions(f.o.manager(home), v.credentials.transport)
	options.Retry.TryTimeout = inventoryTry
	resources, err := arm.NewClient("fluent-bit-nsgflow", "v0.0.0", identity, options)
	if err != nil {
		return err
	}
	graph, err := armresourcegraph.NewClient(identity, options)
	if err != nil {
		return err
	}
	v.cloud, v.clients = cloudNames[home.ActiveDirectoryAuthorityHost], estate.Clients{Graph: graph, Resources: resources}
	return nil
}

// inventoryReason is why a pass failed, in one line.
func inventoryReason(err error) (text string) {
	var pass *estate.PassError
	if errors.As(err, &pass) {
		text, err = pass.Query+": ", pass.Err
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return text + "no answer in time"
	}
	return text + shortText(err)
}
