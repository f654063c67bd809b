package fleet

import "github.com/metalqr/metalqr/fleet/internal/kernel"

// The derivatives of package lqr (its derivatives.go, natural.go and
// gaussnewton.go hold the equations) as programs. X + Xᵀ is formed by a
// symmetric product and the addition of its transpose; z stands for the
// direction.

// along computes all of t along z.
func (e *engine) along(p *kernel.Program, s *slot, d *data, z kernel.Mat, t *tangent) {
	p.SymMul(t.dp, z.T(), s.e)
	p.SymAdd(t.dp, t.dp, s.e.T(), z)
	p.Mul(t.bz, d.b, z)
	p.SymScale(t.dx, -1, t.bz, s.ax.T())
	p.SymSub(t.dx, t.dx, s.ax, t.bz.T())
	e.solveBoth(p, s, t.dx, t.dp)
	e.dE(p, s, d, z, t)
}

// cost is along without dΣ[z].
func (e *engine) cost(p *kernel.Program, s *slot, d *data, z kernel.Mat, t *tangent) {
	p.SymMul(t.dp, z.T(), s.e)
	p.SymAdd(t.dp, t.dp, s.e.T(), z)
	p.Mul(t.bz, d.b, z)
	e.solveT(p, s, t.dp)
	e.dE(p, s, d, z, t)
}

// dE sets dE[z], given dP[z].
func (e *engine) dE(p *kernel.Program, s *slot, d *data, z kernel.Mat, t *tangent) {
	p.Mul(e.g1, d.b.T(), t.dp)
	p.Mul(t.de, s.s, z)
	p.MulSub(t.de, t.de, e.g1, s.aw)
}

// push sets z ← J z, and t to what pullDerivative needs along the z given.
func (e *engine) push(p *kernel.Program, z kernel.Mat, s *slot, d *data, η float64, t *tangent) {
	switch e.rule {
	case Gradient:
		e.along(p, s, d, z, t)
		p.MulFMA(z, z, -2*η, t.de, s.x)
		p.MulFMA(z, z, -2*η, s.e, t.dx)
	case Natural:
		e.cost(p, s, d, z, t)
		p.FMA(z, z, -2*η, t.de)
	case GaussNewton:
		e.cost(p, s, d, z, t)
		e.dU(p, s, d, t, e.g2)
		p.FMA(z, z, -2*η, e.g2)
	}
}

// dU sets du ← S⁻¹(dE − Bᵀ dP B U).
func (e *engine) dU(p *kernel.Program, s *slot, d *data, t *tangent, du kernel.Mat) {
	p.Mul(e.g1, d.b.T(), t.dp)
	p.MulSub(du, t.de, e.g1, s.bu)
	p.Solve(s.ls, du)
}

// pull sets dst ← Jᵀ v; dst is not v. In side it leaves what pullDerivative
// needs: the tangent along v, or the rule's Y with B v, or B g and A_W + B U.
func (e *engine) pull(p *kernel.Program, dst, v kernel.Mat, s *slot, d *data, η float64, side *tangent) {
	switch e.rule {
	case Gradient:
		e.along(p, s, d, v, side)
		p.MulFMA(dst, v, -2*η, side.de, s.x)
		p.MulFMA(dst, dst, -2*η, s.e, side.dx)
	case Natural:
		y := side.dx
		e.naturalAdjoint(p, y, side.bz, v, s, d)
		p.MulFMA(dst, v, -2*η, s.s, v)
		p.MulFMA(dst, dst, 4*η, s.e, y)
	case GaussNewton:
		y := side.dx
		e.gaussNewtonAdjoint(p, y, side.bz, side.dp, e.g1, v, s, d)
		p.Scale(dst, 1-2*η, v)
		p.MulFMA(dst, dst, 4*η, s.e, y)
	}
}

// naturalAdjoint sets y ← A_W y A_Wᵀ + sym(B v A_Wᵀ), and bv ← B v.
func (e *engine) naturalAdjoint(p *kernel.Program, y, bv, v kernel.Mat, s *slot, d *data) {
	p.Mul(bv, d.b, v)
	p.SymScale(y, 0.5, bv, s.aw.T())
	p.SymFMA(y, y, 0.5, s.aw, bv.T())
	e.solve(p, s, y)
}

// gaussNewtonAdjoint sets g ← S⁻¹v, bg ← B g, af ← A_W + B U and
// y ← A_W y A_Wᵀ + sym(B g afᵀ).
func (e *engine) gaussNewtonAdjoint(p *kernel.Program, y, bg, af, g, v kernel.Mat, s *slot, d *data) {
	p.Copy(g, v)
	p.Solve(s.ls, g)
	p.Mul(bg, d.b, g)
	p.Add(af, s.aw, s.bu)
	p.SymScale(y, 0.5, bg, af.T())
	p.SymFMA(y, y, 0.5, af, bg.T())
	e.solve(p, s, y)
}

// pullDerivative sets dst ← dst + d(Jᵀv)[z], v held, with t along z and side as
// pull along v left it.
func (e *engine) pullDerivative(p *kernel.Program, dst, v kernel.Mat, s *slot, d *data, η float64, t, side *tangent) {
	switch e.rule {
	case Gradient:
		e.third(p, dst, -2*η, v, s, d, side, t)
	case Natural:
		e.naturalDerivative(p, dst, s, d, η, t, side)
	case GaussNewton:
		e.gaussNewtonDerivative(p, dst, s, d, η, t, side)
	}
}

// third sets dst ← dst + c/2 ∇³C[y, z], with a along y and t along z:
//
//	∇³C[y, z] = 2 ( d²E Σ + dE[z] dΣ[y] + dE[y] dΣ[z] + E d²Σ ).
//
// It is symmetric in y and z. M is lqr's with the two exchanged,
// M = −(B z)ᵀ dP[y] A_W + yᵀ dE[z], because z is gone by now.
func (e *engine) third(p *kernel.Program, dst kernel.Mat, c float64, y kernel.Mat, s *slot, d *data, a, t *tangent) {
	p.MulFMA(dst, dst, c, t.de, a.dx)
	p.MulFMA(dst, dst, c, a.de, t.dx)

	// d²Σ: N = −B y dΣ[z] A_Wᵀ + B z (Σ (B y)ᵀ − dΣ[y] A_Wᵀ).
	p.Mul(e.t2, s.x, a.bz.T())
	p.MulSub(e.t2, e.t2, a.dx, s.aw.T())
	p.SymMul(e.d2, t.bz, e.t2)
	p.SymAdd(e.d2, e.d2, e.t2.T(), t.bz.T())
	p.Mul(e.t2, t.dx, s.aw.T())
	p.SymSub(e.d2, e.d2, a.bz, e.t2)
	p.SymSub(e.d2, e.d2, e.t2.T(), a.bz.T())

	// d²P.
	p.Mul(e.t2, a.dp, s.aw)
	p.SymMul(e.d3, y.T(), t.de)
	p.SymAdd(e.d3, e.d3, t.de.T(), y)
	p.SymSub(e.d3, e.d3, t.bz.T(), e.t2)
	p.SymSub(e.d3, e.d3, e.t2.T(), t.bz)

	e.solveBoth(p, s, e.d2, e.d3)
	p.MulFMA(dst, dst, c, s.e, e.d2)

	// d²E = Bᵀ (dP[y] B z + dP[z] B y − d²P A_W).
	p.Mul(e.t2, a.dp, t.bz)
	p.MulAdd(e.t2, e.t2, t.dp, a.bz)
	p.MulSub(e.t2, e.t2, e.d3, s.aw)
	p.Mul(e.g1, d.b.T(), e.t2)
	p.MulFMA(dst, dst, c, e.g1, s.x)
}

// naturalDerivative adds −2η (Bᵀ dP B v − 2 dE Y − 2 E dY) to dst, with
// dY = A_W dY A_Wᵀ − sym(B v (B z)ᵀ) − B z Y A_Wᵀ − A_W Y (B z)ᵀ.
func (e *engine) naturalDerivative(p *kernel.Program, dst kernel.Mat, s *slot, d *data, η float64, t, side *tangent) {
	y, bv := side.dx, side.bz
	p.Mul(e.t2, t.dp, bv)
	p.MulFMA(dst, dst, -2*η, d.b.T(), e.t2)
	p.MulFMA(dst, dst, 4*η, t.de, y)

	p.SymScale(e.d2, -0.5, bv, t.bz.T())
	p.SymFMA(e.d2, e.d2, -0.5, t.bz, bv.T())
	p.Mul(e.t2, y, s.aw.T())
	p.SymSub(e.d2, e.d2, t.bz, e.t2)
	p.SymSub(e.d2, e.d2, e.t2.T(), t.bz.T())
	e.solve(p, s, e.d2)
	p.MulFMA(dst, dst, 4*η, s.e, e.d2)
}

// gaussNewtonDerivative adds 4η (dE Y + E dY) to dst, with dg = −S⁻¹Bᵀ dP B g and
//
//	dY = A_W dY A_Wᵀ + sym(B dg (A_W + B U)ᵀ + B g (B dU − B z)ᵀ) − B z Y A_Wᵀ − A_W Y (B z)ᵀ.
func (e *engine) gaussNewtonDerivative(p *kernel.Program, dst kernel.Mat, s *slot, d *data, η float64, t, side *tangent) {
	y, bg, af, m := side.dx, side.bz, side.dp, e.t2
	p.MulFMA(dst, dst, 4*η, t.de, y)

	dg, du := e.g3, e.g2
	p.Mul(m, t.dp, bg)
	p.MulScale(dg, -1, d.b.T(), m)
	p.Solve(s.ls, dg)
	p.Mul(m, d.b, dg)
	p.SymScale(e.d2, 0.5, m, af.T())
	p.SymFMA(e.d2, e.d2, 0.5, af, m.T())
	e.dU(p, s, d, t, du)
	p.Mul(m, d.b, du)
	p.Sub(m, m, t.bz)
	p.SymFMA(e.d2, e.d2, 0.5, bg, m.T())
	p.SymFMA(e.d2, e.d2, 0.5, m, bg.T())
	p.Mul(m, y, s.aw.T())
	p.SymSub(e.d2, e.d2, t.bz, m)
	p.SymSub(e.d2, e.d2, m.T(), t.bz.T())
	e.solve(p, s, e.d2)
	p.MulFMA(dst, dst, 4*η, s.e, e.d2)
}
