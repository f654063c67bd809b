package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Start is the gain a training run begins with, and the inner rates that go
// with it.
type Start struct {
	Kind        string          `json:"kind"` // "mean-optimal", "zero", "random", "given", "search"
	Gain        matrixeq.Matrix `json:"gain"`
	Evaluations int             `json:"evaluations,omitempty"` // of a search
	Draws       int             `json:"draws,omitempty"`       // of a random start

	rates    []float64
	rateAuto bool
}

func (s *Start) rateFrom() string {
	if s.rateAuto {
		return "start"
	}
	return "file"
}

func isDomain(err error) bool { return errors.Is(err, objective.ErrDomain) }

// start resolves the start and the rates of the family's settings. A start the
// user named is checked, not mended: outside the domain it is a *StartError.
// With start: auto a bounded search follows where the mean of the optima is
// outside; its failure is a *SearchError, or for scalar gains without a common
// stabilising gain an *ExclusionError.
func (p *Problem) start(ctx context.Context) (*Start, error) {
	if err := p.excluded(); err != nil {
		return nil, err
	}
	meta := &p.Family.Meta
	switch meta.Start.Kind {
	case family.StartAuto:
		return p.autoStart(ctx)
	case family.StartZero:
		return p.fixedStart("zero", make([]float64, p.Dim()))
	case family.StartMeanOptimal:
		w, err := p.MeanOptimal()
		if err != nil {
			return nil, err
		}
		return p.fixedStart("mean-optimal", w)
	case family.StartRandom:
		return p.randomStart()
	}
	g := meta.Start.Gain
	if err := matrixeq.CheckShape("start", g, p.rows, p.cols); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	return p.fixedStart("given", g.Data)
}

// fixedStart is the start at w, if the meta-objective is finite there.
func (p *Problem) fixedStart(kind string, w []float64) (*Start, error) {
	rates, auto, err := p.rates(w)
	if err == nil {
		err = p.inside(w, rates)
	}
	if isDomain(err) {
		return nil, &StartError{Kind: kind, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &Start{Kind: kind, Gain: p.gain(w), rates: rates, rateAuto: auto}, nil
}

// rates are the inner rates, one a step; auto is decided at w.
func (p *Problem) rates(w []float64) (rates []float64, auto bool, err error) {
	inner := &p.Family.Meta.Inner
	if inner.Strength > 0 { // κ in place of a rate
		return []float64{1 / inner.Strength}, false, nil
	}
	if !inner.Rate.Auto {
		for k := range inner.Steps {
			rates = append(rates, inner.Rate.At(k))
		}
		return rates, false, nil
	}
	η, err := p.autoRate(w)
	return slices.Repeat([]float64{η}, inner.Steps), true, err
}

// ratesFor are the rates that a gain is judged with: those of the family's
// start, so that a gain is judged as it was trained. With rate: auto and no
// start inside the domain they are decided at the gain itself.
func (p *Problem) ratesFor(ctx context.Context, w []float64) (rates []float64, from string, err error) {
	if !p.Family.Meta.Inner.Rate.Auto {
		rates, _, err = p.rates(w)
		return rates, "file", err
	}
	s, err := p.start(ctx)
	if err == nil {
		return s.rates, "start", nil
	}
	if !errors.Is(err, ErrNoStart) {
		return nil, "", err
	}
	rates, _, err = p.rates(w)
	return rates, "gain", err
}

// inside returns nil where the meta-objective with these rates is finite at w,
// and the margin of stability kept.
func (p *Problem) inside(w, rates []float64) error {
	m, err := p.mixture(rates)
	if err != nil {
		return err
	}
	var o objective.Objective = m
	if limit := p.Family.Meta.RadiusLimit; limit > 0 {
		o = limited{m, p, limit}
	}
	_, err = o.At(w)
	return err
}

// randomStart draws W = W̄ + σ ‖W̄‖ ξ/√(r d), W̄ the mean of the optima and ξ normal,
// and halves σ, from 1, until W is inside the domain.
func (p *Problem) randomStart() (*Start, error) {
	mean, _ := p.near()
	rng := rand.New(rand.NewPCG(uint64(p.Family.Meta.Seed), 0x5741525453)) // a stream of its own
	scale := dense.Norm(mean)
	if scale == 0 {
		scale = 1
	}
	w := make([]float64, len(mean))
	var last error
	const draws = 60
	for k := range draws {
		for i := range w {
			w[i] = mean[i] + math.Ldexp(scale, -k)*rng.NormFloat64()/math.Sqrt(float64(len(w)))
		}
		s, err := p.fixedStart("random", w)
		if err == nil {
			s.Draws = k + 1
			return s, nil
		}
		if !errors.Is(err, ErrNoStart) {
			return nil, err
		}
		last = err
	}
	return nil, &SearchError{What: "is inside the domain of the meta-objective", Evaluations: draws, Closest: last}
}

// searchLimit bounds the rounds of each of the two searches of autoStart.
const searchLimit = 60

// autoStart is the mean of the optima where it is inside the domain. Otherwise
// two continuations look for a gain that is:
//
//	damping   every gain is inside when A and B are multiplied by √γ, γ small
//	          enough. Lower the mean cost, raise γ as far as the gain stays
//	          inside, repeat until γ = 1.
//	rate      a common stabilising gain is inside when the rates are multiplied
//	          by t small enough. Lower the meta-objective, raise t as far as
//	          the gain stays inside, repeat until t = 1.
//
// Neither is certain to succeed where a gain exists. For scalar gains, whose
// common stabilising interval is known exactly, points of it are tried then.
// With rate: auto the rate is that of the gain returned.
func (p *Problem) autoStart(ctx context.Context) (*Start, error) {
	w, kind := p.near()
	s, err := p.fixedStart(kind, w)
	if err == nil || !errors.Is(err, ErrNoStart) {
		return s, err
	}
	evaluations := 1
	s, n, err := p.searchStart(ctx, w)
	evaluations += n
	var failed *SearchError
	if !errors.As(err, &failed) {
		if err == nil {
			s.Evaluations = evaluations
		}
		return s, err
	}
	for _, point := range p.commonGains(scalarPoints) {
		evaluations++
		s, err := p.fixedStart("search", []float64{point})
		if err == nil {
			s.Evaluations = evaluations
			return s, nil
		}
		if !errors.Is(err, ErrNoStart) {
			return nil, err
		}
	}
	failed.Evaluations = evaluations
	return nil, failed
}

// scalarPoints is how many gains of a common stabilising interval are tried.
const scalarPoints = 1023

// searchStart is the search of autoStart from w, and how many evaluations it took.
func (p *Problem) searchStart(ctx context.Context, w []float64) (*Start, int, error) {
	w, evaluations, err := p.stabilise(ctx, w)
	if err != nil {
		return nil, evaluations, err
	}
	w, rates, n, err := p.raiseRate(ctx, w)
	evaluations += n
	if err != nil {
		return nil, evaluations, err
	}
	return &Start{Kind: "search", Gain: p.gain(w), rates: rates, rateAuto: p.Family.Meta.Inner.Rate.Auto}, evaluations, nil
}

// stabilise finds a gain that stabilises every f and every g: from w by the
// damping, or for scalar gains in the common stabilising interval.
func (p *Problem) stabilise(ctx context.Context, w []float64) ([]float64, int, error) {
	w, evaluations, err := p.damp(ctx, w)
	if !errors.Is(err, ErrNoStart) {
		return w, evaluations, err
	}
	for _, point := range p.commonGains(scalarPoints) {
		w := []float64{point}
		evaluations += len(p.Tasks)
		if p.stabilises(w) {
			return w, evaluations, nil
		}
	}
	return nil, evaluations, err
}

// stabilises reports whether every f and every g is finite at w.
func (p *Problem) stabilises(w []float64) bool {
	for _, t := range p.Tasks {
		for _, o := range []objective.Objective{t.Outer, t.Inner} {
			if _, err := o.At(w); err != nil {
				return false
			}
		}
	}
	return true
}

// damp continues from w along the damping until w stabilises every task.
func (p *Problem) damp(ctx context.Context, w []float64) ([]float64, int, error) {
	evaluations := 0
	// reach is the greatest γ ≤ 1 for which w is safely inside, and why not 1.
	reach := func(w []float64) (float64, error) {
		γ, worst := 1.0, error(nil)
		for _, t := range p.Tasks {
			for _, o := range []objective.Objective{t.Outer, t.Inner} {
				evaluations++
				if _, err := o.At(w); err == nil {
					continue
				} else if !isDomain(err) {
					return 0, err
				} else if worst == nil {
					worst = &lqr.TaskError{Task: t.Name, Err: err}
				}
				task := plant(o)
				if task == nil {
					return 0, worst
				}
				ρ, err := task.Radius(w)
				if err != nil {
					return 0, err
				}
				if c := 0.95 / (task.Discount() * ρ * ρ); c < γ {
					γ, worst = c, &lqr.TaskError{Task: t.Name, Err: &lqr.UnstableError{Task: t.Name, Radius: ρ, Limit: 1 / math.Sqrt(task.Discount())}}
				}
			}
		}
		if worst != nil {
			γ = min(γ, 0.95)
		}
		return γ, worst
	}
	for round := 0; ; round++ {
		γ, worst := reach(w)
		if worst == nil {
			return w, evaluations, nil
		}
		if !isDomain(worst) {
			return nil, evaluations, worst
		}
		if round == searchLimit || γ == 0 {
			return nil, evaluations, &SearchError{What: "stabilises every task", Closest: worst}
		}
		members := make([]maml.Member, 0, 2*len(p.Tasks))
		for _, t := range p.Tasks {
			for _, o := range []objective.Objective{t.Outer, t.Inner} {
				if task := plant(o); task != nil {
					damped, err := task.Damped(γ)
					if err != nil {
						return nil, evaluations, err
					}
					o = damped
				}
				members = append(members, maml.Member{Name: t.Name, Weight: t.Weight, Outer: o})
			}
		}
		m, err := maml.NewMeta(members)
		if err != nil {
			return nil, evaluations, err
		}
		next, n, err := lower(ctx, m, len(members), w)
		evaluations += n
		if err != nil {
			return nil, evaluations, err
		}
		w = next
	}
}

// raiseRate continues from a common stabilising gain w along a factor on the
// rates until the meta-objective is finite at w with the rates themselves, which
// it returns. With rate: auto they are another in every round, those of its w.
func (p *Problem) raiseRate(ctx context.Context, w []float64) (_, rates []float64, evaluations int, err error) {
	scaled := func(t float64) []float64 {
		s := slices.Clone(rates)
		for i := range s {
			s[i] *= t
		}
		return s
	}
	for round := 0; ; round++ {
		if rates, _, err = p.rates(w); err != nil {
			return nil, nil, evaluations, err
		}
		// The greatest t = 2⁻ʲ⸍⁴ for which w is inside.
		t, worst := 1.0, error(nil)
		for j := 0; ; j++ {
			t = math.Exp2(-float64(j) / 4)
			evaluations++
			err := p.inside(w, scaled(t))
			if err == nil {
				break
			}
			if !isDomain(err) {
				return nil, nil, evaluations, err
			}
			if worst == nil {
				worst = err
			}
			if j == 240 {
				return nil, nil, evaluations, &SearchError{What: "is inside the domain of the meta-objective", Closest: worst}
			}
		}
		if worst == nil {
			return w, rates, evaluations, nil
		}
		if round == searchLimit {
			return nil, nil, evaluations, &SearchError{What: "is inside the domain of the meta-objective", Closest: worst}
		}
		m, err := p.mixture(scaled(t))
		if err != nil {
			return nil, nil, evaluations, err
		}
		next, n, err := lower(ctx, m, len(p.Tasks), w)
		evaluations += n
		if err != nil {
			return nil, nil, evaluations, err
		}
		w = next
	}
}

// lower takes ten Newton steps on a mixture of so many members and says how many evaluations of a
// task they took.
func lower(ctx context.Context, m objective.Objective, members int, w []float64) ([]float64, int, error) {
	s := maml.NewState(w)
	_, err := maml.Minimize(ctx, m, maml.NewtonCG{}, s, maml.Stop{Iterations: 10}, nil)
	if err == nil {
		err = ctx.Err()
	}
	return s.X, s.Evaluations * members, err
}
