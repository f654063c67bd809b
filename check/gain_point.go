package check

import (
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/matrixeq"
)

// A gainProblem is the meta-objective of a family with gains of any shape.
type gainProblem struct {
	tasks    []*gainMember
	oneMap   error // nil where all tasks have one inner map and one optimal gain
	definite error // nil where every Σ₀ of the tasks as they count is positive definite
}

// A gainMember is one task: λ C_f(F_K ∘ … ∘ F₁(W)), with λ divided by what its
// costs are divided by.
type gainMember struct {
	name        string
	λ           interval.Interval
	outer, seen *linearTask
	best        *optimum
	steps       []stepRule
}

var errMoment = errors.New("its Σ₀ is not shown to be positive definite")

// newGainProblem encloses a family and its optima; w is a gain to look for them
// from. Weights are positive.
func newGainProblem(f *family.Family, w matrixeq.Matrix) (*gainProblem, error) {
	p := &gainProblem{oneMap: planarOneMap(f)}
	total := interval.Of(0)
	for i := range f.Tasks {
		total = total.Add(interval.Of(f.Tasks[i].Weight))
	}
	for i := range f.Tasks {
		from := &f.Tasks[i]
		fail := func(err error) (*gainProblem, error) { return nil, fmt.Errorf("task %q: %w", from.Name, err) }
		if !(from.Weight > 0) {
			return fail(fmt.Errorf("the weight %v is not positive", from.Weight))
		}
		t := &gainMember{name: from.Name, λ: interval.Of(from.Weight).Div(total)}
		var err error
		if t.outer, err = newLinearTask(from.Outer); err != nil {
			return fail(err)
		}
		if !t.outer.s0.PositiveDefinite() {
			p.definite = fmt.Errorf("task %q: %w", from.Name, errMoment)
		}
		t.seen = t.outer
		if from.Inner != nil {
			if t.seen, err = newLinearTask(*from.Inner); err != nil {
				return fail(err)
			}
		}
		if t.best, err = t.outer.optimum(w); err != nil {
			return fail(err)
		}
		divisor := interval.Of(1)
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			if divisor = t.best.cost; !divisor.Positive() || !divisor.IsBounded() {
				return fail(errOptimum)
			}
		}
		t.λ = t.λ.Div(divisor)
		for k := range f.Meta.Inner.Steps {
			rule, err := newStepRule(f.Meta.Inner.Rule, f.Meta.Inner.Rate.At(k), divisor)
			if err != nil {
				return fail(err)
			}
			t.steps = append(t.steps, rule)
		}
		p.tasks = append(p.tasks, t)
	}
	return p, nil
}

// A route is one task's way from every gain of a box: what its inner steps are made of
// there, their Jacobians J_k, and the adapted gain.
type route struct {
	at  []*stepAt
	j   []interval.Matrix // over a box
	all interval.Matrix   // J_K ⋯ J₁, over a box
	end interval.Matrix

	middle *route // that from the middle of a box
}

// follow encloses the route of a task from a box, all gains of which it proves to be in
// the domain of h. Where the box is no point, the gains x_k are what the mean value
// theorem makes of the route from its middle: x_k(middle) + J_k ⋯ J₁ (box − middle).
func (t *gainMember) follow(w interval.Matrix, middle *route) (*route, error) {
	r := &route{all: thin(matrixeq.Identity(len(w.Data))), middle: middle} // of no steps
	off := flat(w.Sub(thin(mid(w))))
	for k, rule := range t.steps {
		fail := func(err error) (*route, error) {
			return nil, fmt.Errorf("task %q, after inner step %d: %w", t.name, k, err)
		}
		x, err := t.seen.arrive(rule, w)
		if err != nil {
			return fail(err)
		}
		r.at = append(r.at, x)
		if middle == nil {
			w = w.Sub(x.move)
			continue
		}
		if err := t.seen.narrowed(x, middle.at[k]); err != nil {
			return fail(err)
		}
		j := interval.NewMatrix(len(w.Data), len(w.Data))
		for v := range w.Data {
			z := interval.NewMatrix(w.Rows, w.Cols)
			z.Data[v] = interval.Of(1)
			d, err := t.seen.along(x, z, (*lyapunov).solve)
			if err != nil {
				return fail(err)
			}
			column, err := t.seen.pushed(rule, x, d)
			if err != nil {
				return fail(err)
			}
			for i, y := range column.Data {
				j.Set(i, v, y)
			}
		}
		r.j = append(r.j, j)
		r.all = j.Mul(r.all)
		from := middle.end
		if k+1 < len(t.steps) {
			from = middle.at[k+1].w
		}
		w = from.Add(unflat(r.all.Mul(off), w.Rows))
	}
	r.end = w
	loop, err := newLyapunov(t.outer.loop(w))
	if err == nil {
		_, err = loop.solve(t.outer.s0)
	}
	if err != nil {
		return nil, fmt.Errorf("task %q, after inner step %d: %w", t.name, len(t.steps), err)
	}
	return r, nil
}

// flat is m as a column, row by row; unflat is its inverse.
func flat(m interval.Matrix) interval.Matrix {
	return interval.Matrix{Rows: len(m.Data), Cols: 1, Data: m.Data}
}

func unflat(m interval.Matrix, rows int) interval.Matrix {
	return interval.Matrix{Rows: rows, Cols: len(m.Data) / rows, Data: m.Data}
}

// arrived evaluates the cost that counts at the end of a route, Σ included.
func (t *gainMember) arrived(r *route) (*stepAt, error) {
	e, err := t.outer.at(r.end)
	if err != nil {
		return nil, err
	}
	x := &stepAt{evaluation: e}
	if err := t.outer.complete(x); err != nil || r.middle == nil {
		return x, err
	}
	center, err := t.arrived(r.middle)
	if err != nil {
		return nil, err
	}
	return x, t.outer.narrowed(x, center)
}

// gradient adds the task's part of ∇h = J₁ᵀ ⋯ J_Kᵀ λ∇C(x_K) at every gain of a route.
func (t *gainMember) gradient(r *route, sum interval.Matrix) (interval.Matrix, error) {
	x, err := t.arrived(r)
	if err != nil {
		return sum, err
	}
	v := x.e.Mul(x.sigma).Scale(t.λ.Scale(2))
	for k := len(t.steps) - 1; k >= 0; k-- {
		if err := t.seen.complete(r.at[k]); err != nil {
			return sum, err
		}
		p, err := t.seen.pull(t.steps[k], r.at[k], v)
		if err != nil {
			return sum, err
		}
		v = p.to
	}
	return sum.Add(v), nil
}

// hessian adds the task's part of ∇²h at every gain of a route: with Z₀ = e_v,
// Z_{k+1} = J_k Z_k, v = λ∇C(x_K), ż = λ∇²C(x_K)[Z_K], and for k = K−1 … 0
//
//	ż ← J_kᵀż + D_k[Z_k, v],   v ← J_kᵀv.
func (t *gainMember) hessian(r *route, sum interval.Matrix) error {
	end, err := t.arrived(r)
	if err != nil {
		return err
	}
	n, rows := sum.Rows, r.end.Rows
	pulls := make([]*pulled, len(t.steps))
	v := end.e.Mul(end.sigma).Scale(t.λ.Scale(2))
	for k := len(t.steps) - 1; k >= 0; k-- {
		if err := t.seen.complete(r.at[k]); err != nil {
			return err
		}
		if pulls[k], err = t.seen.pull(t.steps[k], r.at[k], v); err != nil {
			return err
		}
		v = pulls[k].to
	}
	for column := range n {
		z := interval.NewMatrix(rows, n/rows)
		z.Data[column] = interval.Of(1)
		along := make([]*tangent, len(t.steps))
		for k, rule := range t.steps {
			if along[k], err = t.seen.along(r.at[k], z, (*lyapunov).solve); err != nil {
				return err
			}
			if z, err = t.seen.pushed(rule, r.at[k], along[k]); err != nil {
				return err
			}
		}
		d, err := t.outer.along(end, z, (*lyapunov).solve)
		if err != nil {
			return err
		}
		ż := d.de.Mul(end.sigma).Add(end.e.Mul(d.dσ)).Scale(t.λ.Scale(2))
		for k := len(t.steps) - 1; k >= 0; k-- {
			turn, err := t.seen.twist(t.steps[k], r.at[k], pulls[k], along[k])
			if err != nil {
				return err
			}
			ż = unflat(r.j[k].T().Mul(flat(ż)), rows).Add(turn)
		}
		for i, y := range ż.Data {
			sum.Set(i, column, sum.At(i, column).Add(y))
		}
	}
	return nil
}

// A gainProof is what is proved of a box of gains: it is in the domain, and holds
// exactly one stationary point of h.
type gainProof struct {
	routes  []*route
	optimal bool // the point is where F = W*: one map, F′ nonsingular on the box
	hessian *interval.Matrix
}

// isolated proves that exactly one stationary point of h lies in a box.
//
// Where the family comes to one map F, ∇h = (F′)ᵀ 2E(F) Σ̃ with Σ̃ ≻ 0, and E = 0 at the
// one gain W* that stabilises and is best. If F′ is nonsingular on the box, the
// stationary points are the zeros of F − W*, and Krawczyk's operator of that
// function suffices: it needs no second derivative. Otherwise it is that of ∇h.
func (p *gainProblem) isolated(box interval.Matrix) (*gainProof, error) {
	middle := thin(mid(box))
	centers, routes := make([]*route, len(p.tasks)), make([]*route, len(p.tasks))
	for i, t := range p.tasks {
		var err error
		if centers[i], err = t.follow(middle, nil); err != nil {
			return nil, err
		}
		if routes[i], err = t.follow(box, centers[i]); err != nil {
			return nil, err
		}
	}
	proof := &gainProof{routes: routes}
	off := flat(box.Sub(middle))
	if p.oneMap == nil && p.definite == nil {
		value := flat(centers[0].end.Sub(p.tasks[0].best.gain))
		if krawczyk(value, routes[0].all, off) == nil {
			proof.optimal = true
			return proof, nil
		}
	}
	value := interval.NewMatrix(box.Rows, box.Cols)
	for i, t := range p.tasks {
		var err error
		if value, err = t.gradient(centers[i], value); err != nil {
			return nil, err
		}
	}
	if err := p.curvature(proof); err != nil {
		return nil, err
	}
	if err := krawczyk(flat(value), *proof.hessian, off); err != nil {
		return nil, err
	}
	return proof, nil
}

// curvature encloses ∇²h on the box of a proof.
func (p *gainProblem) curvature(proof *gainProof) error {
	if proof.hessian != nil {
		return nil
	}
	n := len(proof.routes[0].end.Data)
	h := interval.NewMatrix(n, n)
	for i, t := range p.tasks {
		if err := t.hessian(proof.routes[i], h); err != nil {
			return err
		}
	}
	proof.hessian = &h
	return nil
}

var (
	errSlopes = errors.New("its derivative is not shown to be invertible")
	errInside = errors.New("the box is not mapped into its inside by Krawczyk's operator")
)

// krawczyk proves that a function has exactly one zero in a box: value is the
// function in the middle, slopes holds its derivative at every point of the box, off
// is the box less its middle. With C ≈ slopes⁻¹,
//
//	−C value + (I − C slopes) off   in the inside of off.
//
// Every matrix of slopes is then invertible.
func krawczyk(value, slopes, off interval.Matrix) error {
	if !bounded(value) || !bounded(slopes) {
		return errUnbounded
	}
	inv, ok := inverse(mid(slopes))
	if !ok {
		return errSlopes
	}
	c := thin(inv)
	rest := thin(matrixeq.Identity(slopes.Rows)).Sub(c.Mul(slopes))
	to := rest.Mul(off).Sub(c.Mul(value))
	for i, x := range to.Data {
		if !x.Interior(off.Data[i]) || off.Data[i].IsPoint() {
			return fmt.Errorf("%w: entry %d goes to %v, in %v", errInside, i+1, x, off.Data[i])
		}
	}
	return nil
}

// minimum proves ∇²h ≻ 0 at the stationary point: where F = W* and F′ is
// nonsingular, ∇²h = (F′)ᵀ∇²C F′ with ∇²C = 2S* ⊗ Σ ≻ 0.
func (p *gainProblem) minimum(proof *gainProof) error {
	if proof.optimal {
		return nil
	}
	if err := p.curvature(proof); err != nil {
		return err
	}
	if !proof.hessian.Symmetrize().PositiveDefinite() {
		return errors.New("∇²h is not shown to be positive definite on the box")
	}
	return nil
}

// regular proves that every F_k′ is nonsingular on the box.
func (p *gainProblem) regular(proof *gainProof) error {
	if proof.optimal {
		return nil
	}
	for k, j := range proof.routes[0].j {
		if inv, ok := inverse(mid(j)); !ok || !bounded(j) || !(thin(matrixeq.Identity(j.Rows)).Sub(thin(inv).Mul(j)).NormInf() < 1) {
			return fmt.Errorf("that F′ is nonsingular is not shown at inner step %d", k+1)
		}
	}
	return nil
}

// small proves ‖I − F_k′‖₂ < 1 on the box for every k: with M = I − F_k′, that is
//
//	[ I  M ]
//	[ Mᵀ I ]  ≻ 0.
func (p *gainProblem) small(proof *gainProof) error {
	for k, j := range proof.routes[0].j {
		n := j.Rows
		m := thin(matrixeq.Identity(n)).Sub(j)
		b := thin(matrixeq.Identity(2 * n))
		for r := range n {
			for c := range n {
				b.Set(r, n+c, m.At(r, c))
				b.Set(n+c, r, m.At(r, c))
			}
		}
		if !b.PositiveDefinite() {
			return fmt.Errorf("that ‖I − F′‖₂ < 1 is not shown at inner step %d", k+1)
		}
	}
	return nil
}

// boxOf is the box of a claim as an interval matrix; it holds the gain.
func boxOf(rows [][]interval.Interval, w matrixeq.Matrix) (interval.Matrix, error) {
	b := interval.NewMatrix(w.Rows, w.Cols)
	if len(rows) != w.Rows {
		return b, fmt.Errorf("the box has %d rows; a gain of this family has %d", len(rows), w.Rows)
	}
	for i, row := range rows {
		if len(row) != w.Cols {
			return b, fmt.Errorf("row %d of the box has %d intervals; one of this family has %d", i+1, len(row), w.Cols)
		}
		for j, x := range row {
			if x.IsEmpty() || !x.IsBounded() || !x.Contains(w.At(i, j)) {
				return b, fmt.Errorf("the box does not hold the gain: entry %d of row %d, %v, is not in %v", j+1, i+1, w.At(i, j), x)
			}
			b.Set(i, j, x)
		}
	}
	return b, nil
}

// checkBox verifies what is claimed of the stationary point in a box of gains.
func checkBox(f *family.Family, at *certificate.Point, w matrixeq.Matrix) ([]string, error) {
	box, err := boxOf(at.Box, w)
	if err != nil {
		return nil, err
	}
	p, err := newGainProblem(f, w)
	if err != nil {
		return nil, err
	}
	proof, err := p.isolated(box)
	if err != nil {
		return nil, fmt.Errorf("that the box holds exactly one stationary point is not verified: %w", err)
	}
	widest := 0.0
	for _, x := range box.Data {
		widest = max(widest, x.Width())
	}
	claims := []string{fmt.Sprintf("exactly one stationary point of h lies in a box around it, at most %s wide", atMost(widest))}
	if at.Minimum || at.Proposition1 {
		err := p.minimum(proof)
		switch {
		case err != nil && at.Minimum:
			return nil, fmt.Errorf("that it is a local minimiser is not verified: %w", err)
		case err != nil:
			return nil, fmt.Errorf("by Proposition 1: %w", err)
		case at.Minimum:
			claims = append(claims, "it is a strict local minimiser")
		}
	}
	if !at.Theorem2 && !at.Proposition1 {
		return claims, nil
	}
	if p.oneMap != nil {
		return nil, fmt.Errorf("there are several different tasks, and these theorems are about one (%w)", p.oneMap)
	}
	if p.definite != nil {
		return nil, fmt.Errorf("both theorems need Σ₀ ≻ 0: %w", p.definite)
	}
	if at.Theorem2 {
		if err := p.regular(proof); err != nil {
			return nil, fmt.Errorf("by Theorem 2: %w", err)
		}
		claims = append(claims, "it is a global minimiser, by Theorem 2")
	}
	if at.Proposition1 {
		if err := p.small(proof); err != nil {
			return nil, fmt.Errorf("by Proposition 1: %w", err)
		}
		claims = append(claims, "it is a strict local minimiser and 0 above inf h, by Proposition 1")
	}
	return claims, nil
}
