package blob

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Secret is a secret, or where to find it (env:NAME, file:PATH). It prints as
// asterisks.
type Secret string

func (s Secret) String() string   { return "***" }
func (s Secret) GoString() string { return "***" }

func (s *Secret) set(v string) bool {
	*s = Secret(v)
	return v != "env:" && v != "file:"
}

func (s Secret) read() (string, error) {
	text := string(s)
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
