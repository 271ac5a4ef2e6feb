//go:build !race

package nsgflow_test

const raceDetector = false
