package check

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// One to three alterations of the structure at a time: boxes moved, made
// unbounded or exchanged, pieces left out, doubled or renamed, other verdicts. What
// passes is true in the eyes of the judge.
func TestRandomAlterations(t *testing.T) {
	t.Parallel()
	const rounds = 300
	for name, c := range map[string]*certificate.Certificate{
		"spurious": landscapeOf(t, scalar("rate: 0.2", unit4), certificate.OneMap),
		"islands":  landscapeOf(t, scalar("rate: 0.01", [4]float64{1, 1, 1e-6, 1}), certificate.Sum),
		"newton":   landscapeOf(t, scalar("rule: gauss-newton, rate: 0.5, steps: 2", unit4), certificate.OneMap),
		"several":  landscapeOf(t, scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), certificate.Sum),
	} {
		t.Run(name, func(t *testing.T) {
			j, err := newJudge(parse(t, c.Family))
			if err != nil {
				t.Fatal(err)
			}
			if name == "newton" {
				j.near, j.tiny = 0.05, 1e-10
			}
			rng := rand.New(rand.NewPCG(7, 7))
			valid := 0
			for range rounds {
				d := cloned(t, c)
				for range 1 + rng.IntN(3) {
					alter(rng, d.Landscape)
				}
				data, err := certificate.Encode(*d)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := certificate.Decode(data); err != nil {
					continue // such as an empty box in a list that may have none
				}
				r, err := Check(data)
				if err != nil {
					t.Fatal(err)
				}
				if !r.Valid {
					continue
				}
				valid++
				if err := j.believes(d.Landscape, 600); err != nil && len(d.Landscape.Unresolved) == 0 {
					t.Errorf("passes, but %v\n%s\n%.3000s", err, r.Claim, data)
				}
			}
			t.Logf("%d of %d pass", valid, rounds)
		})
	}
}

func cloned(t *testing.T, c *certificate.Certificate) *certificate.Certificate {
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	d := new(certificate.Certificate)
	if err := json.Unmarshal(b, d); err != nil {
		t.Fatal(err)
	}
	return d
}

func alter(rng *rand.Rand, l *certificate.Landscape) {
	var boxes []*interval.Interval
	lists := []*[]certificate.Piece{&l.DomainCover}
	for i := range l.Covers {
		lists = append(lists, &l.Covers[i].Pieces)
	}
	for _, list := range lists {
		for i := range *list {
			boxes = append(boxes, &(*list)[i].Box)
		}
	}
	for i := range l.Stationary {
		boxes = append(boxes, &l.Stationary[i].Gain, &l.Stationary[i].Value)
	}
	for i := range l.Domain {
		boxes = append(boxes, &l.Domain[i].Low, &l.Domain[i].High)
	}
	boxes = append(boxes, &l.Infimum)
	list := lists[rng.IntN(len(lists))]
	box := boxes[rng.IntN(len(boxes))]
	one := func(n int) int { return rng.IntN(max(1, n)) }
	switch rng.IntN(14) {
	case 0:
		*box = boxes[rng.IntN(len(boxes))].Hull(*box)
	case 1:
		*box = *boxes[rng.IntN(len(boxes))]
	case 2:
		move := []float64{1e-16, 1e-9, 1e-3, 1, math.Inf(1)}[rng.IntN(5)]
		if rng.IntN(2) == 0 {
			move = -move
		}
		lo, hi := box.Lo(), box.Hi()
		if rng.IntN(2) == 0 {
			lo += move
		} else {
			hi += move
		}
		if lo <= hi && lo < math.Inf(1) && hi > math.Inf(-1) {
			*box = interval.New(lo, hi)
		}
	case 3:
		*box = interval.Entire()
	case 4:
		*box = interval.Empty()
	case 5:
		if len(*list) > 0 {
			i := one(len(*list))
			*list = slices.Delete(*list, i, i+1)
		}
	case 6:
		if len(*list) > 0 {
			i := one(len(*list))
			*list = slices.Insert(*list, i, (*list)[i])
		}
	case 7:
		if len(*list) > 0 {
			kinds := []certificate.PieceKind{certificate.Out, certificate.In, certificate.End, certificate.Free, certificate.Zero, certificate.Unknown}
			p := &(*list)[one(len(*list))]
			p.Is = kinds[rng.IntN(len(kinds))]
			if p.Is == certificate.Unknown && rng.IntN(2) == 0 {
				l.Unresolved = append(l.Unresolved, p.Box)
				slices.SortFunc(l.Unresolved, func(a, b interval.Interval) int { return int(math.Copysign(1, a.Lo()-b.Lo())) })
			}
		}
	case 8:
		l.Verdict = []certificate.Verdict{certificate.Global, certificate.NotGlobal, certificate.EpsilonGlobal, certificate.Undecided}[rng.IntN(4)]
	case 9:
		e := []float64{0, 1e-300, 1, l.EpsilonLow, -1}[rng.IntN(5)]
		l.Epsilon = &e
	case 10:
		l.EpsilonLow = []float64{0, 1e-300, 1e-4, 1}[rng.IntN(4)]
	case 11:
		if n := len(l.Stationary); n > 0 {
			i := one(n)
			switch rng.IntN(3) {
			case 0:
				l.Stationary = slices.Delete(l.Stationary, i, i+1)
			case 1:
				l.Stationary[i].Kind = []certificate.Kind{certificate.Minimum, certificate.Maximum, certificate.Neither}[rng.IntN(3)]
			case 2:
				l.Stationary[i].Optimal = !l.Stationary[i].Optimal
			}
		}
	case 12:
		if n := len(l.Domain); n > 0 {
			i := one(n)
			l.Domain = slices.Delete(l.Domain, i, i+1)
		}
	case 13:
		if n := len(l.Covers); n > 0 {
			l.Covers[one(n)].Step = rng.IntN(3)
		}
	}
}
