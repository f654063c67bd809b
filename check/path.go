package check

import "github.com/metalqr/metalqr/interval"

// A place says where a box lies.
type place int

const (
	across  place = iota // perhaps on both sides of an end of the domain
	inside               // every gain of it is in the domain
	outside              // no gain of it is
)

// A node is x_k over a box, with two derivatives in w, and the constraint
// D(x_k) > 0 that x_k has to satisfy.
type node struct {
	x, dx, ddx interval.Interval
	d, slope   interval.Interval // D(x_k), and its derivative in w where it is not negative
}

// A trail is the path x₀, x₁, … of one task over a box.
type trail struct {
	nodes []node
	n     int   // nodes known: those before a constraint that no gain satisfies, and that one
	where place // of the constraints looked at
	last  spot  // the plant at the last node
}

// walk follows one task's path over the box b up to x_to, and looks at the
// constraints up to D(x_to) > 0. Everything found holds at the gains of b that
// satisfy the constraints before it. centre is the path at the point mid of b,
// or nil: where the constraints hold on all of b, it serves for mean-value forms
//
//	x_k(b) ⊆ x_k(mid) + x_k′(b)(b − mid)
func (t *task) walk(tr *trail, b interval.Interval, to int, centre *trail, mid float64) {
	tr.nodes, tr.n, tr.where = tr.nodes[:0], 0, inside
	j := jet2{b, unit, interval.Interval{}}
	var δ interval.Interval
	if centre != nil {
		δ = b.Sub(interval.Of(mid))
	}
	for k := 0; ; k++ {
		if centre != nil && tr.where == inside && k < centre.n {
			c := &centre.nodes[k]
			j.d = narrow(j.d, c.dx.Add(j.dd.Mul(δ)))
			j.f = narrow(j.f, c.x.Add(j.d.Mul(δ)))
		}
		p := t.role(k)
		d, slope := p.clearance(j.f)
		tr.nodes = append(tr.nodes, node{j.f, j.d, j.dd, d, slope.Mul(j.d)})
		tr.n = k + 1
		if !d.Positive() {
			tr.where = across
			d = d.Intersect(positive)
			j.f = j.f.Intersect(p.near.stable)
			if d.IsEmpty() || d.Hi() == 0 || j.f.IsEmpty() {
				tr.where = outside
				return
			}
			_, slope = p.clearance(j.f)
			tr.nodes[k].slope = slope.Mul(j.d)
		}
		tr.last = p.spot(j.f, d, slope)
		if k == to {
			return
		}
		s := t.steps[k].at(&tr.last)
		if !j.f.IsBounded() {
			s.f = s.f.Intersect(t.steps[k].far(&tr.last))
		}
		j = jet2{s.f, s.d.Mul(j.d), s.dd.Mul(j.d.Sqr()).Add(s.d.Mul(j.dd))}
	}
}

// narrow is a ∩ b for two enclosures of the same.
func narrow(a, b interval.Interval) interval.Interval {
	if c := a.Intersect(b); !c.IsEmpty() {
		return c
	}
	return a
}

// A lens evaluates over boxes; it holds what one evaluation after the other can
// use again.
type lens struct{ box, centre trail }

// at follows task t over b, with mean-value forms where they apply. The centre
// is usable in turn only if all its constraints hold.
func (l *lens) at(t *task, b interval.Interval, to int) (centred bool) {
	if b.IsPoint() || !b.IsBounded() {
		t.walk(&l.box, b, to, nil, 0)
		return false
	}
	mid := b.Mid()
	t.walk(&l.centre, interval.Of(mid), to, nil, 0)
	t.walk(&l.box, b, to, &l.centre, mid)
	return l.box.where == inside && l.centre.where == inside
}
