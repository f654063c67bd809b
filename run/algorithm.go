package run

import (
	"fmt"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// objective is what training minimises, or for an algorithm whose steps are
// along no gradient, what it steps along: the meta-objective of [Problem.meta]
// with whatever the algorithm makes of it. Its parameters are those of a gain,
// followed by the rates where they are learned.
func (p *Problem) objective(rates []float64) (objective.Objective, error) {
	settings := &p.Family.Meta
	limited := func(o objective.Objective) objective.Objective {
		if limit := settings.RadiusLimit; limit > 0 {
			return limited{o, p, limit}
		}
		return o
	}
	if a := settings.Algorithm; a == family.FOMAML || (a == family.MAML || a == family.FTML) && settings.Inner.Learn == family.LearnNone {
		if f := p.fleetOf(rates, fleet.Options{FirstOrder: a == family.FOMAML}); f != nil {
			return limited(lanes{f, p}), nil
		}
	}
	m, err := p.meta(rates)
	if err != nil {
		return nil, err
	}
	replace := func(change func(i int, t *maml.Member)) (*maml.Meta, error) {
		members := make([]maml.Member, m.Len())
		for i := range members {
			members[i] = m.Member(i)
			change(i, &members[i])
		}
		return maml.NewMeta(members)
	}
	each := func(change func(i, k int) objective.Rule) (*maml.Meta, error) {
		return replace(func(i int, t *maml.Member) {
			t.Inner = make([]objective.Rule, len(rates))
			for k := range rates {
				t.Inner[k] = change(i, k)
			}
		})
	}
	var o objective.Objective = m
	switch {
	case settings.Algorithm == family.FOMAML:
		o, err = each(func(i, k int) objective.Rule { return maml.FirstOrder{Rule: p.rule(i, rates[k])} })
	case settings.Algorithm == family.HFMAML:
		o, err = each(func(i, k int) objective.Rule {
			return maml.HessianFree{Objective: p.Tasks[i].Inner, Rate: rates[k], Delta: settings.Inner.Delta}
		})
	case settings.Algorithm == family.Reptile:
		o = maml.Reptile{Meta: m}
	case settings.Algorithm == family.Moreau:
		o, err = p.valued(rates)
	case settings.Inner.Learn != family.LearnNone:
		single := settings.Inner.Learn == family.LearnRate
		o, err = replace(func(i int, t *maml.Member) {
			t.Outer = maml.WithRates{Objective: t.Outer, Single: single}
			t.Inner = make([]objective.Rule, len(rates))
			for k := range rates {
				t.Inner[k] = maml.LearnedRates{Objective: p.Tasks[i].Inner, Single: single}
			}
		})
	}
	if err != nil {
		return nil, err
	}
	return limited(o), nil
}

// valued is the meta-objective whose value training lowers: [Problem.meta], but
// for the Moreau envelope the mean of the tasks' envelopes.
func (p *Problem) valued(rates []float64) (mixture, error) {
	if p.Family.Meta.Algorithm != family.Moreau || len(rates) == 0 {
		return p.mixture(rates)
	}
	m, err := p.meta(rates)
	if err != nil {
		return nil, err
	}
	list := make([]maml.Member, m.Len())
	for i := range list {
		list[i] = m.Member(i)
		list[i].Outer, list[i].Inner = maml.Moreau{Proximal: p.proximal(i, rates[0])}, nil
	}
	if m, err = maml.NewMeta(list); err != nil {
		return nil, err
	}
	return members{m}, nil
}

// proximal is the inner problem of iMAML and of the Moreau envelope, κ = 1/η.
func (p *Problem) proximal(i int, rate float64) maml.Proximal {
	in := &p.Family.Meta.Inner
	κ := in.Strength
	if κ == 0 {
		κ = 1 / rate
	}
	g := p.Tasks[i].Inner
	start := minimizer(g)
	if start == nil { // what knows no minimum is finite everywhere
		start = make([]float64, p.Dim())
	}
	return maml.Proximal{Objective: g, Strength: κ, Tolerance: in.Tolerance, Start: start}
}

// learning is the problem with a rate for each entry of the gain in place of
// those of its steps: α as training learned it, one number or one for each.
func (p *Problem) learning(α []float64) *Problem {
	q := *p
	q.learned = make([]float64, p.Dim())
	for i := range q.learned {
		q.learned[i] = α[min(i, len(α)-1)]
	}
	return &q
}

// limited is an objective whose domain has a margin of stability: every outer
// task's spectral radius at the gain itself is below limit.
type limited struct {
	objective.Objective
	p     *Problem
	limit float64
}

// At refuses gains beyond the limit with a *[MarginError].
func (o limited) At(x []float64) (objective.Point, error) {
	err := everyTask(len(o.p.Tasks), func(i int) error {
		t := &o.p.Tasks[i]
		ρ, err := radius(t.Outer, x[:o.p.Dim()])
		if err == nil && !(float64(ρ) < o.limit) {
			err = &MarginError{Task: t.Name, Radius: float64(ρ), Limit: o.limit}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return o.Objective.At(x)
}

// LowerBound is that of the objective within.
func (o limited) LowerBound() float64 { return o.Objective.(objective.Bounded).LowerBound() }

// heldBy says which task a gain is held at radius_limit by, if one.
func (p *Problem) heldBy(x []float64, limit float64) string {
	for _, t := range p.Tasks {
		if ρ, err := radius(t.Outer, x); err == nil && float64(ρ) > limit*(1-1e-6) {
			return fmt.Sprintf("radius_limit holds the gain: the spectral radius of task %q is %.9g", t.Name, ρ)
		}
	}
	return ""
}

// meanCurvature is Σ λᵢ‖∇²fᵢ(x)‖.
func (p *Problem) meanCurvature(x []float64) (float64, error) {
	norms := make([]float64, len(p.Tasks))
	err := everyTask(len(norms), func(i int) error {
		t := &p.Tasks[i]
		at, err := t.Outer.At(x)
		if err != nil {
			return &lqr.TaskError{Task: t.Name, Err: err}
		}
		norms[i] = objective.Spectrum(at, p.Dim(), 0).Norm
		return nil
	})
	sum := 0.0
	for i, v := range norms {
		sum += p.Tasks[i].Weight * v
	}
	return sum, err
}
