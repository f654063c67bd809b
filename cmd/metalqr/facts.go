package main

import (
	"fmt"
	"io"
	"strings"
)

// A fact is a line of a summary: what, how much, and what it means.
type fact struct{ name, value, note string }

// facts are printed below one another, indented.
type facts []fact

func (f facts) print(w io.Writer) {
	names, values := 0, 0
	for _, x := range f {
		names = max(names, width(x.name))
		if x.note != "" {
			values = max(values, width(x.value))
		}
	}
	for _, x := range f {
		line := "  " + x.name + strings.Repeat(" ", names-width(x.name)) + "  " + x.value
		if x.note != "" {
			line += strings.Repeat(" ", values-width(x.value)) + "  " + x.note
		}
		fmt.Fprintln(w, line)
	}
}
