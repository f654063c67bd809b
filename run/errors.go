package run

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/objective"
)

var (
	// ErrInput is matched by every error that the user's files or settings
	// cause, as opposed to a computation that failed.
	ErrInput = errors.New("invalid input")
	// ErrNoStart is matched by the errors about a start outside the domain and
	// about a domain in which no start was found.
	ErrNoStart = errors.New("no start inside the domain")
	// ErrDirectory is matched by the errors about a run directory that exists,
	// or holds something else.
	ErrDirectory = errors.New("unusable run directory")
)

// NormalizeError says that a cost cannot be divided by its optimum.
type NormalizeError struct {
	Task string
	Cost float64
}

func (e *NormalizeError) Error() string {
	if math.IsNaN(e.Cost) {
		return fmt.Sprintf("task %q: normalize: optimal-cost needs the optimal cost, which is not known", e.Task)
	}
	return fmt.Sprintf("task %q: normalize: optimal-cost cannot divide by the optimal cost %v", e.Task, e.Cost)
}

func (e *NormalizeError) Unwrap() error { return ErrInput }

// UnknownOptimumError says that the optimum of a task, which something is to be
// made of, is not known.
type UnknownOptimumError struct {
	Task   string
	Reason string
}

func (e *UnknownOptimumError) Error() string {
	return fmt.Sprintf("the optimum of task %q is not known: %s", e.Task, e.Reason)
}

func (e *UnknownOptimumError) Unwrap() error { return ErrInput }

// StartError says that a start the user asked for is outside the domain.
type StartError struct {
	Kind string // "zero", "mean-optimal", "given", …
	Err  error  // names the task, the inner step and the spectral radius
}

func (e *StartError) Error() string {
	return fmt.Sprintf("the %s start is outside the domain: %v; start: auto searches for one inside", e.Kind, e.Err)
}

// Is makes it match [ErrNoStart].
func (e *StartError) Is(target error) bool { return target == ErrNoStart }
func (e *StartError) Unwrap() error        { return e.Err }

// ExclusionError says that two tasks with one scalar gain exclude each other:
// no gain stabilises both. This is decided exactly.
type ExclusionError struct {
	First, Second string
	Low1, High1   float64 // the stabilising gains of First, an open interval, rounded
	Low2, High2   float64 // and of Second
}

func (e *ExclusionError) Error() string {
	return fmt.Sprintf("no gain stabilises both task %q, which needs a gain in (%.6g, %.6g), and task %q, which needs one in (%.6g, %.6g): the common stabilising set is empty (decided exactly)",
		e.First, e.Low1, e.High1, e.Second, e.Low2, e.High2)
}

// Is makes it match [ErrNoStart].
func (e *ExclusionError) Is(target error) bool { return target == ErrNoStart }

// SearchError says that a bounded search found no gain inside the domain. It
// proves nothing about gains it did not try.
type SearchError struct {
	What        string // "stabilises every task", "is inside the domain of the meta-objective"
	Evaluations int
	Closest     error // of the best gain tried: the task that it does not stabilise, and the radius
}

func (e *SearchError) Error() string {
	return fmt.Sprintf("no gain that %s was found in a bounded search of %d evaluations; at the closest, %v", e.What, e.Evaluations, e.Closest)
}

// Is makes it match [ErrNoStart].
func (e *SearchError) Is(target error) bool { return target == ErrNoStart }
func (e *SearchError) Unwrap() error        { return e.Closest }

// MarginError says that a gain leaves the margin of stability that
// meta.radius_limit asks for.
type MarginError struct {
	Task          string
	Radius, Limit float64 // spectral radius of A − B W, and what it must be below
}

func (e *MarginError) Error() string {
	return fmt.Sprintf("task %q: the spectral radius of A - B W is %.6g, not below the radius_limit %g", e.Task, e.Radius, e.Limit)
}

// Unwrap makes it match [objective.ErrDomain].
func (e *MarginError) Unwrap() error { return objective.ErrDomain }
