package storage

// lanes is a queue in which what is of now goes before what is older, but for every
// fourth turn: while an account catches up, what happens now is not late, and the
// past comes nearer however much happens. The zero value is empty.
type lanes[T any] struct {
	lanes [2][]T // of now, older; first come, first served in each
	turn  int
}

// olderTurn is how often it is the turn of what is older.
const olderTurn = 4

func (l *lanes[T]) push(ofNow bool, one T) {
	lane := &l.lanes[1]
	if ofNow {
		lane = &l.lanes[0]
	}
	*lane = append(*lane, one)
}

func (l *lanes[T]) len() int { return len(l.lanes[0]) + len(l.lanes[1]) }

// ofNow reports whether there is something of now.
func (l *lanes[T]) ofNow() bool { return len(l.lanes[0]) > 0 }

// next is the lane whose turn it is, with its first element; nil: there is nothing.
func (l *lanes[T]) next() *[]T {
	now, older := &l.lanes[0], &l.lanes[1]
	switch {
	case len(*older) > 0 && (len(*now) == 0 || l.turn == olderTurn-1):
		return older
	case len(*now) > 0:
		return now
	}
	return nil
}

// pop takes the first of the lane whose turn it is.
func (l *lanes[T]) pop() T {
	var none T
	lane := l.next()
	l.turn = (l.turn + 1) % olderTurn
	one := (*lane)[0]
	(*lane)[0] = none
	*lane = (*lane)[1:]
	return one
}
