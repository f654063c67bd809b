package landscape

import (
	"math"

	"github.com/metalqr/metalqr/interval"
)

// What is known of a box of the chart, one byte each in a certificate. All but
// the last three say that no local minimiser with h ≤ L is in the box.
const (
	planarOutside  = 'o' // no gain of it stabilises all tasks as their inner steps see them
	planarAfar     = 'a' // no gain of it lies in the region asked for
	planarSteep    = 'c' // a task's C_g is so large that its adapted gain does not stabilise
	planarUnstable = 's' // a task's adapted gain does not stabilise
	planarHigh     = 'l' // h > L
	planarSlope    = 'g' // ∇h ≠ 0
	planarSaddle   = 'n' // ∇²h has a negative eigenvalue
	planarRegular  = 'j' // one map: det F′ ≠ 0 and F ≠ W*
	planarCorner   = 'v' // it lies in the strip of a task's chart where v and z are small, which has no minimiser
	planarMeets    = 'm' // ∇²h ≻ 0 on the hull of it and a minimiser's box
	planarUnknown  = '?' // nothing
	planarFirst    = 'x' // cut in the middle of k₁
	planarSecond   = 'y' // cut in the middle of k₂
)

// A planarVerdict is what came of examining a box.
type planarVerdict struct {
	tag   byte
	meets int        // planarMeets: the minimiser
	lower float64    // a bound of h in the box, where it reaches the border of the domain; else +Inf
	value float64    // h at a gain of it is at most that, where lower is below the best minimum; else +Inf
	found bool       // a minimiser may be at k that is not in the list
	k     [2]float64 //
}

// planarWorker is what a worker needs.
type planarWorker struct {
	tape tape
	a, b model
}

// A planarProof is a proof under way.
type planarProof struct {
	p       *Planar
	level   float64
	region  interval.Box // of gains; nil: all
	best    float64      // a value of h, for the border
	minima  []planarMinimum
	strips  []planarStrip
	within  bool              // this is the proof of a strip: it has no list
	lower   interval.Interval // Σ λᵢCᵢ*
	least   float64           // width of boxes that are not cut any more
	border  float64           // a lower bound of h next to the borders in the strips
	upper   float64           // h is at most that somewhere next to a border
	witness *[2]float64       // where; nil: nowhere
}

// A planarStrip is −1 ≤ k₂ ≤ −1 + width in the chart of a task other than the
// first. With the Gauss–Newton rule p′ has no limit at the corner v = z = 0 of the
// triangle, and in another chart no box that holds it can be decided. In the task's
// own chart the corner is an edge, on which p′ is continuous. The strip is shown to
// have no local minimiser with h ≤ L.
type planarStrip struct {
	task  int
	width float64
	nodes []planarNode
}

// planarMinimum is a minimiser's box in the chart, that holds one stationary
// point, at which ∇²h ≻ 0.
type planarMinimum struct {
	box     planarBox
	optimal bool // F = W* there
}

// weights say along which coordinate a box should be cut.
type planarWeights [2]float64

func (w *planarWeights) add(m *model) {
	c := math.Abs(m.c[0])
	if !(c > 0) {
		return
	}
	for n := 1; n <= m.deg; n++ {
		for j := 0; j <= n; j++ {
			x := math.Abs(m.c[firstOf(n)+j]) / c
			if j < n {
				w[0] += x
			}
			if j > 0 {
				w[1] += x
			}
		}
	}
}

// form adds the relative variation of a bilinear form over a box.
func (w *planarWeights) form(f *[4]interval.Interval, b planarBox, top float64) {
	k := b.mid()
	w[0] += math.Abs(f[1].Mid()+f[3].Mid()*k[1]) * b[0].Width() / top
	w[1] += math.Abs(f[2].Mid()+f[3].Mid()*k[0]) * b[1].Width() / top
}

// cut is the tag of a split.
func (w *planarWeights) cut(b planarBox) planarVerdict {
	first := w[0] >= w[1]
	if w[0] == w[1] || math.IsNaN(w[0]) || math.IsNaN(w[1]) {
		first = b[0].Width() >= b[1].Width()
	}
	if first {
		return excluded(planarFirst)
	}
	return excluded(planarSecond)
}

func excluded(tag byte) planarVerdict {
	return planarVerdict{tag: tag, lower: infinity, value: infinity}
}

var planarEdges = [3]int{formU, formV, formZ}

// examine decides a box or says how to cut it.
func (q *planarProof) examine(b planarBox, w *planarWorker) planarVerdict {
	p := q.p
	if q.region != nil {
		g := p.gains(b)
		if g[0].Disjoint(q.region[0]) || g[1].Disjoint(q.region[1]) {
			return excluded(planarAfar)
		}
	}
	// Before the inner step.
	border := false
	var cutAt planarWeights
	for i := range p.tasks {
		t := &p.tasks[i]
		r := b.ranges(&t.pg)
		touches := false
		for _, k := range planarEdges {
			if !(r[k].Hi() > 0) {
				return excluded(planarOutside)
			}
			touches = touches || !(r[k].Lo() > 0)
		}
		border = border || touches
		if t.limit < infinity {
			if c, ok := t.g.cost5(r); !ok || c.Lo() > t.limit {
				return excluded(planarSteep)
			}
			narrow := false
			for _, k := range planarEdges {
				narrow = narrow || r[k].Lo() <= 0.4*r[k].Hi()
			}
			if narrow && (t.leaves(&w.tape, b, &r) || t.turns(b, &r)) {
				return excluded(planarUnstable)
			}
			if touches {
				for _, k := range planarEdges {
					cutAt.form(&t.pg[k], b, r[k].Hi())
				}
			}
		}
	}
	for i := range q.strips {
		t := &q.strips[i]
		if b.over(&p.tasks[t.task].pg[formD]).Hi() <= -1+t.width {
			return excluded(planarCorner)
		}
	}
	if cutAt != (planarWeights{}) {
		return cutAt.cut(b)
	}
	if p.oneMap {
		if v, done := q.regular(b, w); done {
			return v
		}
	}
	// After it.
	order := &w.tape
	lower, known := zero, true
	var near planarWeights
	for i := range p.tasks {
		t := &p.tasks[i]
		order.rewind(0)
		x, ok := t.adapted(order, b)
		if !ok {
			for _, k := range planarEdges {
				r := b.over(&t.pg[k])
				near.form(&t.pg[k], b, r.Hi())
			}
			lower = lower.Add(t.λ.Mul(t.f.best))
			known = false
			continue
		}
		var r [forms]interval.Interval
		for k := range r {
			r[k] = x[k].v.span()
		}
		for _, k := range planarEdges {
			if !(r[k].Hi() > 0) {
				return excluded(planarUnstable)
			}
			if !(r[k].Lo() > 0) {
				known = false
				border = true
				near.add(&x[k].v)
			}
		}
		c, ok := t.f.cost5(r)
		if !ok {
			return excluded(planarUnstable)
		}
		if c.IsEmpty() {
			c = t.f.best
		}
		lower = lower.Add(t.λ.Mul(c))
	}
	if lower.Lo() > q.level {
		return excluded(planarHigh)
	}
	if !known {
		return near.cut(b)
	}
	// The gradient.
	h, ok := p.h(order, b, 1)
	if !ok {
		return q.spread(b, w).cut(b)
	}
	value := h.v.span()
	if value.Lo() > q.level {
		return excluded(planarHigh)
	}
	if q.slopes(&h.d, w) {
		v := excluded(planarSlope)
		if border {
			v.lower = max(value.Lo(), lower.Lo())
			if v.lower < q.best {
				if b.width() > borderWidth {
					return q.gradientCut(&h.d, b)
				}
				q.sample(&v, b, w)
			}
		}
		return v
	}
	if bent(&h.d) {
		return q.gradientCut(&h.d, b)
	}
	return q.curved(b, w, h, border, max(value.Lo(), lower.Lo()))
}

// spread is the relative variation of all adapted forms.
func (q *planarProof) spread(b planarBox, w *planarWorker) *planarWeights {
	var s planarWeights
	for i := range q.p.tasks {
		w.tape.rewind(0)
		x, ok := q.p.tasks[i].adapted(&w.tape, b)
		if !ok {
			continue
		}
		for _, k := range planarEdges {
			s.add(&x[k].v)
		}
	}
	return &s
}

// slopes reports whether the gradient is shown not to vanish: by one of its
// parts, by that along the gradient in the middle, or by one of the combinations
// that its linear part makes orthogonal.
func (q *planarProof) slopes(d *[2]model, w *planarWorker) bool {
	if d[0].span().Sign() != 0 || d[1].span().Sign() != 0 {
		return true
	}
	combine := func(x, y float64) bool {
		w.a = model{}
		w.a.addScaled(real{m: x}, &d[0])
		w.a.addScaled(real{m: y}, &d[1])
		return w.a.span().Sign() != 0
	}
	if combine(d[0].c[0], d[1].c[0]) {
		return true
	}
	// c[1], c[2] are the linear coefficients: (a b; c d) of the two parts.
	a, b, c, e := d[0].c[1], d[0].c[2], d[1].c[1], d[1].c[2]
	return combine(e, -b) || combine(-c, a)
}

// bent reports whether the gradient's nonlinear part outweighs its linear one.
func bent(d *[2]model) bool {
	linear, rest := 0.0, 0.0
	for i := range d {
		linear += math.Abs(d[i].c[1]) + math.Abs(d[i].c[2])
		for _, c := range d[i].c[3:firstOf(d[i].deg+1)] {
			rest += math.Abs(c)
		}
		rest += d[i].e
	}
	return !(rest < linear)
}

// gradientCut cuts along the coordinate in which the gradient bends more.
func (q *planarProof) gradientCut(d *[2]model, b planarBox) planarVerdict {
	var s planarWeights
	for i := range d {
		size := 0.0
		var x planarWeights
		for n := 1; n <= d[i].deg; n++ {
			for j := 0; j <= n; j++ {
				c := math.Abs(d[i].c[firstOf(n)+j])
				size += c
				x[0] += float64(n-j) * float64(n) * c
				x[1] += float64(j) * float64(n) * c
			}
		}
		if size > 0 {
			s[0] += x[0] / size
			s[1] += x[1] / size
		}
	}
	return s.cut(b)
}

// curved uses the second derivatives.
func (q *planarProof) curved(b planarBox, w *planarWorker, first *jet, border bool, lower float64) planarVerdict {
	fallback := q.gradientCut(&first.d, b)
	if !(b.width() > q.least) {
		fallback = excluded(planarUnknown)
	}
	h, ok := q.p.h(&w.tape, b, 2)
	if !ok {
		return fallback
	}
	definite, saddle := definiteness(&h.h, w)
	if saddle {
		v := excluded(planarSaddle)
		if border {
			v.lower = lower
			if lower < q.best {
				if b.width() > borderWidth {
					return fallback
				}
				q.sample(&v, b, w)
			}
		}
		return v
	}
	if !definite {
		return fallback
	}
	near := false
	for i := range q.minima {
		m := &q.minima[i]
		hull := b.hull(m.box)
		if hull[0].Width() > 2.5*b[0].Width() || hull[1].Width() > 2.5*b[1].Width() {
			continue
		}
		near = true
		if q.convex(hull, w) {
			v := excluded(planarMeets)
			v.meets = i
			return v
		}
	}
	if near {
		return fallback
	}
	if k, ok := q.p.polish(&w.tape, b.mid()); ok && !q.within &&
		math.Abs(k[0]-b[0].Mid()) <= b[0].Width() && math.Abs(k[1]-b[1].Mid()) <= b[1].Width() {
		fallback.found, fallback.k = true, k
	}
	return fallback
}

// borderWidth is how wide a box may be that is discarded across the border of
// stability, where h is finite, though h may be lower in it than at the best minimum.
const borderWidth = 0x1p-7

// sample bounds h in the middle of a box, if that is in the domain.
func (q *planarProof) sample(v *planarVerdict, b planarBox, w *planarWorker) {
	at := planarPoint(b.mid())
	if !q.p.stable(&w.tape, at) {
		return
	}
	if h, ok := q.p.h(&w.tape, at, 0); ok {
		v.value, v.k = h.v.span().Hi(), b.mid()
	}
}

// convex reports whether ∇²h ≻ 0 all over a box.
func (q *planarProof) convex(b planarBox, w *planarWorker) bool {
	h, ok := q.p.h(&w.tape, b, 2)
	if !ok {
		return false
	}
	definite, _ := definiteness(&h.h, w)
	return definite
}

// definiteness decides about ∇²h over a box: positive definite all over it, or
// with a direction of negative curvature all over it.
func definiteness(h *[3]model, w *planarWorker) (definite, saddle bool) {
	low, high, mixed, _ := w.principal(h)
	if low.Negative() {
		return false, true
	}
	return low.Positive() && high.Positive() && interval.MulDown(low.Lo(), high.Lo()) > interval.MulUp(mixed.Mag(), mixed.Mag()), false
}

// principal encloses eᵀHe, fᵀHf and eᵀHf over a box, e = (x, y) being about the
// eigenvector of the lower eigenvalue in the middle and f = (−y, x), of any length:
// with them ∇²h ≻ 0 where [a c; c b] ≻ 0, unless e is 0 and a is not positive.
func (w *planarWorker) principal(h *[3]model) (low, high, mixed interval.Interval, axis [2]float64) {
	_, _, axis = symmetricEigen(h[0].c[0], h[1].c[0], h[2].c[0])
	x, y := interval.Of(axis[0]), interval.Of(axis[1])
	xx, xy, yy := x.Sqr(), x.Mul(y), y.Sqr()
	entry := func(a, b, c interval.Interval) interval.Interval {
		w.a = model{}
		w.a.addScaled(realOf(a), &h[0])
		w.a.addScaled(realOf(b), &h[1])
		w.a.addScaled(realOf(c), &h[2])
		return w.a.span()
	}
	return entry(xx, two.Mul(xy), yy), entry(yy, two.Mul(xy).Neg(), xx), entry(xy.Neg(), xx.Sub(yy), xy), axis
}

// regular uses that the family comes to one map F: where det F′ ≠ 0, the gradient
// (F′)ᵀ∇C(F) is zero only where F = W*. It reports whether that decides the box.
func (q *planarProof) regular(b planarBox, w *planarWorker) (planarVerdict, bool) {
	t := &q.p.tasks[0]
	w.tape.rewind(1)
	x, ok := t.adapted(&w.tape, b)
	if !ok {
		return planarVerdict{}, false
	}
	τ, δ := x[formT], x[formD]
	w.a.product(&τ.d[0], &δ.d[1])
	w.b.product(&τ.d[1], &δ.d[0])
	w.a.addScaled(real{m: -1}, &w.b)
	if w.a.span().Sign() == 0 {
		return planarVerdict{}, false
	}
	opt := t.f.opt
	u, v, z := one.Sub(opt[1]), one.Sub(opt[0]).Add(opt[1]), one.Add(opt[0]).Add(opt[1])
	for i, o := range [forms]interval.Interval{opt[0], opt[1], u, v, z} {
		if x[i].v.span().Disjoint(o) {
			return excluded(planarRegular), true
		}
	}
	a, c := τ.v.c[1], τ.v.c[2]
	d, e := δ.v.c[1], δ.v.c[2]
	for _, r := range [2][2]float64{{e, -c}, {-d, a}} {
		w.a = model{}
		w.a.addScaled(real{m: r[0]}, &τ.v)
		w.a.addScaled(real{m: r[1]}, &δ.v)
		if r[0]-r[0] != 0 || r[1]-r[1] != 0 {
			continue
		}
		if w.a.span().Disjoint(opt[0].Scale(r[0]).Add(opt[1].Scale(r[1]))) {
			return excluded(planarRegular), true
		}
	}
	return planarVerdict{}, false
}

// polish goes to a stationary point by Newton's method on the enclosures'
// middles: an estimate.
func (p *Planar) polish(w *tape, k [2]float64) ([2]float64, bool) {
	for range 30 {
		h, ok := p.h(w, planarPoint(k), 2)
		if !ok {
			return k, false
		}
		g0, g1 := h.d[0].c[0], h.d[1].c[0]
		a, b, c := h.h[0].c[0], h.h[1].c[0], h.h[2].c[0]
		det := a*c - b*b
		s, t := (c*g0-b*g1)/det, (a*g1-b*g0)/det
		if !(math.Abs(s) < 1 && math.Abs(t) < 1) {
			return k, false
		}
		k[0], k[1] = k[0]-s, k[1]-t
		if math.Abs(s)+math.Abs(t) < 1e-14 {
			return k, true
		}
	}
	return k, true
}

func planarPoint(k [2]float64) planarBox {
	return planarBox{interval.Of(k[0]), interval.Of(k[1])}
}

// isolate proves a strict local minimiser next to k, and encloses it.
//
// Let ∇²h ≻ 0 all over a box X about k, so that X has one stationary point at
// most. In axes e, f it has the entries a, c (mixed), b. A zero of ∇h − (1 − t)∇h(k)
// in X, 0 ≤ t ≤ 1, is at k + d, where d = −H⁻¹t∇h(k) for a mean H of ∇²h over X, so
// that along e and f
//
//	|d_e| ≤ |g_e|/(a − c²/b) + |c g_f|/det      |d_f| ≤ |g_f|/(b − c²/a) + |c g_e|/det.
//
// If that is inside X, then the zero, which is k for t = 0, depends continuously on
// t up to t = 1. With one map, F = W* is looked for in X too.
func (p *Planar) isolate(w *planarWorker, k [2]float64) (m planarMinimum, ok bool) {
	k, ok = p.polish(&w.tape, k)
	if !ok {
		return m, false
	}
	point, ok := p.h(&w.tape, planarPoint(k), 1)
	if !ok {
		return m, false
	}
	slope := point.d
	around := func(r1, r2 float64) planarBox {
		return planarBox{interval.New(k[0]-r1, k[0]+r1), interval.New(k[1]-r2, k[1]+r2)}
	}
	const ulp = 0x1p-52 // k ± r is rounded by less
	best := infinity
	left := 4 // radii tried after one did
	for n := 6; n < 48 && left > 0; n++ {
		radius := math.Ldexp(1, -n)
		h, ok := p.h(&w.tape, around(radius, radius), 2)
		if best < infinity {
			left--
		}
		if !ok {
			continue
		}
		a, b, c, axis := w.principal(&h.h)
		if !a.Positive() || !b.Positive() || !a.IsBounded() || !b.IsBounded() {
			continue
		}
		a, b, c = interval.Of(a.Lo()), interval.Of(b.Lo()), interval.Of(c.Mag())
		det := a.Mul(b).Sub(c.Sqr())
		if !det.Positive() {
			continue
		}
		x, y := interval.Of(math.Abs(axis[0])), interval.Of(math.Abs(axis[1]))
		along := func(x, y float64) interval.Interval {
			w.a = model{}
			w.a.addScaled(real{m: x}, &slope[0])
			w.a.addScaled(real{m: y}, &slope[1])
			return w.a.span().Abs()
		}
		ge, gf := along(axis[0], axis[1]), along(-axis[1], axis[0])
		de := ge.Div(a.Sub(c.Sqr().Div(b))).Add(c.Mul(gf).Div(det))
		df := gf.Div(b.Sub(c.Sqr().Div(a))).Add(c.Mul(ge).Div(det))
		r1 := interval.AddUp(x.Mul(de).Add(y.Mul(df)).Hi(), ulp)
		r2 := interval.AddUp(y.Mul(de).Add(x.Mul(df)).Hi(), ulp)
		if !(interval.AddUp(max(r1, r2), ulp) < radius) {
			continue
		}
		if p.oneMap && !m.optimal {
			inner := interval.SubDown(radius, ulp)
			m.optimal = p.arrives(w, around(inner, inner), k)
		}
		if max(r1, r2) < best {
			best = max(r1, r2)
			m.box = around(r1, r2)
		}
	}
	return m, best < infinity
}

// krawczyk is K ∩ X, and whether K lies inside X, of a function with the value g
// at k and the Jacobian jac over X. Y jac is formed of models, in which what the
// entries of jac have in common cancels.
func (w *planarWorker) krawczyk(x planarBox, k [2]float64, g [2]interval.Interval, jac [2][2]*model, y [2][2]float64) (planarBox, bool) {
	r := x
	inside := true
	for i := range 2 {
		if y[i][0]-y[i][0] != 0 || y[i][1]-y[i][1] != 0 {
			return x, false
		}
		sum := interval.Of(k[i]).Sub(g[0].Scale(y[i][0]).Add(g[1].Scale(y[i][1])))
		for j := range 2 {
			w.a.constant(real{})
			if i == j {
				w.a.constant(unity)
			}
			w.a.addScaled(real{m: -y[i][0]}, jac[0][j])
			w.a.addScaled(real{m: -y[i][1]}, jac[1][j])
			sum = sum.Add(w.a.span().Mul(x[j].Sub(interval.Of(k[j]))))
		}
		inside = inside && sum.Interior(x[i])
		r[i] = sum.Intersect(x[i])
	}
	return r, inside
}

// arrives proves that F = W* somewhere in a box, by Krawczyk's operator.
func (p *Planar) arrives(w *planarWorker, x planarBox, k [2]float64) bool {
	t := &p.tasks[0]
	w.tape.rewind(1)
	at, ok := t.adapted(&w.tape, planarPoint(k))
	if !ok {
		return false
	}
	e := [2]interval.Interval{at[formT].v.span().Sub(t.f.opt[0]), at[formD].v.span().Sub(t.f.opt[1])}
	a, b := at[formT].d[0].c[0], at[formT].d[1].c[0]
	c, d := at[formD].d[0].c[0], at[formD].d[1].c[0]
	det := a*d - b*c
	y := [2][2]float64{{d / det, -b / det}, {-c / det, a / det}}
	w.tape.rewind(1)
	over, ok := t.adapted(&w.tape, x)
	if !ok {
		return false
	}
	τ, δ := over[formT], over[formD]
	_, ok = w.krawczyk(x, k, e, [2][2]*model{{&τ.d[0], &τ.d[1]}, {&δ.d[0], &δ.d[1]}}, y)
	return ok
}
