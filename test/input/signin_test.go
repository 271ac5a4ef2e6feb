package input

import (
	"net/http"
	"path/filepath"
	"slices"
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

// Each section has an identity of its own: service principals of two tenants, one
// with a certificate, and two user-assigned identities. Where one is refused, the
// line names it, and the others go on.
func TestAzureIdentityASection(t *testing.T) {
	t.Parallel()
	tokens := token.New(t)
	storage := azure.StartOAuth(t, tokens)
	fluentbit.InEveryRelease(t, func(t *testing.T, r fluentbit.Release) {
		principal := tokens.Principal(token.Tenant)
		certified, file := tokens.CertifiedPrincipal(token.AnotherTenant)
		one, two := tokens.VirtualMachine(), tokens.VirtualMachine()
		sections := []struct {
			*token.Identity
			name    string
			options []string
		}{
			{principal, "service principal " + principal.ClientID + " of tenant " + token.Tenant,
				[]string{"tenant_id " + token.Tenant, "client_secret env:SECRET_OF_A_TENANT"}},
			{certified, "service principal " + certified.ClientID + " of tenant " + token.AnotherTenant,
				[]string{"tenant_id " + token.AnotherTenant, "client_certificate " + file}},
			{one, "managed identity " + one.ClientID, []string{"auth managed_identity"}},
			{two, "managed identity " + two.ClientID, []string{"auth managed_identity"}},
		}
		root := follow.Stage(t)
		environment := append([]string{"SECRET_OF_A_TENANT=" + principal.Secret}, one.Environment...)
		var writers []*follow.Writer
		var more string
		var first []string
		for i, s := range sections {
			account := storage.NewAccount(t)
			s.SetLifetime(2 * time.Second)
			writers = append(writers, follow.NewWriter(t, account.Storage))
			options := append([]string{"account " + account.Name, "client_id " + s.ClientID}, s.options...)
			if i == 0 {
				first = options
				continue
			}
			more += follow.Input(root, options...)
		}
		textfile.Write(t, root, "etc/follow.conf", follow.Pipeline(root, first...)+more)
		for _, w := range writers {
			w.Minute()
		}
		a := r.Start(t, root, environment, "-c", filepath.Join(root, "etc", "follow.conf"))
		seen := func() bool {
			return !slices.ContainsFunc(writers, func(w *follow.Writer) bool { return !w.Seen(root) })
		}
		a.Until("the first minute of all", seen)
		for i, s := range sections {
			if s.Issued() == 0 || s.Refused() > 0 {
				t.Errorf("%s: %d tokens, %d refusals", s.name, s.Issued(), s.Refused())
			}
			s.Refuse(http.StatusBadRequest)
			a.Until("a line that names "+s.name, func() bool { return a.Says("sign-in as " + s.name + ": HTTP 400 ") })
			writers[(i+1)%len(sections)].Minute()
			a.Until("a minute of another section", func() bool { return writers[(i+1)%len(sections)].Seen(root) })
			s.Refuse(0)
		}
		a.Until("the last minute", seen)
		a.Stop()
		if a.Says(principal.Secret) {
			t.Error("the log holds the secret")
		}
	})
}
