package fleet

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/objective"
)

var (
	// ErrArrays is matched by errors about tensors whose lengths or numbers
	// make no sense.
	ErrArrays = errors.New("arrays make no fleet")
	// ErrUnsupported is matched by errors about tasks that do not fit into a
	// fleet; maml.Meta takes them.
	ErrUnsupported = errors.New("task does not fit into a fleet")
	// ErrSetting is matched by errors about options that make no sense.
	ErrSetting = errors.New("setting makes no sense")
)

// A MemberError says which task could not be evaluated, and after how many of
// its inner steps: 0 is the start. Of several, it is the one of lowest index. It
// unwraps to what the task said: outside its domain, an *lqr.UnstableError with
// the spectral radius, which matches objective.ErrDomain.
type MemberError struct {
	Member string // its name, if it has one
	Index  int
	Step   int
	Err    error
}

func (e *MemberError) Error() string {
	name := fmt.Sprintf("number %d", e.Index+1)
	if e.Member != "" {
		name = fmt.Sprintf("%q", e.Member)
	}
	where := "before its inner steps"
	if e.Step > 0 {
		where = fmt.Sprintf("after inner step %d", e.Step)
	}
	return fmt.Sprintf("task %s, %s: %v", name, where, e.Err)
}

func (e *MemberError) Unwrap() error { return e.Err }

// A NotFiniteError names a quantity that overflowed or is not a number.
type NotFiniteError struct{ What string }

func (e *NotFiniteError) Error() string { return e.What + " is not finite" }

func (e *NotFiniteError) Unwrap() error { return objective.ErrDomain }

// An ArraysError says which tensor is wrong. Task is −1 where it is not about
// one task.
type ArraysError struct {
	File    string // that it was read from; "" where it was not
	Name    string
	Task    int
	Problem string
}

func (e *ArraysError) Error() string {
	file := ""
	if e.File != "" {
		file = e.File + ": "
	}
	if e.Task < 0 {
		return fmt.Sprintf("fleet: %s%s %s", file, e.Name, e.Problem)
	}
	return fmt.Sprintf("fleet: %s%s of task number %d %s", file, e.Name, e.Task+1, e.Problem)
}

func (e *ArraysError) Unwrap() error { return ErrArrays }

// A TaskError is a task that is not one, by its index: the error of lqr.New, or
// an *UnsupportedError.
type TaskError struct {
	Index int
	Err   error
}

func (e *TaskError) Error() string { return fmt.Sprintf("fleet: task number %d: %v", e.Index+1, e.Err) }

func (e *TaskError) Unwrap() error { return e.Err }

// An UnsupportedError says what a fleet cannot hold.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What }

func (e *UnsupportedError) Unwrap() error { return ErrUnsupported }

// A SettingError holds an option that makes no sense.
type SettingError struct {
	Field string
	Value any
	Want  string
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("fleet: %s is %v, want %s", e.Field, e.Value, e.Want)
}

func (e *SettingError) Unwrap() error { return ErrSetting }
