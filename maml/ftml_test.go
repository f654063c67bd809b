package maml_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// stream is n scalar quadratics 1 + a(x − c)²/2, adapted by one step at a rate:
// h_t is 1 + ½ a(1 − ηa)² (x − c_t)².
func stream(n int, rate float64, weight func(t int) float64) ([]maml.Member, []float64) {
	const a = 2
	random := rand.New(rand.NewPCG(11, 11))
	var members []maml.Member
	var centres []float64
	for t := range n {
		c := random.NormFloat64()
		g := axes{a: []float64{a}, c: []float64{c}}
		centres = append(centres, c)
		members = append(members, maml.Member{Name: fmt.Sprint(t), Weight: weight(t), Outer: g, Inner: []objective.Rule{maml.Gradient{Objective: g, Rate: rate}}})
	}
	return members, centres
}

// On quadratics the leader is the weighted mean of the centres so far, and the
// regret a sum that is worked out here term by term.
func TestFTMLQuadratics(t *testing.T) {
	for _, weight := range []func(int) float64{
		func(int) float64 { return 1 },
		func(t int) float64 { return float64(1+t%3) / 8 },
	} {
		members, centres := stream(40, 0.2, weight)
		const bend = 2 * 0.6 * 0.6 / 2 // ½ a(1 − ηa)²
		var seen []maml.Round
		rounds, err := maml.FTML{Stop: maml.Stop{Tolerance: 1e-13}}.Run(t.Context(), members, []float64{0.5}, nil, func(r maml.Round) error {
			seen = append(seen, r)
			return nil
		})
		if err != nil || len(rounds) != 40 || len(seen) != 40 {
			t.Fatal(err, len(rounds), len(seen))
		}
		x, total := 0.5, 0.0
		var mass, mean float64
		for i, r := range rounds {
			w := weight(i)
			total += w * (1 + bend*(x-centres[i])*(x-centres[i]))
			if r.Round != i+1 || r.Member != fmt.Sprint(i) || r.Moved || r.X[0] != seen[i].X[0] {
				t.Errorf("round %+v", r)
			}
			near(t, "x", r.X[0], x, 1e-12)
			near(t, "loss", r.Loss, w*(1+bend*(x-centres[i])*(x-centres[i])), 1e-12)
			near(t, "total", r.Total, total, 1e-12)
			mean = (mean*mass + w*centres[i]) / (mass + w)
			mass += w
			x = mean
			best := 0.0
			for s := range i + 1 {
				best += weight(s) * (1 + bend*(x-centres[s])*(x-centres[s]))
			}
			near(t, "leader", r.Leader[0], x, 1e-12)
			near(t, "best", r.Best, best, 1e-12)
			near(t, "regret", r.Regret, total-best, 1e-12)
			x = r.Leader[0]
		}
	}
}

// On a stationary stream the regret flattens. By induction R_t ≤ Σ (h_s(x_s) −
// h_s(x_{s+1})), of which each is at most G‖x_s − x_{s+1}‖ ≤ G²/(s H) where h_s
// has curvature H and slope at most G between the two: R_t ≤ G²/H (1 + log t).
// Where every task is the same it stops after the first round.
func TestFTMLRegretFlattens(t *testing.T) {
	members, centres := stream(400, 0.2, func(int) float64 { return 1 })
	rounds, err := maml.FTML{}.Run(t.Context(), members, []float64{0}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	const curvature = 2 * 0.6 * 0.6
	var slope float64
	for i, r := range rounds {
		slope = math.Max(slope, curvature*math.Max(math.Abs(r.X[0]-centres[i]), math.Abs(r.Leader[0]-centres[i])))
		if n := float64(i + 1); r.Regret > slope*slope/curvature*(1+math.Log(n)) || r.Regret < 0 {
			t.Fatalf("round %d: regret %v", i+1, r.Regret)
		}
	}
	// The increments fall like 1/t: each hundred rounds past the first adds far
	// less than it.
	at := func(i int) float64 { return rounds[i-1].Regret }
	if grown := at(400) - at(300); !(grown < 0.2*at(100)) || !(at(400)/400 < 0.02) {
		t.Errorf("regret %v after 100, %v after 300, %v after 400", at(100), at(300), at(400))
	}
	t.Logf("regret after 1, 10, 100, 400 rounds: %.3f %.3f %.3f %.3f", at(1), at(10), at(100), at(400))

	same := make([]maml.Member, 30)
	for i := range same {
		same[i] = members[3]
	}
	rounds, err = maml.FTML{Stop: maml.Stop{Tolerance: 1e-13}}.Run(t.Context(), same, []float64{0}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rounds[1:] {
		// From gaps, and so to all digits: the losses beside it are 1 and more.
		if math.Abs(r.Regret-rounds[0].Regret) > 1e-15*rounds[0].Regret {
			t.Errorf("round %d: regret %v, first %v", r.Round, r.Regret, rounds[0].Regret)
		}
	}
}

// On LQR tasks, the best start in hindsight is that of brute force over a grid.
func TestFTMLAgainstBruteForce(t *testing.T) {
	var members []maml.Member
	for i, s := range []scalar{{1, 1, 1, 1}, {1.2, 1, 0.5, 1}, {0.8, 1, 2, 0.5}, {1.1, 0.9, 1, 2}} {
		members = append(members, maml.Member{Weight: float64(i + 1), Outer: s, Inner: []objective.Rule{maml.Gradient{Objective: s, Rate: 0.01}}})
	}
	rounds, err := maml.FTML{Method: maml.LBFGS{}}.Run(t.Context(), members, []float64{0.9}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rounds {
		best := math.Inf(1)
		for k := range 4001 {
			x := []float64{0.25 + 1.5*float64(k)/4000}
			var sum float64
			for _, m := range members[:i+1] {
				one, err := maml.NewMeta([]maml.Member{m})
				if err != nil {
					t.Fatal(err)
				}
				p, err := one.Evaluate(x)
				if err != nil {
					sum = math.Inf(1)
					break
				}
				sum += m.Weight * p.Value()
			}
			best = math.Min(best, sum)
		}
		// The grid is 4e-4 wide, curvatures are below 30: 30 (2e-4)² /2 per weight.
		if !(r.Best <= best*(1+1e-12) && r.Best > best-1e-5) {
			t.Errorf("round %d: best %v, grid %v", i+1, r.Best, best)
		}
		near(t, "regret", r.Regret, r.Total-r.Best, 1e-12)
		if r.Status != maml.Converged || r.Evaluations == 0 {
			t.Errorf("round %d: %v after %d", i+1, r.Status, r.Evaluations)
		}
	}
}

// A start outside the new task's domain is the fallback's to mend, and the round
// says so; without one the error names the task.
func TestFTMLMoved(t *testing.T) {
	first, second := scalar{1, 1, 1, 1}, scalar{3, 1, 1, 1} // stable on (0, 2) and (2, 4)
	third := scalar{2.5, 1, 1, 1}                           // on (1.5, 3.5)
	members := []maml.Member{{Name: "second", Weight: 1, Outer: second}, {Name: "third", Weight: 1, Outer: third}, {Name: "first", Weight: 1, Outer: first}}
	called := 0
	rounds, err := maml.FTML{}.Run(t.Context(), members, []float64{1.8}, func(seen []maml.Member) ([]float64, error) {
		called++
		if len(seen) == 1 {
			return []float64{2.2}, nil
		}
		return nil, fmt.Errorf("no gain stabilises all %d", len(seen))
	}, nil)
	if called != 2 || len(rounds) != 2 || err == nil || err.Error() != "no gain stabilises all 3" {
		t.Fatalf("%d calls, %d rounds, %v", called, len(rounds), err)
	}
	if r := rounds[0]; !r.Moved || r.X[0] != 2.2 || rounds[1].Moved {
		t.Errorf("%+v", rounds)
	}
	p, err := second.At([]float64{2.2})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loss where it was moved to", rounds[0].Loss, p.Value(), 1e-15)

	rounds, err = maml.FTML{}.Run(t.Context(), members, []float64{2.2}, nil, nil)
	var m *maml.MemberError
	if len(rounds) != 2 || !errors.As(err, &m) || m.Member != "first" || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("%d rounds, %v", len(rounds), err)
	}
}

func TestFTMLEnds(t *testing.T) {
	members, _ := stream(10, 0.2, func(int) float64 { return 1 })
	halt := errors.New("enough")
	rounds, err := maml.FTML{}.Run(t.Context(), members, []float64{0}, nil, func(r maml.Round) error {
		if r.Round == 3 {
			return halt
		}
		return nil
	})
	if !errors.Is(err, halt) || len(rounds) != 3 {
		t.Errorf("%v after %d rounds", err, len(rounds))
	}
	// Cancelled, the round under way is not one.
	ctx, cancel := context.WithCancel(t.Context())
	rounds, err = maml.FTML{}.Run(ctx, members, []float64{0}, nil, func(r maml.Round) error {
		if r.Round == 4 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(rounds) != 4 {
		t.Errorf("%v after %d rounds", err, len(rounds))
	}
	if _, err := (maml.FTML{Method: maml.NewtonCG{Radius: -1}}).Run(t.Context(), members, []float64{0}, nil, nil); !errors.Is(err, maml.ErrSetting) {
		t.Error(err)
	}
	members[2].Weight = 0
	if rounds, err := (maml.FTML{}).Run(t.Context(), members, []float64{0}, nil, nil); !errors.Is(err, maml.ErrWeight) || len(rounds) != 2 {
		t.Errorf("%v after %d rounds", err, len(rounds))
	}
	if rounds, err := (maml.FTML{}).Run(t.Context(), nil, []float64{0}, nil, nil); err != nil || rounds != nil {
		t.Errorf("%v, %v of an empty stream", rounds, err)
	}
}
