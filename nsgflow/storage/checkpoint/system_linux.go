package checkpoint

import (
	"os"
	"syscall"
)

// unlock gives back the lock of a file. Closing it does not while it is mapped.
func unlock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }

// datasync brings the content of a file to disk.
var datasync = func(file *os.File) error { return syscall.Fdatasync(int(file.Fd())) }
