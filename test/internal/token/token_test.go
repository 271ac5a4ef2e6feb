package token_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/test/azure"
	"fluent-bit-nsgflow/test/child"
	"fluent-bit-nsgflow/test/internal/token"
)

// clientOf names the credential that this program uses as a client, instead of
// testing: what is read from the environment once needs a process of its own.
const clientOf = "TOKEN_CLIENT"

func TestMain(m *testing.M) {
	if kind := os.Getenv(clientOf); kind != "" {
		client(kind, os.Getenv("TOKEN_ENDPOINT"), os.Getenv("TOKEN_PRIVATE") != "")
		return
	}
	flag.Parse()
	flag.Set("test.parallel", "16") // they wait for tokens to expire
	os.Exit(m.Run())
}

// client lists and reads again and again, and prints the blob or the error.
func client(kind, endpoint string, private bool) {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var credential azcore.TokenCredential
	var err error
	switch kind {
	case "service principal":
		credential, err = azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{DisableInstanceDiscovery: private})
	case "workload identity":
		credential, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{DisableInstanceDiscovery: private})
	case "managed identity":
		credential, err = azidentity.NewManagedIdentityCredential(nil)
	}
	if err != nil {
		fmt.Println("error", err)
		return
	}
	options := &service.ClientOptions{}
	options.Retry.MaxRetries = -1
	blobs, err := service.NewClient(endpoint, credential, options)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for ; ; time.Sleep(100 * time.Millisecond) {
		text, err := read(blobs)
		if err != nil {
			text = "error " + err.Error()
		}
		fmt.Println(strings.Join(strings.Fields(text), " "))
	}
}

func read(blobs *service.Client) (string, error) {
	logs := blobs.NewContainerClient("insights-logs-flowlogflowevent")
	page, err := logs.NewListBlobsFlatPager(nil).NextPage(context.Background())
	if err != nil {
		return "", err
	}
	blob, err := logs.NewBlobClient(*page.Segment.BlobItems[0].Name).DownloadStream(context.Background(), nil)
	if err != nil {
		return "", err
	}
	defer blob.Body.Close()
	text, err := io.ReadAll(blob.Body)
	return string(text), err
}

const content = `{"records":[{"time":"now"}]}`

// rig is a token service, and a storage account of whose one blob a client
// reads.
type rig struct {
	tokens  *token.Service
	account azure.OAuthAccount
}

func newRig(t *testing.T) rig {
	t.Helper()
	r := rig{tokens: token.New(t)}
	r.account = azure.StartOAuth(t, r.tokens).NewAccount(t)
	azure.NewFlowLog(t, r.account.VNet, azure.VNetName(1, azure.ThisHour)).Grow(`{"time":"now"}`)
	return r
}

// start is the output of a client, line by line.
func (r rig) start(t *testing.T, kind string, environment ...string) func() string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append([]string{clientOf + "=" + kind, "TOKEN_ENDPOINT=https://" + r.account.Name + ".blob.core.windows.net"}, environment...)
	c.Stderr = os.Stderr
	output, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Start(t, c)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-t.Context().Done():
			}
		}
	}()
	return func() string {
		t.Helper()
		select {
		case line := <-lines:
			return line
		case <-time.After(time.Minute):
			t.Fatal("the client says nothing")
			return ""
		}
	}
}

// until reads on to a line that has a text; refusals may come before it.
func until(t *testing.T, next func() string, text string) {
	t.Helper()
	line := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if line = next(); strings.Contains(line, text) {
			return
		}
	}
	t.Fatalf("no %q: %s", text, line)
}

// exercise renews tokens of seconds, is refused, and recovers.
func exercise(t *testing.T, r rig, kind string, i *token.Identity) {
	t.Helper()
	i.SetLifetime(2 * time.Second)
	next := r.start(t, kind, i.Environment...)
	for n := 0; i.Issued() < 4; n++ {
		if line := next(); line != content {
			t.Fatalf("%s after %d tokens and %d reads", line, i.Issued(), n)
		}
	}
	i.Refuse(http.StatusUnauthorized)
	until(t, next, "error")
	before := i.Issued()
	i.Refuse(0)
	until(t, next, content)
	if i.Issued() == before || i.Refused() == 0 {
		t.Errorf("%d tokens before the refusal, %d after it; %d refused", before, i.Issued(), i.Refused())
	}
}

func TestExpiryAndRefusal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	user := r.tokens.AppService()
	user.Environment = append(user.Environment, "AZURE_CLIENT_ID="+user.ClientID)
	for _, tt := range []struct {
		name, kind string
		identity   *token.Identity
	}{
		{"service principal", "service principal", r.tokens.ServicePrincipal()},
		{"workload identity", "workload identity", r.tokens.WorkloadIdentity()},
		{"app service", "managed identity", r.tokens.AppService()},
		{"app service, user-assigned", "managed identity", user},
		{"virtual machine by proxy", "managed identity", r.tokens.VirtualMachine()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			exercise(t, r, tt.kind, tt.identity)
		})
	}
}

// IMDS is at its own address here.
func TestVirtualMachine(t *testing.T) {
	t.Parallel()
	if !token.InNamespace(t) {
		return
	}
	r := newRig(t)
	i := r.tokens.VirtualMachine()
	if strings.Contains(strings.Join(i.Environment, " "), "HTTP_PROXY") {
		t.Fatal("IMDS is not at its address")
	}
	exercise(t, r, "managed identity", i)
}

// Each status of a refusal is seen by the client with its code, and passes.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for status, code := range map[int]string{400: "AADSTS7000112", 401: "AADSTS7000222", 429: "AADSTS90055", 500: "AADSTS90033"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			i := r.tokens.ServicePrincipal()
			i.Refuse(status)
			next := r.start(t, "service principal", i.Environment...)
			until(t, next, code)
			i.Refuse(0)
			until(t, next, content)
		})
	}
}

// A wrong configuration has the code that Azure has for it.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, tt := range []struct{ name, set, code string }{
		{"secret", "AZURE_CLIENT_SECRET=wrong", "AADSTS7000215"},
		{"client", "AZURE_CLIENT_ID=c11e0000-0000-4000-8000-999999999999", "AADSTS700016"},
		{"tenant", "AZURE_TENANT_ID=7e4a0000-0000-4000-8000-999999999999", "AADSTS90002"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := r.tokens.ServicePrincipal()
			until(t, r.start(t, "service principal", append(i.Environment, tt.set)...), tt.code)
			if i.Issued() != 0 {
				t.Errorf("%d tokens", i.Issued())
			}
		})
	}
}

// The sign-in host of a private cloud: with instance discovery it is refused as
// unknown, by a service of the public cloud; without it needs no such service.
func TestPrivateCloud(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, kind := range []string{"service principal", "workload identity"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			i := r.tokens.ServicePrincipal()
			if kind == "workload identity" {
				i = r.tokens.WorkloadIdentity()
			}
			environment := append(i.Environment, "AZURE_AUTHORITY_HOST="+r.tokens.Authority)
			until(t, r.start(t, kind, environment...), "invalid_instance")
			until(t, r.start(t, kind, append(environment, "TOKEN_PRIVATE=1")...), content)
		})
	}
}

// An endpoint in a DNS zone is the same account.
func TestDNSZone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := r.tokens.ServicePrincipal()
	until(t, r.start(t, "service principal", append(i.Environment,
		"TOKEN_ENDPOINT=https://"+r.account.Name+".z01.blob.storage.azure.net")...), content)
}

// Requests that the SDK does not make are refused, too.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	s := token.New(t)
	i := s.ServicePrincipal()
	w := s.WorkloadIdentity()
	c := s.Client()
	for _, tt := range []struct{ id, set, to, want string }{
		{i.ClientID, "", "", `"access_token"`},
		{i.ClientID, "grant_type", "password", "AADSTS70003"},
		{i.ClientID, "scope", "https://storage.azure.com/user_impersonation", "AADSTS1002012"},
		{i.ClientID, "scope", "https://vault.azure.net/.default", "AADSTS1002012"},
		{i.ClientID, "claims", "{", "AADSTS900236"},
		{w.ClientID, "client_assertion", "e30.e30.e30", "AADSTS700213"},
	} {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {tt.id}, "client_secret": {i.Secret},
			"scope": {"https://storage.azure.com/.default openid offline_access profile"}}
		form.Set(tt.set, tt.to)
		response, err := c.PostForm("https://login.microsoftonline.com/"+token.Tenant+"/oauth2/v2.0/token", form)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if !strings.Contains(string(body), tt.want) {
			t.Errorf("%s=%s: %s", tt.set, tt.to, body)
		}
	}
	if i.Issued() != 1 || i.Refused() != 3 || w.Refused() != 1 {
		t.Errorf("%d issued, %d and %d refused", i.Issued(), i.Refused(), w.Refused())
	}
	if _, err := c.Get("https://example.com/"); err == nil {
		t.Error("the proxy leads out")
	}
}
