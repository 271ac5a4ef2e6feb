package paging_test

import (
	"errors"
	"fmt"
	"testing"

	"fluent-bit-nsgflow/nsgflow/internal/paging"
)

func TestCircle(t *testing.T) {
	for _, lead := range []int{0, 1, 7, 100} {
		for _, length := range []int{1, 2, 3, 8, 100} {
			var c paging.Circle
			var err error
			pages := 0
			for ; err == nil && pages <= 3*(lead+length); pages++ {
				at := pages
				if at >= lead {
					at = lead + (pages-lead)%length
				}
				err = c.Check(fmt.Sprint(at))
			}
			if !errors.Is(err, paging.ErrCircle) || pages <= lead+length {
				t.Errorf("%d pages before a circle of %d: after %d pages %v", lead, length, pages, err)
			}
		}
	}
	var c paging.Circle
	for page := range 10_000 {
		if err := c.Check(fmt.Sprint(page)); err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
	}
}
