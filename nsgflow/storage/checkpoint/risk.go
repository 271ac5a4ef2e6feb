package checkpoint

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"fluent-bit-nsgflow/nsgflow/storage/chunkfile"
)

// A chunk that the host still writes to may get lost as a whole when the power goes,
// whatever of it is on disk: its head may tell of more bytes than the file has, and the
// host takes up nothing of it then. So the database says which checkpoints stand for such
// chunks, and what stood there before. After a power cut a store looks at the chunks, and
// goes back where one is not what it was.

// risk is what the database says of it.
type risk struct {
	Boot   string  `json:"boot"` // of the machine; empty: not known
	Rounds []round `json:"rounds"`
}

// round are checkpoints that were brought to disk while chunks of a folder were open.
type round struct {
	Folder string                    `json:"folder"`
	Chunks map[string]chunkfile.Mark `json:"chunks"` // by name
	Before previous                  `json:"before"`
}

// previous is what stood in the database, by container and name of the blob.
type previous map[string]map[string]stood

type stood struct {
	Turn       int         `json:"turn"`                 // of the round that noted it
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"` // nil: there was none
}

// add notes what stood there. Of two, the earlier counts.
func (p previous) add(container, name string, s stood) {
	if p[container] == nil {
		p[container] = map[string]stood{}
	}
	if known, ok := p[container][name]; !ok || s.Turn < known.Turn {
		p[container][name] = s
	}
}

func (p previous) addAll(other previous) {
	for container, blobs := range other {
		for name, s := range blobs {
			p.add(container, name, s)
		}
	}
}

// atRest is when a chunk that nobody writes to has nothing of what is put now: a
// checkpoint is put within seconds of its append, unless the disk refuses it
// (chunks.disturbed). Else a chunk whose output is dead would have all that others get.
const atRest = 10 * time.Minute

// riskKey is the bucket of what is at risk: JSON under the same key. It holds no
// checkpoints that count.
var riskKey = []byte("risk")

// holds reports whether the host finds all chunks of a round as they were. One that is
// gone may have been delivered, or taken away because it was damaged (Fluent Bit's option
// storage.delete_irrecoverable_chunks).
func (r *round) holds() bool {
	for name, mark := range r.Chunks {
		if !mark.Holds(filepath.Join(r.Folder, name)) {
			return false
		}
	}
	return true
}

// keep notes what stands in the database before checkpoints are written.
func (r *round) keep(tx *bbolt.Tx, all Set, turn int) error {
	for container, blobs := range all {
		for name := range blobs {
			if _, known := r.Before[container][name]; known {
				continue
			}
			is, ok, err := get(tx, container, name)
			if err != nil {
				return err
			}
			s := stood{Turn: turn}
			if ok {
				s.Checkpoint = &is
			}
			r.Before.add(container, name, s)
		}
	}
	return nil
}

// goBack puts it there again.
func (p previous) goBack(tx *bbolt.Tx) error {
	for container, blobs := range p {
		bucket, err := blobsOf(tx, container)
		if err != nil {
			return err
		}
		for name, s := range blobs {
			if s.Checkpoint == nil {
				err = bucket.Delete([]byte(name))
			} else {
				err = put(bucket, name, *s.Checkpoint)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// newRound is one for checkpoints that stand for open chunks of a folder, as they are now.
// A chunk that has not changed for longer than file times are coarse has the mark that it had.
func (c *chunks) newRound(folder string, open look) (r round, err error) {
	r = round{folder, map[string]chunkfile.Mark{}, previous{}}
	for name, file := range open {
		if file.quiet >= atRest {
			continue
		}
		if file.quiet > coarse && file.mark.End > 0 {
			r.Chunks[name] = file.mark
			continue
		}
		file.mark, err = markOf(filepath.Join(folder, name))
		switch {
		case err == nil:
			r.Chunks[name] = file.mark
			if file.quiet > coarse {
				c.looked[folder][name] = file
			}
		case !errors.Is(err, chunkfile.ErrNotWhole) && !errors.Is(err, fs.ErrNotExist):
			return r, err
		}
		// Else it has nothing yet that checkpoints stand for, or is delivered.
	}
	return r, nil
}

// markOf reads a chunk again whose head is being written.
func markOf(path string) (mark chunkfile.Mark, err error) {
	for range 3 {
		if mark, err = chunkfile.MarkOf(path); !errors.Is(err, chunkfile.ErrNotWhole) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return mark, err
}

// stillOpen is a round without the chunks that are closed.
func (r round) stillOpen(open look) round {
	r.Chunks = maps.Clone(r.Chunks)
	maps.DeleteFunc(r.Chunks, func(name string, _ chunkfile.Mark) bool { _, is := open[name]; return !is })
	return r
}

// sameChunks reports whether two rounds stand and fall with the same chunks.
func (r *round) sameChunks(other round) bool {
	return r.Folder == other.Folder && maps.EqualFunc(r.Chunks, other.Chunks, func(_, _ chunkfile.Mark) bool { return true })
}

// merge adds a later round with the same chunks.
func (r round) merge(later round) round {
	all := round{r.Folder, maps.Clone(later.Chunks), previous{}}
	for name, mark := range r.Chunks {
		if mark.End > all.Chunks[name].End { // made later, though its round began earlier
			all.Chunks[name] = mark
		}
	}
	all.Before.addAll(r.Before)
	all.Before.addAll(later.Before)
	return all
}

// nextRounds are those whose chunks are not all closed, and new ones. of says to which the
// new checkpoints of a folder belong; closed, that chunks were closed.
func (s *Store) nextRounds(folders []string, recent map[string]Set) (next []round, of map[string]int, closed bool, err error) {
	of = map[string]int{}
	add := func(r round) (n int) {
		if n = slices.IndexFunc(next, r.sameChunks); n < 0 {
			next = append(next, r)
			return len(next) - 1
		}
		next[n] = next[n].merge(r)
		return n
	}
	for _, folder := range folders {
		now, err := s.chunks.look(folder)
		if err != nil {
			return nil, nil, false, err
		}
		open := now.open()
		for _, r := range s.rounds {
			if r.Folder != folder {
				continue
			}
			left := r.stillOpen(open)
			closed = closed || len(left.Chunks) < len(r.Chunks)
			if len(left.Chunks) > 0 {
				add(left)
			}
		}
		if len(recent[folder]) == 0 || len(open) == 0 {
			continue
		}
		r, err := s.chunks.newRound(folder, open)
		if err != nil {
			return nil, nil, false, err
		}
		if len(r.Chunks) > 0 {
			of[folder] = add(r)
		}
	}
	return next, of, closed, nil
}

// putRounds writes what is at risk.
func putRounds(tx *bbolt.Tx, boot string, rounds []round) error {
	if len(rounds) == 0 {
		err := tx.DeleteBucket(riskKey)
		if errors.Is(err, berrors.ErrBucketNotFound) {
			err = nil
		}
		return err
	}
	text, err := json.Marshal(risk{boot, rounds})
	if err != nil {
		return err
	}
	b, err := tx.CreateBucketIfNotExists(riskKey)
	if err != nil {
		return err
	}
	return b.Put(riskKey, text)
}

// assess takes up what is at risk. In another boot of the machine it goes back behind
// chunks that are not what they were.
func (s *Store) assess() error {
	var was risk
	err := s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(riskKey); b != nil {
			return decode(json.Unmarshal(b.Get(riskKey), &was))
		}
		return nil
	})
	if err != nil || was.Boot != "" && was.Boot == boot() {
		s.rounds = was.Rounds
		return err
	}
	if len(was.Rounds) == 0 {
		return nil
	}
	back := previous{}
	for _, r := range was.Rounds {
		if !r.holds() {
			s.back = true
			back.addAll(r.Before)
		}
	}
	return s.update(func(tx *bbolt.Tx) error { return errors.Join(back.goBack(tx), putRounds(tx, "", nil)) })
}
