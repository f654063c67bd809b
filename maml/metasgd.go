package maml

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Rates is a gradient step with a rate for each parameter,
//
//	F(x) = x − α∘∇g(x),   J = I − diag(α) ∇²g,   Jᵀv = v − ∇²g (α∘v),
//	d(Jᵀv)[z] = −∇³g[z, α∘v],
//
// α fixed, of any sign. Meta-SGD's step with α learned is [LearnedRates]. The cost
// is that of [Gradient].
type Rates struct {
	Objective objective.Objective // g
	Rates     []float64           // α, one for each parameter
}

// At evaluates the step at x.
func (r Rates) At(x []float64) (objective.Step, error) {
	if len(r.Rates) != len(x) {
		return nil, &DimensionError{What: "the list of rates", Dim: len(r.Rates), Want: len(x)}
	}
	if !dense.Finite(r.Rates) {
		return nil, &SettingError{Of: "gradient step", Field: "rates", Value: r.Rates, Want: "finite numbers"}
	}
	p, err := r.Objective.At(x)
	if err != nil {
		return nil, err
	}
	p3, ok := p.(objective.Point3)
	if !ok {
		return nil, &NoThirdError{Point: p}
	}
	s := &ratesStep{at: p3, rates: r.Rates, grad: make([]float64, len(x)), to: make([]float64, len(x))}
	p.Grad(s.grad)
	for i, g := range s.grad {
		s.to[i] = x[i] - r.Rates[i]*g
	}
	return s, nil
}

type ratesStep struct {
	at              objective.Point3
	rates, grad, to []float64
}

func (s *ratesStep) To() []float64 { return s.to }

func (s *ratesStep) Push(dst, z []float64) {
	s.at.HessVec(dst, z)
	for i, h := range dst {
		dst[i] = z[i] - s.rates[i]*h
	}
}

func (s *ratesStep) scaled(v []float64) []float64 {
	a := make([]float64, len(v))
	for i := range a {
		a[i] = s.rates[i] * v[i]
	}
	return a
}

func (s *ratesStep) Pull(dst, v []float64) {
	s.at.HessVec(dst, s.scaled(v))
	for i, h := range dst {
		dst[i] = v[i] - h
	}
}

func (s *ratesStep) PullDeriv(dst, z, v []float64) {
	s.at.Third(dst, z, s.scaled(v))
	dense.Scale(dst, -1, dst)
}

// LearnedRates is Meta-SGD's step on the parameters (x, α), where α is one rate
// for each entry of x, or one for all:
//
//	F(x, α) = (x − α∘∇g(x), α),
//	Jᵀ(v, β) = (v − ∇²g (α∘v), β − ∇g∘v),
//	d(Jᵀ(v, β))[(z, ζ)] = (−∇³g[z, α∘v] − ∇²g (ζ∘v), −(∇²g z)∘v),
//
// the parts of α summed where there is one for all. With [WithRates] round the
// outer objectives, a Meta over it is a function of (x, α), with exact
// gradients in both. The same α serves every step that has it; nothing keeps it
// positive.
//
// Cost, per member: as with fixed rates, K + 1 evaluations and K products for a
// gradient. A product with the Hessian costs K third derivatives and 4K + 1
// products, two for each derivative of a pull.
//
// Z. Li, F. Zhou, F. Chen, H. Li, arXiv 1707.09835.
type LearnedRates struct {
	Objective objective.Objective // g, of x
	Single    bool                // one rate for all entries
}

// Dim is that of (x, α).
func (r LearnedRates) Dim() int { return withRates(r.Objective.Dim(), r.Single) }

func withRates(n int, single bool) int {
	if single {
		return n + 1
	}
	return 2 * n
}

// At evaluates the step at (x, α).
func (r LearnedRates) At(y []float64) (objective.Step, error) {
	n := r.Objective.Dim()
	if len(y) != r.Dim() {
		return nil, &DimensionError{What: "the start with its rates", Dim: len(y), Want: r.Dim()}
	}
	if !dense.Finite(y[n:]) {
		return nil, &NotFiniteError{What: "rate"} // of an overlong outer step
	}
	α := make([]float64, n)
	for i := range α {
		α[i] = y[n+min(i, len(y)-n-1)]
	}
	inner, err := Rates{Objective: r.Objective, Rates: α}.At(y[:n])
	if err != nil {
		return nil, err
	}
	s := &learnedStep{ratesStep: inner.(*ratesStep), n: n}
	s.to = append(s.ratesStep.to, y[n:]...)
	return s, nil
}

type learnedStep struct {
	*ratesStep
	n  int
	to []float64
}

func (s *learnedStep) To() []float64 { return s.to }

// spread is the part of y that belongs to the rates, one for each entry.
func (s *learnedStep) spread(y []float64) []float64 {
	if len(y) == 2*s.n {
		return y[s.n:]
	}
	all := make([]float64, s.n)
	for i := range all {
		all[i] = y[s.n]
	}
	return all
}

// gather adds what each entry's rate receives to the rates' part of dst.
func (s *learnedStep) gather(dst []float64, each func(i int) float64) {
	if len(dst) == 2*s.n {
		for i := range s.n {
			dst[s.n+i] += each(i)
		}
		return
	}
	dst[s.n] += objective.Sum(s.n, each)
}

func (s *learnedStep) Push(dst, z []float64) {
	s.ratesStep.Push(dst[:s.n], z[:s.n])
	for i, ζ := range s.spread(z) {
		dst[i] -= ζ * s.grad[i]
	}
	copy(dst[s.n:], z[s.n:])
}

func (s *learnedStep) Pull(dst, v []float64) {
	s.ratesStep.Pull(dst[:s.n], v[:s.n])
	copy(dst[s.n:], v[s.n:])
	s.gather(dst, func(i int) float64 { return -s.grad[i] * v[i] })
}

func (s *learnedStep) PullDeriv(dst, z, v []float64) {
	n := s.n
	s.ratesStep.PullDeriv(dst[:n], z[:n], v[:n])
	t, h := make([]float64, n), make([]float64, n)
	for i, ζ := range s.spread(z) {
		t[i] = ζ * v[i]
	}
	s.at.HessVec(h, t)
	dense.Sub(dst[:n], dst[:n], h)
	s.at.HessVec(h, z[:n])
	clear(dst[n:])
	s.gather(dst, func(i int) float64 { return -h[i] * v[i] })
}

// WithRates is an outer objective as a function of (x, α) that does not depend
// on α.
type WithRates struct {
	Objective objective.Objective // f, of x
	Single    bool
}

// Dim is that of (x, α).
func (o WithRates) Dim() int { return withRates(o.Objective.Dim(), o.Single) }

// LowerBound is that of f.
func (o WithRates) LowerBound() float64 { return lowerBound(o.Objective) }

// At evaluates f at x.
func (o WithRates) At(y []float64) (objective.Point, error) {
	n := o.Objective.Dim()
	if len(y) != o.Dim() {
		return nil, &DimensionError{What: "the start with its rates", Dim: len(y), Want: o.Dim()}
	}
	p, err := o.Objective.At(y[:n])
	if err != nil {
		return nil, err
	}
	return &withRatesPoint{Point: p, n: n, bound: o.LowerBound()}, nil
}

type withRatesPoint struct {
	objective.Point
	n     int
	bound float64
}

func (p *withRatesPoint) Grad(dst []float64) {
	p.Point.Grad(dst[:p.n])
	clear(dst[p.n:])
}

func (p *withRatesPoint) HessVec(dst, v []float64) {
	p.Point.HessVec(dst[:p.n], v[:p.n])
	clear(dst[p.n:])
}

// Direction is that of f.
func (p *withRatesPoint) Direction() string { return direction(p.Point) }

func (p *withRatesPoint) Gap() float64 {
	if g, ok := p.Point.(objective.Gapped); ok {
		return g.Gap()
	}
	return p.Value() - p.bound
}
