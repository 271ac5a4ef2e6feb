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

// A power cut may take a chunk that the host still writes to, with all of it that is on
// disk: the head may tell of more than the file has, and the host then takes up nothing of
// it. So the database says which checkpoints stand for such chunks, and what stood there
// before. After a power cut a store looks at these chunks. Where one is not what it was, the
// store goes back to what stood before.

// risk is a set of open chunks of a folder, with what stood in the database before the
// checkpoints that stand for them.
type risk struct {
	Folder string                    `json:"folder"`
	Chunks map[string]chunkfile.Mark `json:"chunks"` // by name
	Before earlier                   `json:"before"`
}

// earlier are checkpoints that were in the database, by container and name of the blob.
type earlier map[string]map[string]stood

type stood struct {
	// Look counts the looks of the process that noted this: the lowest is the oldest. Two
	// processes do not meet: the chunks of the first are closed for the second.
	Look       int         `json:"look"`
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"` // nil: there was none
}

// add notes what stood there. Of two notes the older counts.
func (e earlier) add(container, name string, s stood) {
	if e[container] == nil {
		e[container] = map[string]stood{}
	}
	if known, ok := e[container][name]; !ok || s.Look < known.Look {
		e[container][name] = s
	}
}

func (e earlier) addAll(other earlier) {
	for container, blobs := range other {
		for name, s := range blobs {
			e.add(container, name, s)
		}
	}
}

// restore puts it there again.
func (e earlier) restore(tx *bbolt.Tx) error {
	for container, blobs := range e {
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

// atRest is how long a chunk has to stay as it is before new checkpoints do not stand for
// it any more: they are put within seconds of the append, unless the disk refuses that
// (chunks.disturbed). Without it, a chunk whose output is dead would stand for all that comes.
const atRest = 10 * time.Minute

// newRisk is one for checkpoints that stand for open chunks of a folder, as they are now.
// A chunk that has not changed for longer than file times are coarse has the mark that it had.
func (c *chunks) newRisk(folder string, open listing) (r risk, err error) {
	r = risk{folder, map[string]chunkfile.Mark{}, earlier{}}
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
				c.listed[folder][name] = file
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

// stillOpen is a risk without the chunks that are closed.
func (r risk) stillOpen(open listing) risk {
	r.Chunks = maps.Clone(r.Chunks)
	maps.DeleteFunc(r.Chunks, func(name string, _ chunkfile.Mark) bool { _, is := open[name]; return !is })
	return r
}

// sameChunks reports whether the checkpoints of two risks fall with the same chunks.
func (r *risk) sameChunks(other risk) bool {
	return r.Folder == other.Folder && maps.EqualFunc(r.Chunks, other.Chunks, func(_, _ chunkfile.Mark) bool { return true })
}

// merge makes one of two risks with the same chunks. Of two marks of a chunk the longer
// counts: it was made later.
func (r risk) merge(other risk) risk {
	all := risk{r.Folder, maps.Clone(r.Chunks), earlier{}}
	for name, mark := range other.Chunks {
		if mark.End >= all.Chunks[name].End {
			all.Chunks[name] = mark
		}
	}
	all.Before.addAll(r.Before)
	all.Before.addAll(other.Before)
	return all
}

// noteBefore notes what stands in the database before checkpoints are written.
func (r *risk) noteBefore(tx *bbolt.Tx, all Set, look int) error {
	for container, blobs := range all {
		for name := range blobs {
			if _, known := r.Before[container][name]; known {
				continue
			}
			is, ok, err := get(tx, container, name)
			if err != nil {
				return err
			}
			s := stood{Look: look}
			if ok {
				s.Checkpoint = &is
			}
			r.Before.add(container, name, s)
		}
	}
	return nil
}

// chunksAreWhole reports whether the host finds all chunks as they were. One that is gone
// may have been delivered, or taken away because it was damaged (Fluent Bit's option
// storage.delete_irrecoverable_chunks).
func (r *risk) chunksAreWhole() bool {
	for name, mark := range r.Chunks {
		if !mark.Holds(filepath.Join(r.Folder, name)) {
			return false
		}
	}
	return true
}

// nextRisks are those whose chunks were not all closed at the last look, and new ones: riskOf says which is that
// of a folder's new checkpoints. less says that chunks were closed.
func (s *Store) nextRisks(folders []string, recent map[string]Set) (next []risk, riskOf map[string]int, less bool, err error) {
	riskOf = map[string]int{}
	add := func(r risk) (n int) {
		if n = slices.IndexFunc(next, r.sameChunks); n < 0 {
			next = append(next, r)
			return len(next) - 1
		}
		next[n] = next[n].merge(r)
		return n
	}
	for _, folder := range folders {
		open := s.chunks.listed[folder].open()
		for _, r := range s.risks {
			if r.Folder != folder {
				continue
			}
			left := r.stillOpen(open)
			less = less || len(left.Chunks) < len(r.Chunks)
			if len(left.Chunks) > 0 {
				add(left)
			}
		}
		if len(recent[folder]) == 0 || len(open) == 0 {
			continue
		}
		r, err := s.chunks.newRisk(folder, open)
		if err != nil {
			return nil, nil, false, err
		}
		if len(r.Chunks) > 0 {
			riskOf[folder] = add(r)
		}
	}
	return next, riskOf, less, nil
}

// risksKey is a bucket, and the key in it under which a risksRecord stands as JSON.
var risksKey = []byte("risks")

type risksRecord struct {
	Boot  string `json:"boot"` // of the machine; empty: not known
	Risks []risk `json:"risks"`
}

func putRisks(tx *bbolt.Tx, boot string, risks []risk) error {
	if len(risks) == 0 {
		err := tx.DeleteBucket(risksKey)
		if errors.Is(err, berrors.ErrBucketNotFound) {
			err = nil
		}
		return err
	}
	text, err := json.Marshal(risksRecord{boot, risks})
	if err != nil {
		return err
	}
	b, err := tx.CreateBucketIfNotExists(risksKey)
	if err != nil {
		return err
	}
	return b.Put(risksKey, text)
}

// assess takes up what is at risk. In another boot of the machine, or an unknown one, it
// restores what stood before checkpoints whose chunks are not whole; wentBack says so.
func (s *Store) assess() (wentBack bool, err error) {
	var was risksRecord
	err = s.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(risksKey); b != nil {
			return decode(json.Unmarshal(b.Get(risksKey), &was))
		}
		return nil
	})
	if err != nil || was.Boot != "" && was.Boot == boot() {
		s.risks = was.Risks
		return false, err
	}
	if len(was.Risks) == 0 {
		return false, nil
	}
	before := earlier{}
	for _, r := range was.Risks {
		if !r.chunksAreWhole() {
			wentBack = true
			before.addAll(r.Before)
		}
	}
	return wentBack, s.update(func(tx *bbolt.Tx) error { return errors.Join(before.restore(tx), putRisks(tx, "", nil)) })
}
