package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"fluent-bit-nsgflow/nsgflow/internal/split"
)

// source is a file that is read.
type source struct {
	name string
	*bufio.Reader
	head []byte // what it begins with, unpacked
	size int64  // of the file, packed; 0: not known
	read *counted
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

// filesOf are the regular files of a path, or of a folder all below it. What
// cannot be looked into is an error, and what stands behind it comes all the same.
func filesOf(path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			yield(path, err)
			return
		}
		found := false
		// With a separator behind it, a link to a folder is that folder.
		_ = filepath.WalkDir(path+string(filepath.Separator), func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.Type().IsRegular() {
				return nil
			}
			found = true
			if !yield(name, err) {
				return fs.SkipAll
			}
			return nil
		})
		if !found {
			yield("", fmt.Errorf("%s: a folder without files", path))
		}
	}
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

// open unpacks what is compressed, and makes UTF-8 of UTF-16.
func open(name string, r io.Reader, size int64, do func(*source) error) error {
	s := &source{name: name, size: size, read: &counted{Reader: r}}
	in := bufio.NewReaderSize(s.read, 64<<10)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		in = bufio.NewReaderSize(unpacked, 64<<10)
	}
	if mark, _ := in.Peek(2); bytes.Equal(mark, []byte{0xff, 0xfe}) || bytes.Equal(mark, []byte{0xfe, 0xff}) {
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder()
		in = bufio.NewReaderSize(transform.NewReader(in, utf16), 64<<10)
	}
	s.head, _ = in.Peek(headBytes)
	s.head = bytes.Clone(s.head)
	s.Reader = in
	return do(s)
}

const (
	// headBytes tell what a file is that is no flow log.
	headBytes = 4 << 10
	// pieceBytes is read at a time.
	pieceBytes = 1 << 20
	// mostText bounds a text that is read at once.
	mostText = 256 << 20
)

// texts are the records of a file, one after the other, with their places. What
// has no end at the end of the file comes as it is. Texts stay valid.
func (s *source) texts() iter.Seq2[text, error] {
	return func(yield func(text, error) bool) {
		// The records of an array are cut out of it, as those of a blob are.
		array, err := s.Discard(openingOfArray(s.head))
		if err != nil {
			yield(text{}, fmt.Errorf("%s: %w", s.name, err))
			return
		}
		cut := split.New(int64(array))
		for {
			piece := make([]byte, pieceBytes)
			n, err := fill(s, piece)
			cut.Feed(piece[:n])
			for record, offset, ok := cut.Next(); ok; record, offset, ok = cut.Next() {
				if !yield(text{record, offset}, nil) {
					return
				}
			}
			if cut.Open() && (err != nil || len(cut.Rest()) > mostOf(cut.Rest())) {
				record, offset := cut.Give(cut.End())
				if !yield(text{record, offset}, nil) {
					return
				}
			}
			if err != nil && err != io.EOF {
				yield(text{}, fmt.Errorf("%s: %w", s.name, err))
			}
			if err != nil {
				return
			}
		}
	}
}

// mostOf is how much is held of a text that has no end yet. What is no JSON is
// no record either, however long.
func mostOf(open []byte) int {
	if open[0] == '{' || open[0] == '[' {
		return mostText
	}
	return pieceBytes
}

// openingOfArray is the length of what opens an array that a file begins with; 0
// where it begins otherwise.
func openingOfArray(head []byte) int {
	rest := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if !bytes.HasPrefix(rest, []byte("[")) {
		return 0
	}
	return len(head) - len(rest) + 1
}

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
