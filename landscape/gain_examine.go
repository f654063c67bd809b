package landscape

import (
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/interval"
)

// What is known of a box of gains, one byte each in a certificate: planarOutside,
// planarUnstable, planarHigh, planarSlope, planarSaddle, planarRegular, planarMeets,
// planarUnknown, and gainCut + k where it is cut in the middle of entry k.
const gainCut = '1'

// gainCuts are the tags of boxes that are cut.
const gainCuts = "1234"

// A gainVerdict is what came of examining a box.
type gainVerdict struct {
	tag   byte
	meets int       // planarMeets: the minimiser
	found []float64 // a minimiser may be there that is not in the list
}

// A gainMinimum is a minimiser's box, that holds one stationary point, at which
// ∇²h ≻ 0; narrow is a part of it that holds that point.
type gainMinimum struct {
	box, narrow interval.Box
	optimal     bool // F = W* there
}

// A gainProof is a proof under way.
type gainProof struct {
	p       *Gains
	level   float64
	region  interval.Box
	minima  []gainMinimum
	lower   interval.Interval // Σ λᵢCᵢ*
	oneMap  bool
	scale   []float64 // √∂²h/∂wₖ², about, by which the sides of boxes are compared
	least   []float64 // sides that are not cut any more
	upper   float64   // h is at most that at witness
	witness []float64
}

// examine decides a box or says how to cut it.
func (q *gainProof) examine(b interval.Box) gainVerdict {
	p := q.p
	over, err := p.Over(b, 2)
	if err != nil {
		switch tag := p.outside(b); {
		case tag != planarUnknown:
			return gainVerdict{tag: tag}
		case p.LowerBound(b) > q.level:
			return gainVerdict{tag: planarHigh}
		}
		return q.cut(b, q.scale)
	}
	if over.Value().Lo() > q.level {
		return gainVerdict{tag: planarHigh}
	}
	if over.slopes(b) {
		return gainVerdict{tag: planarSlope}
	}
	hessian := over.Hessian()
	if saddles(hessian) {
		return gainVerdict{tag: planarSaddle}
	}
	if q.oneMap && q.p.regular(over, b) {
		return gainVerdict{tag: planarRegular}
	}
	// Where the gradient varies most.
	weights := make([]float64, len(b))
	for k := range weights {
		for i := range b {
			weights[k] += hessian.At(i, k).Mag() / q.scale[i]
		}
	}
	next := q.cut(b, weights)
	if !hessian.PositiveDefinite() {
		return next
	}
	near := false
	for i := range q.minima {
		m := &q.minima[i]
		hull, wide := hullOf(b, m.box), false
		for k, x := range hull {
			wide = wide || x.Width() > 2.5*b[k].Width()
		}
		if wide {
			continue
		}
		near = true
		if q.p.convex(widened(hull)) {
			return gainVerdict{tag: planarMeets, meets: i}
		}
	}
	if near {
		return next
	}
	if w, ok := p.polish(b.Mid()); ok {
		inside := true
		for k, x := range w {
			inside = inside && math.Abs(x-b[k].Mid()) <= b[k].Width()
		}
		if inside {
			next.found = w
		}
	}
	return next
}

// cut is the verdict that a box be cut where its side, weighted, is largest.
func (q *gainProof) cut(b interval.Box, weights []float64) gainVerdict {
	best, at := 0.0, -1
	for k, x := range b {
		if !(x.Width() > q.least[k]) {
			continue
		}
		if s := x.Width() * weights[k]; at < 0 || s > best {
			best, at = s, k
		}
	}
	if at < 0 {
		return gainVerdict{tag: planarUnknown}
	}
	return gainVerdict{tag: gainCut + byte(at)}
}

// outside tells why no gain of a box is in the domain, planarUnknown where that is
// not shown: it does not stabilise a task as its inner steps see it, or where these
// lead does not.
func (p *Gains) outside(box interval.Box) byte {
	w := interval.Matrix{Rows: p.rows, Cols: p.cols, Data: box}
	for i := range p.tasks {
		if len(p.tasks[i].rates) > 0 && p.tasks[i].g.unstable(w) {
			return planarOutside
		}
	}
	point := interval.NewMatrix(p.rows, p.cols)
	off := make([]interval.Interval, len(box))
	for k, x := range box.Mid() {
		point.Data[k], off[k] = interval.Of(x), box[k].AddFloat(-x)
	}
	for i := range p.tasks {
		t := &p.tasks[i]
		c, _, ok := t.path(gainSpaceOf(len(box), 0), point, nil, nil)
		if !ok {
			continue
		}
		if x, _, ok := t.path(gainSpaceOf(len(box), 1), w, c, off); ok {
			to := w
			if n := len(x.to); n > 0 {
				to = x.to[n-1][0]
			}
			if t.f.unstable(to) {
				return planarUnstable
			}
		}
	}
	return planarUnknown
}

// slopes reports whether ∇h is shown not to vanish in a box: by one of its entries, by
// its part along the gradient in the middle, or along a row of the inverse Hessian.
// Along v it is v·∇h(c) + vᵀ∇²h (w − c).
func (o *Over) slopes(b interval.Box) bool {
	gradient := o.Gradient()
	for _, x := range gradient {
		if x.Sign() != 0 {
			return true
		}
	}
	if o.center == nil {
		return false
	}
	n := len(b)
	at, hessian, mid := o.center.Gradient(), o.Hessian(), b.Mid()
	along := func(v []float64) bool {
		sum, plain := zero, zero
		for i, x := range v {
			sum, plain = sum.Add(at[i].Scale(x)), plain.Add(gradient[i].Scale(x))
		}
		for j := range n {
			h := zero
			for i, x := range v {
				h = h.Add(hessian.At(i, j).Scale(x))
			}
			sum = sum.Add(h.Mul(b[j].AddFloat(-mid[j])))
		}
		return sum.Sign() != 0 || plain.Sign() != 0
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = at[i].Mid()
	}
	if along(v) {
		return true
	}
	inverse, ok := inverseOf(hessian)
	if !ok {
		return false
	}
	for i := range n {
		if along(inverse[i*n : (i+1)*n]) {
			return true
		}
	}
	return false
}

// saddles reports whether every symmetric matrix of h is shown to have a negative
// eigenvalue.
func saddles(h interval.Matrix) bool {
	n := h.Rows
	for i := range n {
		if h.At(i, i).Negative() {
			return true
		}
	}
	x := negativeDirection(h.Mid(), n)
	if x == nil || !dense.Finite(x) {
		return false
	}
	column := interval.FromFloats(n, 1, x)
	return column.MulTN(h.Mul(column)).At(0, 0).Negative()
}

// regular uses that the family comes to one map F: where F′ is not singular, the
// gradient (F′)ᵀ∇C(F) is zero only where F = W*. With C about the inverse of F′ in the
// middle c,
//
//	C(F − W*) ∈ C(F(c) − W*) + CF′(box)(w − c),
//
// and if that leaves out 0, so does F − W*.
func (p *Gains) regular(o *Over, b interval.Box) bool {
	jacobian := o.Jacobian(0)
	system, ok := newLinearSystem(jacobian)
	if !ok {
		return false
	}
	n := len(b)
	opt := p.tasks[0].f.opt.Data
	for i, x := range o.Adapted(0) {
		if x.Disjoint(opt[i]) {
			return true
		}
	}
	if o.center == nil {
		return false
	}
	miss, off := interval.NewMatrix(n, 1), interval.NewMatrix(n, 1)
	for i, x := range o.center.Adapted(0) {
		miss.Data[i] = x.Sub(opt[i])
		off.Data[i] = b[i].AddFloat(-b[i].Mid())
	}
	for _, x := range system.c.Mul(miss).Add(system.c.Mul(jacobian).Mul(off)).Data {
		if x.Sign() != 0 {
			return true
		}
	}
	return false
}

// convex reports whether ∇²h ≻ 0 all over a box.
func (p *Gains) convex(b interval.Box) bool {
	over, err := p.Over(b, 2)
	return err == nil && over.Hessian().PositiveDefinite()
}

// widened is a box half as wide again: what is shown of it is shown of b by enclosures
// that are somewhat wider, too.
func widened(b interval.Box) interval.Box {
	w := make(interval.Box, len(b))
	for k, x := range b {
		r := x.Width() / 4
		w[k] = interval.New(x.Lo()-r, x.Hi()+r)
	}
	return w
}

func hullOf(a, b interval.Box) interval.Box {
	h := make(interval.Box, len(a))
	for k := range a {
		h[k] = a[k].Hull(b[k])
	}
	return h
}

// polish goes to a stationary point by Newton's method on the enclosures' middles: an
// estimate.
func (p *Gains) polish(w []float64) ([]float64, bool) {
	n := len(w)
	w = append([]float64(nil), w...)
	for range 20 {
		over, err := p.Over(pointBox(w), 2)
		if err != nil {
			return w, false
		}
		h, piv := over.Hessian().Mid(), make([]int, n)
		if !dense.LU(h, piv, n) {
			return w, false
		}
		g := make([]float64, n)
		for i, x := range over.Gradient() {
			g[i] = x.Mid()
		}
		dense.LUSolve(h, piv, g, n, 1)
		if !dense.Finite(g) {
			return w, false
		}
		dense.Sub(w, w, g)
		if dense.Norm(g) <= 1e-13*(1+dense.Norm(w)) {
			return w, true
		}
	}
	return w, false
}

// pointBox is the box of one point.
func pointBox(w []float64) interval.Box {
	b := make(interval.Box, len(w))
	for i, x := range w {
		b[i] = interval.Of(x)
	}
	return b
}

// isolate finds a box near w that holds one stationary point, at which ∇²h ≻ 0: by
// Krawczyk's operator in boxes that grow until it maps one into itself. The box is
// eight times as wide as need be, if it may be, so that enclosures that are somewhat
// wider show the same.
func (q *gainProof) isolate(w []float64) (m gainMinimum, ok bool) {
	w, converged := q.p.polish(w)
	if !converged {
		return m, false
	}
	for radius := 0x1p-40; radius < 0x1p-6; radius *= 8 {
		if b, k, is := q.krawczyk(w, radius); is {
			m = gainMinimum{box: b, narrow: k}
			if b, _, is = q.krawczyk(w, 8*radius); is {
				m.box = b
			}
			m.optimal = q.oneMap && q.p.arrives(m.box)
			return m, true
		}
	}
	return m, false
}

// krawczyk is the box of a radius about w, and what Krawczyk's operator makes of it,
// w − Y∇h(w) + (I − Y∇²h)(box − w), if that lies inside and ∇²h ≻ 0.
func (q *gainProof) krawczyk(w []float64, radius float64) (b, k interval.Box, inside bool) {
	n := len(w)
	b = make(interval.Box, n)
	for i, x := range w {
		r := radius * (1 + math.Abs(x))
		b[i] = interval.New(x-r, x+r)
	}
	over, err := q.p.Over(b, 2)
	if err != nil || !over.Hessian().PositiveDefinite() {
		return nil, nil, false
	}
	k, inside = krawczykOf(b, over.center.Gradient(), over.Hessian())
	return b, k, inside
}

// krawczykOf is c − Yg + (I − YJ)(b − c) for c the middle of b, where a function has
// the value g, and Y about the inverse of J, its derivative over b; and whether that
// lies inside b, which then holds one zero.
func krawczykOf(b interval.Box, g []interval.Interval, j interval.Matrix) (interval.Box, bool) {
	n := len(b)
	system, ok := newLinearSystem(j)
	if !ok {
		return nil, false
	}
	value, off := interval.Matrix{Rows: n, Cols: 1, Data: g}, interval.NewMatrix(n, 1)
	c := b.Mid()
	for i, x := range b {
		off.Data[i] = x.AddFloat(-c[i])
	}
	k := interval.Box(interval.FromFloats(n, 1, c).Sub(system.c.Mul(value)).Add(system.g.Mul(off)).Data)
	return k, k.Interior(b)
}

// arrives proves that F = W* somewhere in a box.
func (p *Gains) arrives(b interval.Box) bool {
	over, err := p.Over(b, 1)
	if err != nil || over.center == nil {
		return false
	}
	miss := make([]interval.Interval, len(b))
	for i, x := range over.center.Adapted(0) {
		miss[i] = x.Sub(p.tasks[0].f.opt.Data[i])
	}
	_, inside := krawczykOf(b, miss, over.Jacobian(0))
	return inside
}
