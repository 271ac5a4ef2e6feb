package context

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// file is a file that is looked at.
type file struct {
	path   string
	of     []*source
	every  time.Duration
	looked time.Time

	part part
	// tried is what the file was when it was read last; nil: never, or it was not
	// there.
	tried os.FileInfo
	// pending is what it has become; it is read when it has stayed so for a second.
	pending os.FileInfo
	since   time.Time
	isBad   bool        // the newest one is bad, or there is none; it has been said
	said    string      // why, as it was said last
	refused os.FileInfo // the file that was said
	// disputed: the newest one is bad together with other files only, and is read again
	// when one of these has changed.
	disputed bool
	// refusedPart is the newest one of networks that is disputed: several may be good
	// together, such as where a row has gone from one into the other.
	refusedPart *part
	ok, bad     uint64
}

// same says that nothing has changed.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// errChanged is the end of reading a file that changes meanwhile: it is read again
// later.
var errChanged = errors.New("the file changes while it is read")

// transient is an error that may be over while the file stays as it is, such as a missing
// right.
type transient struct{ error }

// dispute is an error of a file together with others.
type dispute struct{ error }

// read reads and parses the file that was seen.
func (f *file) read(info os.FileInfo, now time.Time) (p part, err error) {
	if !info.Mode().IsRegular() {
		return p, errors.New("not a regular file")
	}
	s := f.of[0]
	most := kinds[s.kind].most
	if err := tooLong(info.Size(), most); err != nil {
		return p, err
	}
	if err := tooLong(info.Size(), most-f.others()); err != nil {
		return p, dispute{err}
	}
	in, err := os.Open(f.path)
	if err != nil {
		return p, transient{reasonOf(err)}
	}
	defer in.Close()
	data := make([]byte, info.Size())
	switch _, err := io.ReadFull(in, data); err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		return p, errChanged
	default:
		return p, transient{reasonOf(err)}
	}
	after, err := in.Stat()
	if err != nil || !same(info, after) {
		return p, errChanged
	}
	p, err = parse(s, data, now)
	p.bytes = info.Size()
	if p.time.IsZero() {
		p.time = info.ModTime().UTC()
	}
	return p, err
}

func tooLong(size, most int64) error {
	if size <= most {
		return nil
	}
	return fmt.Errorf("the file has %s bytes, at most %s may be", count(int(size)), count(int(most)))
}

// others are the bytes of the other files of the source, which have one bound.
func (f *file) others() (n int64) {
	for _, s := range f.of {
		sum := int64(0)
		for _, other := range s.files {
			if other != f {
				sum += other.part.bytes
			}
		}
		n = max(n, sum)
	}
	return n
}

// parse reads data. A reader that panics has met a bad file, which is not worth
// the agent.
func parse(s *source, data []byte, now time.Time) (p part, err error) {
	defer survive(&err)
	for begin, what := range notRead {
		if bytes.HasPrefix(data, []byte(begin)) {
			return p, errors.New(what)
		}
	}
	return kinds[s.kind].read(data, s, now)
}

// notRead are forms in which files come that are to be changed first, by what they begin
// with.
var notRead = map[string]string{
	"\x1f\x8b": "it is compressed with gzip: unpack it",
	"\xff\xfe": "it is UTF-16, as PowerShell writes it: make it UTF-8",
	"\xfe\xff": "it is UTF-16: make it UTF-8",
}

func survive(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("reading it panics: %v", r)
	}
}

// reasonOf is an error of the system without the path.
func reasonOf(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// use puts another part in the place of the file's own. An error leaves all as it
// was. Sources that are broken have no say, unless there are only such.
func (f *file) use(p part) (err error, by *source) {
	old := f.part
	f.part = p
	made := make([]built, len(f.of))
	failed := make([]error, len(f.of))
	for i, s := range f.of {
		if made[i], failed[i] = s.build(); failed[i] != nil && !s.broken {
			f.part = old
			return failed[i], s
		}
	}
	if !slices.Contains(failed, nil) {
		f.part = old
		return failed[0], f.of[0]
	}
	alone := true
	for i, s := range f.of {
		if s.built, s.broken = made[i], failed[i] != nil; s.broken {
			s.built = built{}
		}
		alone = alone && len(s.files) == 1
	}
	if alone && f.of[0].kind == inventoryKind {
		f.part.value = gone{}
	}
	return nil, nil
}

// gone takes the place of the lines of an inventory that is one file: nothing asks for
// them once the estate is made, which has as many bytes.
type gone struct{}

// says makes a line of the log about the file.
func (f *file) says(s *source, text string) string {
	return s.option() + " " + f.path + ": " + text
}

// stays says what goes on after a bad file.
func (f *file) stays(s *source, now time.Time) string {
	if f.part.value == nil {
		return kinds[s.kind].none
	}
	return "the file of " + when(f.part.time, now) + " stays in use" + f.entries(s)
}

// entries are how many there are, in brackets.
func (f *file) entries(s *source) string {
	if noun := kinds[s.kind].noun; noun != "" {
		return " (" + count(f.part.entries) + " " + noun + ")"
	}
	return ""
}

// when is a time of today, or a day.
func when(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateOnly)
}

// keyOf is what files are shared by. Networks that several files have together are shared
// as a whole only: where two of them contradict each other, nobody else has to do with it.
func keyOf(s *source, path string) string {
	key := kinds[s.kind].format + "\x00" + filepath.Clean(path) + "\x00" + strings.Join(s.tags, "\x00")
	if s.kind == networksKind && len(s.paths) > 1 {
		key += "\x00" + strings.Join(s.paths, "\x00")
	}
	return key
}

// due is when a file is to be looked at.
func (f *file) due() time.Time {
	due := f.looked.Add(f.every)
	if f.pending != nil && f.rests().Before(due) {
		return f.rests()
	}
	return due
}

// rests is when a pending file has stayed the same for long enough.
func (f *file) rests() time.Time { return f.since.Add(min(rest, f.every)) }

// expire makes a list anew whose entries have times of validity.
func (f *file) expire(now time.Time) bool {
	l, ok := f.part.value.(*threatList)
	if !ok || l.timed == nil || now.Sub(l.made) < expires {
		return false
	}
	l = l.at(now)
	p := f.part
	p.value, p.entries = l, l.entries
	err, _ := f.use(p)
	return err == nil
}

// expires is how often lists are looked at whose entries have times of validity.
const expires = time.Hour

// rest is how long a file has to stay the same before it is read, at most the time
// between two looks.
const rest = time.Second
