package landscape

import (
	"fmt"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A Point is what is proved of the stationary point next to a gain.
type Point struct {
	Gain interval.Interval // holds the gain, and exactly one zero of h′
	Kind certificate.Kind

	// Theorem 2 of the paper: the family comes to one task, I − ηC″ (F_k′) is
	// not zero at any inner step anywhere in the box, so that the zero is a global
	// minimiser.
	Theorem2 bool
	// Proposition 1: also h″ > 0 and |1 − F_k′| < 1, so that it is a strict one.
	Proposition1 bool

	Theorem2Why     string // why not
	Proposition1Why string
}

// Locate proves what it can of the stationary point next to a gain: in the
// smallest box it can find around the gain, h′ is monotone and changes sign. The
// error says that there is no such box.
func (p *Problem) Locate(gain float64) (*Point, error) {
	s := &scratch{}
	fail := func(why string) (*Point, error) {
		return nil, fmt.Errorf("landscape: no stationary point is proved next to %v: %s", gain, why)
	}
	at := interval.Of(gain)
	for i := range p.tasks {
		if !p.tasks[i].track(at, 0, false, s) || s.wide.cut {
			return fail(fmt.Sprintf("the gain is not proved to be in the domain of task %q", p.tasks[i].name))
		}
	}
	z := gain
	reach := 0x1p-46 * max(at.Mag(), 0x1p-500)
	for range 60 {
		value, _, ok := p.slope(interval.Of(z), true, s)
		if !ok {
			break
		}
		around := interval.New(z-reach, z+reach)
		_, deriv, ok := p.slope(around, p.within(around, s), s)
		if !ok || deriv.Sign() == 0 {
			break
		}
		move := value.Div(deriv).Mid()
		if z -= move; move <= 0x1p-52*at.Mag() && -move <= 0x1p-52*at.Mag() {
			break
		}
	}
	low, high := min(gain, z), max(gain, z)
	for margin := reach; margin < 0.1*max(at.Mag(), 1); margin *= 4 {
		box := interval.New(low-margin, high+margin)
		if !p.within(box, s) {
			break
		}
		_, deriv, ok := p.slope(box, true, s)
		if !ok {
			break
		}
		first, _, _ := p.slope(interval.Of(box.Lo()), true, s)
		last, _, _ := p.slope(interval.Of(box.Hi()), true, s)
		if deriv.Sign() == 0 {
			break
		}
		if first.Sign()*last.Sign() >= 0 {
			continue
		}
		found := &Point{Gain: box, Kind: certificate.Minimum}
		if deriv.Negative() {
			found.Kind = certificate.Maximum
		}
		p.theorems(found, deriv, s)
		return found, nil
	}
	return fail("h′ is not proved to be monotone with a zero in any box around it; train closer, or the point is degenerate")
}

// within reports whether a box is proved to be inside the domain.
func (p *Problem) within(box interval.Interval, s *scratch) bool {
	for i := range p.tasks {
		if !p.tasks[i].follow(box, 0, nil, &s.wide) || s.wide.cut {
			return false
		}
	}
	return true
}

// theorems decides the pointwise theorems in the box of a point.
func (p *Problem) theorems(at *Point, curvature interval.Interval, s *scratch) {
	if !p.oneMap {
		at.Theorem2Why = "there are several different tasks, and these theorems are about one"
		at.Proposition1Why = at.Theorem2Why
		return
	}
	at.Theorem2, at.Proposition1 = true, true
	t := &p.tasks[0]
	for k := range t.steps {
		j, _, ok := t.fold(k+1, false)(at.Gain, true, s)
		if !ok || j.Sign() == 0 {
			at.Theorem2 = false
			at.Theorem2Why = fmt.Sprintf("the derivative of inner step %d, in [%.3g, %.3g], may vanish", k+1, j.Lo(), j.Hi())
		}
		if rate := one.Sub(j).Mag(); !(rate < 1) {
			at.Proposition1 = false
			at.Proposition1Why = fmt.Sprintf("η‖∇²g‖ may reach %.3g at inner step %d, which is not below 1", rate, k+1)
		}
	}
	if !curvature.Positive() {
		at.Proposition1, at.Proposition1Why = false, "h″ > 0 does not hold there"
	}
}
