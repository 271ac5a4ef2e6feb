package input

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
	"fluent-bit-nsgflow/test/internal/token"
)

// The input writes an inventory and service tags that the program reads: they name
// the addresses. Before, Azure refuses it; flow logs are read meanwhile.
func TestAzureInventory(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "nsgflow")
	if out, err := exec.Command("go", "build", "-o", program, "fluent-bit-nsgflow/nsgflow/cmd/nsgflow").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		tokens, estate := token.New(t), azure.NewEstate(t)
		storage := azure.StartOAuth(t, tokens)
		tokens.Route("management.azure.com", token.Serve(t, "127.0.0.1:0", tokens.CA.Server("management.azure.com"), estate))
		estate.Set(azure.RefuseAll(http.StatusForbidden, "AccessDenied"))
		account := storage.NewAccount(t)
		root := follow.Stage(t)
		folder := filepath.Join(root, "context")
		textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, "auth service_principal", "context_path "+folder, "context_interval 1m"))
		w := follow.NewWriter(t, account.Storage)
		w.Minute()
		a := r.Start(t, root, append(account.Environment, tokens.ServicePrincipal().Environment...), "-c", filepath.Join(root, "etc", "follow.conf"))
		a.Until("the flow logs", w.AllSeen(root))
		a.Until("the refusal", func() bool {
			return a.Says("inventory: subscriptions: HTTP 403 AccessDenied, the file stays as it is, trying again")
		})
		a.Stop()
		if there, _ := os.ReadDir(folder); len(there) != 0 {
			t.Errorf("files %v", there)
		}

		estate.Set(nil)
		a = r.Start(t, root, append(account.Environment, tokens.ServicePrincipal().Environment...), "-c", filepath.Join(root, "etc", "follow.conf"))
		inventory, tags := filepath.Join(folder, "inventory.jsonl"), filepath.Join(folder, "service-tags.json")
		a.Until("the files", func() bool {
			_, one := os.Stat(inventory)
			_, other := os.Stat(tags)
			return one == nil && other == nil
		})
		a.Stop()
		for _, tt := range []struct{ want, args string }{
			{azure.EstateVM, "lookup --context-inventory " + inventory + " " + azure.EstateAddress},
			{azure.EstateTag, "lookup --context-service-tags " + tags + " " + azure.EstateTagAddress},
			{"", "check " + inventory + " " + tags},
		} {
			out, err := exec.Command(program, strings.Fields(tt.args)...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%s: %v, no %q in\n%s", tt.args, err, tt.want, out)
			}
			t.Logf("%s\n%s", tt.args, out)
		}
	})
}

// A folder that cannot be written to, and values that are not allowed, stop the start.
func TestAzureInventoryRefused(t *testing.T) {
	t.Parallel()
	r := fluentbit.First(t)
	for option, want := range map[string]string{
		"context_path context":    `option context_path: "context" is not allowed, it takes: folder, absolute`,
		"context_interval 1s":     `option context_interval: "1s" is not allowed, it takes: duration from 1m to 24h`,
		"context_path /proc/nope": "option context_path: mkdir /proc/nope",
	} {
		t.Run(option, func(t *testing.T) {
			root := follow.Stage(t)
			textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, "account examplestorage", "account_key "+azure.Key, option))
			a := r.Start(t, root, nil, "-c", filepath.Join(root, "etc", "follow.conf"))
			a.RefusesToStart(want)
		})
	}
}
