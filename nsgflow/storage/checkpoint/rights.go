package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secure looks at the rights of what Open is going to use, if it is
// there: who may write there decides what is read, and where this process
// writes. Rights that are too wide are mended, and said; a symlink is refused.
func secure(file string, warn func(string)) error {
	journal := journalOf(file)
	for _, one := range []struct {
		path string
		most fs.FileMode // rights that are all right: a volume of Kubernetes is its group's
	}{{filepath.Dir(file), 0o775}, {file, 0o600}, {journal, 0o600}, {newOf(journal), 0o600}} {
		info, err := os.Lstat(one.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("option state_path: %w", err)
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("option state_path: %q is a symlink, name what it points to", one.path)
		case info.Mode().Perm()&^one.most == 0 || info.IsDir() && info.Mode()&fs.ModeSticky != 0: // such as /tmp, which is everyone's
			continue
		}
		mended := info.Mode() &^ (fs.ModePerm &^ one.most)
		outcome := fmt.Sprintf("they are %04o now", mended.Perm())
		if err := os.Chmod(one.path, mended); err != nil {
			outcome = "they cannot be changed: " + err.Error()
		}
		warn(fmt.Sprintf("option state_path: the rights of %q let others in, %04o; %s", one.path, info.Mode().Perm(), outcome))
	}
	return nil
}
