package maml

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Moreau is the Moreau envelope of an objective as an objective,
//
//	m(x) = min g(φ) + (κ/2)‖φ − x‖²,   ∇m = κ(x − φ),   ∇²m = κ(I − M⁻¹),
//
// with φ and M as in [Proximal], whose conditions, errors and cost are its own.
// It is finite at every x, where Start is given, has the minimum of g, at the
// same x, and is a bounded objective where g is.
//
// A Meta over envelopes without inner steps is the cheaper cousin of iMAML: its
// gradient needs no product with M⁻¹. The two differ even where f = g: iMAML
// counts g(φ) alone, the envelope the way there too. So does what they need: a
// gradient of the envelope no second derivative but to find φ and to check it,
// its Hessian no third. Points are objective.Point3 where those of g are.
//
// A. Aravind, M. T. Toghani, C. A. Uribe, arXiv 2403.17364 (for LQR).
type Moreau struct {
	Proximal
}

// Dim is that of g.
func (m Moreau) Dim() int { return m.Objective.Dim() }

// LowerBound is that of g.
func (m Moreau) LowerBound() float64 { return lowerBound(m.Objective) }

// At solves the proximal problem at x.
func (m Moreau) At(x []float64) (objective.Point, error) {
	s, err := m.solve(x)
	if err != nil {
		return nil, err
	}
	p := &moreauPoint{step: s, away: along(s.newton, 1, difference(x, s.to)), bound: m.LowerBound()}
	if _, ok := s.at.(objective.Point3); ok {
		return &moreauPoint3{p}, nil
	}
	return p, nil
}

type moreauPoint struct {
	step  *proximalStep
	away  []float64 // x − φ, with φ one Newton step further than step's
	bound float64
}

func (p *moreauPoint) Value() float64 { return p.step.n.Value() }

// Gap is g's gap at φ and the proximal term.
func (p *moreauPoint) Gap() float64 {
	if g, ok := p.step.at.(objective.Gapped); ok {
		return g.Gap() + p.step.strength/2*dense.Dot(p.step.n.away, p.step.n.away)
	}
	return p.Value() - p.bound
}

// Grad is κ(x − φ) with an error of second order in that of φ. Where κ is large
// the digits that x − φ loses come back with the Newton step, for together they
// are ∇g(φ).
func (p *moreauPoint) Grad(dst []float64) { dense.Scale(dst, p.step.strength, p.away) }

// HessVec: κ(I − M⁻¹) = M⁻¹ ∇²g, of which the second does not cancel where κ is
// large.
func (p *moreauPoint) HessVec(dst, v []float64) {
	h := make([]float64, len(v))
	p.step.at.HessVec(h, v)
	p.step.Push(dst, h)
}

type moreauPoint3 struct{ *moreauPoint }

// Third: −κ times the derivative of M⁻¹ y along z.
func (p *moreauPoint3) Third(dst, y, z []float64) {
	p.step.PullDeriv(dst, z, y)
	dense.Scale(dst, -p.step.strength, dst)
}
