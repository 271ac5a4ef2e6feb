package storage

import (
	"hash/fnv"
	"strings"
	"time"
)

// blobPath is what the name of a blob tells:
//
//	{root}y=2024/m=08/d=19/h=18/m=00/macAddress={mac}/PT1H.json
//
// Microsoft documents several forms of root and until 2018 there was no
// macAddress; the date is the same in all. Identity is taken from the records,
// never from here.
type blobPath struct {
	root string    // up to the date, with its slash; valid iff dated
	hour time.Time // UTC; valid iff dated
	tail string    // what follows the date; valid iff dated
	nic  string    // the path without date and file: one for all hours of a NIC
}

func (p blobPath) dated() bool { return !p.hour.IsZero() }

// before reports whether a blob is older than an hour: by its name, or by its last
// change where that has no date.
func (p blobPath) before(hour, modified time.Time) bool {
	if p.dated() {
		return p.hour.Before(hour)
	}
	return modified.Before(hour)
}

func parsePath(name string) blobPath {
	dir := name[:strings.LastIndexByte(name, '/')+1]
	root, rest, span := cutDate(dir)
	if span.unit != unitHour {
		return blobPath{nic: dir}
	}
	tail := rest + name[len(dir):]
	// The minute of an hourly blob is always 00.
	if minute, after, ok := strings.Cut(rest, "/"); ok && strings.HasPrefix(minute, "m=") {
		rest = after
	}
	return blobPath{root: root, hour: span.from, tail: tail, nic: root + rest}
}

// unit is how far down the date levels of a path go.
type unit uint8

const (
	unitNone unit = iota
	unitYear
	unitMonth
	unitDay
	unitHour
)

// span is the time that a path stands for. from and to are valid iff unit is
// not unitNone.
type span struct {
	unit     unit
	from, to time.Time
}

var dateLevels = []struct {
	key    string
	digits int
}{{"y=", 4}, {"m=", 2}, {"d=", 2}, {"h=", 2}}

// cutDate splits a folder name at its date, which may be incomplete.
func cutDate(dir string) (root, rest string, s span) {
	at := strings.Index(dir, "/y=") + 1
	if at == 0 && !strings.HasPrefix(dir, "y=") {
		return dir, "", span{}
	}
	root, rest = dir[:at], dir[at:]
	date := [4]int{0, 1, 1, 0}
	for i, level := range dateLevels {
		n, after, ok := cutNumber(rest, level.key, level.digits)
		if !ok {
			break
		}
		date[i], rest, s.unit = n, after, unit(i+1)
	}
	s.from = time.Date(date[0], time.Month(date[1]), date[2], date[3], 0, 0, 0, time.UTC)
	switch s.unit {
	case unitNone:
		return dir, "", span{}
	case unitYear:
		s.to = s.from.AddDate(1, 0, 0)
	case unitMonth:
		s.to = s.from.AddDate(0, 1, 0)
	case unitDay:
		s.to = s.from.AddDate(0, 0, 1)
	case unitHour:
		s.to = s.from.Add(time.Hour)
	}
	return root, rest, s
}

// cutNumber takes one level such as "m=08/" off a path.
func cutNumber(path, key string, digits int) (n int, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, key)
	if !ok || len(path) <= digits || path[digits] != '/' {
		return 0, "", false
	}
	for _, c := range []byte(path[:digits]) {
		if c < '0' || c > '9' {
			return 0, "", false
		}
		n = n*10 + int(c-'0')
	}
	return n, path[digits+1:], true
}

// hourPath is the folder of an hour below root.
func hourPath(root string, hour time.Time) string {
	return root + hour.UTC().Format("y=2006/m=01/d=02/h=15/")
}

// covering are the shortest lists of folders, or of beginnings of their names,
// that hold all hours from one to another below root: one within a day. from
// may be zero.
func covering(root string, from, to time.Time) []string {
	const day, month = 24 * time.Hour, 31 * 24 * time.Hour
	from, to = from.UTC().Truncate(time.Hour), to.UTC().Truncate(time.Hour)
	var level string // down to which the folders are named
	switch span := to.Sub(from); {
	case from.Truncate(day).Equal(to.Truncate(day)):
		return []string{common(hourPath(root, from), hourPath(root, to))}
	case span < 10*day:
		level = "y=2006/m=01/d=02/"
	case span < 24*month:
		level = "y=2006/m=01/"
	default:
		return []string{root}
	}
	var folders []string
	for at := from.Truncate(day); !at.After(to); at = at.Add(day) {
		if folder := root + at.Format(level); len(folders) == 0 || folder != folders[len(folders)-1] {
			folders = append(folders, folder)
		}
	}
	return folders
}

// common is the beginning that two texts share.
func common(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// narrow is the part of a folder, or of the beginning of its name, that the
// prefix allows.
func narrow(folder, prefix string) (string, bool) {
	if strings.HasPrefix(prefix, folder) {
		return prefix, true
	}
	return folder, strings.HasPrefix(folder, prefix)
}

// holds tells whether the NIC is this shard's: every NIC is exactly one's.
func (s Shard) holds(nic string) bool {
	if s.Of <= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(nic))
	// The low bits of FNV vary little among names of one length.
	sum := h.Sum64()
	return int((sum^sum>>32)%uint64(s.Of)) == s.I-1
}
