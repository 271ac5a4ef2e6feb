package nsgflow

// ReadFrame is for tests from outside, which go through chunks by themselves.
var ReadFrame = readFrame
