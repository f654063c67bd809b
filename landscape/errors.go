package landscape

import (
	"errors"
	"fmt"
)

var (
	// ErrUnsupported is matched by the errors about a family whose landscape is
	// not one that can be proved.
	ErrUnsupported = errors.New("no landscape of this kind can be proved")
	// ErrEmpty is matched by the error about a meta-objective that is infinite
	// everywhere.
	ErrEmpty = errors.New("the domain is empty")
	// ErrTask is matched by the errors about a task that intervals cannot hold.
	ErrTask = errors.New("task cannot be enclosed")
	// ErrRate is matched by the error about inner rates that make no sense.
	ErrRate = errors.New("invalid inner rates")
	// ErrRadius is matched by the error about a task for which no radius of
	// similarity is proved.
	ErrRadius = errors.New("no radius of similarity for such a task")
)

// AlgorithmError says that an algorithm minimises another objective than the mean
// cost after inner steps at given rates, of which landscapes are proved.
type AlgorithmError struct {
	Algorithm string
}

func (e *AlgorithmError) Error() string {
	return fmt.Sprintf("landscape: the landscape proved is that of the mean cost after inner steps at given rates; %s has another objective", e.Algorithm)
}

func (e *AlgorithmError) Unwrap() error { return ErrUnsupported }

// RateError names an inner rate that is negative or no number, or says that
// there is none.
type RateError struct {
	Step int // from 0; −1 where there are no rates
	Rate float64
}

func (e *RateError) Error() string {
	if e.Step < 0 {
		return fmt.Sprintf("landscape: %v: there is none", ErrRate)
	}
	return fmt.Sprintf("landscape: %v: that of step %d is %v, not a number from 0 on", ErrRate, e.Step, e.Rate)
}

func (e *RateError) Unwrap() error { return ErrRate }

// DimensionError says that a gain has more than one entry.
type DimensionError struct {
	Inputs, States int
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("landscape: landscapes are proved for scalar gains; this family's gain has %d×%d entries", e.Inputs, e.States)
}

func (e *DimensionError) Unwrap() error { return ErrUnsupported }

// TaskError says why a task cannot be enclosed.
type TaskError struct {
	Task string
	Err  error
}

func (e *TaskError) Error() string { return fmt.Sprintf("landscape: task %q: %v", e.Task, e.Err) }

// Is makes it match [ErrTask].
func (e *TaskError) Is(target error) bool { return target == ErrTask }
func (e *TaskError) Unwrap() error        { return e.Err }

// EmptyError says that no gain is in the domain of the meta-objective, which is
// proved, and names tasks that exclude each other: each gain is outside the
// domain of one of them.
type EmptyError struct {
	Tasks []string
}

func (e *EmptyError) Error() string {
	switch n := len(e.Tasks); {
	case n == 1:
		return fmt.Sprintf("landscape: %v: after its inner steps no gain stabilises task %q (proved)", ErrEmpty, e.Tasks[0])
	case n == 2:
		return fmt.Sprintf("landscape: %v: tasks %q and %q exclude each other: every gain fails to stabilise one of them, before or after its inner steps (proved)", ErrEmpty, e.Tasks[0], e.Tasks[1])
	default:
		return fmt.Sprintf("landscape: %v: tasks %q exclude each other together: every gain fails to stabilise one of them, before or after its inner steps (proved)", ErrEmpty, e.Tasks)
	}
}

func (e *EmptyError) Unwrap() error { return ErrEmpty }

// RadiusError says why the radius of similarity of a task cannot be proved.
type RadiusError struct {
	Task string
	Why  string
}

func (e *RadiusError) Error() string {
	return fmt.Sprintf("landscape: task %q: %v: %s", e.Task, ErrRadius, e.Why)
}

func (e *RadiusError) Unwrap() error { return ErrRadius }

// KindError says that a family has other tasks than LQR ones on an infinite
// horizon, of which alone landscapes are proved and gaps certified.
type KindError struct {
	Has string // what it has
}

func (e *KindError) Error() string {
	return fmt.Sprintf("landscape: what is proved is proved of LQR tasks on an infinite horizon; this family has %s", e.Has)
}

func (e *KindError) Unwrap() error { return ErrUnsupported }
