//go:build !cgo

package main

// Without cgo there is no Fluent Bit to load this. What is left can be tested.
func main() {}
