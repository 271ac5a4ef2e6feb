package storage

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Secret is a secret, or where to find it: env:NAME or file:PATH, in which
// {account} stands for the name of the account. It prints as asterisks.
type Secret string

func (s Secret) String() string   { return "***" }
func (s Secret) GoString() string { return "***" }

// read is the secret of an account, as it is now.
func (s Secret) read(account string) (string, error) {
	text := string(s)
	if strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:") {
		text = strings.ReplaceAll(text, AccountPlaceholder, account)
	}
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		text = os.Getenv(name)
		if text == "" {
			return "", fmt.Errorf("environment variable %q is not set", name)
		}
	} else if path, ok := strings.CutPrefix(text, "file:"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		text = string(b)
		if strings.TrimSpace(text) == "" {
			return "", fmt.Errorf("file %q is empty", path)
		}
	}
	return strings.TrimSpace(text), nil
}

// HasPlaceholder reports whether there is a secret for each account.
func (s Secret) HasPlaceholder() bool { return strings.Contains(string(s), AccountPlaceholder) }

// endpointOf is the blob service that a connection string names; empty: it
// cannot be read yet, or names none.
func endpointOf(connection Secret) string {
	text, err := connection.read("")
	if err != nil {
		return ""
	}
	fields := connectionFields(text)
	if fields["BlobEndpoint"] != "" {
		return strings.TrimRight(fields["BlobEndpoint"], "/")
	}
	return fields["DefaultEndpointsProtocol"] + "://" + fields["AccountName"] + ".blob." + fields["EndpointSuffix"]
}

// accountIn is the account of a connection string: what it names, or what its
// endpoint does; empty: nobody can tell, as of a domain of one's own.
func accountIn(connection string) string {
	fields := connectionFields(connection)
	if name := fields["AccountName"]; name != "" {
		return name
	}
	u, err := url.Parse(fields["BlobEndpoint"])
	if err != nil || strings.Trim(u.Path, "/") == "" && !strings.Contains(u.Hostname(), ".blob.") {
		return ""
	}
	return strings.TrimSuffix(accountOf(u.String()), "-secondary")
}

func connectionFields(text string) map[string]string {
	fields := map[string]string{"EndpointSuffix": "core.windows.net", "DefaultEndpointsProtocol": "https"}
	for field := range strings.SplitSeq(text, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(field), "="); ok {
			fields[name] = value
		}
	}
	return fields
}

// secretParts are the texts that must not be seen, each followed by what
// stands in its place: the whole, and the values of a connection string or a
// token, as they are and as they stand in a URL.
func secretParts(text string) []string {
	var parts []string
	add := func(s string) {
		for _, form := range []string{s, url.QueryEscape(s)} {
			if len(form) >= 8 && !slices.Contains(parts, form) {
				parts = append(parts, form, "***")
			}
		}
		if plain, err := url.QueryUnescape(s); err == nil && plain != s && len(plain) >= 8 {
			parts = append(parts, plain, "***")
		}
	}
	add(text)
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '&' || r == '?' }) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "AccountKey", "SharedAccessSignature", "sig":
			add(value)
		}
	}
	// SharedAccessSignature holds a whole token, whose signature is a field
	// of its own in the loop above only behind the first "&".
	if _, sig, ok := strings.Cut(text, "sig="); ok {
		sig, _, _ = strings.Cut(sig, "&")
		sig, _, _ = strings.Cut(sig, ";")
		add(sig)
	}
	return parts
}
