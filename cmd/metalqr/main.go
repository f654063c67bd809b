// Metalqr meta-learns gains for families of linear-quadratic tasks, exactly.
//
// It parses its arguments, calls packages family and run, and prints: tables
// for people, or with --json one document for programs. Tables and documents
// go to standard output; what is said before and during a computation, and
// errors, to standard error.
//
// Exit status: 0, done; 1, the computation failed, or was interrupted; 2, bad
// usage or bad input.
package main

import "os"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}
