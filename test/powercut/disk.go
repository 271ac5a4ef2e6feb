package powercut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// disk is a disk with a volatile cache: a write is on the platter when a flush
// after it has returned. It speaks NBD, simple replies, one connection at a
// time (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md).
type disk struct {
	platter *os.File
	size    int64
	client  sync.Mutex // held while there is one

	mu      sync.Mutex
	cache   map[int64][]byte // by sector
	flushes int
	lost    int // sectors, by cuts
}

const (
	sector = 512
	// atOnce is how many sectors a disk of today writes at once, or not at all.
	// The superblock of ext4, which has a checksum and no journal, counts on it.
	atOnce = 8
)

func newDisk(platter *os.File, size int64) *disk {
	return &disk{platter: platter, size: size, cache: map[int64][]byte{}}
}

// cut is what a disk does without power: what is in the cache is gone. It may
// have written some of it already, in any order. The client is dead; what it has
// sent is read to its end first.
func (d *disk) cut() error {
	d.client.Lock()
	defer d.client.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	lost := map[int64]bool{}
	for at, bytes := range d.cache {
		if _, drawn := lost[at/atOnce]; !drawn {
			lost[at/atOnce] = rand.IntN(2) == 0
		}
		if lost[at/atOnce] {
			d.lost++
			continue
		}
		if _, err := d.platter.WriteAt(bytes, at*sector); err != nil {
			return err
		}
	}
	clear(d.cache)
	return nil
}

func (d *disk) read(b []byte, at int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.platter.ReadAt(b, at); err != nil {
		return err
	}
	for i := int64(0); i < int64(len(b)); i += sector {
		if bytes, ok := d.cache[(at+i)/sector]; ok {
			copy(b[i:], bytes)
		}
	}
	return nil
}

func (d *disk) write(b []byte, at int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := int64(0); i < int64(len(b)); i += sector {
		d.cache[(at+i)/sector] = b[i : i+sector]
	}
}

func (d *disk) flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flushes++
	for at, bytes := range d.cache {
		if _, err := d.platter.WriteAt(bytes, at*sector); err != nil {
			return err
		}
	}
	clear(d.cache)
	return nil
}

// Numbers of the protocol.
const (
	nbdMagic        = 0x4e42444d41474943
	nbdOptionMagic  = 0x49484156454f5054
	nbdOptionReply  = 0x3e889045565a9
	nbdRequestMagic = 0x25609513
	nbdReplyMagic   = 0x67446698

	nbdFixedNewstyle = 1
	nbdNoZeroes      = 2
	nbdHasFlags      = 1
	nbdSendFlush     = 4

	nbdOptAbort = 2
	nbdOptGo    = 7

	nbdReplyAck         = 1
	nbdReplyInfo        = 3
	nbdReplyUnsupported = 1<<31 | 1

	nbdRead       = 0
	nbdWrite      = 1
	nbdDisconnect = 2
	nbdFlush      = 3

	nbdIOError = 5
)

// serve answers one client until it is gone.
func (d *disk) serve(c net.Conn) error {
	d.client.Lock()
	defer d.client.Unlock()
	defer c.Close()
	say := func(values ...any) error {
		var b []byte
		for _, v := range values {
			b, _ = binary.Append(b, binary.BigEndian, v)
		}
		_, err := c.Write(b)
		return err
	}
	hear := func(into any) error { return binary.Read(c, binary.BigEndian, into) }

	var flags uint32
	if err := errors.Join(say(uint64(nbdMagic), uint64(nbdOptionMagic), uint16(nbdFixedNewstyle|nbdNoZeroes)), hear(&flags)); err != nil {
		return err
	}
	for going := false; !going; {
		var option struct {
			Magic          uint64
			Option, Length uint32
		}
		if err := hear(&option); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, c, int64(option.Length)); err != nil {
			return err
		}
		reply := func(kind uint32, length int, more ...any) error {
			return say(append([]any{uint64(nbdOptionReply), option.Option, kind, uint32(length)}, more...)...)
		}
		var err error
		switch option.Option {
		case nbdOptGo:
			err = errors.Join(reply(nbdReplyInfo, 12, uint16(0), uint64(d.size), uint16(nbdHasFlags|nbdSendFlush)), reply(nbdReplyAck, 0))
			going = true
		case nbdOptAbort:
			return reply(nbdReplyAck, 0)
		default:
			err = reply(nbdReplyUnsupported, 0)
		}
		if err != nil {
			return err
		}
	}
	for {
		var request struct {
			Magic       uint32
			Flags, Type uint16
			Handle      uint64
			Offset      uint64
			Length      uint32
		}
		if err := hear(&request); err != nil {
			return err
		}
		if request.Magic != nbdRequestMagic || request.Type != nbdFlush && (request.Offset%sector != 0 || request.Length%sector != 0) {
			return fmt.Errorf("an odd request: %+v", request)
		}
		var failed error
		var answer []byte
		switch request.Type {
		case nbdRead:
			answer = make([]byte, request.Length)
			failed = d.read(answer, int64(request.Offset))
		case nbdWrite:
			bytes := make([]byte, request.Length)
			if _, err := io.ReadFull(c, bytes); err != nil {
				return err
			}
			d.write(bytes, int64(request.Offset))
		case nbdFlush:
			failed = d.flush()
		case nbdDisconnect:
			return nil
		default:
			return fmt.Errorf("an odd request: %+v", request)
		}
		code := uint32(0)
		if failed != nil {
			code, answer = nbdIOError, nil
		}
		if err := say(uint32(nbdReplyMagic), code, request.Handle, answer); err != nil {
			return err
		}
	}
}
