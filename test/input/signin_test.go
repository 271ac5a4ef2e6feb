package input

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/internal/fluentbit"
	"fluent-bit-nsgflow/test/internal/follow"
	"fluent-bit-nsgflow/test/internal/textfile"
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
			fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
				signIn(t, r, storage, identity(), "auth "+name)
			})
		})
	}
}

// The managed identity of a virtual machine, at the address of IMDS.
func TestAzureSignInVirtualMachine(t *testing.T) {
	t.Parallel()
	if !token.InNamespace(t, "NSGFLOW_OBJECT="+fluentbit.Object) {
		return
	}
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		tokens := token.New(t)
		signIn(t, r, azure.StartOAuth(t, tokens), tokens.VirtualMachine(), "auth auto")
	})
}

func signIn(t *testing.T, r fluentbit.Release, storage *azure.OAuth, identity *token.Identity, options ...string) {
	account := storage.NewAccount(t)
	identity.SetLifetime(2 * time.Second)
	root := follow.Stage(t)
	textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, options...))
	w := follow.NewWriter(t, account.Storage)
	w.Minute()
	a := r.Start(t, root, append(account.Environment, identity.Environment...), "-c", filepath.Join(root, "etc", "follow.conf"))
	a.Until("the first minute", w.AllSeen(root))
	a.Until("a renewed token", func() bool { return identity.Issued() > 2 })
	identity.Refuse(http.StatusUnauthorized)
	w.Minute()
	a.Until("a refusal", func() bool { return identity.Refused() > 1 })
	identity.Refuse(0)
	a.Until("the second minute", w.AllSeen(root))
	a.Stop()
	follow.Read(t, root).Check(t, w)
	if identity.Secret != "" && a.Says(identity.Secret) {
		t.Error("the log holds the secret")
	}
}
