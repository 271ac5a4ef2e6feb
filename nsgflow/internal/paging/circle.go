// Package paging is what answers in pages have in common.
package paging

import "errors"

// ErrCircle is of pages that would be asked for without end.
var ErrCircle = errors.New("its pages name each other in a circle")

// Circle finds pages that name each other, or themselves, in a circle: the zero
// value is before the first. It keeps one name, however many pages there are
// (Brent's algorithm), so a circle of n pages is found within 3n pages.
type Circle struct {
	name  string // of the page with the largest power of two
	pages int
}

// Check takes what a page names as the next, nothing in the last, and gives
// ErrCircle where that page has been.
func (c *Circle) Check(next string) error {
	switch {
	case next == "":
		return nil
	case next == c.name:
		return ErrCircle
	}
	if c.pages++; c.pages&(c.pages-1) == 0 {
		c.name = next
	}
	return nil
}
