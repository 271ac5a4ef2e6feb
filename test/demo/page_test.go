package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"fluent-bit-nsgflow/test/engine"
)

// browser is a Chromium by one of its names.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("skipped: there is no chromium")
	return ""
}

var cell = regexp.MustCompile(`(?s)<td[^>]*>(.*?)</td>`)
var tag = regexp.MustCompile(`<[^>]*>`)

// The page whose address the demo prints shows denied flows of the hour, in
// whatever time zone the browser is. NSGFLOW_PICTURE names a file for a picture
// of it.
func TestPage(t *testing.T) {
	t.Parallel()
	chromium := browser(t)
	object, program := built(t)
	path, _ := engine.Find()
	h := lastHour(time.Now(), 300)
	if os.Getenv("NSGFLOW_PICTURE") == "" {
		h, path = lastHour(time.Now(), 20), ""
	}
	address := stored(t, object, program, path, h).page(denied, h)
	page := string(browse(t, chromium, "TZ=Asia/Tokyo", "--dump-dom", address))
	var cells []string
	for _, m := range cell.FindAllStringSubmatch(page, -1) {
		cells = append(cells, strings.TrimSpace(tag.ReplaceAllString(m[1], "")))
	}
	shown := map[string]bool{}
	for _, f := range flowsOf(h) {
		if f.denied {
			shown[f.source+" "+f.destination+" "+f.port] = true
		}
	}
	found := 0
	for i := range cells {
		if i+2 < len(cells) && shown[strings.Join(cells[i:i+3], " ")] {
			found++
		}
	}
	if found != 50 { // the UI's limit
		t.Errorf("the page shows %d denied flows, not 50\n%s", found, cells)
	}
	if file := os.Getenv("NSGFLOW_PICTURE"); file != "" {
		browse(t, chromium, "TZ=UTC", "--screenshot="+file, address)
	}
}

func browse(t *testing.T, chromium, env string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// Its sandbox refuses root, and needs namespaces that containers lack.
	command := exec.CommandContext(ctx, chromium, append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--user-data-dir=" + t.TempDir(), "--window-size=1500,820", "--virtual-time-budget=15000"}, args...)...)
	command.Env = append(os.Environ(), env)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", chromium, err)
	}
	return out
}
