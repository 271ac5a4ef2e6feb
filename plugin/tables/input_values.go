package tables

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fluent-bit-nsgflow/nsgflow/storage"
)

// What options of the input take: each function reads one form of value, and reports false
// where it is not allowed.

func isAccount(v string) bool {
	return len(v) >= 3 && len(v) <= 24 && strings.Trim(v, lowerAndDigits) == ""
}

// isTenant is for ids and domains, which become a part of a URL.
func isTenant(v string) bool {
	return v != "" && strings.Trim(strings.ToLower(v), lowerAndDigits+"-.") == ""
}

func isContainer(v string) bool {
	if v = strings.TrimPrefix(v, "$"); len(v) < 3 || len(v) > 63 || strings.HasPrefix(v, "-") || strings.HasSuffix(v, "-") {
		return false
	}
	return strings.Trim(v, lowerAndDigits+"-") == "" && !strings.Contains(v, "--")
}

const lowerAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789"

func setURL(to *string, v string) bool {
	u, err := url.Parse(strings.ReplaceAll(v, storage.AccountPlaceholder, "account"))
	*to = strings.TrimRight(v, "/")
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.User == nil
}

func setAccounts(o *storage.Options, v string) bool {
	o.Accounts = list(v)
	for _, name := range o.Accounts {
		if !isAccount(name) || name == storage.Discover && len(o.Accounts) > 1 {
			return false
		}
	}
	return true
}

// list has the items of a text, without blanks and repetitions.
func list(v string) (names []string) {
	for name := range strings.SplitSeq(v, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func setContainers(o *storage.Options, v string) bool {
	o.Containers = list(v)
	for _, name := range o.Containers {
		if !isContainer(name) {
			return false
		}
	}
	return true
}

func setStart(o *storage.Options, v string) bool {
	o.Start = storage.Start{}
	switch strings.ToLower(v) {
	case "now":
		o.Start.Now = true
		return true
	case "beginning":
		return true
	}
	if at, err := time.Parse(time.RFC3339, v); err == nil {
		o.Start.At = at
		return true
	}
	return setDuration(&o.Start.Back, v, time.Second, 10*365*24*time.Hour)
}

func setUntil(o *storage.Options, v string) (ok bool) {
	at, err := time.Parse(time.RFC3339, v)
	o.Until = at.UTC()
	return err == nil && !o.Until.IsZero()
}

func setGlobs(to *[]string, v string) bool {
	*to = list(v)
	return !slices.Contains(*to, "")
}

func setShard(o *storage.Options, v string) bool {
	i, of, ok := strings.Cut(v, "/")
	return ok && setNumber(&o.Shard.Of, of, 1, 1000) && setNumber(&o.Shard.I, i, 1, o.Shard.Of)
}

// setDuration takes Go's form, days, and bare seconds as Fluent Bit does.
func setDuration(to *time.Duration, v string, low, high time.Duration) bool {
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*to = time.Duration(n) * 24 * time.Hour
		return err == nil && low <= *to && *to <= high
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		*to = time.Duration(n) * time.Second
		return low <= *to && *to <= high
	}
	d, err := time.ParseDuration(v)
	*to = d
	return err == nil && low <= d && d <= high
}

// setSize takes bytes, or a number with K, M or G behind it as Fluent Bit does.
func setSize(to *int, v string, low, high int) bool {
	v = strings.TrimSuffix(strings.ToUpper(v), "B")
	unit := 1
	for suffix, bytes := range map[string]int{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if cut, ok := strings.CutSuffix(v, suffix); ok {
			v, unit = cut, bytes
			break
		}
	}
	if !setNumber(to, v, 1, high) || *to > high/unit {
		return false
	}
	*to *= unit
	return low <= *to
}

func setNumber(to *int, v string, low, high int) bool {
	n, err := strconv.Atoi(v)
	*to = n
	return err == nil && low <= n && n <= high
}

func setSecret(to *storage.Secret, v string) bool {
	*to = storage.Secret(v)
	return v != "env:" && v != "file:"
}

func joined[T ~string](names []T) string {
	var texts []string
	for _, name := range names {
		texts = append(texts, string(name))
	}
	return strings.Join(texts, ", ")
}
