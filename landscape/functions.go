package landscape

import "github.com/metalqr/metalqr/interval"

// track follows a task over box with derivatives up to order, by way of the path
// from its middle where the whole box is known to be inside.
func (t *task) track(box interval.Interval, order int, known bool, s *scratch) bool {
	var mid *path
	if known && !box.IsPoint() {
		if t.follow(interval.Of(center(box)), 0, nil, &s.mid) && !s.mid.cut {
			mid = &s.mid
		}
	}
	return t.follow(box, order, mid, &s.wide)
}

// center is the gain about which enclosures are centred: the middle, or the end
// of a half-line.
func center(box interval.Interval) float64 {
	switch {
	case box.IsBounded():
	case box.Lo() >= -maxFloat:
		return box.Lo()
	case box.Hi() <= maxFloat:
		return box.Hi()
	}
	return box.Mid()
}

const maxFloat = 0x1.fffffffffffffp1023

// slope is h′, with h″.
func (p *Problem) slope(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool) {
	value, deriv = zero, zero
	order := 1
	if known && !box.IsPoint() {
		order = 2
	}
	for i := range p.tasks {
		t := &p.tasks[i]
		if !t.track(box, order, known, s) {
			return value, deriv, false
		}
		value = value.Add(t.weight.Mul(s.wide.slope(t)))
		if order > 1 {
			deriv = deriv.Add(t.weight.Mul(s.wide.curvature(t)))
		}
	}
	if order > 1 && deriv.IsBounded() {
		c := interval.Of(center(box))
		if middle, _, ok := p.slope(c, true, s); ok {
			value = value.Intersect(middle.Add(deriv.Mul(box.Sub(c))))
		}
	}
	return value, deriv, !value.IsEmpty()
}

// value encloses h over box.
func (p *Problem) value(box interval.Interval, known bool, s *scratch) (interval.Interval, bool) {
	sum := zero
	for i := range p.tasks {
		t := &p.tasks[i]
		if !t.track(box, 1, known, s) {
			return sum, false
		}
		sum = sum.Add(t.weight.Mul(s.wide.value(t)))
	}
	if known && !box.IsPoint() {
		c := interval.Of(center(box))
		slope, _, ok := p.slope(box, true, s)
		middle, inside := p.value(c, true, s)
		if ok && inside {
			sum = sum.Intersect(middle.Add(slope.Mul(box.Sub(c))))
		}
	}
	return sum, true
}

// centred sharpens the enclosure of a function over a box that is known to be
// inside by its value at the centre.
func centred(f probe, box, value, deriv interval.Interval, known bool, s *scratch) interval.Interval {
	if !known || box.IsPoint() || !deriv.IsBounded() {
		return value
	}
	c := interval.Of(center(box))
	if middle, _, ok := f(c, true, s); ok {
		value = value.Intersect(middle.Add(deriv.Mul(box.Sub(c))))
	}
	return value
}

// offset is w − W*.
func (t *task) offset(box interval.Interval, _ bool, _ *scratch) (value, deriv interval.Interval, ok bool) {
	return box.Sub(t.g.opt), one, true
}

// reach is κ_k(x_{k−1}), deflated where the step deflates; k from 1.
func (t *task) reach(k int) probe {
	var f probe
	f = func(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool) {
		if !t.track(box, 1, known, s) {
			return zero, zero, false
		}
		l, ok := t.g.at(s.wide.x[k-1])
		if !ok {
			return zero, zero, false
		}
		value = t.steps[k-1].ratio(t.g, &l)
		deriv = t.steps[k-1].ratioDeriv(t.g, &l).Mul(s.wide.x1[k-1])
		return centred(f, box, value, deriv, known, s), deriv, true
	}
	return f
}

// fold is F_k′(x_{k−1}), deflated where the step deflates and the task is seen
// as it counts.
func (t *task) fold(k int, deflate bool) probe {
	var f probe
	st := t.steps[k-1]
	f = func(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool) {
		if !t.track(box, 1, known, s) {
			return zero, zero, false
		}
		l, ok := t.g.at(s.wide.x[k-1])
		if !ok {
			return zero, zero, false
		}
		if deflate {
			value, deriv = st.fold(t.g, &l), st.foldDeriv(t.g, &l)
		} else {
			value, deriv = st.deriv(t.g, &l), st.deriv2(t.g, &l)
		}
		deriv = deriv.Mul(s.wide.x1[k-1])
		return centred(f, box, value, deriv, known, s), deriv, true
	}
	return f
}

// arrive is x_K − W* of the outer cost.
func (t *task) arrive(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool) {
	if !t.track(box, 1, known, s) {
		return zero, zero, false
	}
	value = s.wide.end.w.Sub(t.f.opt)
	deriv = s.wide.deriv()
	return value, deriv, true
}

// singular is x_K′, whose zeros are where the task's map is not locally open.
func (t *task) singular(box interval.Interval, known bool, s *scratch) (value, deriv interval.Interval, ok bool) {
	if !t.track(box, 2, known, s) {
		return zero, zero, false
	}
	value, deriv = s.wide.deriv(), s.wide.x2
	return centred(t.singular, box, value, deriv, known, s), deriv, true
}
