package outputs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-nsgflow/test/engine"
	"fluent-bit-nsgflow/test/internal/event"
)

// forwardServer is a Fluent Bit that receives: it takes records with and
// without metadata.
func forwardServer(t *testing.T) receiver { return newForwardServer(t, false) }

// fluentdServer is a Fluentd that receives: it skips every entry whose time is
// not a time, with no more than a line in its log.
func fluentdServer(t *testing.T) receiver { return newForwardServer(t, true) }

// newForwardServer receives as the Forward protocol 1.1 says, and acknowledges.
// https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1
func newForwardServer(t *testing.T, fluentd bool) receiver {
	var c collector
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if err := receiveForward(conn, &c, fluentd); err != nil {
					t.Error(err)
				}
			}()
		}
	}()
	return receiver{env: hostPort("FORWARD", listener.Addr().String()), received: c.all, dated: true, skipped: func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.skipped }}
}

// receiveForward reads messages [tag, entries, options], where entries are an
// array, or the bytes of a chunk.
func receiveForward(conn net.Conn, c *collector, fluentd bool) error {
	d := msgpack.NewDecoder(conn)
	for {
		n, err := d.DecodeArrayLen()
		if err != nil {
			// A stopping agent may close its connection either way.
			if errors.Is(err, io.EOF) || errors.As(err, new(*net.OpError)) {
				return nil
			}
			return err
		}
		tag, err := d.DecodeString()
		if err != nil || tag != "flow" || n != 3 {
			return fmt.Errorf("message of %d for tag %q: %w", n, tag, err)
		}
		raw, err := d.DecodeRaw()
		if err != nil {
			return err
		}
		entries, err := forwardEntries(raw)
		if err != nil {
			return err
		}
		options, err := d.DecodeMap()
		if err != nil {
			return err
		}
		records, err := engine.Unpack(entries)
		if err != nil {
			return err
		}
		for _, r := range records {
			if fluentd && r.Framing != engine.Old {
				c.mu.Lock()
				c.skipped++
				c.mu.Unlock()
				continue
			}
			e, err := event.Parse(string(r.Body))
			if err != nil {
				return err
			}
			c.add(event.Event{Date: r.Time.UTC().Format(event.PrintedTime), Body: e.Body})
		}
		ack, err := msgpack.Marshal(map[string]any{"ack": options["chunk"]})
		if err != nil {
			return err
		}
		if _, err := conn.Write(ack); err != nil {
			return err
		}
	}
}

// forwardEntries are the records of a message, one after the other.
func forwardEntries(raw []byte) ([]byte, error) {
	d := msgpack.NewDecoder(bytes.NewReader(raw))
	if packed, err := d.DecodeBytes(); err == nil {
		return packed, nil
	}
	r := bytes.NewReader(raw)
	d = msgpack.NewDecoder(r)
	if _, err := d.DecodeArrayLen(); err != nil {
		return nil, err
	}
	return raw[len(raw)-r.Len():], nil
}
