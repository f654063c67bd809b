package lqr

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Natural is the natural-gradient inner rule on a task,
//
//	F(W) = W − η ∇C(W) Σ⁻¹ = W − 2η E.
//
// Its Jacobian and the transpose, with sym(X) = (X + Xᵀ)/2:
//
//	J Z  = Z − 2η dE[Z]
//	Jᵀ v = v − 2η (S v − 2 E Y),   Y = A_W Y A_Wᵀ + sym(B v A_Wᵀ)
//
// F does not depend on Σ₀. It may leave the stabilising set. At the optimum
// J = I − 2η S*, so η below 1/‖S*‖ contracts.
//
// S. Kakade, NIPS 2001; Fazel et al., ICML 2018.
type Natural struct {
	Task *Task
	Rate float64 // η
}

// At evaluates the rule; see [Task.Evaluate] for the errors. Push and Pull
// cost one solution each, PullDeriv three.
func (n Natural) At(x []float64) (objective.Step, error) {
	p, err := n.Task.Evaluate(x)
	if err != nil {
		return nil, err
	}
	to := make([]float64, len(x))
	for i, e := range p.e {
		to[i] = x[i] - 2*n.Rate*e
	}
	return &naturalStep{p: p, η: n.Rate, to: to}, nil
}

type naturalStep struct {
	p  *Point
	η  float64
	to []float64
}

func (s *naturalStep) To() []float64 { return s.to }

func (s *naturalStep) Push(dst, z []float64) {
	ws := s.p.t.scratch.Get().(*workspace)
	defer s.p.t.scratch.Put(ws)
	s.p.dP(ws.m1, z)
	s.p.dE(ws.g1, z, ws.m1, ws.g2)
	for i, de := range ws.g1 {
		dst[i] = z[i] - 2*s.η*de
	}
}

func (s *naturalStep) Pull(dst, v []float64) {
	p := s.p
	n, r := p.t.std.n, p.t.std.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	s.adjoint(ws.m1, ws.m2, v)
	dense.Mul(ws.g1, p.s, v, r, r, n)
	dense.Mul(ws.g2, p.e, ws.m1, r, n, n)
	for i := range dst {
		dst[i] = v[i] - 2*s.η*(ws.g1[i]-2*ws.g2[i])
	}
}

// adjoint sets y ← Y of the rule's documentation, and bv ← B v.
func (s *naturalStep) adjoint(y, bv, v []float64) {
	f := s.p.t.std
	dense.Mul(bv, f.b, v, f.n, f.r, f.n)
	dense.MulNT(y, bv, s.p.aw, f.n, f.n, f.n)
	dense.Symmetrize(y, f.n)
	s.p.solve(y, y)
}

// PullDeriv sets dst ← D[Z, v] = −2η (Bᵀ dP B v − 2 dE Y − 2 E dY), with
// dY = A_W dY A_Wᵀ − sym(B v ZᵀBᵀ) − B Z Y A_Wᵀ − A_W Y ZᵀBᵀ.
func (s *naturalStep) PullDeriv(dst, z, v []float64) {
	p := s.p
	f := p.t.std
	n, r := f.n, f.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	y, bv, dp, dy, bz, t := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	s.adjoint(y, bv, v)
	p.dP(dp, z)
	p.dE(ws.g1, z, dp, ws.g2)

	// g3 ← Bᵀ dP B v − 2 dE Y.
	dense.Mul(t, dp, bv, n, n, n)
	dense.MulTN(ws.g3, f.b, t, r, n, n)
	dense.Mul(ws.g2, ws.g1, y, r, n, n)
	for i, x := range ws.g2 {
		ws.g3[i] -= 2 * x
	}

	dense.Mul(bz, f.b, z, n, r, n)
	dense.MulNT(dy, bv, bz, n, n, n)
	dense.Scale(dy, -0.5, dy)
	dense.MulNT(t, y, p.aw, n, n, n)
	dense.Mul(dp, bz, t, n, n, n)
	for i, x := range dp {
		dy[i] -= x
	}
	addTranspose(dy, n)
	p.solve(dy, dy)
	dense.Mul(ws.g2, p.e, dy, r, n, n)
	for i := range dst {
		dst[i] = -2 * s.η * (ws.g3[i] - 2*ws.g2[i])
	}
}
