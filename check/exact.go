package check

import "github.com/metalqr/metalqr/family"

// A reading is one task's path from a single gain, or from as small a box as 256
// bits can hold, in 256 bits.
type reading struct {
	where place  // across: a constraint was not decided
	start []fine // x_{k−1} − W* of g, for step k = 1…K, at index k−1
	κ, f  []fine // of step k, with Gauss–Newton and η = ½ not deflated
	cell  []fine // κ and, below, F′ divided by x_{k−1} − W* in that case
	crook []fine
	z     fine // x_K − W* of f
	h, d  fine // the task's part of h − Σ λᵢ Cᵢ*, and of h′
}

// read follows the path from x. What comes before an undecided constraint is
// there. Of the zero fine, nothing is known.
func (t *task) read(x fine) reading {
	r := reading{where: across}
	if !x.ok() {
		return r
	}
	slope := exactly(1)
	for k := 0; ; k++ {
		p := t.role(k)
		v := p.a.sub(p.b.mul(x))
		γv := exactly(p.γ).mul(v)
		d := exactly(1).sub(γv.mul(v))
		switch {
		case d.sign() < 0 || d.isZero():
			r.where = outside
			return r
		case d.sign() == 0:
			return r
		}
		dSlope := γv.mul(p.b).times(2)
		z := x.sub(p.wStar)
		tt := p.tStar.add(p.t1.mul(z))
		m := tt.add(p.tStar)
		bigM := z.mul(m)
		half := tt.mul(d).sub(bigM.mul(dSlope)) // L/2
		if k == len(t.steps) {
			r.z = z
			r.h = t.lift.mul(p.tStar.div(p.dStar)).mul(z.sqr()).div(d)
			r.d = t.lift.mul(bigM).div(d.sqr()).mul(slope)
			r.where = inside
			return r
		}
		s := &t.steps[k]
		var κ, f fine
		switch s.rule {
		case family.RuleGradient:
			κ = exactly(1).sub(s.e.mul(m).div(d.sqr()))
			f = exactly(1).sub(s.e.mul(half.times(2)).div(d.sqr().mul(d)))
		case family.RuleNatural:
			κ = exactly(1).sub(s.e.mul(m).div(d))
			f = exactly(1).sub(s.e.mul(tt.mul(d).add(half)).div(d.sqr()))
		default:
			κ = exactly(1).sub(s.e.mul(m).div(tt))
			f = exactly(1).sub(s.e.mul(tt.sqr().add(p.tStar.sqr())).div(tt.sqr()))
		}
		cell, crook := κ, f
		if s.half {
			cell = p.t1.times(0.5).div(tt)
			κ = cell.mul(z)
			crook = cell.mul(m).div(tt)
			f = crook.mul(z)
		}
		r.start = append(r.start, z)
		r.κ, r.f = append(r.κ, κ), append(r.f, f)
		r.cell, r.crook = append(r.cell, cell), append(r.crook, crook)
		slope = slope.mul(f)
		x = p.wStar.add(z.mul(κ))
	}
}

// at is h − Σ λᵢ Cᵢ* and h′ at w, and whether w is in the domain.
func (p *problem) at(w fine) (h, d fine, where place) {
	h, d, where = exactly(0), exactly(0), inside
	for _, t := range p.tasks {
		r := t.read(w)
		switch r.where {
		case outside:
			return fine{}, fine{}, outside
		case across:
			where = across
		}
		h, d = h.add(r.h), d.add(r.d)
	}
	return h, d, where
}

// locate says whether w is in the domain; across if that is not decided.
func (p *problem) locate(l *lens, w float64) place {
	where := inside
	for _, t := range p.tasks {
		l.at(t, point(w), p.steps)
		switch l.box.where {
		case outside:
			return outside
		case across:
			where = across
		}
	}
	if where == across {
		_, _, where = p.at(single(w))
	}
	return where
}
