package check

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// What is seen of a set of tasks holds what the reader of single gains finds, in
// 256 bits and by other formulas, for tasks of the set: z, the gap, h′ and, in
// float64 intervals, h″. With the derivatives of W* left out it would not.
func TestSightsHoldTheirTasks(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, x := range []struct {
		task, inner string
		a, b, q, r  float64
	}{
		{"", "rate: 0.02", 1, 1, 1, 1},
		{"N: 0.1, discount: 0.9", "rate: 0.01, steps: 2", 1.2, 0.7, 1, 0.3},
		{"Sigma0: 2", "rate: [0.05, 0.02], steps: 2, rule: natural", 1.2, -0.7, 1, 0.3},
		{"", "rate: [0.3, 0.2], steps: 2, rule: gauss-newton", 1.2, 0.7, 1, 0.3},
		{"", "rate: 0.02", 1.5, 1, 0, 1},
	} {
		one := func(a, b, q, r float64) *family.Family {
			return parse(t, fmt.Sprintf("tasks: [{A: %v, B: %v, Q: %v, R: %v, %s}]\nmeta: {inner: {%s}}\n", a, b, q, r, x.task, x.inner))
		}
		f := one(x.a, x.b, x.q, x.r)
		steps, p, err := radiusOf(f)
		if err != nil {
			t.Fatal(err)
		}
		seen, caught := 0, 0
		for _, δ := range []float64{1e-5, 1e-3, 0.03} {
			set := newBall(p, δ)
			for range 600 {
				part := set
				for range rng.IntN(7) {
					if h := part.halves(); len(h) > 0 {
						part = h[rng.IntN(len(h))]
					}
				}
				if !part.known {
					t.Fatalf("%v: δ = %v: optima are not enclosed", x, δ)
				}
				// A task of the part, in the ball.
				var v [4]float64
				total := 0.0
				for i, s := range part.shift {
					v[i] = s.Lo() + rng.Float64()*s.Width()
					total += math.Abs(v[i])
				}
				if total > δ && part == set {
					for i := range v {
						v[i] *= δ / total * (1 - 1e-12)
					}
				} else if total > δ {
					continue
				}
				if x.q+v[2] < 0 {
					continue
				}
				member, err := newProblem(one(x.a+v[0], x.b+v[1], x.q+v[2], x.r+v[3]))
				if err != nil {
					t.Fatal(err)
				}
				lo := set.stable.Lo() + rng.Float64()*set.stable.Width()
				box := interval.New(lo, lo+math.Exp(-25*rng.Float64())*(set.stable.Hi()-lo))
				at := box.Lo() + rng.Float64()*box.Width()
				h, d, where := member.at(exactly(at))
				if where != inside {
					continue
				}
				seen++
				holds := func(part *taskSet) bool {
					s, ok := part.look(steps, box, true)
					if !ok {
						return false
					}
					z := member.tasks[0].read(exactly(at)).z
					dd := member.over(&lens{}, interval.Of(at)).dd
					ratio := s.f.div(s.t.s, s.f.mul(s.f.sqr(s.d), s.d)).all
					slope := s.f.mul(s.f.div(s.f.mul(s.f.mul(s.t.s, s.m), s.turn), s.f.sqr(s.d)), s.off).all
					return z.within(s.off.all) && h.within(s.gap()) && d.within(slope) && !s.bend().Mul(ratio).Disjoint(dd)
				}
				if !holds(part) {
					t.Fatalf("%v: δ = %v: the task at %v and the gain %v of %v are not held", x, δ, v, at, box)
				}
				planted := *part
				for i := range planted.w.by {
					planted.w.by[i] = interval.Of(0)
				}
				planted.w.all = planted.w.at
				if !holds(&planted) {
					caught++
				}
			}
		}
		if seen < 100 || caught < 10 {
			t.Errorf("%v: %d tasks were looked at, %d times the planted error was seen", x, seen, caught)
		}
	}
}
