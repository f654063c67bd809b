package check

import (
	"fmt"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A problem is a family of scalar tasks and its meta-objective
//
//	h(w) = Σ λᵢ Cᵢ(x_K),   x₀ = w,   x_k = F_k(x_{k−1}).
type problem struct {
	tasks   []*task
	steps   int  // K
	same    bool // f = g in every task, as the file gives them
	oneMap  error
	optimum fine // Σ λᵢ Cᵢ*
}

// A task is one term of h.
type task struct {
	name  string
	f, g  *plant
	steps []step

	c    fine // its part of h at W* of f: λ c C*, with the normalisation c
	lift fine // λ c s: h's part is lift × N/D and a constant
	near struct {
		lift, gap interval.Interval // lift, and lift T*/D*, the factor of z²/D
	}
}

// newProblem takes a family apart, which has rates and the objective h.
func newProblem(f *family.Family) (*problem, error) {
	p := &problem{steps: f.Meta.Inner.Steps, same: true, optimum: exactly(0)}
	total := exactly(0)
	for i := range f.Tasks {
		total = total.add(exactly(f.Tasks[i].Weight))
	}
	for i := range f.Tasks {
		t, err := newTask(f, &f.Tasks[i], total)
		if err != nil {
			return nil, err
		}
		p.same = p.same && t.f == t.g
		p.optimum = p.optimum.add(t.c)
		p.tasks = append(p.tasks, t)
	}
	if f.Meta.Normalize == family.NormalizeOptimalCost {
		p.optimum = exactly(1) // Σ λᵢ Cᵢ*/Cᵢ*
	}
	p.oneMap = oneMap(f, p)
	return p, nil
}

// hasObjective refuses families whose meta-objective is not h. FO-MAML, HF-MAML and
// Reptile follow other directions, FTML is shown the tasks one at a time, but the
// objective is that of MAML; limits on what training may visit are none of h.
func hasObjective(f *family.Family) error {
	if has := f.Beyond(); has != "" {
		return fmt.Errorf("%w: the family has %s", ErrUnsupported, has)
	}
	switch f.Meta.Algorithm {
	case family.MAML, family.FOMAML, family.HFMAML, family.Reptile, family.FTML:
	default:
		return fmt.Errorf("%w: algorithm %v has another objective", ErrUnsupported, f.Meta.Algorithm)
	}
	if f.Meta.Inner.Learn != family.LearnNone {
		return fmt.Errorf("%w: the inner rate is learned", ErrUnsupported)
	}
	return nil
}

func newTask(f *family.Family, from *family.Task, total fine) (*task, error) {
	if !(from.Weight > 0) {
		return nil, fmt.Errorf("task %q: the weight %v is not positive", from.Name, from.Weight)
	}
	t := &task{name: from.Name}
	var err error
	if t.f, err = newPlant(from.Outer); err != nil {
		return nil, err
	}
	t.g = t.f
	if from.Inner != nil {
		if t.g, err = newPlant(*from.Inner); err != nil {
			return nil, err
		}
	}
	scale := exactly(1)
	cost := t.f.moment.mul(t.f.pStar).add(t.f.constant)
	if f.Meta.Normalize == family.NormalizeOptimalCost {
		if cost.sign() <= 0 {
			return nil, fmt.Errorf("task %q: its optimal cost is not positive, and costs are to be divided by it", from.Name)
		}
		scale = exactly(1).div(cost)
	}
	λ := exactly(from.Weight).div(total)
	t.lift = λ.mul(scale).mul(t.f.moment)
	t.c = λ.mul(scale).mul(cost)
	t.near.lift = t.lift.round()
	t.near.gap = t.lift.mul(t.f.tStar).div(t.f.dStar).round()
	for k := range f.Meta.Inner.Steps {
		η := f.Meta.Inner.Rate.At(k)
		s := step{rule: f.Meta.Inner.Rule, p: t.g, e: exactly(η)}
		switch s.rule {
		case family.RuleGradient:
			s.e = s.e.mul(scale).mul(t.g.moment)
		case family.RuleNatural:
			s.e = s.e.mul(scale)
		case family.RuleGaussNewton:
			s.half = η == 0.5
		default:
			return nil, fmt.Errorf("%w: the inner rule %v", ErrUnsupported, s.rule)
		}
		s.near = s.e.round()
		t.steps = append(t.steps, s)
	}
	return t, nil
}

// role is the plant that constrains x_k: D(x_k) > 0.
func (t *task) role(k int) *plant {
	if k < len(t.steps) {
		return t.g
	}
	return t.f
}
