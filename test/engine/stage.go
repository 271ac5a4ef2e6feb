package engine

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
)

// Stage lays out in root what a container has in /fluent-bit: the object in
// plugins, the files of the folder conf in etc, and room for flow logs. The
// shipped files are changed in this one thing, that /fluent-bit/ in them is
// root.
func Stage(root, conf, object string) error {
	for _, dir := range []string{"plugins", "etc", "flow-logs"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink(object, filepath.Join(root, "plugins", "flb-filter_nsgflow.so")); err != nil {
		return err
	}
	return filepath.WalkDir(conf, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(conf, path)
		if err != nil {
			return err
		}
		to := filepath.Join(root, "etc", name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(content, []byte("/fluent-bit/"), []byte(root+"/")), 0o644)
	})
}
