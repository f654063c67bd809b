package report

import (
	"errors"
	"fmt"
)

var (
	// ErrEmpty is matched by the error of a figure or panel without anything to draw.
	ErrEmpty = errors.New("nothing to draw")
	// ErrData is matched by every error about data that contradict themselves:
	// slices of unequal length, windows and intervals that end before they begin.
	ErrData = errors.New("inconsistent data")
	// ErrFormat is matched by the error of a format that is not SVG, PNG or PDF.
	ErrFormat = errors.New("unknown figure format")
)

// A DataError says which part of a figure cannot be drawn. Err is ErrEmpty or
// ErrData.
type DataError struct {
	Panel int    // index of the panel; −1 is the figure itself
	Part  string // what in it, as "curve 2 (meta-objective)"
	Why   string // with the numbers
	Err   error
}

func (e *DataError) Error() string {
	where := "figure"
	if e.Panel >= 0 {
		where = fmt.Sprintf("panel %d", e.Panel)
	}
	if e.Part != "" {
		where += ", " + e.Part
	}
	return fmt.Sprintf("report: %s: %s", where, e.Why)
}

func (e *DataError) Unwrap() error { return e.Err }

// A FormatError holds the name that stands for no format.
type FormatError struct {
	Name string // an extension, with its dot, or a path that has none
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("report: %q is not a figure format: want .svg, .png or .pdf", e.Name)
}

func (e *FormatError) Unwrap() error { return ErrFormat }
