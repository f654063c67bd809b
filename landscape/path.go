package landscape

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A task is one member of the meta-objective.
type task struct {
	name   string
	weight interval.Interval // λ, normalised
	f, g   *plant            // what counts, and what the inner steps see
	steps  []step            // F_1 … F_K
}

// A path is x₀ … x_K of one task over an interval of gains w, and the first two
// derivatives of x_K with respect to w. All enclosures hold at the gains of
// the interval that are in the task's domain.
type path struct {
	x   []interval.Interval // x_0 … x_K
	x1  []interval.Interval // x_0′ … x_K′
	x2  interval.Interval   // x_K″, of order 2 only
	end local               // f's plant at x_K

	cut   bool // the interval may reach out of the domain
	clean bool // where cut: each constraint that may fail is monotone in w over the whole interval, all in the direction of dir
	dir   int
}

// follow encloses a task's path over w with derivatives of the given order (0,
// 1 or 2), and reports false where no gain of w is in the task's domain. mid,
// where not nil, is the path from a gain c of w, for w wholly inside the domain:
// x_k ⊂ x_k(c) + x_k′(w)(w − c) sharpens every step.
func (t *task) follow(w interval.Interval, order int, mid *path, p *path) bool {
	*p = path{x: append(p.x[:0], w), x1: append(p.x1[:0], one), x2: zero, clean: true}
	smooth := true // x_k is differentiable over all of w
	var from interval.Interval
	if mid != nil {
		from = w.Sub(mid.x[0])
	}
	for k, s := range t.steps {
		l, ok := t.g.at(p.x[k])
		if !ok {
			return false
		}
		if l.cut {
			p.straddle(&l, order, smooth)
			if s.η != 0 && s.rule != family.RuleGaussNewton {
				smooth = false
			}
		}
		if s.rule == family.RuleGaussNewton && l.t.Contains(0) {
			smooth = false
		}
		x := s.to(t.g, &l)
		if order > 0 {
			j := s.deriv(t.g, &l)
			if order > 1 {
				p.x2 = s.deriv2(t.g, &l).Mul(p.x1[k].Sqr()).Add(j.Mul(p.x2))
			}
			p.x1 = append(p.x1, j.Mul(p.x1[k]))
			if mid != nil {
				x = x.Intersect(mid.x[k+1].Add(p.x1[k+1].Mul(from)))
			}
		}
		if x.IsEmpty() {
			return false
		}
		p.x = append(p.x, x)
	}
	l, ok := t.f.at(p.x[len(t.steps)])
	if !ok {
		return false
	}
	if l.cut {
		p.straddle(&l, order, smooth)
	}
	p.end = l
	return true
}

// straddle notes that D(x_k) may vanish over the interval.
func (p *path) straddle(l *local, order int, smooth bool) {
	p.cut = true
	if order == 0 {
		p.clean = false
		return
	}
	dir := l.d1.Mul(p.x1[len(p.x)-1]).Sign()
	if !smooth || dir == 0 || p.dir != 0 && p.dir != dir {
		p.clean = false
	}
	p.dir = dir
}

// slope encloses the derivative of C(x_K) with respect to w.
func (p *path) slope(t *task) interval.Interval {
	return t.f.slope(p.end.m, p.end.d).Mul(p.deriv())
}

// curvature encloses the second derivative.
func (p *path) curvature(t *task) interval.Interval {
	l := &p.end
	return t.f.curvature(l.t, l.m, l.d, l.d1).Mul(p.deriv().Sqr()).Add(t.f.slope(l.m, l.d).Mul(p.x2))
}

// deriv encloses x_K′.
func (p *path) deriv() interval.Interval { return p.x1[len(p.x)-1] }

// value encloses C(x_K).
func (p *path) value(t *task) interval.Interval { return t.f.cost(p.end.w, p.end.d) }
