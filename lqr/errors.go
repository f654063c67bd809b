package lqr

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// ErrUnstable is matched by every error about a gain outside the stabilising
// set. Such errors match [objective.ErrDomain] too.
var ErrUnstable = errors.New("gain does not stabilise the task")

// ErrSpec is matched by every error about settings of a [Spec] that are
// missing, out of range or contradict each other.
var ErrSpec = errors.New("invalid task")

// UnstableError says that a gain does not stabilise a task, or cannot be shown
// to. Its text leaves the task to the error around it, which names every kind
// of member alike.
type UnstableError struct {
	Task   string  // its name
	Radius float64 // spectral radius of A − B W, by eigenvalues; NaN when they did not converge
	Limit  float64 // 1, or 1/√γ with a discount γ

	// Lower ≤ ρ(A − B W) ≤ Upper, from powers of A − B W, their rounding
	// included. Lower above Limit proves instability.
	Lower, Upper float64
}

func (e *UnstableError) Error() string {
	limit := fmt.Sprintf("%.6g", e.Limit)
	if e.Limit != 1 {
		limit += ", 1/√discount"
	}
	if e.Radius >= e.Limit || e.Lower > e.Limit {
		return fmt.Sprintf("the gain does not stabilise: the spectral radius of A - B W is %.6g, not below %s", e.Radius, limit)
	}
	return fmt.Sprintf("the gain cannot be shown to stabilise: the spectral radius of A - B W is %.12g, too close to %s, or A - B W too far from normal, for float64 to decide", e.Radius, limit)
}

// Is makes the error match [ErrUnstable], matrixeq.ErrUnstable and
// [objective.ErrDomain].
func (e *UnstableError) Is(target error) bool {
	return target == ErrUnstable || target == matrixeq.ErrUnstable || target == objective.ErrDomain
}

// OverflowError says that a quantity leaves what float64 can hold at a gain. To
// an outer method this is the same as leaving the domain: it matches
// [objective.ErrDomain].
type OverflowError struct {
	Task     string
	Quantity string
}

func (e *OverflowError) Error() string {
	return e.Quantity + " is beyond float64 at this gain"
}

func (e *OverflowError) Unwrap() error { return objective.ErrDomain }

// SpecError says which setting of a spec is wrong.
type SpecError struct {
	Field    string // as in a family file: "A", "discount", …
	Problem  string
	Value    float64 // meaningful when HasValue
	HasValue bool
}

func (e *SpecError) Error() string {
	if e.HasValue {
		return fmt.Sprintf("%s %s, got %v", e.Field, e.Problem, e.Value)
	}
	return e.Field + " " + e.Problem
}

func (e *SpecError) Unwrap() error { return ErrSpec }

// TaskError is an error of one task, with its name, which may be "".
type TaskError struct {
	Task string
	Err  error
}

func (e *TaskError) Error() string {
	if e.Task == "" {
		return e.Err.Error()
	}
	return fmt.Sprintf("task %q: %v", e.Task, e.Err)
}

func (e *TaskError) Unwrap() error { return e.Err }
