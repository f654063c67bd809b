package lqr

import (
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// GaussNewton is the Gauss–Newton inner rule on a task,
//
//	F(W) = W − η S⁻¹ ∇C(W) Σ⁻¹ = W − 2η U,   U = S⁻¹E.
//
// With η = ½ it is policy iteration (Hewer 1971). For 0 < η < 1 it always lands
// on a stabilising gain, because P − A_FᵀPA_F = Q + FᵀRF + 4η(1−η) EᵀS⁻¹E. It
// does not change when the cost is multiplied by a constant. With
// sym(X) = (X + Xᵀ)/2,
//
//	J Z  = Z − 2η dU[Z],   dU = S⁻¹(dE − Bᵀ dP B U)
//	Jᵀ v = (1−2η) v + 4η E Y,   g = S⁻¹v,   Y = A_W Y A_Wᵀ + sym(B g A_Wᵀ + B g UᵀBᵀ)
//
// At the optimum J = (1−2η) I, which at η = ½ is zero: the meta-objective is
// then degenerate at a task's own optimum.
//
// G. A. Hewer, IEEE Trans. Automatic Control 16 (1971), 382–384; Fazel et al.,
// ICML 2018.
type GaussNewton struct {
	Task *Task
	Rate float64 // η
}

// At evaluates the rule; see [Task.Evaluate] and [Point.GaussNewton] for the
// errors. Push and Pull cost one solution each, PullDeriv three.
func (g GaussNewton) At(x []float64) (objective.Step, error) {
	p, err := g.Task.Evaluate(x)
	if err != nil {
		return nil, err
	}
	n, r := p.t.std.n, p.t.std.r
	l, err := p.factorS()
	if err != nil {
		return nil, err
	}
	s := &gaussNewtonStep{p: p, η: g.Rate, l: l, u: make([]float64, r*n), to: make([]float64, r*n)}
	copy(s.u, p.e)
	dense.CholeskySolve(s.l, s.u, r, n)
	for i, u := range s.u {
		s.to[i] = x[i] - 2*g.Rate*u
	}
	return s, nil
}

type gaussNewtonStep struct {
	p        *Point
	η        float64
	l, u, to []float64 // Cholesky factor of S, r×r; U and F, r×n
}

func (s *gaussNewtonStep) To() []float64 { return s.to }

// dU sets du ← dU[Z], and dp ← dP[Z], de ← dE[Z]; t (n×n) and g (r×n) are
// temporaries.
func (s *gaussNewtonStep) dU(du, dp, de, z, t, g []float64) {
	p := s.p
	f := p.t.std
	p.dP(dp, z)
	p.dE(de, z, dp, g)
	dense.Mul(t, f.b, s.u, f.n, f.r, f.n)
	dense.MulTN(g, f.b, dp, f.r, f.n, f.n)
	dense.Mul(du, g, t, f.r, f.n, f.n)
	for i, x := range de {
		du[i] = x - du[i]
	}
	dense.CholeskySolve(s.l, du, f.r, f.n)
}

func (s *gaussNewtonStep) Push(dst, z []float64) {
	ws := s.p.t.scratch.Get().(*workspace)
	defer s.p.t.scratch.Put(ws)
	s.dU(ws.g1, ws.m1, ws.g2, z, ws.m2, ws.g3)
	for i, du := range ws.g1 {
		dst[i] = z[i] - 2*s.η*du
	}
}

func (s *gaussNewtonStep) Pull(dst, v []float64) {
	p := s.p
	n, r := p.t.std.n, p.t.std.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	s.adjoint(ws.m1, ws.m2, ws.m3, ws.m4, ws.g1, v)
	dense.Mul(ws.g2, p.e, ws.m1, r, n, n)
	for i := range dst {
		dst[i] = (1-2*s.η)*v[i] + 4*s.η*ws.g2[i]
	}
}

// adjoint sets y ← Y and g ← S⁻¹v of the rule's documentation, and bg ← B g,
// af ← A_W + B U, the closed loop of policy iteration; t is a temporary.
func (s *gaussNewtonStep) adjoint(y, bg, af, t, g, v []float64) {
	p := s.p
	f := p.t.std
	copy(g, v)
	dense.CholeskySolve(s.l, g, f.r, f.n)
	dense.Mul(bg, f.b, g, f.n, f.r, f.n)
	dense.Mul(af, f.b, s.u, f.n, f.r, f.n)
	dense.Add(af, af, p.aw)
	dense.MulNT(y, bg, af, f.n, f.n, f.n)
	dense.Symmetrize(y, f.n)
	p.solve(y, y)
}

// PullDeriv sets dst ← D[Z, v] = 4η (dE Y + E dY), with dg = −S⁻¹Bᵀ dP B g and
//
//	dY = A_W dY A_Wᵀ + sym(B dg (A_W + B U)ᵀ + B g (B dU − B Z)ᵀ) − B Z Y A_Wᵀ − A_W Y ZᵀBᵀ.
func (s *gaussNewtonStep) PullDeriv(dst, z, v []float64) {
	p := s.p
	f := p.t.std
	n, r := f.n, f.r
	ws := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws)
	ws2 := p.t.scratch.Get().(*workspace)
	defer p.t.scratch.Put(ws2)
	y, bg, af, dp, bz, t := ws.m1, ws.m2, ws.m3, ws.m4, ws.m5, ws.m6
	g, du, de, dg, tmp := ws.g1, ws.g2, ws.g3, ws.g4, ws.g5
	dy, t2 := ws2.m1, ws2.m2

	s.adjoint(y, bg, af, t, g, v)
	s.dU(du, dp, de, z, t, tmp)
	dense.Mul(t, dp, bg, n, n, n)
	dense.MulTN(dg, f.b, t, r, n, n)
	dense.CholeskySolve(s.l, dg, r, n)
	dense.Scale(dg, -1, dg)

	dense.Mul(t, f.b, dg, n, r, n)
	dense.MulNT(dy, t, af, n, n, n)
	dense.Mul(bz, f.b, z, n, r, n)
	dense.Mul(t, f.b, du, n, r, n)
	for i, x := range bz {
		t[i] -= x
	}
	dense.MulNT(t2, bg, t, n, n, n)
	for i, x := range t2 {
		dy[i] = (dy[i] + x) / 2
	}
	dense.MulNT(t, y, p.aw, n, n, n)
	dense.Mul(t2, bz, t, n, n, n)
	for i, x := range t2 {
		dy[i] -= x
	}
	addTranspose(dy, n)
	p.solve(dy, dy)

	dense.Mul(tmp, de, y, r, n, n)
	dense.Mul(dst, p.e, dy, r, n, n)
	for i, x := range tmp {
		dst[i] = 4 * s.η * (dst[i] + x)
	}
}
