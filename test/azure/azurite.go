// Package azure is Azure as the tests need it: a storage service, and what
// writes flow logs there.
package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

	"fluent-bit-nsgflow/test/internal/npm"
)

// The storage service is Azurite, Microsoft's emulator: this version is the
// last for Node.js 20. NSGFLOW_AZURITE names a folder to install it to, where
// the user's cache is not wanted.
const version = "3.35.0"

// Account and Key are the same in every Azurite, and documented.
const (
	Account = "devstoreaccount1"
	Key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// azurite is one for all tests of a process.
var azurite struct {
	once     sync.Once
	endpoint string
	missing  error // why there is none
	input    io.Closer
}

// Endpoint is the blob service of a running Azurite. Where there can be none,
// the test is skipped.
func Endpoint(t testing.TB) string {
	t.Helper()
	azurite.once.Do(func() { azurite.missing = start() })
	if azurite.missing != nil {
		t.Skipf("skipped: no Azurite: %v", azurite.missing)
	}
	return azurite.endpoint
}

func start() error {
	main, err := install()
	if err != nil {
		return err
	}
	port, err := FreePort()
	if err != nil {
		return err
	}
	// Azurite ends when this process does, whatever the reason: its standard
	// input does then, too.
	c := exec.Command("node", "-e", "process.stdin.resume().on('end', () => process.exit()); require(process.argv[1])", main,
		"--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", "--extentMemoryLimit", "3000",
		"--blobHost", "127.0.0.1", "--blobPort", fmt.Sprint(port))
	c.Env = append(os.Environ(), "AZURITE_ACCOUNTS="+accountList())
	c.Stderr = os.Stderr
	if azurite.input, err = c.StdinPipe(); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	for range 300 {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			azurite.endpoint = fmt.Sprintf("http://127.0.0.1:%d/%s", port, Account)
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("it does not listen")
}

// install gives Azurite's main script.
func install() (main string, err error) {
	folder, err := npm.Install(os.Getenv("NSGFLOW_AZURITE"), "azurite", version)
	return filepath.Join(folder, "dist", "src", "blob", "main.js"), err
}

// spareAccounts are there for tests that need the containers of Azure's names.
const spareAccounts = 300

func spareAccount(n int64) string { return fmt.Sprintf("flowlogs%d", n) }

func accountList() string {
	list := Account + ":" + Key
	for n := range int64(spareAccounts) {
		list += ";" + spareAccount(n) + ":" + Key
	}
	return list
}

// FreePort is a port of loopback that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Client has the rights of Azure itself.
func Client(t testing.TB) *service.Client {
	t.Helper()
	return client(t, Account)
}

func client(t testing.TB, account string) *service.Client {
	t.Helper()
	key, err := service.NewSharedKeyCredential(account, Key)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := strings.TrimSuffix(Endpoint(t), Account) + account
	c, err := service.NewClientWithSharedKeyCredential(endpoint, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Storage is a storage account of the test's own, with the containers that
// Azure makes.
type Storage struct {
	Account   string // its name
	NSG, VNet *container.Client
	// Environment signs an agent in.
	Environment []string
}

var accounts atomic.Int64

// NewStorage takes one of the spare accounts.
func NewStorage(t testing.TB) Storage {
	t.Helper()
	account := spareAccount(accounts.Add(1) - 1)
	c := client(t, account)
	s := Storage{
		Account: account,
		NSG:     c.NewContainerClient("insights-logs-networksecuritygroupflowevent"),
		VNet:    c.NewContainerClient("insights-logs-flowlogflowevent"),
		Environment: []string{"AZURE_STORAGE_ACCOUNT=" + account, "AZURE_STORAGE_CONNECTION_STRING=DefaultEndpointsProtocol=http;AccountName=" + account +
			";AccountKey=" + Key + ";BlobEndpoint=" + strings.TrimSuffix(c.URL(), "/") + ";"},
	}
	for _, logs := range []*container.Client{s.NSG, s.VNet} {
		if _, err := logs.Create(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { logs.Delete(context.Background(), nil) })
	}
	return s
}

var containers atomic.Int64

// NewContainer makes a container of the test's own.
func NewContainer(t testing.TB) *container.Client {
	t.Helper()
	c := Client(t).NewContainerClient(fmt.Sprintf("logs-%d-%d", os.Getpid(), containers.Add(1)))
	if _, err := c.Create(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Delete(context.Background(), nil) })
	return c
}

// NameOf is the name of a container.
func NameOf(c *container.Client) string {
	return c.URL()[strings.LastIndexByte(c.URL(), '/')+1:]
}
