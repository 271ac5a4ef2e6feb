package test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/token"
)

// An agent signs in with tokens of seconds, at the names of the public cloud.
// It renews them, is refused for a while, recovers and has lost nothing.
func TestAzureSignIn(t *testing.T) {
	t.Parallel()
	tokens := token.New(t)
	storage := azure.StartOAuth(t, tokens)
	for name, identity := range map[string]func() *token.Identity{
		"service_principal": tokens.ServicePrincipal,
		"workload_identity": tokens.WorkloadIdentity,
		"managed_identity":  tokens.AppService,
		"auto":              tokens.WorkloadIdentity,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEveryRelease(t, func(t *testing.T, r release) {
				signIn(t, r, storage, identity(), "auth "+name)
			})
		})
	}
}

// The managed identity of a virtual machine, at the address of IMDS.
func TestAzureSignInVirtualMachine(t *testing.T) {
	t.Parallel()
	if !token.InNamespace(t, "NSGFLOW_OBJECT="+object) {
		return
	}
	inEveryRelease(t, func(t *testing.T, r release) {
		tokens := token.New(t)
		signIn(t, r, azure.StartOAuth(t, tokens), tokens.VirtualMachine(), "auth auto")
	})
}

func signIn(t *testing.T, r release, storage *azure.OAuth, identity *token.Identity, options ...string) {
	account := storage.NewAccount(t)
	identity.SetLifetime(2 * time.Second)
	root := stageInput(t, r)
	write(t, root, "etc/follow.conf", following(root, options...))
	w := newWriter(t, account.Storage)
	w.minute()
	a := r.start(t, root, append(account.Environment, identity.Environment...), "-c", filepath.Join(root, "etc", "follow.conf"))
	a.until("the first minute", w.allSeen(root))
	a.until("a renewed token", func() bool { return identity.Issued() > 2 })
	identity.Refuse(http.StatusUnauthorized)
	w.minute()
	a.until("a refusal", func() bool { return identity.Refused() > 1 })
	identity.Refuse(0)
	a.until("the second minute", w.allSeen(root))
	a.stop()
	readSeen(t, root).check(t, w)
	if identity.Secret != "" && strings.Contains(a.log.String(), identity.Secret) {
		t.Error("the log holds the secret")
	}
}
