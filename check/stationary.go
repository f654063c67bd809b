package check

import (
	"fmt"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A stationary point, verified: the zero of h′ that crossing is, within gain.
type stationary struct {
	crossing
	gain  interval.Interval
	kind  certificate.Kind
	value fine // holds h there
}

// stationary verifies the list of stationary points: every box holds the one
// zero of one Zero piece, every Zero piece has one, and what is said of each is
// true.
func (c *checker) stationary(stated []certificate.Stationary, crossings []crossing, mode certificate.Mode) ([]stationary, error) {
	for i, s := range stated {
		switch {
		case s.Gain.IsEmpty() || !s.Gain.IsBounded():
			return nil, fmt.Errorf("stationary point %d has no bounded box", i+1)
		case i > 0 && !(stated[i-1].Gain.Hi() < s.Gain.Lo()):
			return nil, fmt.Errorf("the boxes of stationary points %d and %d are not apart and ascending", i, i+1)
		}
		// In mode sum the box is part of a piece on which h′ is monotone.
		if mode == certificate.OneMap {
			for _, u := range c.unresolved {
				if !u.Disjoint(s.Gain) {
					return nil, fmt.Errorf("stationary point %d, %v, meets the unresolved box %v", i+1, s.Gain, u)
				}
			}
		}
	}
	points := make([]stationary, len(stated))
	for _, x := range crossings {
		i, err := c.match(stated, x)
		if err != nil {
			return nil, err
		}
		if points[i].p != nil {
			return nil, fmt.Errorf("the box %v of stationary point %d holds zeros of %v and of %v", stated[i].Gain, i+1, points[i].function, x.function)
		}
		points[i].crossing, points[i].gain = x, stated[i].Gain
	}
	for i := range points {
		if points[i].p == nil {
			return nil, fmt.Errorf("stationary point %d, %v, is not the zero of any Zero piece", i+1, stated[i].Gain)
		}
	}
	for i := range points {
		if err := c.describe(points, i, &stated[i]); err != nil {
			return nil, fmt.Errorf("stationary point %d, %v: %w", i+1, stated[i].Gain, err)
		}
	}
	return points, nil
}

// match finds the stated box that holds the zero of a piece: at its ends the
// function has the signs that it has at the piece's ends, or is zero.
func (c *checker) match(stated []certificate.Stationary, x crossing) (int, error) {
	i, _ := slices.BinarySearchFunc(stated, x.box.Lo(), func(s certificate.Stationary, lo float64) int {
		if s.Gain.Lo() < lo {
			return -1
		}
		return 1
	})
	for ; i < len(stated) && stated[i].Gain.Hi() <= x.box.Hi(); i++ {
		g := stated[i].Gain
		l, ok := x.sign(&c.lens, g.Lo())
		if !ok || l == x.direction {
			continue
		}
		if h, ok := x.sign(&c.lens, g.Hi()); ok && h != -x.direction {
			return i, nil
		}
	}
	return 0, fmt.Errorf("no stationary point is found to be the zero of %v in the piece %v", x.function, x.box)
}

// describe verifies the kind and the value of a point.
func (c *checker) describe(points []stationary, i int, stated *certificate.Stationary) error {
	s := &points[i]
	if stated.Optimal != s.optimal() {
		return fmt.Errorf("optimal is %v, but it is a zero of %v", stated.Optimal, s.function)
	}
	kind, err := c.kind(points, i)
	if err != nil {
		return err
	}
	if s.kind = kind; stated.Kind != kind {
		return fmt.Errorf("it is a %s, not a %s", kind, stated.Kind)
	}
	if s.optimal() {
		s.value = c.problem.optimum
	} else {
		s.value = c.value(s, stated.Value)
	}
	if !s.value.within(stated.Value) {
		return fmt.Errorf("h lies in %v, which %v does not hold", s.value.round(), stated.Value)
	}
	return nil
}

// kind finds how h′ changes its sign at a point. In mode sum the function is h′
// itself; else h′ is a product, and its sign is looked up on both sides, before
// the neighbouring points and whatever is unresolved.
func (c *checker) kind(points []stationary, i int) (certificate.Kind, error) {
	s := &points[i]
	if s.of == certificate.Slope {
		if s.direction > 0 {
			return certificate.Minimum, nil
		}
		return certificate.Maximum, nil
	}
	lo, hi := s.gain, s.gain
	if i > 0 {
		lo = points[i-1].gain
	}
	if i+1 < len(points) {
		hi = points[i+1].gain
	}
	l := c.beside(s, lo.Hi(), s.gain.Lo(), s.box.Lo())
	r := c.beside(s, hi.Lo(), s.gain.Hi(), s.box.Hi())
	if s.optimal() && l <= 0 && r >= 0 {
		// C* is the least value there is, and h is constant nowhere near, for its
		// stationary points are those listed. Gauss–Newton at ½ makes the zero of
		// h′ one of order 2ᴷ⁺¹ − 1, too flat for its sign to be found.
		return certificate.Minimum, nil
	}
	switch {
	case l == 0 || r == 0:
		return "", fmt.Errorf("the sign of h′ beside it is not found")
	case l < r:
		return certificate.Minimum, nil
	case l > r:
		return certificate.Maximum, nil
	}
	return certificate.Neither, nil
}

// beside is the sign of h′ at the end of a gain box, or where that is the zero
// itself, between it and its neighbour, within its piece; 0 if not found.
func (c *checker) beside(s *stationary, neighbour, end, piece float64) int {
	if y := c.problem.slope(end); y != 0 {
		return y
	}
	// From end towards piece: no further than half-way to the neighbour, and to
	// the next unresolved box.
	far := piece
	closer := func(x float64) {
		if between := (x-end)*(far-end) > 0; between && (x-end)/(far-end) < 1 {
			far = x
		}
	}
	closer(neighbour)
	for _, u := range c.unresolved {
		closer(u.Lo())
		closer(u.Hi())
	}
	return c.problem.slope(end + (far-end)/2)
}

// slope is the sign of h′ at w in mode one-map, from its factors; 0 if it is
// zero or not found.
func (p *problem) slope(w float64) int {
	t := p.tasks[0]
	r := t.read(single(w))
	if r.where != inside {
		return 0
	}
	sign := r.z.sign()
	for _, f := range r.f {
		sign *= f.sign()
	}
	return sign
}

// value encloses h at a point that is no optimum, by h in the middle of a box and h′
// over the box, until stated holds it: the box is what Newton steps leave of the
// stated one, and then halved in 256 bits, for h may be steep.
func (c *checker) value(s *stationary, stated interval.Interval) fine {
	b := s.gain
	for range 6 {
		mid := b.Mid()
		v := s.over(&c.lens, b)
		m := s.over(&c.lens, point(mid))
		if v.where != inside || m.where != inside || v.slope.Sign() == 0 {
			break
		}
		n := b.Intersect(interval.Of(mid).Sub(m.value.Div(v.slope)))
		if n.IsEmpty() || !(n.Width() < 0.9*b.Width()) {
			break
		}
		b = n
	}
	over := c.problem.over(&c.lens, b)
	// Where h″ has one sign, h′ is in the box between its values at the ends.
	monotone := s.of == certificate.Slope || over.where == inside && over.dd.Sign() != 0
	lo, hi := exactly(b.Lo()), exactly(b.Hi())
	var value fine
	for range 30 {
		box := lo.hull(hi)
		mid := box.mid()
		h, d, where := c.problem.at(mid)
		if where != inside {
			return fine{}
		}
		slope := widen(over.d)
		if monotone {
			_, l, _ := c.problem.at(lo)
			_, r, _ := c.problem.at(hi)
			if ends := l.hull(r); ends.ok() {
				slope = ends
			}
		}
		value = c.problem.optimum.add(h.add(slope.mul(box.sub(mid))).raise())
		if value.within(stated) {
			break
		}
		if s.of != certificate.Slope {
			d = s.at(mid)
		}
		switch d.sign() {
		case s.direction:
			hi = mid
		case -s.direction:
			lo = mid
		default:
			return value
		}
	}
	return value
}
