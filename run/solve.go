package run

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/matrixeq"
)

// A Solution is the optimum of every task of a family.
type Solution struct {
	Family string         `json:"family"`
	Tasks  []SolutionTask `json:"tasks"`
}

// A SolutionTask is one optimum, measured.
type SolutionTask struct {
	Name     string          `json:"name"`
	Gain     matrixeq.Matrix `json:"gain"` // W*
	P        matrixeq.Matrix `json:"P"`    // P*
	Cost     Number          `json:"cost"` // C*
	Radius   Number          `json:"spectral_radius"`
	Residual Number          `json:"residual"` // of the Riccati equation, relative
}

// Solve returns the optimum of every task of a family, as it counts (f) and as
// it is written: normalize belongs to training.
func Solve(f *family.Family) *Solution {
	s := &Solution{Family: f.Name, Tasks: make([]SolutionTask, len(f.Tasks))}
	for i, t := range f.Tasks {
		o := t.F.Optimum()
		s.Tasks[i] = SolutionTask{
			Name: t.Name, Gain: o.Gain, P: o.P, Cost: Number(o.Cost),
			Radius: Number(o.Radius), Residual: Number(o.Residual),
		}
	}
	return s
}
