package check

import "github.com/metalqr/metalqr/interval"

// heights is h − Σ λᵢ Cᵢ*, never negative, and its first two derivatives.
type heights struct {
	h, d, dd interval.Interval
	where    place
}

// over encloses the objective at the gains of b in the domain.
func (p *problem) over(l *lens, b interval.Interval) heights {
	var box, mid heights
	box.where = inside
	centred := true
	for _, t := range p.tasks {
		ok := l.at(t, b, p.steps)
		switch l.box.where {
		case outside:
			return heights{where: outside}
		case across:
			box.where = across
		}
		t.add(&box, &l.box)
		if centred = centred && ok; centred {
			t.add(&mid, &l.centre)
		}
	}
	if centred {
		δ := b.Sub(interval.Of(b.Mid()))
		box.d = narrow(box.d, mid.d.Add(box.dd.Mul(δ)))
		box.h = narrow(box.h, mid.h.Add(box.d.Mul(δ)))
	}
	box.h = box.h.Intersect(positive)
	return box
}

// add adds the task's part of h: lift × (T*/D*) z²/D, with C′ = lift × M/D² and
// C″ = lift × L/D³ at x_K.
func (t *task) add(to *heights, tr *trail) {
	o, x := &tr.last, &tr.nodes[tr.n-1]
	lift := t.near.lift
	d := lift.Mul(o.bigM.Mul(o.inv2))
	dd := lift.Mul(o.l.Mul(o.inv3))
	to.h = to.h.Add(t.near.gap.Mul(o.z.Sqr().Mul(o.inv)))
	to.d = to.d.Add(d.Mul(x.dx))
	to.dd = to.dd.Add(dd.Mul(x.dx.Sqr()).Add(d.Mul(x.ddx)))
}
