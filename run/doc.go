// Package run makes a family into answers: each task's optimum, costs at a
// gain, a meta-learned gain with its evidence, an adaptation; and a training
// run into a directory that can be resumed.
//
// A [Problem] is a family whose tasks have been checked and solved once. The
// functions on it return plain structs whose JSON is the contract of the
// command line.
package run
