package run

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// drawing draws new tasks from a family's generator at every iteration of
// Algorithm 1, none of which it has listed.
type drawing struct {
	p     *Problem
	rates []float64
}

// Draw returns the mean over size fresh tasks as an objective. Iteration t has
// the draws Count + t·size … Count + (t + 1)·size − 1 of the generator.
func (d drawing) Draw(iteration, size int) (objective.Objective, error) {
	f := d.p.Family
	fresh := &family.Family{Name: f.Name, Meta: f.Meta}
	for k := range size {
		t, err := f.Draw(f.Drawn.Count + iteration*size + k)
		if err != nil {
			return nil, err
		}
		t.Weight = 1
		fresh.Tasks = append(fresh.Tasks, t)
	}
	p, err := NewProblem(fresh)
	if err != nil {
		return nil, err
	}
	return p.objective(d.rates)
}

var _ maml.Source = drawing{}
