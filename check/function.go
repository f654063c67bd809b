package check

import (
	"fmt"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// A function is what a cover is about. In mode one-map all tasks have the same
// path, and the first one's is followed.
type function struct {
	of   certificate.Function
	step int // k of Reach and Fold
	p    *problem
}

func (f function) String() string {
	if f.step > 0 {
		return fmt.Sprintf("%s %d", f.of, f.step)
	}
	return string(f.of)
}

// required are the functions whose zeros are together the zeros of h′:
//
//	sum               h′
//	one-map, f = g    h′ has the sign of (x_K − W*) Π F_k′, and
//	                  x_K − W* = (w − W*) Π κ_k
//	one-map, f ≠ g    h′ has the sign of (x_K − W*) Π F_k′
func (p *problem) required(mode certificate.Mode) ([]function, error) {
	switch mode {
	case certificate.Sum:
		return []function{{of: certificate.Slope, p: p}}, nil
	case certificate.OneMap:
		if p.oneMap != nil {
			return nil, fmt.Errorf("mode one-map is for a family that comes to one task: %w", p.oneMap)
		}
		var fs []function
		if p.same {
			fs = append(fs, function{of: certificate.Offset, p: p})
			for k := range p.steps {
				fs = append(fs, function{certificate.Reach, k + 1, p})
			}
		} else {
			fs = append(fs, function{of: certificate.Arrive, p: p})
		}
		for k := range p.steps {
			fs = append(fs, function{certificate.Fold, k + 1, p})
		}
		return fs, nil
	}
	return nil, fmt.Errorf("unknown mode %q", mode)
}

// optimal reports whether a zero of f is a gain that adapts to the optimum.
func (f function) optimal() bool {
	return f.of == certificate.Offset || f.of == certificate.Reach || f.of == certificate.Arrive
}

// A view is a function over a box.
type view struct {
	value, slope interval.Interval // over the gains of the box in the domain
	where        place
}

// over encloses the function over b.
func (f function) over(l *lens, b interval.Interval) view {
	if f.of == certificate.Slope {
		h := f.p.over(l, b)
		return view{h.d, h.dd, h.where}
	}
	t := f.p.tasks[0]
	if f.of == certificate.Offset {
		return view{value: b.Sub(t.f.near.wStar), slope: unit, where: inside}
	}
	to := f.p.steps
	if f.of != certificate.Arrive {
		to = f.step - 1
	}
	centred := l.at(t, b, to)
	v := view{where: l.box.where}
	if v.where == outside {
		return v
	}
	v.value, v.slope = f.on(t, &l.box)
	if centred {
		c, _ := f.on(t, &l.centre)
		v.value = narrow(v.value, c.Add(v.slope.Mul(b.Sub(interval.Of(b.Mid())))))
	}
	return v
}

// on is the function and its derivative in w at the end of a path.
func (f function) on(t *task, tr *trail) (value, slope interval.Interval) {
	dx := tr.nodes[tr.n-1].dx
	switch f.of {
	case certificate.Reach:
		value, slope = t.steps[f.step-1].reach(&tr.last)
	case certificate.Fold:
		value, slope = t.steps[f.step-1].fold(&tr.last, f.p.same)
	default:
		value, slope = tr.last.z, unit
	}
	return value, slope.Mul(dx)
}

// sign is the sign of the function at w, and whether that is decided: 0 may be
// the sign.
func (f function) sign(l *lens, w float64) (sign int, decided bool) {
	if v := f.over(l, point(w)); v.where == inside && v.value.Sign() != 0 {
		return v.value.Sign(), true
	}
	y := f.at(single(w))
	if f.of == certificate.Offset && y.sign() == 0 && f.p.tasks[0].f.isOptimum(w) {
		return 0, true
	}
	return y.sign(), y.sign() != 0 || y.isZero()
}

// at is the function at w.
func (f function) at(w fine) fine {
	switch f.of {
	case certificate.Slope:
		_, d, where := f.p.at(w)
		if where != inside {
			return fine{}
		}
		return d
	case certificate.Offset:
		return w.sub(f.p.tasks[0].f.wStar)
	}
	r := f.p.tasks[0].read(w)
	switch {
	case f.of == certificate.Arrive:
		return r.z
	case f.step > len(r.cell):
		return fine{}
	case f.of == certificate.Reach:
		return r.cell[f.step-1]
	case f.p.same:
		return r.crook[f.step-1]
	}
	return r.f[f.step-1]
}

func point(w float64) interval.Interval { return interval.Of(w) }
