package run

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Solution is the optimum of every task of a family.
type Solution struct {
	Family string         `json:"family"`
	Tasks  []SolutionTask `json:"tasks"`
}

// A SolutionTask is one optimum, measured. What a kind of task does not have is
// null.
type SolutionTask struct {
	Name     string          `json:"name"`
	Gain     matrixeq.Matrix `json:"gain"` // W*
	P        matrixeq.Matrix `json:"P"`    // P*
	Cost     Number          `json:"cost"` // C*
	Radius   Number          `json:"spectral_radius"`
	Residual Number          `json:"residual"`         // of the Riccati equation, relative
	Reason   string          `json:"reason,omitempty"` // why there is no gain, or why it is not the only one
}

// Solve returns the optimum of every task of a family, as it counts (f) and as
// it is written: normalize belongs to training.
func Solve(f *family.Family) *Solution {
	s := &Solution{Family: f.Name, Tasks: make([]SolutionTask, len(f.Tasks))}
	rows, cols := f.Shape()
	for i := range f.Tasks {
		t := &f.Tasks[i]
		none := Number(math.NaN())
		out := SolutionTask{Name: t.Name, Cost: none, Radius: none, Residual: none, Reason: t.Unsolved()}
		o, _ := t.Objectives()
		if l := plant(o); l != nil {
			best := l.Optimum()
			out.Gain, out.P, out.Cost = best.Gain, best.P, Number(best.Cost)
			out.Radius, out.Residual = Number(best.Radius), Number(best.Residual)
		} else if w := minimizer(o); w != nil {
			out.Gain, out.Cost = matrixeq.Matrix{Rows: rows, Cols: cols, Data: w}, minimum(o)
			if r, ok := o.(interface{ Rank() int }); ok && r.Rank() < len(w) {
				out.Reason = fmt.Sprintf("one of many: the data determine %d of the %d parameters", r.Rank(), len(w))
			}
		}
		s.Tasks[i] = out
	}
	return s
}
