// Package npm gets packages of Node.js that tests use.
package npm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// Install gives the folder of a package in a version, and gets it where it is not
// there yet: below folder, or where that is empty below the user's cache. Test
// packages run at the same time: one at a time gets to.
func Install(folder, name, version string) (installed string, err error) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", err
		}
	}
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(cache, "nsgflow-"+path.Base(name)+"-"+version)
	}
	unlock, err := lock(folder)
	if err != nil {
		return "", err
	}
	defer unlock()
	installed = filepath.Join(folder, "node_modules", filepath.FromSlash(name))
	// npm writes this when all else is there.
	if _, err := os.Stat(filepath.Join(folder, "node_modules", ".package-lock.json")); err == nil {
		return installed, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error",
		"--prefix", folder, name+"@"+version).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm install: %w: %s", err, out)
	}
	return installed, nil
}
