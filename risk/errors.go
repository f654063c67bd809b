package risk

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/objective"
)

var (
	// ErrData is matched by every error about data: what a file contains, and
	// what an objective cannot be made of.
	ErrData = errors.New("unusable data")
	// ErrLimit is matched by an error about data beyond a limit of size. It
	// matches ErrData too.
	ErrLimit = errors.New("beyond a limit")
	// ErrNotFinite is matched by an error about a number that is NaN or
	// infinite. In data it matches ErrData too.
	ErrNotFinite = errors.New("not finite")
	// ErrModel is matched by the error about a field of a model, a generator
	// or a split that makes no sense.
	ErrModel = errors.New("setting makes no sense")
	// ErrUnsolved is matched by the error about a minimum that was not
	// located.
	ErrUnsolved = errors.New("minimum not located")
)

// A DataError says what is wrong in data, and where.
type DataError struct {
	File   string // empty for data that did not come from a file
	Array  string // of an NPZ archive
	Line   int    // of a text file, from 1; 0 where unknown
	Row    int    // of the data, from 1; 0 where the error is about more
	Column int    // from 1; of a text file in bytes of the line, else of the data; 0 where unknown
	Field  string // name of the column, where it has one

	Message string
	Value   float64 // the number in question, where there is one
	Limit   int64   // what was exceeded, for ErrLimit

	Kind error // ErrLimit, ErrNotFinite, or nil
	Err  error // the cause, or nil
}

func (e *DataError) Error() string {
	s := "risk"
	if e.File != "" {
		s = clip(e.File, 160)
	}
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			s += fmt.Sprintf(":%d", e.Column)
		}
	}
	if e.Array != "" {
		s += fmt.Sprintf(": array %q", clip(e.Array, 80))
	}
	if e.Line == 0 && e.Row > 0 {
		s += fmt.Sprintf(": row %d", e.Row)
		if e.Column > 0 {
			s += fmt.Sprintf(", column %d", e.Column)
		}
	}
	if e.Field != "" {
		s += fmt.Sprintf(": %q", clip(e.Field, 80))
	}
	return s + ": " + clip(e.Message, 480)
}

// Unwrap makes the error match ErrData, its kind and its cause.
func (e *DataError) Unwrap() []error {
	errs := []error{ErrData}
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// A ModelError holds a field that makes no sense.
type ModelError struct {
	Of, Field string
	Value     any
	Want      string
}

func (e *ModelError) Error() string {
	return fmt.Sprintf("risk: %s: %s is %v, want %s", e.Of, e.Field, e.Value, e.Want)
}

func (e *ModelError) Unwrap() error { return ErrModel }

// A ValueError holds a value of an objective that overflowed or is not a
// number. It matches objective.ErrDomain: there the objective counts as +∞.
type ValueError struct {
	Of    string
	Value float64
}

func (e *ValueError) Error() string { return fmt.Sprintf("risk: %s: the value is %v", e.Of, e.Value) }

func (e *ValueError) Unwrap() []error { return []error{ErrNotFinite, objective.ErrDomain} }

// An UnsolvedError says how far a search for the minimum of a convex objective
// came.
type UnsolvedError struct {
	Reason       string
	Iterations   int
	GradientNorm float64
}

func (e *UnsolvedError) Error() string {
	return fmt.Sprintf("risk: %v: %s (%d iterations, gradient %.3g)", ErrUnsolved, e.Reason, e.Iterations, e.GradientNorm)
}

func (e *UnsolvedError) Unwrap() error { return ErrUnsolved }
