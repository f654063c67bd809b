package check

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// complete adds Σ to a step of a rule that does not need it: its transposed
// Jacobian solves equations with the same operator.
func (t *linearTask) complete(x *stepAt) (err error) {
	if x.primal != nil {
		return nil
	}
	if x.primal, err = newLyapunov(x.aw); err != nil {
		return err
	}
	x.sigma, err = x.primal.solve(t.s0)
	return err
}

// narrowed cuts P, E, S and Σ at the gains of x, and U where it is known, down to what
// the mean value theorem leaves of them, from a gain of center that x has, too:
//
//	P(W) ∈ P(c) + dP[W − c],
//
// and E and Σ alike, with the derivatives at all gains of x.
func (t *linearTask) narrowed(x, center *stepAt) error {
	if err := t.complete(x); err != nil {
		return err
	}
	if err := t.complete(center); err != nil {
		return err
	}
	off := x.w.Sub(center.w)
	for range 2 {
		p, e, σ := center.p, center.e, center.sigma
		for k, by := range off.Data {
			z := interval.NewMatrix(x.w.Rows, x.w.Cols)
			z.Data[k] = interval.Of(1)
			d, err := t.along(x, z, (*lyapunov).solve)
			if err != nil {
				return err
			}
			p, e, σ = p.Add(d.dp.Scale(by)), e.Add(d.de.Scale(by)), σ.Add(d.dσ.Scale(by))
		}
		x.p, x.e, x.sigma = common(x.p, p), common(x.e, e), common(x.sigma, σ)
		x.s = common(x.s, t.r.Add(t.b.MulTN(x.p).Mul(t.b)))
		if !bounded(x.p) || !bounded(x.e) || !bounded(x.sigma) || !bounded(x.s) {
			return errUnbounded
		}
	}
	if x.u.Rows > 0 {
		var ok bool
		if x.u, ok = solveSymmetric(x.s, x.e); !ok {
			return errSingular
		}
	}
	return nil
}

// common is what two enclosures of a matrix have in common.
func common(a, b interval.Matrix) interval.Matrix {
	return interval.Matrix{Rows: a.Rows, Cols: a.Cols, Data: interval.Box(a.Data).Intersect(b.Data)}
}

// halfSum is (X + Xᵀ)/2.
func halfSum(x interval.Matrix) interval.Matrix { return x.Add(x.T()).Scale(interval.Of(0.5)) }

// A pulled step is Jᵀv, with what its derivative needs.
type pulled struct {
	v, to interval.Matrix
	d     *tangent        // along v: gradient
	y, g  interval.Matrix // natural and Gauss–Newton; g = S⁻¹v
}

// pull encloses Jᵀv at every gain of x, for every v of a set:
//
//	gradient      v − r(dE[v] Σ + E dΣ[v])
//	natural       v − r(S v − 2E Y)          Y = L Y Lᵀ + sym(B v Lᵀ)
//	Gauss–Newton  (1 − r)v + 2r E Y          Y = L Y Lᵀ + sym(B g Lᵀ + B g UᵀBᵀ)
func (t *linearTask) pull(rule stepRule, x *stepAt, v interval.Matrix) (*pulled, error) {
	p := &pulled{v: v}
	var err error
	if rule.kind == family.RuleGradient {
		if p.d, err = t.along(x, v, (*lyapunov).solve); err != nil {
			return nil, err
		}
		p.to, err = t.pushed(rule, x, p.d)
		return p, err
	}
	load := t.b.Mul(v).MulNT(x.aw)
	if rule.kind == family.RuleGaussNewton {
		var ok bool
		if p.g, ok = solveSymmetric(x.s, v); !ok {
			return nil, errSingular
		}
		bg := t.b.Mul(p.g)
		load = bg.MulNT(x.aw).Add(bg.MulNT(t.b.Mul(x.u)))
	}
	if p.y, err = x.primal.solve(halfSum(load)); err != nil {
		return nil, err
	}
	ey := x.e.Mul(p.y).Scale(interval.Of(2))
	if rule.kind == family.RuleGaussNewton {
		p.to = v.Scale(interval.Of(1).Sub(rule.r)).Add(ey.Scale(rule.r))
	} else {
		p.to = v.Sub(x.s.Mul(v).Sub(ey).Scale(rule.r))
	}
	return p, nil
}

// twist encloses the derivative of Jᵀv along Z, with v held:
//
//	gradient      −r(d²E Σ + dE[Z] dΣ[v] + dE[v] dΣ[Z] + E d²Σ)
//	natural       −r(BᵀdP B v − 2dE Y − 2E dY)
//	              dY = L dY Lᵀ − sym(B v ZᵀBᵀ) − B Z Y Lᵀ − L Y ZᵀBᵀ
//	Gauss–Newton  2r(dE Y + E dY),   dg = −S⁻¹BᵀdP B g
//	              dY = L dY Lᵀ + sym(B dg Lᵀ − B g ZᵀBᵀ + B dg UᵀBᵀ + B g dUᵀBᵀ) − B Z Y Lᵀ − L Y ZᵀBᵀ
func (t *linearTask) twist(rule stepRule, x *stepAt, p *pulled, z *tangent) (interval.Matrix, error) {
	if rule.kind == family.RuleGradient {
		m, err := t.third(x, p.d, z)
		return m.Scale(rule.r.Neg()), err
	}
	moved := z.bz.Mul(p.y).MulNT(x.aw)
	var load interval.Matrix
	if rule.kind == family.RuleNatural {
		load = halfSum(t.b.Mul(p.v).MulNT(z.bz)).Scale(interval.Of(-1))
	} else {
		bg := t.b.Mul(p.g)
		dg, ok := solveSymmetric(x.s, z.bdp.Mul(bg).Scale(interval.Of(-1)))
		if !ok {
			return dg, errSingular
		}
		du, ok := t.du(x, z)
		if !ok {
			return du, errSingular
		}
		bdg := t.b.Mul(dg)
		load = halfSum(bdg.MulNT(x.aw).Sub(bg.MulNT(z.bz)).Add(bdg.MulNT(t.b.Mul(x.u))).Add(bg.MulNT(t.b.Mul(du))))
	}
	dy, err := x.primal.solve(load.Sub(moved).Sub(moved.T()))
	if err != nil {
		return dy, err
	}
	turn := z.de.Mul(p.y).Add(x.e.Mul(dy)).Scale(interval.Of(2))
	if rule.kind == family.RuleNatural {
		turn = turn.Sub(z.bdp.Mul(t.b.Mul(p.v)))
	}
	return turn.Scale(rule.r), nil
}

// third encloses half of ∇³C[Y, Z]: with
//
//	M = −YᵀBᵀdP[Z] L + ZᵀdE[Y]                             d²P = Lᵀd²P L + M + Mᵀ
//	N = −B Y dΣ[Z] Lᵀ − B Z dΣ[Y] Lᵀ + B Z Σ YᵀBᵀ          d²Σ = L d²Σ Lᵀ + N + Nᵀ
//	d²E = BᵀdP[Y] B Z + BᵀdP[Z] B Y − Bᵀd²P L
//
// it is d²E Σ + dE[Z] dΣ[Y] + dE[Y] dΣ[Z] + E d²Σ.
func (t *linearTask) third(x *stepAt, y, z *tangent) (interval.Matrix, error) {
	m := z.z.MulTN(y.de).Sub(y.bz.MulTN(z.dp).Mul(x.aw))
	d2p, err := x.dual.solve(m.Add(m.T()))
	if err != nil {
		return m, err
	}
	n := z.bz.Mul(x.sigma).MulNT(y.bz).Sub(y.bz.Mul(z.dσ).MulNT(x.aw)).Sub(z.bz.Mul(y.dσ).MulNT(x.aw))
	d2σ, err := x.primal.solve(n.Add(n.T()))
	if err != nil {
		return m, err
	}
	d2e := y.bdp.Mul(z.bz).Add(z.bdp.Mul(y.bz)).Sub(t.b.MulTN(d2p).Mul(x.aw))
	return d2e.Mul(x.sigma).Add(z.de.Mul(y.dσ)).Add(y.de.Mul(z.dσ)).Add(x.e.Mul(d2σ)), nil
}
