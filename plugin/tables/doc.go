// Package tables is what the object shows to its users: the options of the
// filter and of the input, and the metrics of both. The
// code reads these tables; C headers and docs are made of them (plugin/gen).
package tables
