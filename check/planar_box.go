package check

import (
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A square is a box of the chart, centre ± radius, whose bounds hold it.
type square struct {
	c, r [2]float64
	b    [2]interval.Interval
}

func squareOf(b [2]interval.Interval) (s square) {
	s.b = b
	for i := range b {
		s.c[i] = b[i].Mid()
		s.r[i] = max(interval.SubUp(b[i].Hi(), s.c[i]), interval.SubUp(s.c[i], b[i].Lo()))
	}
	return s
}

func (s *square) halves(axis int) (lower, upper square) {
	l, u := s.b, s.b
	m := s.b[axis].Mid()
	l[axis], u[axis] = interval.New(s.b[axis].Lo(), m), interval.New(m, s.b[axis].Hi())
	return squareOf(l), squareOf(u)
}

// coordinates are the forms of k₁ and k₂ over a square.
func (s *square) coordinates(deg int) (k [2]*form) {
	for i := range k {
		b := interval.New(interval.SubDown(s.c[i], s.r[i]), interval.AddUp(s.c[i], s.r[i]))
		k[i] = coordinate(deg, i, s.c[i], s.r[i], b)
	}
	return k
}

// ranges encloses what a plant has over a square: τ, δ, u, v and z are bilinear in
// k, and their extremes at the corners.
type ranges struct{ τ, δ, u, v, z interval.Interval }

func (s *square) ranges(p *[2][3]interval.Interval) (r ranges) {
	r = ranges{interval.Empty(), interval.Empty(), interval.Empty(), interval.Empty(), interval.Empty()}
	for _, a := range [2]float64{s.b[0].Lo(), s.b[0].Hi()} {
		for _, b := range [2]float64{s.b[1].Lo(), s.b[1].Hi()} {
			k1, k2 := interval.Of(a), interval.Of(b)
			τ1 := k1.Mul(unit.Add(k2))
			τ := p[0][0].Add(p[0][1].Mul(τ1)).Add(p[0][2].Mul(k2))
			δ := p[1][0].Add(p[1][1].Mul(τ1)).Add(p[1][2].Mul(k2))
			u := unit.Sub(δ)
			r.τ, r.δ = r.τ.Hull(τ), r.δ.Hull(δ)
			r.u, r.v, r.z = r.u.Hull(u), r.v.Hull(unit.Sub(τ).Add(δ)), r.z.Hull(unit.Add(τ).Add(δ))
		}
	}
	return r
}

// spareRanges is ranges where v and z have the factor 1 + k₂: exact at the border.
func (s *square) spareRanges() (r ranges) {
	s1 := unit.Add(s.b[1])
	return ranges{
		τ: s.b[0].Mul(s1), δ: s.b[1], u: unit.Sub(s.b[1]),
		v: unit.Sub(s.b[0]).Mul(s1), z: unit.Add(s.b[0]).Mul(s1),
	}
}

var halfLine = interval.New(0, math.Inf(1))

// outside reports whether no point of r is in the stable triangle.
func (f *planarSide[C]) outside(r *ranges) bool {
	return !(r.u.Hi() > 0 && r.v.Hi() > 0 && r.z.Hi() > 0)
}

// least is a lower bound of C, which is at least best, at the points of r in the
// stable triangle.
func least(f *planarSide[interval.Interval], best interval.Interval, r *ranges) float64 {
	u, v, z := r.u.Intersect(halfLine), r.v.Intersect(halfLine), r.z.Intersect(halfLine)
	δ := r.δ.Intersect(interval.New(-1, 1))
	τ := r.τ.Intersect(interval.New(-2, 2))
	if δ.IsEmpty() || τ.IsEmpty() {
		return math.Inf(1)
	}
	// s₁₁ ∓ 2s₁₂δ + s₂₂δ² = s₂₂(δ ∓ s₁₂/s₂₂)² + det S/s₂₂
	κ := f.s[1].Div(f.s[2])
	rest := f.s[0].Sub(f.s[1].Mul(κ))
	a := f.s[2].Mul(δ.Sub(κ).Sqr()).Add(rest).Intersect(halfLine).Mul(f.hq[0]).Mul(v.Inv())
	if f.crowded {
		c := &f.rest
		n := c[0].Add(u.Mul(c[1].Add(c[2].Mul(u)).Add(c[4].Mul(v)))).Add(v.Mul(c[3].Add(c[5].Mul(v))))
		return max(best.Lo(), a.Add(n.Mul(z.Inv())).Mul(u.Inv()).Lo())
	}
	b := f.s[2].Mul(δ.Add(κ).Sqr()).Add(rest).Intersect(halfLine).Mul(f.hq[1]).Mul(z.Inv())
	c := a.Add(b).Add(f.e[0]).Add(f.e[1].Mul(τ)).Mul(u.Inv()).Add(f.e[2])
	return max(best.Lo(), c.Lo())
}

var untouched, everyEdge [4]bool = [4]bool{}, [4]bool{true, true, true, true}

// A sighting is what is known of a square before any derivative.
type sighting struct {
	outside bool    // no gain of it is in the domain
	touches bool    // it may hold gains that are not in the domain
	inner   bool    // all of it stabilises all tasks as their inner steps see them
	least   float64 // h is at least this at the gains of it in the domain
	axis    int     // along which p′ varies more, or p_g where p′ is not known
}

// look encloses all tasks' p_g and p′ over a square.
func (p *planarProblem) look(s *square, deg int) (v sighting) {
	v.inner = true
	var vary variation
	defer func() { v.axis = vary.axis(s) }()
	var sum interval.Interval
	var k [2]*form
	for _, t := range p.tasks {
		var r ranges
		if t.spare {
			r = s.spareRanges()
		} else {
			r = s.ranges(&t.near.pg)
		}
		g := &t.near.g
		if g.outside(&r) {
			v.outside = true
			return v
		}
		if t.limit < math.Inf(1) && least(g, interval.New(math.Inf(-1), math.Inf(1)), &r) > t.limit {
			v.outside = true
			return v
		}
		all := r.u.Positive() && r.v.Positive() && r.z.Positive()
		v.inner = v.inner && all
		touched, near := untouched, untouched
		switch {
		case p.still:
		case p.rule == family.RuleGaussNewton:
			touched, near = everyEdge, everyEdge
		default:
			e := [4]interval.Interval{r.u, unit, r.v, r.z}
			if t.spare {
				e = [4]interval.Interval{r.u, unit.Add(s.b[1]), unit.Sub(s.b[0]), unit.Add(s.b[0])}
			}
			for i, e := range e {
				touched[i] = !e.Positive()
				near[i] = touched[i] || e.Lo() <= 0.5*e.Hi()
			}
		}
		if k[0] == nil {
			k = s.coordinates(deg)
		}
		var l landing[*form]
		var x, y, z *form
		for _, clear := range [2][4]bool{near, touched} {
			l = land(&t.near, k, clear, p.still)
			x, y, z = l.edges((*form).add, (*form).sub)
			x, y, z = x.tight(), y.tight(), z.tight()
			if !x.bad && !y.bad && !z.bad && leaves(&l, x, y, z) {
				v.outside = true
				return v
			}
			if near == touched {
				break
			}
		}
		if x.bad || y.bad || z.bad {
			v.touches = true
			vary.widths(s)
			sum = sum.Add(t.weight.Mul(t.best))
			continue
		}
		for _, f := range [3]*form{x, y, z} {
			vary.add(f)
		}
		to := ranges{l.τ.over[0], l.δ.over[0], x.over[0], y.over[0], z.over[0]}
		if !l.whole {
			v.touches = true
			sum = sum.Add(t.weight.Mul(t.best))
			continue
		}
		if !(all && to.u.Positive() && to.v.Positive() && to.z.Positive()) {
			v.touches = true
		}
		sum = sum.Add(t.weight.Mul(interval.Of(clip(least(&t.near.f, t.best, &to)))))
	}
	v.least = sum.Lo()
	return v
}

// leaves reports whether p′ is not in the stable triangle: one of u′, v′, z′, of
// which x, y, z are m times, is negative, or they are more than the 2, 4 and 4 that
// they are less than inside.
func leaves(l *landing[*form], x, y, z *form) bool {
	m := l.m
	for _, f := range [3]*form{x, y, z} {
		if f.over[0].Hi() < 0 || l.whole && f.over[0].Hi() <= 0 {
			return true
		}
	}
	four := m.add(m).add(m).add(m)
	for _, f := range [3]*form{m.add(m).sub(x), four.sub(y), four.sub(z)} {
		if f.tight().over[0].Hi() < 0 {
			return true
		}
	}
	return false
}

// A variation says along which coordinate functions vary more.
type variation [2]float64

func (v *variation) add(f *form) {
	size := f.at[0].Mag()
	if !(size > 0) {
		return
	}
	for n := 1; n <= f.deg; n++ {
		for j := range n + 1 {
			c := f.at[n*(n+1)/2+j].Mag() / size
			v[0] += float64(n-j) * c
			v[1] += float64(j) * c
		}
	}
}

// widths counts those of the square, by its distance from the border.
func (v *variation) widths(s *square) {
	for i := range v {
		v[i] += s.r[i] / (1 - math.Abs(s.c[i]) + s.r[i])
	}
}

func (v *variation) axis(s *square) int {
	switch {
	case v[0] > 1.5*v[1]:
		return 0
	case v[1] > 1.5*v[0] || s.r[1] > s.r[0]:
		return 1
	}
	return 0
}

func clip(x float64) float64 { return min(x, math.MaxFloat64) }

// h encloses h over a square in the domain; nil if it is not shown to be.
func (p *planarProblem) h(s *square, deg int) *form {
	k := s.coordinates(deg)
	touched := untouched
	if p.rule == family.RuleGaussNewton && !p.still {
		touched = everyEdge
	}
	var h *form
	for _, t := range p.tasks {
		// 1/u and so on of p_g are shown to be positive where they are inverted; with
		// the Gauss–Newton rule they are not.
		if touched != untouched || p.still {
			r := s.ranges(&t.near.pg)
			if t.spare {
				r = s.spareRanges()
			}
			if !r.u.Positive() || !r.v.Positive() || !r.z.Positive() {
				return nil
			}
		}
		x := value(&t.near, k, touched, p.still)
		if x.bad {
			return nil
		}
		if h == nil {
			h = x
		} else {
			h = h.add(x)
		}
	}
	if h = h.tight(); h.bad || !h.over[0].IsBounded() {
		return nil
	}
	return h
}

// closedH is h where p′ is inside but p_g may be on the border of stability:
// the Gauss–Newton rule's h continues to there. Its zeros of the gradient are what
// the claims about gains in the domain need.
func (p *planarProblem) closedH(s *square, deg int) *form {
	if p.rule != family.RuleGaussNewton || p.still {
		return p.h(s, deg)
	}
	k := s.coordinates(deg)
	var h *form
	for _, t := range p.tasks {
		x := value(&t.near, k, everyEdge, false)
		if x.bad {
			return nil
		}
		if h == nil {
			h = x
		} else {
			h = h.add(x)
		}
	}
	if h = h.tight(); h.bad || !h.over[0].IsBounded() {
		return nil
	}
	return h
}

// steep reports whether ∇h ≠ 0 over the square of h: by the derivative along
// one of a few directions.
func steep(h *form) bool {
	a, b := h.at[1].Mid(), h.at[2].Mid()
	// Of the Hessian at the centre, what makes each row vanish.
	xx, xy, yy := 2*h.at[3].Mid(), h.at[4].Mid(), 2*h.at[5].Mid()
	for _, d := range [5][2]float64{{1, 0}, {0, 1}, {a, b}, {xy, -xx}, {yy, -xy}} {
		n := math.Max(math.Abs(d[0]), math.Abs(d[1]))
		if !(n > 0) || math.IsInf(n, 0) {
			continue
		}
		var m mixture
		m.mix(h, d[0]/n, 1, 0)
		m.mix(h, d[1]/n, 0, 1)
		if m.bound().Sign() != 0 {
			return true
		}
	}
	return false
}

// bends encloses eᵀHe, fᵀHf and eᵀHf over the square of h, of its Hessian H and
// with e = (x, y) about the eigenvector of the lower eigenvalue at the centre,
// f = (−y, x).
func bends(h *form) (low, high, mixed interval.Interval) {
	a, b, c := 2*h.at[3].Mid(), h.at[4].Mid(), 2*h.at[5].Mid()
	θ := 0.5 * math.Atan2(2*b, a-c) // of the upper one
	x, y := -math.Sin(θ), math.Cos(θ)
	if x-x != 0 || y-y != 0 {
		x, y = 1, 0
	}
	// x and y are what they are; e and f are orthogonal exactly, whatever their length.
	form := func(xx, xy, yy interval.Interval) interval.Interval {
		var s interval.Interval
		for i, c := range [3]interval.Interval{xx, xy, yy} {
			var m mixture
			m.mix(h, 1, 2-i, i)
			s = s.Add(m.bound().Mul(c))
		}
		return s
	}
	// With the weights inside, what the entries have in common cancels.
	inside := func(xx, xy, yy float64) interval.Interval {
		var m mixture
		m.mix(h, xx, 2, 0)
		m.mix(h, xy, 1, 1)
		m.mix(h, yy, 0, 2)
		return m.bound()
	}
	X, Y := interval.Of(x), interval.Of(y)
	each := func(xx, xy, yy interval.Interval) interval.Interval {
		// The weights' rounding, at most an ulp each, times the entries.
		err := form(xx.Sub(interval.Of(xx.Mid())), xy.Sub(interval.Of(xy.Mid())), yy.Sub(interval.Of(yy.Mid())))
		return inside(xx.Mid(), xy.Mid(), yy.Mid()).Add(err)
	}
	low = each(X.Sqr(), X.Mul(Y).Scale(2), Y.Sqr())
	high = each(Y.Sqr(), X.Mul(Y).Scale(-2), X.Sqr())
	mixed = each(X.Mul(Y).Neg(), X.Sqr().Sub(Y.Sqr()), X.Mul(Y))
	return low, high, mixed
}

// convex reports whether the Hessian is positive definite over the square of h.
func convex(h *form) bool {
	low, high, mixed := bends(h)
	return low.Positive() && high.Positive() &&
		interval.MulDown(low.Lo(), high.Lo()) > interval.MulUp(mixed.Mag(), mixed.Mag())
}

// saddle reports whether it has a direction of negative curvature.
func saddle(h *form) bool {
	low, _, _ := bends(h)
	return low.Negative()
}
