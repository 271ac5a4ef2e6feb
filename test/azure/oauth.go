package azure

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/internal/token"
)

// OAuth is an Azurite of the test's own that takes tokens, over TLS. Behind the
// proxy of a token service its accounts have the names that Azure gives them:
// https://NAME.blob.core.windows.net and, in a DNS zone,
// https://NAME.z01.blob.storage.azure.net.
//
// Azurite looks into a token (issuer, audience, time) but not at its
// signature, and has no roles. It answers 403 AuthenticationFailed to one that
// has expired, where Azure answers 401 InvalidAuthenticationInfo.
type OAuth struct {
	Address string // host:port

	transport *http.Client
	accounts  atomic.Int64
}

// OAuthAccount is a storage account with the containers that Azure makes. Its
// Environment names it; an identity of the token service signs in.
type OAuthAccount struct {
	Storage
	Name string
}

// StartOAuth takes the tokens of a service until the test ends. Where there can
// be no Azurite, the test is skipped.
func StartOAuth(t testing.TB, tokens *token.Service) *OAuth {
	t.Helper()
	main, err := install()
	if err != nil {
		t.Skipf("skipped: no Azurite: %v", err)
	}
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := tokens.CA.Files("127.0.0.1", "*.blob.core.windows.net", "*.z01.blob.storage.azure.net")
	c := exec.Command("node", "-e", "process.stdin.resume().on('end', () => process.exit()); require(process.argv[1])", main,
		"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", "--extentMemoryLimit", "1000",
		"--oauth", "basic", "--cert", cert, "--key", key, "--blobHost", "127.0.0.1", "--blobPort", fmt.Sprint(port))
	c.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+accountList())
	c.Stderr = os.Stderr
	child.Start(t, c)
	o := &OAuth{
		Address: fmt.Sprintf("127.0.0.1:%d", port),
		transport: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: tokens.CA.Pool}}},
	}
	t.Cleanup(o.transport.CloseIdleConnections)
	tokens.Route(".blob.core.windows.net", o.Address)
	tokens.Route(".z01.blob.storage.azure.net", o.Address)
	for range 300 {
		if conn, err := net.Dial("tcp", o.Address); err == nil {
			conn.Close()
			return o
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("Azurite does not listen")
	return nil
}

// NewAccount takes one of the spare accounts.
func (o *OAuth) NewAccount(t testing.TB) OAuthAccount {
	t.Helper()
	name := spareAccount(o.accounts.Add(1) - 1)
	key, err := service.NewSharedKeyCredential(name, Key)
	if err != nil {
		t.Fatal(err)
	}
	options := &service.ClientOptions{}
	options.Transport = o.transport
	c, err := service.NewClientWithSharedKeyCredential("https://"+o.Address+"/"+name, key, options)
	if err != nil {
		t.Fatal(err)
	}
	a := OAuthAccount{Name: name, Storage: Storage{
		NSG:         c.NewContainerClient("insights-logs-networksecuritygroupflowevent"),
		VNet:        c.NewContainerClient("insights-logs-flowlogflowevent"),
		Environment: []string{"AZURE_STORAGE_ACCOUNT=" + name},
	}}
	for _, logs := range []*container.Client{a.NSG, a.VNet} {
		if _, err := logs.Create(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return a
}
