package fleet

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

type carefulKey struct {
	index int
	inner bool
}

// task is task i as lqr has it: the caller's, or one made of the numbers held.
func (f *Fleet) task(i int, inner bool) (*lqr.Task, error) {
	inner = inner && f.inner != f.outer
	which, s := 0, f.outer
	if inner {
		which, s = 1, f.inner
	}
	if list := f.given[which]; list != nil {
		return list[i], nil
	}
	key := carefulKey{i, inner}
	if t, ok := f.built.Load(key); ok {
		return t.(*lqr.Task), nil
	}
	t, err := lqr.New(s.spec(i))
	if err != nil {
		return nil, err
	}
	f.built.Store(key, t)
	return t, nil
}

// Task returns task i as package lqr has it.
func (f *Fleet) Task(i int) (*lqr.Task, error) { return f.task(i, false) }

// A path is one task's adaptation, by lqr: the route that lanes take when they
// cannot vouch for themselves, and what package maml does for every member.
type path struct {
	first    bool
	at       [][]float64 // W_0 … W_K
	steps    []objective.Step
	outer    *lqr.Point
	adjoints [][]float64
}

// follow evaluates task i at x. The error is a *MemberError.
func (f *Fleet) follow(i int, x []float64) (*path, error) {
	name := ""
	fail := func(step int, err error) (*path, error) {
		return nil, &MemberError{Member: name, Index: i, Step: step, Err: err}
	}
	outer, err := f.task(i, false)
	if err != nil {
		return fail(0, err)
	}
	inner, err := f.task(i, true)
	if err != nil {
		return fail(0, err)
	}
	name = outer.Name()
	p := &path{first: f.options.FirstOrder, at: [][]float64{x}}
	for k, η := range f.options.Rates {
		s, err := rule(f.options.Rule, inner, η).At(p.at[k])
		if err != nil {
			return fail(k, err)
		}
		if !dense.Finite(s.To()) {
			return fail(k+1, &NotFiniteError{"adapted parameter"})
		}
		p.steps = append(p.steps, s)
		p.at = append(p.at, s.To())
	}
	k := len(p.steps)
	if p.outer, err = outer.Evaluate(p.at[k]); err != nil {
		return fail(k, err)
	}
	p.adjoints = make([][]float64, k+1)
	for j := range p.adjoints {
		p.adjoints[j] = make([]float64, len(x))
	}
	p.outer.Grad(p.adjoints[k])
	for j := k; j > 0; j-- {
		if p.first {
			copy(p.adjoints[j-1], p.adjoints[j])
			continue
		}
		p.steps[j-1].Pull(p.adjoints[j-1], p.adjoints[j])
	}
	if !dense.Finite(p.adjoints[0]) {
		return fail(0, &NotFiniteError{"gradient"})
	}
	return p, nil
}

func (p *path) gradient() []float64 { return p.adjoints[0] }

// hessVec sets dst to the Hessian of the task's part of h times v.
func (p *path) hessVec(dst, v []float64) {
	z := [][]float64{v}
	if p.first {
		p.outer.HessVec(dst, v)
		return
	}
	for k, s := range p.steps {
		next := make([]float64, len(v))
		s.Push(next, z[k])
		z = append(z, next)
	}
	k := len(p.steps)
	p.outer.HessVec(dst, z[k])
	u, d := make([]float64, len(v)), make([]float64, len(v))
	for j := k; j > 0; j-- {
		copy(u, dst)
		p.steps[j-1].Pull(dst, u)
		p.steps[j-1].PullDeriv(d, z[j-1], p.adjoints[j])
		dense.Add(dst, dst, d)
	}
}

// rule is an inner step on one task.
func rule(kind Rule, t *lqr.Task, η float64) objective.Rule {
	switch kind {
	case Natural:
		return lqr.Natural{Task: t, Rate: η}
	case GaussNewton:
		return lqr.GaussNewton{Task: t, Rate: η}
	}
	return gradientRule{t, η}
}

// gradientRule is maml.Gradient on a task.
type gradientRule struct {
	task *lqr.Task
	η    float64
}

func (r gradientRule) At(x []float64) (objective.Step, error) {
	p, err := r.task.Evaluate(x)
	if err != nil {
		return nil, err
	}
	to := make([]float64, len(x))
	p.Grad(to)
	for i, g := range to {
		to[i] = x[i] - r.η*g
	}
	return &gradientStep{p, r.η, to}, nil
}

type gradientStep struct {
	at *lqr.Point
	η  float64
	to []float64
}

func (s *gradientStep) To() []float64 { return s.to }

func (s *gradientStep) Push(dst, z []float64) {
	s.at.HessVec(dst, z)
	for i, h := range dst {
		dst[i] = z[i] - s.η*h
	}
}

func (s *gradientStep) Pull(dst, v []float64) { s.Push(dst, v) }

func (s *gradientStep) PullDeriv(dst, z, v []float64) {
	s.at.Third(dst, z, v)
	dense.Scale(dst, -s.η, dst)
}
