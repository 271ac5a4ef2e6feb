package nsgflow

import "strings"

// nearest is the name of a field, or of an object of fields, that differs least
// from another one.
func nearest(name string, names []string) (best string) {
	least := len(name) + 1
	for _, own := range names {
		own = strings.ReplaceAll(own, "[]", "")
		for end := len(own); end > 0; end = strings.LastIndexByte(own[:end], '.') {
			if n := distance(strings.ToLower(name), strings.ToLower(own[:end])); n < least || best == "" {
				best, least = own[:end], n
			}
		}
	}
	return best
}

// distance is how many bytes have to be put in, taken out or changed to make one
// text of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
