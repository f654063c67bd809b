package check

import (
	"errors"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

var (
	errRule     = errors.New("the inner rule or the normalisation is unknown")
	errSingular = errors.New("the matrix R + BᵀPB cannot be shown to be invertible")
)

// A stepRule is one inner step, on a task whose cost is divided by a constant:
//
//	gradient      F = W − r E Σ
//	natural       F = W − r E
//	Gauss–Newton  F = W − r U,   U = S⁻¹E
//
// where r is 2η, divided by that constant except for Gauss–Newton, whose step
// does not depend on it.
type stepRule struct {
	kind family.Rule
	r    interval.Interval
}

func newStepRule(kind family.Rule, rate float64, divisor interval.Interval) (stepRule, error) {
	r := interval.Of(rate).Scale(2)
	switch kind {
	case family.RuleGradient, family.RuleNatural:
		r = r.Div(divisor)
	case family.RuleGaussNewton:
	default:
		return stepRule{}, errRule
	}
	return stepRule{kind, r}, nil
}

// step encloses F(W) for every W of w, all of which are proved to stabilise the
// task. Where w is not a point, by the mean value theorem,
//
//	F(W) ∈ F(Ŵ) + J(w) (W − Ŵ),
//
// with Ŵ the midpoint: inserting w into F itself would multiply its width, at
// every step, by how much E and Σ respond to W, whereas J is about I.
func (t *linearTask) step(rule stepRule, w interval.Matrix) (interval.Matrix, error) {
	middle := thin(mid(w))
	x, err := t.arrive(rule, middle)
	if err != nil {
		return w, err
	}
	to := middle.Sub(x.move)
	if off := w.Sub(middle); off.NormInf() > 0 {
		if x, err = t.arrive(rule, w); err != nil {
			return w, err
		}
		for k, by := range off.Data {
			if by == interval.Of(0) {
				continue
			}
			column, err := t.push(rule, x, k)
			if err != nil {
				return w, err
			}
			to = to.Add(column.Scale(by))
		}
	}
	if !bounded(to) {
		return w, errUnbounded
	}
	return to, nil
}

// A stepAt is what a step is made of, for every gain of a set.
type stepAt struct {
	*evaluation
	move   interval.Matrix // W − F(W)
	primal *lyapunov       // X = A_W X A_Wᵀ + V; gradient only
	sigma  interval.Matrix // gradient only
	u      interval.Matrix // Gauss–Newton only
}

// arrive evaluates the step by inserting w.
func (t *linearTask) arrive(rule stepRule, w interval.Matrix) (*stepAt, error) {
	e, err := t.at(w)
	if err != nil {
		return nil, err
	}
	x := &stepAt{evaluation: e}
	switch rule.kind {
	case family.RuleGradient:
		if x.primal, err = newLyapunov(x.aw); err != nil {
			return nil, err
		}
		if x.sigma, err = x.primal.solve(t.s0); err != nil {
			return nil, err
		}
		x.move = x.e.Mul(x.sigma)
	case family.RuleNatural:
		x.move = x.e
	case family.RuleGaussNewton:
		var ok bool
		if x.u, ok = solveSymmetric(x.s, x.e); !ok {
			return nil, errSingular
		}
		x.move = x.u
	}
	x.move = x.move.Scale(rule.r)
	return x, nil
}

// A tangent is how the matrices of a task respond to a direction Z of its gain:
//
//	dP = LᵀdP L + ZᵀE + EᵀZ           dE = S Z − BᵀdP L
//	dΣ = L dΣ Lᵀ − BZΣLᵀ − LΣZᵀBᵀ,    L = A_W.
type tangent struct {
	z, bz, dp, bdp, de interval.Matrix
	dσ                 interval.Matrix // where Σ is known
}

// A solver encloses the solutions of an equation: [lyapunov.solve], or the quicker
// [lyapunov.bound].
type solver func(*lyapunov, interval.Matrix) (interval.Matrix, error)

// along encloses the tangent for every direction of z, at every gain of x.
func (t *linearTask) along(x *stepAt, z interval.Matrix, solve solver) (*tangent, error) {
	d := &tangent{z: z, bz: t.b.Mul(z)}
	ze := z.MulTN(x.e)
	var err error
	if d.dp, err = solve(x.dual, ze.Add(ze.T())); err != nil {
		return nil, err
	}
	d.bdp = t.b.MulTN(d.dp)
	d.de = x.s.Mul(z).Sub(d.bdp.Mul(x.aw))
	if x.sigma.Rows > 0 {
		v := d.bz.Mul(x.sigma).MulNT(x.aw)
		if d.dσ, err = solve(x.primal, v.Add(v.T()).Scale(interval.Of(-1))); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// push encloses J Z at every gain of x, for the gain Z whose entry k is 1 and
// whose others are 0.
func (t *linearTask) push(rule stepRule, x *stepAt, k int) (interval.Matrix, error) {
	z := interval.NewMatrix(x.w.Rows, x.w.Cols)
	z.Data[k] = interval.Of(1)
	d, err := t.along(x, z, (*lyapunov).bound)
	if err != nil {
		return z, err
	}
	return t.pushed(rule, x, d)
}

// pushed encloses J Z = Z − r dE, Z − r(dE Σ + E dΣ) or Z − r dU, with
// dU = S⁻¹(dE − BᵀdP B U).
func (t *linearTask) pushed(rule stepRule, x *stepAt, d *tangent) (interval.Matrix, error) {
	m := d.de
	switch rule.kind {
	case family.RuleGradient:
		m = d.de.Mul(x.sigma).Add(x.e.Mul(d.dσ))
	case family.RuleGaussNewton:
		var ok bool
		if m, ok = t.du(x, d); !ok {
			return m, errSingular
		}
	}
	return d.z.Sub(m.Scale(rule.r)), nil
}

// du encloses dU = S⁻¹(dE − BᵀdP B U).
func (t *linearTask) du(x *stepAt, d *tangent) (interval.Matrix, bool) {
	return solveSymmetric(x.s, d.de.Sub(d.bdp.Mul(t.b.Mul(x.u))))
}
