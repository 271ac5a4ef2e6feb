package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"fluent-bit-nsgflow/nsgflow/internal/split"
)

// source is a file that is read.
type source struct {
	name string
	*bufio.Reader
	raw  []byte // what it begins with, as it stands, at most two bytes
	head []byte // what it begins with, unpacked
	size int64  // of the file, packed; 0: not known
	read *counted

	// What is wrong beside its records; "": nothing, or it is not read to the end.
	cutOff, strange string
	stray           stretch // see foreign
}

// counted counts what has been read of a file.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// each opens the files of the arguments, one after the other: a folder stands for
// all below it, in the order of their names. It goes on after one that do
// reports an error of, and gives the worst.
func each(c *cobra.Command, args []string, do func(*source) error) error {
	var worst exitCode
	note := func(err error) {
		code := failed
		if err != nil && !errors.As(err, &code) {
			fmt.Fprintln(c.ErrOrStderr(), "nsgflow:", err)
		}
		if err != nil && (worst == 0 || code == failed || worst == noFlowLog) {
			worst = code
		}
	}
	for _, arg := range args {
		if arg == "-" {
			note(open("standard input", c.InOrStdin(), 0, do))
			continue
		}
		for name, err := range filesOf(arg) {
			if err == nil {
				err = openFile(name, do)
			}
			note(err)
		}
	}
	if worst != 0 {
		return worst
	}
	return nil
}

// filesOf are the regular files of a path, or of a folder all below it, each once
// though links lead to it again. What cannot be looked into is an error, and so is
// what is no regular file: what stands behind it comes all the same.
func filesOf(path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			yield(path, err)
			return
		}
		w := walk{yield: yield, seen: map[string]bool{}}
		if w.folder(path) && !w.found {
			yield("", fmt.Errorf("%s: a folder without files", path))
		}
	}
}

// walk goes through a folder, and the folders that links in it lead to.
type walk struct {
	yield func(string, error) bool
	seen  map[string]bool // folders and files, by where they really are
	found bool            // anything to yield
}

// folder reports whether to go on.
func (w *walk) folder(path string) bool {
	if w.again(path) {
		return true
	}
	entries, err := os.ReadDir(path)
	if err != nil && !w.give(path, err) {
		return false
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		info, err := os.Stat(name)
		goOn := true
		switch {
		case err != nil:
			goOn = w.give(name, err)
		case info.IsDir():
			goOn = w.folder(name)
		case !info.Mode().IsRegular():
			goOn = w.give(name, fmt.Errorf("%s: skipped, it is no regular file", name))
		case !w.again(name):
			goOn = w.give(name, nil)
		}
		if !goOn {
			return false
		}
	}
	return true
}

func (w *walk) give(name string, err error) bool {
	w.found = true
	return w.yield(name, err)
}

// again notes a path, and reports whether it has been there before.
func (w *walk) again(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false // reading it says why
	}
	before := w.seen[real]
	w.seen[real] = true
	return before
}

func openFile(name string, do func(*source) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	size := int64(0)
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return open(name, file, size, do)
}

// open unpacks what is compressed, also more than once, and makes UTF-8 of UTF-16.
func open(name string, r io.Reader, size int64, do func(*source) error) error {
	s := &source{name: name, size: size, read: &counted{Reader: r}}
	in := bufio.NewReaderSize(s.read, 64<<10)
	raw, _ := in.Peek(2)
	s.raw = bytes.Clone(raw)
	for range mostPacked {
		if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			break
		}
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		in = bufio.NewReaderSize(unpacked, 64<<10)
	}
	if begin, _ := in.Peek(4); utf16Of(begin) != nil {
		in = bufio.NewReaderSize(transform.NewReader(in, utf16Of(begin).NewDecoder()), 64<<10)
	}
	s.head, _ = in.Peek(headBytes)
	s.head = bytes.Clone(s.head)
	s.Reader = in
	return do(s)
}

// utf16Of is the encoding of a text in UTF-16, by its mark or by the zeros beside
// the two characters that JSON begins with; nil where it is none.
func utf16Of(begin []byte) encoding.Encoding {
	zeros := ""
	for _, b := range begin {
		zeros += map[bool]string{true: "0", false: "x"}[b == 0]
	}
	switch {
	case bytes.HasPrefix(begin, []byte{0xff, 0xfe}), bytes.HasPrefix(begin, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case zeros == "x0x0":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros == "0x0x":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

const (
	// headBytes tell what a file is that is no flow log.
	headBytes = 4 << 10
	// mostPacked is how often a file may be packed with gzip.
	mostPacked = 3
	// firstBytes are read first: many files are small.
	firstBytes = 64 << 10
	// pieceBytes is read at a time.
	pieceBytes = 1 << 20
	// mostText bounds a text that is read at once.
	mostText = 256 << 20
)

// texts are the records of a file, one after the other, with their places. What
// has no end at the end of the file comes as it is. Texts stay valid. What is wrong
// with the file beside its records is in its flaws behind the last.
func (s *source) texts() iter.Seq2[text, error] {
	return func(yield func(text, error) bool) {
		cut := split.NewFile()
		isBlob, begun := false, false // a log of lines may have others than ours
		var strange stretch
		give := func(record []byte, offset int64) bool {
			isBlob, begun = isBlob || !begun && cut.InList(), true
			if isBlob && !isJSON(record) && !cut.InList() {
				strange.add(record, offset)
			}
			return yield(text{record, offset}, nil)
		}
		for size := firstBytes; ; size = pieceBytes {
			piece := make([]byte, size)
			n, err := fill(s, piece)
			cut.Feed(piece[:n])
			for record, offset, ok := cut.Next(); ok; record, offset, ok = cut.Next() {
				if !give(record, offset) {
					return
				}
			}
			switch {
			case err != nil:
				record, offset, ok, cutOff := cut.Finish()
				if ok && !give(record, offset) {
					return
				}
				s.strange = strange.says("that are no JSON")
				switch {
				case errors.Is(err, io.ErrUnexpectedEOF):
					s.cutOff = "cut off: the end of its gzip is missing"
				case err != io.EOF:
					yield(text{}, fmt.Errorf("%s: %w", s.name, err))
				case cutOff:
					s.cutOff = fmt.Sprintf("cut off: it ends at byte %d, inside a value", cut.End())
				}
				return
			case cut.Open() && len(cut.Rest()) > mostOf(cut.Rest()):
				if !give(cut.Give(cut.End())) {
					return
				}
			}
		}
	}
}

// stretch is what does not belong in a file, such as what is no JSON in one that
// begins as a blob.
type stretch struct {
	at, bytes int64 // of the first, of all
}

func (s *stretch) add(text []byte, offset int64) {
	if s.bytes == 0 {
		s.at = offset
	}
	s.bytes += int64(len(text))
}

// says is a line about it; empty where there is none.
func (s *stretch) says(what string) string {
	if s.bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%d bytes %s, the first at byte %d", s.bytes, what, s.at)
}

// foreign notes a text that is no flow log. Tuples in one are a record's whose head
// is missing: its flows are lost.
func (s *source) foreign(t text) {
	if bytes.Contains(t.json, []byte("flowTuples")) {
		s.stray.add(t.json, t.offset)
	}
}

// flaws are what is wrong with a file beside its records, behind what is said of
// these.
func (s *source) flaws(before ...string) string {
	stray := s.stray.says("with flowTuples that stand in no place where a flow log has them")
	all := slices.DeleteFunc(append(before, s.cutOff, s.strange, stray), func(one string) bool { return one == "" })
	return strings.Join(all, "; ")
}

// mostOf is how much is held of a text that has no end yet. What is no JSON is
// no record either, however long.
func mostOf(open []byte) int {
	if isJSON(open) {
		return mostText
	}
	return pieceBytes
}

// isJSON tells records from what stands between them.
func isJSON(text []byte) bool { return text[0] == '{' || text[0] == '[' }

// fill reads until p is full, or there is no more.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = r.Read(p[n:])
		n += more
	}
	return n, err
}

// text is a record as it stands in a file, unpacked.
type text struct {
	json   []byte
	offset int64
}
