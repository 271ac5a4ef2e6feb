package enrich

import (
	"slices"

	"fluent-bit-nsgflow/nsgflow/internal/msgpack"
)

// tree is a key of what is written of a T, with what stands below it.
type tree[T any] struct {
	key   []byte // a msgpack string
	value func(dst []byte, of *T) []byte
	below []*tree[T]
}

// add adds a value by the keys that lead to it. n may be nil.
func (n *tree[T]) add(path []string, value func([]byte, *T) []byte) *tree[T] {
	if n == nil {
		n = &tree[T]{}
	}
	if len(path) == 0 {
		n.value = value
		return n
	}
	key := msgpack.AppendString(nil, path[0])
	i := slices.IndexFunc(n.below, func(b *tree[T]) bool { return string(b.key) == string(key) })
	if i < 0 {
		i = len(n.below)
		n.below = append(n.below, &tree[T]{key: key})
	}
	n.below[i].add(path[1:], value)
	return n
}

// appendEntries appends the entries that have a value, and says how many there are.
func (n *tree[T]) appendEntries(dst []byte, of *T) (_ []byte, count int) {
	if n == nil {
		return dst, 0
	}
	for _, b := range n.below {
		start := len(dst)
		dst = append(dst, b.key...)
		value := len(dst)
		if b.value != nil {
			dst = b.value(dst, of)
		} else {
			dst = b.appendMap(dst, of)
		}
		if len(dst) == value {
			dst = dst[:start]
			continue
		}
		count++
	}
	return dst, count
}

// appendMap appends the same as a map; nothing where there is none. A map of the
// tables has at most fifteen entries.
func (n *tree[T]) appendMap(dst []byte, of *T) []byte {
	start := len(dst)
	dst, count := n.appendEntries(append(dst, msgpack.FixMap), of)
	if count == 0 {
		return dst[:start]
	}
	dst[start] |= byte(count)
	return dst
}

// pathTo are the keys that lead to one value, and the headers of the maps between
// them.
func pathTo(path []string) (b []byte) {
	for i, key := range path {
		if i > 0 {
			b = append(b, msgpack.FixMap|1)
		}
		b = msgpack.AppendString(b, key)
	}
	return b
}
