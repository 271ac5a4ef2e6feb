package config

import (
	"strings"
	"testing"
)

type settings struct{ size, key string }

var table = []Option[settings]{
	{Key: "size", Values: "small, large", Default: "small", Text: "How large.",
		Set: func(s *settings, v string) bool { s.size = v; return v == "small" || v == "large" }},
	{Key: "key", Env: "THE_KEY", Values: "text, env:NAME", Text: "A secret.", Secret: true,
		Set: func(s *settings, v string) bool { s.key = v; return v != "env:" }},
}

func parse(configured map[string]string) (s settings, err error) {
	err = Parse(table, &s, func(o Option[settings]) (string, bool) { v, ok := configured[o.Key]; return v, ok })
	return s, err
}

func TestParse(t *testing.T) {
	if got, err := parse(map[string]string{"size": "large", "key": "k"}); err != nil || got != (settings{"large", "k"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, tt := range []struct{ key, value, want string }{
		{"size", "", `option size: "" is not allowed, it takes: small, large`},
		{"size", "x\n[error] forged", `option size: "x\n[error] forged" is not allowed, it takes: small, large`},
		{"size", strings.Repeat("x", 1000), `option size: "` + strings.Repeat("x", 128) + `" is not allowed, it takes: small, large`},
		{"key", "env:", `option key: the value is not allowed, it takes: text, env:NAME`},
	} {
		if _, err := parse(map[string]string{tt.key: tt.value}); err == nil || err.Error() != tt.want {
			t.Errorf("%s %q: %v, want %s", tt.key, tt.value, err, tt.want)
		}
	}
}

func TestTables(t *testing.T) {
	if got, want := Markdown(table), "| key | values | default | meaning |\n|---|---|---|---|\n"+
		"| `size` | small, large | `small` | How large. |\n"+
		"| `key` | text, env:NAME | – | A secret. Not configured: the environment's `THE_KEY`. |\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := Header("options", table), `static const struct option_text options[] = {
    {"size", "small",
     "How large. Takes: small, large."},
    {"key", NULL,
     "A secret. Takes: text, env:NAME."},
};
`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
