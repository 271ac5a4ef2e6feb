package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-nsgflow/test/azure"
)

func TestWhereSecretsAre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(azure.Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_KEY", azure.Key)
	for _, value := range []string{azure.Key, "env:STORAGE_KEY", "file:" + file} {
		o := options(t, "example")
		o.AccountKey = Secret(value)
		if got, err := o.AccountKey.read("example"); got != azure.Key || err != nil {
			t.Errorf("%s: %v", value, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s %q", o, o, o, o.AccountKey, o.AccountKey); strings.Contains(text, azure.Key) {
			t.Errorf("%s: printed", value)
		}
	}
	t.Setenv("STORAGE_other", "of the other")
	if got, err := Secret("env:STORAGE_{account}").read("other"); got != "of the other" || err != nil {
		t.Errorf("of an account: %q, %v", got, err)
	}
}

// No message of a failing start tells a secret.
func TestNoSecretInErrors(t *testing.T) {
	t.Parallel()
	for _, secrets := range []Secrets{
		{AccountKey: "not*base64*at*all"},
		{ConnectionString: "AccountName=example;AccountKey=not*base64*at*all"},
		{ConnectionString: "not*base64*at*all"},
	} {
		o := options(t, "example")
		o.Secrets = secrets
		auth, _ := o.credential()
		_, err := NewAgent().Open(o, func(Level, string) {}, func() {})
		if err == nil || strings.Contains(err.Error(), "base64*at") || !strings.Contains(err.Error(), string(auth)) {
			t.Errorf("%s: %v", auth, err)
		}
	}
}

// Options that say too little are refused.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Options){
		"no account":    func(o *Options) { o.Accounts = nil },
		"no containers": func(o *Options) { o.Containers = nil },
		"option until: no whole hour lies between start and until": func(o *Options) { o.Start.At = azure.ThisHour; o.Until = azure.ThisHour },
		"an interval is 0": func(o *Options) { o.PollInterval = 0 },
		"the endpoint of several accounts has no {account}": func(o *Options) { o.Accounts, o.Endpoint = []string{"one", "two"}, "https://one.example.net" },
	} {
		o := options(t, "example")
		change(&o)
		if err := o.Check(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if f, err := NewAgent().Open(o, func(Level, string) {}, func() {}); err == nil {
			f.Close()
			t.Errorf("%s: opened", want)
		}
	}
}
