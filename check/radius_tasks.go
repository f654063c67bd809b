package check

import (
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A meanForm is a function of a gain and of the parameters of a task, of the gains of a
// box and the tasks of a set: its value at the centre of both, its values over
// them, and its derivatives over them with respect to w, a, b, q and r. Where the
// function is not smooth all over them, the second is all that is known, and holds
// for the tasks and gains in the domain.
type meanForm struct {
	at, all interval.Interval
	by      [5]interval.Interval
	smooth  bool
}

// A frame is what forms are narrowed by: how far from the centre the gains are, and
// the tasks.
type frame struct {
	gain  interval.Interval
	tasks [4]interval.Interval
	δ     float64 // of a ball: Σ |Δ| ≤ δ; 0 where the set is a box
}

// narrow uses the mean-value form: f is within f(centre) + Σ by·Δ, and where the set
// is a ball, |Σ by·Δ| ≤ δ max |by|.
func (f *frame) narrow(x meanForm) meanForm {
	if !x.smooth {
		return x
	}
	mean := x.at.Add(x.by[0].Mul(f.gain))
	if f.δ > 0 {
		most := 0.0
		for _, y := range x.by[1:] {
			most = max(most, y.Mag())
		}
		if r := interval.MulUp(f.δ, most); r < math.Inf(1) {
			mean = mean.Add(interval.New(-r, r))
		} else {
			mean = interval.Entire()
		}
	} else {
		for i, y := range x.by[1:] {
			mean = mean.Add(y.Mul(f.tasks[i]))
		}
	}
	x.all = narrow(x.all, mean)
	return x
}

func steady(x interval.Interval) meanForm {
	f := meanForm{at: x, all: x, smooth: true}
	for i := range f.by {
		f.by[i] = interval.Of(0)
	}
	return f
}

func (f *frame) add(x, y meanForm) meanForm {
	z := meanForm{at: x.at.Add(y.at), all: x.all.Add(y.all), smooth: x.smooth && y.smooth}
	for i := range z.by {
		z.by[i] = x.by[i].Add(y.by[i])
	}
	return f.narrow(z)
}

func (f *frame) sub(x, y meanForm) meanForm {
	z := meanForm{at: x.at.Sub(y.at), all: x.all.Sub(y.all), smooth: x.smooth && y.smooth}
	for i := range z.by {
		z.by[i] = x.by[i].Sub(y.by[i])
	}
	return f.narrow(z)
}

func (f *frame) mul(x, y meanForm) meanForm {
	z := meanForm{at: x.at.Mul(y.at), all: x.all.Mul(y.all), smooth: x.smooth && y.smooth}
	if z.smooth {
		for i := range z.by {
			z.by[i] = x.by[i].Mul(y.all).Add(x.all.Mul(y.by[i]))
		}
	}
	return f.narrow(z)
}

func (f *frame) times(c interval.Interval, x meanForm) meanForm {
	z := meanForm{at: c.Mul(x.at), all: c.Mul(x.all), smooth: x.smooth}
	for i := range z.by {
		z.by[i] = c.Mul(x.by[i])
	}
	return z
}

func (f *frame) sqr(x meanForm) meanForm {
	z := meanForm{at: x.at.Sqr(), all: x.all.Sqr(), smooth: x.smooth}
	if z.smooth {
		for i := range z.by {
			z.by[i] = two.Mul(x.all).Mul(x.by[i])
		}
	}
	return f.narrow(z)
}

// div is x/y; smooth where y is not 0.
func (f *frame) div(x, y meanForm) meanForm {
	z := meanForm{all: x.all.Div(y.all), smooth: x.smooth && y.smooth && y.all.Sign() != 0}
	if z.smooth {
		z.at = x.at.Div(y.at)
		for i := range z.by {
			z.by[i] = x.by[i].Sub(z.all.Mul(y.by[i])).Div(y.all)
		}
	}
	return f.narrow(z)
}

// sqrt is the root of what is positive.
func (f *frame) sqrt(x meanForm) meanForm {
	z := meanForm{at: x.at.Sqrt(), all: x.all.Sqrt(), smooth: x.smooth}
	for i := range z.by {
		z.by[i] = x.by[i].Div(two.Mul(z.all))
	}
	return f.narrow(z)
}

// positivePart is x where it is positive, which it is in the domain.
func positivePart(x meanForm) meanForm {
	if !x.all.Positive() {
		x.all, x.smooth = x.all.Intersect(positive), false
	}
	return x
}

// A taskSet is a set of tasks: those within δ of the nominal one, or those of a box
// of their parameters that has some of them.
type taskSet struct {
	nominal *plant
	δ       float64
	shift   [4]interval.Interval // of a, b, q and r
	cuts    int
	frame   frame
	known   bool // what follows is; not of a set with tasks whose optimum is not enclosed

	γ, stable                                  interval.Interval
	s, a, b, n, β, t0, t1, tStar, w, td, steep meanForm // td is T*D*, steep T*/D*

	split [2]*taskSet
	done  bool
}

// newBall is the set of all tasks within δ of the nominal one.
func newBall(nominal *plant, δ float64) *taskSet {
	t := &taskSet{nominal: nominal, δ: δ}
	for i := range t.shift {
		t.shift[i] = interval.New(-δ, δ)
	}
	t.frame.δ = δ
	t.solve()
	return t
}

// halves are the parts of the set, cut in the middle of one parameter after the
// other. A part without tasks is left out: too far from the nominal one, or with
// costs that no task has.
func (t *taskSet) halves() []*taskSet {
	if !t.done {
		t.done = true
		i := t.cuts % len(t.shift)
		m := t.shift[i].Mid()
		for k, x := range [2]interval.Interval{interval.New(t.shift[i].Lo(), m), interval.New(m, t.shift[i].Hi())} {
			h := &taskSet{nominal: t.nominal, δ: t.δ, shift: t.shift, cuts: t.cuts + 1}
			h.shift[i] = x
			nearest := 0.0
			for _, y := range h.shift {
				nearest = interval.AddDown(nearest, y.Mig())
			}
			if nearest <= t.δ && h.solve() {
				t.split[k] = h
			}
		}
	}
	var list []*taskSet
	for _, h := range t.split {
		if h != nil {
			list = append(list, h)
		}
	}
	return list
}

// solve finds the optima of the tasks of the set; false if it holds none. A task has
// r > 0, and q ≥ 0 if n = 0. Where T* and D* = D(W*) are positive, W* with M(W*) = 0
// and M′(W*) = 2T* is its optimum.
func (t *taskSet) solve() bool {
	p, f := t.nominal, &t.frame
	o := &p.stated
	of := [4]float64{o.a, o.b, o.q, o.r}
	var v [4]meanForm
	for i, x := range of {
		all := interval.Of(x).Add(t.shift[i])
		switch {
		case i == 2 && o.n == 0:
			all = all.Intersect(positive)
		case i == 3 && all.Hi() <= 0:
			return false
		}
		if all.IsEmpty() {
			return false
		}
		center := interval.Of(x)
		if f.δ == 0 {
			center = interval.Of(all.Mid())
		}
		v[i] = steady(center)
		v[i].all, v[i].by[i+1] = all, unit
		f.tasks[i] = all.Sub(center)
	}
	f.gain = interval.Of(0)
	a, b, q, r := v[0], v[1], v[2], v[3]
	if !r.all.Positive() || b.all.Contains(0) {
		return true
	}
	n, γ := steady(interval.Of(o.n)), interval.Of(p.γ)
	reach := unit.Div(γ.Sqrt())
	t.stable = a.all.Sub(reach).Div(b.all).Hull(a.all.Add(reach).Div(b.all))
	t.γ, t.a, t.b, t.n, t.s = γ, a, b, n, steady(p.moment.round())
	t.β = f.times(γ, f.sqr(b))
	d0 := f.sub(steady(unit), f.times(γ, f.sqr(a)))
	t.t0 = f.add(f.mul(r, d0), f.mul(t.β, q))
	t.t1 = f.times(two.Mul(γ), f.mul(b, f.sub(f.mul(r, a), f.mul(b, n))))
	half := f.add(f.mul(n, d0), f.times(γ, f.mul(f.mul(a, b), q))) // −M₀/2
	square := f.add(f.sqr(t.t0), f.times(two, f.mul(half, t.t1)))
	if !square.all.Positive() {
		return true
	}
	t.tStar = f.sqrt(square)
	if sum := f.add(t.t0, t.tStar); t.t0.at.Lo() >= 0 && sum.all.Positive() {
		t.w = f.div(f.times(two, half), sum)
	} else if t.t1.all.Sign() != 0 {
		t.w = f.div(f.sub(t.tStar, t.t0), t.t1)
	} else {
		return true
	}
	u := f.sub(a, f.mul(b, t.w))
	dStar := f.sub(steady(unit), f.times(γ, f.sqr(u)))
	if !dStar.all.Positive() || !t.tStar.all.Positive() {
		return true
	}
	t.td, t.steep = f.mul(t.tStar, dStar), f.div(t.tStar, dStar)
	t.known = true
	return true
}

// A sight is what is seen of a set of tasks at the gains of a box: of those in whose
// domain the gains are.
type sight struct {
	f       *frame
	t       *taskSet
	off     meanForm // z = x_K − W*
	turn    meanForm // x_K′
	curve   meanForm // x_K″, if asked for
	d, m, l meanForm // at x_K
	whole   bool     // every task has all of the gains in its domain
}

// look follows the tasks of a set from the gains of w, and reports false where none
// of them has any in its domain.
//
// Up to where D ≤ 0 is not excluded, F is smooth; with the Gauss–Newton rule, into
// which D does not enter, wherever T > 0, in the domain or not.
func (t *taskSet) look(steps []radiusStep, w interval.Interval, curved bool) (sight, bool) {
	whole := w.Subset(t.stable)
	w = w.Intersect(t.stable)
	if w.IsEmpty() {
		return sight{}, false
	}
	f := t.frame
	center := interval.Of(w.Mid())
	f.gain = w.Sub(center)
	x := steady(center)
	x.all, x.by[0] = w, unit
	turn, curve := steady(unit), steady(interval.Of(0))
	for k := 0; ; k++ {
		u := f.sub(t.a, f.mul(t.b, x))
		d := f.sub(steady(unit), f.times(t.γ, f.sqr(u)))
		if !(d.all.Hi() > 0) {
			return sight{}, false
		}
		whole = whole && d.all.Positive()
		z := f.sub(x, t.w)
		newton := k < len(steps) && steps[k].rule == family.RuleGaussNewton
		if !d.all.Positive() && !(newton && x.smooth) {
			// What is left of x and z is no longer that of all gains and tasks.
			x.all, x.smooth = x.all.Intersect(t.stable), false
			if x.all.IsEmpty() {
				return sight{}, false
			}
			z.all, z.smooth = narrow(z.all, x.all.Sub(t.w.all)), false
		}
		d = positivePart(d)
		T := positivePart(f.add(t.t0, f.mul(t.t1, x)))
		m := f.add(T, t.tStar)
		l := f.times(two, f.add(t.td, f.mul(f.mul(t.β, f.sqr(z)), f.add(m, t.tStar))))
		if k == len(steps) {
			return sight{f: &f, t: t, off: z, turn: turn, curve: curve, d: d, m: m, l: l, whole: whole}, true
		}
		slope := f.times(two.Mul(t.γ), f.mul(t.b, u)) // D′
		e := steps[k].e
		M := f.mul(z, m)
		var move, fold, bend meanForm // F = x − e move, F′ = 1 − e fold, F″ = −e bend
		switch steps[k].rule {
		case family.RuleGradient:
			d2 := f.sqr(d)
			d3 := f.mul(d2, d)
			move, fold = f.div(M, d2), f.div(l, d3)
			if curved {
				bend = f.times(three, f.div(f.sub(f.times(two, f.mul(f.mul(t.β, M), d)), f.mul(l, slope)), f.sqr(d2)))
			}
		case family.RuleNatural:
			d2 := f.sqr(d)
			U := f.add(f.mul(T, d), f.times(interval.Of(0.5), l))
			move, fold = f.div(M, d), f.div(U, d2)
			if curved {
				rise := f.times(two, f.add(f.mul(t.t1, d), f.mul(t.β, M)))
				bend = f.div(f.sub(f.mul(rise, d), f.times(two, f.mul(U, slope))), f.mul(d2, d))
			}
		default: // Gauss–Newton
			ρ := f.div(t.tStar, T)
			ρ2 := f.sqr(ρ)
			move = f.mul(z, f.add(steady(unit), ρ))
			fold = f.add(steady(unit), ρ2)
			if curved {
				bend = f.times(two.Neg(), f.div(f.mul(t.t1, ρ2), T))
			}
		}
		by := f.sub(steady(unit), f.times(e, fold))
		if curved {
			curve = f.sub(f.mul(by, curve), f.times(e, f.mul(bend, f.sqr(turn))))
		}
		turn = f.mul(by, turn)
		x = f.sub(x, f.times(e, move))
	}
}

// bend is h″ but for the factor s/D³.
func (s *sight) bend() interval.Interval {
	f := s.f
	return f.add(f.mul(s.l, f.sqr(s.turn)), f.mul(f.mul(f.mul(s.off, s.m), s.d), s.curve)).all
}

// gap is C(x_K) − C*.
func (s *sight) gap() interval.Interval {
	f := s.f
	return f.div(f.mul(f.mul(s.t.s, s.t.steep), f.sqr(s.off)), s.d).all
}
