package fleet

import (
	"fmt"
	"math"
)

// Arrays are tasks as tensors in C order: A is Tasks×States×States, B
// Tasks×States×Inputs, Q as A, R Tasks×Inputs×Inputs, Sigma0 as A, and Weights
// one number each. A discount γ is a factor √γ of A and B; a cross term has to be taken out,
// as lqr does (see lqr.Standard). Any of them may be that of a single task instead, which is
// then shared by all. An absent Sigma0 is I; absent Weights are 1.
//
// Where the package reads tensors it keeps no reference to them.
type Arrays struct {
	Tasks, States, Inputs int
	A, B, Q, R, Sigma0    []float64
	Weights               []float64
}

// maxStates is the largest number of states of a fleet.
const maxStates = 32

// check returns an error unless the lengths fit together.
func (a *Arrays) check() error {
	bad := func(name, format string, args ...any) error {
		return &ArraysError{Name: name, Task: -1, Problem: fmt.Sprintf(format, args...)}
	}
	n, r := a.States, a.Inputs
	switch {
	case a.Tasks <= 0:
		return bad("Tasks", "is %d, want a positive number", a.Tasks)
	case n <= 0 || n > maxStates:
		return bad("States", "is %d, want 1 to %d", n, maxStates)
	case r <= 0 || r > n:
		return bad("Inputs", "is %d, want 1 to %d", r, n)
	}
	for _, t := range []struct {
		name     string
		data     []float64
		size     int
		optional bool
	}{
		{"A", a.A, n * n, false}, {"B", a.B, n * r, false}, {"Q", a.Q, n * n, false}, {"R", a.R, r * r, false},
		{"Sigma0", a.Sigma0, n * n, true}, {"Weights", a.Weights, 1, true},
	} {
		if t.data == nil && t.optional {
			continue
		}
		if len(t.data) != t.size && len(t.data) != t.size*a.Tasks {
			return bad(t.name, "has %d numbers, want %d, or %d for %d tasks", len(t.data), t.size, t.size*a.Tasks, a.Tasks)
		}
	}
	return nil
}

// of is the part of a tensor that belongs to task i; nil where it is absent.
func of(t []float64, i, size int) []float64 {
	switch len(t) {
	case 0:
		return nil
	case size:
		return t
	}
	return t[i*size : (i+1)*size : (i+1)*size]
}

func (a *Arrays) weight(i int) float64 {
	if w := of(a.Weights, i, 1); w != nil {
		return w[0]
	}
	return 1
}

// numbers are one task in standard form, with what lqr.Standard says of it. They
// are not to be modified.
type numbers struct {
	a, b, q, r []float64 // a is Loop
	s0         []float64 // nil: I
	shift      []float64 // nil: 0
	constant   float64   // of the cost
}

// A form is what tasks of a store have besides A, B, Q and R.
type form struct {
	sigma    bool // a Σ₀ of their own; else I
	shift    bool
	constant bool
	solution bool // P*, kept beside the gain when it is found
}

// A source hands out tasks.
type source interface {
	size() (tasks, n, r int)
	// one is task i.
	one(i int) (numbers, error)
	// weigh is its weight.
	weigh(i int) float64
}

func (a *Arrays) size() (tasks, n, r int) { return a.Tasks, a.States, a.Inputs }

func (a *Arrays) weigh(i int) float64 { return a.weight(i) }

func (a *Arrays) one(i int) (numbers, error) {
	n, r := a.States, a.Inputs
	return numbers{a: of(a.A, i, n*n), b: of(a.B, i, n*r), q: of(a.Q, i, n*n), r: of(a.R, i, r*r), s0: of(a.Sigma0, i, n*n)}, nil
}

// form is that of the tasks.
func (a *Arrays) form() form { return form{sigma: a.Sigma0 != nil} }

// unit is the exponent of the largest weight of the first n tasks. In units of
// 2^unit no sum of weighted costs leaves float64 because of the weights, and where
// none would have its bits are the same.
func unit(src source, n int) int {
	top := 0.0
	for i := range n {
		if w := src.weigh(i); w > top {
			top = w
		}
	}
	_, e := math.Frexp(top)
	return e
}

// goodWeight says whether a weight is positive and finite.
func goodWeight(w float64) bool { return w > 0 && !math.IsInf(w, 1) }
