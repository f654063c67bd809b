package maml

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/objective"
)

var (
	// ErrEmpty says that a mixture has no members.
	ErrEmpty = errors.New("no members")
	// ErrWeight is matched by the error about a weight that is not positive
	// and finite.
	ErrWeight = errors.New("weight is not positive and finite")
	// ErrDimension is matched by the error about members, starts or states of
	// different dimensions.
	ErrDimension = errors.New("dimensions differ")
	// ErrMissing is matched by the error about a member without an objective
	// or with an empty inner step.
	ErrMissing = errors.New("missing")
	// ErrNoThird is matched by the error about a gradient step on an
	// objective without a third derivative.
	ErrNoThird = errors.New("point has no third derivative")
	// ErrNotFinite is matched by the error about a value that overflowed or
	// is not a number. That error matches objective.ErrDomain too.
	ErrNotFinite = errors.New("not finite")
	// ErrSetting is matched by the error about a field of a method that makes
	// no sense.
	ErrSetting = errors.New("setting makes no sense")
)

// A MemberError says which member of a mixture could not be evaluated, and
// after how many of its inner steps: 0 is the start. It unwraps to what the
// member said; where that matches objective.ErrDomain, so does this.
type MemberError struct {
	Member string
	Index  int
	Step   int
	Err    error
}

func (e *MemberError) Error() string {
	where := "before its inner steps"
	if e.Step > 0 {
		where = fmt.Sprintf("after inner step %d", e.Step)
	}
	return fmt.Sprintf("task %s, %s: %v", label(e.Member, e.Index), where, e.Err)
}

func (e *MemberError) Unwrap() error { return e.Err }

// label names a member for people.
func label(name string, index int) string {
	if name == "" {
		return fmt.Sprintf("number %d", index+1)
	}
	return fmt.Sprintf("%q", name)
}

// A WeightError holds a weight that is not positive and finite. Zero is
// refused because the meta-objective would stay finite at the border of that
// task's domain.
type WeightError struct {
	Member string
	Index  int
	Weight float64
}

func (e *WeightError) Error() string {
	return fmt.Sprintf("maml: task %s: weight %v is not positive and finite", label(e.Member, e.Index), e.Weight)
}

func (e *WeightError) Unwrap() error { return ErrWeight }

// A DimensionError holds a number of parameters and the one that was expected.
type DimensionError struct {
	What      string // what has the wrong dimension
	Dim, Want int
}

func (e *DimensionError) Error() string {
	return fmt.Sprintf("maml: %s has %d parameters, want %d", e.What, e.Dim, e.Want)
}

func (e *DimensionError) Unwrap() error { return ErrDimension }

// A MissingError names a member without an outer objective (Step 0) or with an
// empty inner step.
type MissingError struct {
	Member string
	Index  int
	Step   int
}

func (e *MissingError) Error() string {
	what := "outer objective"
	if e.Step > 0 {
		what = fmt.Sprintf("inner step %d", e.Step)
	}
	return fmt.Sprintf("maml: task %s: %s is missing", label(e.Member, e.Index), what)
}

func (e *MissingError) Unwrap() error { return ErrMissing }

// A NoThirdError names the type of a point that is not an objective.Point3.
type NoThirdError struct {
	Point objective.Point
}

func (e *NoThirdError) Error() string {
	return fmt.Sprintf("gradient step: %T has no third derivative", e.Point)
}

func (e *NoThirdError) Unwrap() error { return ErrNoThird }

// A NotFiniteError names a quantity that overflowed or is not a number. The
// objective counts as +∞ there.
type NotFiniteError struct {
	What string
}

func (e *NotFiniteError) Error() string { return e.What + " is not finite" }

func (e *NotFiniteError) Unwrap() []error { return []error{ErrNotFinite, objective.ErrDomain} }

// A SettingError holds the field of a method, or of a rule, that makes no
// sense.
type SettingError struct {
	Of, Field string
	Value     any
	Want      string
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("maml: %s: %s is %v, want %s", e.Of, e.Field, e.Value, e.Want)
}

func (e *SettingError) Unwrap() error { return ErrSetting }
