//go:build !race

package nsgflow

// RaceDetector: the tests run under it.
const RaceDetector = false
