package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"strings"
)

// journal is a file of checkpoints that are not in the database yet. It is
// written, but not brought to disk: it outlives a kill of the process, and
// counts for nothing once the machine was started anew.
//
// Layout: lines of a checksum (CRC-32 as eight hexadecimal digits), a blank and
// an entry as JSON. The first says in which boot of the machine it was written.
// It ends where a line is not whole.
type journal struct {
	path string
	boot string // of the machine, since the process began
	file *os.File
	size int64
}

// entry is a line of the journal.
type entry struct {
	Boot        string   `json:"boot,omitempty"`
	Folders     []string `json:"folders,omitempty"` // of the chunks that checkpoints stand for
	Checkpoints Set      `json:"checkpoints,omitempty"`
}

// bootFile holds a random UUID that the kernel makes anew at each start of the
// machine (random(4)).
var bootFile = "/proc/sys/kernel/random/boot_id"

// boot is empty where it is not known. Then no journal is trusted.
func boot() string {
	id, _ := os.ReadFile(bootFile)
	return strings.TrimSpace(string(id))
}

// readJournal gives what is in a journal of this boot. Of another one it only
// says that there was something.
func readJournal(path string) (all Set, folders []string, another bool) {
	content, _ := os.ReadFile(path)
	all = Set{}
	for n := 0; ; n++ {
		line, rest, whole := bytes.Cut(content, []byte{'\n'})
		var e entry
		if !whole || !e.read(line) {
			return all, folders, false
		}
		if n == 0 && (e.Boot == "" || e.Boot != boot()) {
			return all, nil, len(e.Checkpoints) > 0 || len(rest) > 0
		}
		folders = append(folders, e.Folders...)
		all.add(e.Checkpoints)
		content = rest
	}
}

func (e *entry) read(line []byte) bool {
	sum, text, _ := bytes.Cut(line, []byte{' '})
	return string(sum) == checkOf(text) && json.Unmarshal(text, e) == nil
}

func (e *entry) line() ([]byte, error) {
	text, err := json.Marshal(e)
	return append(append([]byte(checkOf(text)+" "), text...), '\n'), err
}

func checkOf(text []byte) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) }

// add writes a line. One that could not be written whole is written over.
func (j *journal) add(e entry) error {
	line, err := e.line()
	if err != nil {
		return err
	}
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return err
	}
	j.size += int64(len(line))
	return nil
}

// newOf is the journal that is to take the place of another one.
func newOf(journal string) string { return journal + ".new" }

// replace leaves a journal of this boot with only this entry in it. After an
// error the old one is as it was.
func (j *journal) replace(e entry) error {
	e.Boot = j.boot
	next := journal{path: j.path, boot: j.boot}
	var err error
	if next.file, err = os.OpenFile(newOf(j.path), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	if err = next.add(e); err == nil {
		err = os.Rename(newOf(j.path), j.path)
	}
	if err != nil {
		next.close()
		os.Remove(newOf(j.path))
		return err
	}
	j.close()
	*j = next
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close()
	}
}
