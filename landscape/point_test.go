package landscape

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/certificate"
)

// Locate finds the stationary points that Prove finds, from nearby, and what it
// says of them is true: h′ has opposite signs at the ends of the box, the kind
// is right, and Theorem 2 speaks of global minimisers of one map only.
func TestLocate(t *testing.T) {
	families := uint64(400)
	if testing.Short() {
		families = 100
	}
	const first = 1 << 21
	tried, theorem2, proposition1, refused := 0, 0, 0, 0
	for seed := uint64(first); seed < first+families; seed++ {
		d := draw{Rand: rand.New(rand.NewPCG(seed, 1))}
		f, rates, err := d.family()
		if err != nil || len(f.Tasks) > 6 {
			continue
		}
		p, err := New(f, rates)
		if err != nil {
			continue
		}
		l, err := p.Prove(context.Background(), Options{Boxes: 20_000, Workers: 1})
		if err != nil || len(l.Unresolved) > 0 {
			continue
		}
		x := newTrial(f, rates, seed)
		for _, s := range l.Stationary {
			gain := s.Gain.Mid() + s.Gain.Width()*d.between(-50, 50)
			at, err := p.Locate(gain)
			if err != nil {
				refused++ // near the ends and near singular points
				continue
			}
			tried++
			low, high := x.exact.at(exactly(at.Gain.Lo()), false), x.exact.at(exactly(at.Gain.Hi()), false)
			sign := 1
			if at.Kind == certificate.Maximum {
				sign = -1
			}
			if !at.Gain.Contains(gain) || !low.inside || !high.inside || low.slope.sign() != -sign || high.slope.sign() != sign {
				t.Errorf("seed %d: %s in %v next to %v: h′ is %v and %v at its ends\n%s%s", seed, at.Kind, at.Gain, gain, low.slope.float(), high.slope.float(), x, l.dump())
			}
			if at.Theorem2 {
				theorem2++
			}
			if at.Proposition1 {
				proposition1++
			}
			// One of the stationary points is in the box; if it is the one that was
			// meant, the theorems' conclusions are those of the landscape.
			if s.Gain.Subset(at.Gain) {
				if at.Kind != s.Kind {
					t.Errorf("seed %d: %v is a %s and a %s\n%s", seed, at.Gain, at.Kind, s.Kind, x)
				}
				if (at.Theorem2 || at.Proposition1) && (!l.OneMap || s.Kind != certificate.Minimum || l.KindOf(s) == "spurious") {
					t.Errorf("seed %d: the theorems are said to hold at %v\n%s%s", seed, at.Gain, x, l.dump())
				}
			}
			if (at.Theorem2Why == "") != at.Theorem2 || (at.Proposition1Why == "") != at.Proposition1 {
				t.Errorf("seed %d: %+v", seed, at)
			}
		}
		// Between two stationary points there is none to be found in a box that
		// does not reach one.
		for i := 1; i < len(l.Stationary); i++ {
			a, b := l.Stationary[i-1].Gain.Hi(), l.Stationary[i].Gain.Lo()
			gain := a + (b-a)*d.between(0.3, 0.7)
			if at, err := p.Locate(gain); err == nil && l.Stationary[i-1].Gain.Disjoint(at.Gain) && l.Stationary[i].Gain.Disjoint(at.Gain) {
				t.Errorf("seed %d: a stationary point is found in %v, where there is none\n%s%s", seed, at.Gain, x, l.dump())
			}
		}
	}
	if tried < 30 || theorem2 < 3 || proposition1 < 3 {
		t.Errorf("%d tried, %d by Theorem 2, %d by Proposition 1, %d not found", tried, theorem2, proposition1, refused)
	}
	t.Logf("%d tried, %d by Theorem 2, %d by Proposition 1, %d not found", tried, theorem2, proposition1, refused)
}

// What is not near a stationary point, or not in the domain, is an error.
func TestLocateRefuses(t *testing.T) {
	f, rates := parse(t, tasks("rate: 0.2", [4]float64{1, 1, 1, 1}))
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	for _, gain := range []float64{-1, 0, 2, 5, 1e300, -1e300, 0.3} {
		if at, err := p.Locate(gain); err == nil {
			t.Errorf("%v: %+v", gain, at)
		}
	}
	at, err := p.Locate(0.87396)
	if err != nil || at.Theorem2 || at.Kind != certificate.Minimum || math.Abs(at.Gain.Mid()-0.87396) > 1e-5 {
		t.Errorf("the spurious minimum: %+v, %v", at, err)
	}
	// h has a spurious minimum, and the optimum is not it.
	if at, err = p.Locate((math.Sqrt(5) - 1) / 2); err != nil || !at.Theorem2 {
		t.Errorf("the optimum: %+v, %v", at, err)
	}
}
