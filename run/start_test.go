package run

import (
	"context"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/maml"
)

func newTrainer(t *testing.T, text string) (*Trainer, error) {
	t.Helper()
	p, err := NewProblem(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return NewTrainer(context.Background(), p)
}

// Two scalar tasks, their stabilising intervals worked out by hand.
func TestExclusionIsExact(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		excluded            bool
	}{
		{"touch at 4/3, √γ = 3/4", "A: 0, B: 1, discount: 0.5625", "A: 4, B: 2, discount: 0.5625", true},
		{"overlap below 4/3", "A: 0, B: 1, discount: 0.5625", "A: 3.999999999999999, B: 2, discount: 0.5625", false},
		{"(−4/3, 4/3) and (4/3, 10/3), γ = 9/16 and 1", "A: 0, B: 0.75", "A: 4, B: 2, discount: 0.5625", true},
		// (−√2, √2) against ((2√2 as float64) ± √2): 2√2 rounds up, by 1.4e-16.
		{"irrational, apart by rounding", "A: 0, B: 1, discount: 0.5", "A: 2.8284271247461903, B: 1, discount: 0.5", true},
		{"irrational, overlapping by rounding", "A: 0, B: 1, discount: 0.5", "A: 2.82842712474619, B: 1, discount: 0.5", false},
		{"√2 + 2 against 3.4142135623730949 − ½·0", "A: 2, B: 1, discount: 0.5", "A: 4.414213562373095, B: 1", false},
		{"√2 + 2 against 3.4142135623730954", "A: 2, B: 1, discount: 0.5", "A: 4.4142135623730956, B: 1", true},
		{"b < 0 mirrors the interval", "A: 1, B: -1", "A: 1, B: 1", true},
		{"b < 0 twice", "A: 1, B: -1", "A: 2, B: -1", false},
		{"b = 0 asks nothing", "A: 0.5, B: 0", "A: 9, B: 1", false},
		{"a discount widens", "A: 1, B: 1, discount: 0.25", "A: 3, B: 1, discount: 0.25", false},
		{"without it they touch", "A: 1, B: 1", "A: 3, B: 1", true},
		{"the inner task counts", "A: 1, B: 1, inner: {A: 3}", "A: 1, B: 1", true},
	} {
		p, err := NewProblem(parse(t, "family: two\ndefaults: {Q: 1, R: 1}\ntasks:\n  - {name: first, "+tt.first+"}\n  - {name: second, "+tt.second+"}\n"))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var ex *ExclusionError
		if err := p.excluded(); errors.As(err, &ex) != tt.excluded {
			t.Errorf("%s: %v, want excluded: %v", tt.name, err, tt.excluded)
		}
	}
}

// Signs of u + v√m + w√n against 2000 bits, where those are enough, and against
// zeros by construction.
func TestSignOfTwoRoots(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	small := func() *big.Rat { return big.NewRat(rng.Int64N(13)-6, 1+rng.Int64N(6)) }
	zeros := 0
	for range 20000 {
		u, v, w := small(), small(), small()
		m, n := big.NewRat(1+rng.Int64N(9), 1+rng.Int64N(4)), big.NewRat(1+rng.Int64N(9), 1+rng.Int64N(4))
		f := func(x *big.Rat) *big.Float { return new(big.Float).SetPrec(2000).SetRat(x) }
		root := func(x, m *big.Rat) *big.Float {
			r := new(big.Float).SetPrec(2000).Sqrt(f(m))
			return r.Mul(r, f(x))
		}
		s := f(u)
		s.Add(s, root(v, m))
		s.Add(s, root(w, n))
		want := s.Sign()
		// Nonzero values of so small numbers are above 2⁻²⁰⁰: they are algebraic
		// of degree 4 and height below 2⁴⁰.
		if s.MantExp(nil) < -200 {
			want = 0
		}
		if want == 0 {
			zeros++
		}
		if got := signOfTwoRoots(u, v, m, w, n); got != want {
			t.Fatalf("sign of %v + %v√%v + %v√%v: %d, want %d", u, v, m, w, n, got, want)
		}
	}
	if zeros < 20 {
		t.Errorf("only %d zeros were tried", zeros)
	}
}

// A narrow interval that the continuation does not find: (1.85, 2), by hand.
func TestAutoStartOfScalarsUsesTheInterval(t *testing.T) {
	const narrow = `family: narrow
tasks:
  - {name: heavy, A: 1, B: 1, Q: 10, R: 1, weight: 20}
  - {name: cheap, A: 2.85, B: 1, Q: 0.01, R: 1}
meta: {inner: {rate: 1e-5}}
`
	r := train(t, narrow)
	if r.Start.Kind != "search" || r.Status != maml.Converged || !(r.Gain.Data[0] > 1.85 && r.Gain.Data[0] < 2) {
		t.Errorf("start %+v, %v at %v", r.Start, r.Status, r.Gain)
	}
	// The mean of the optima is outside; the damping alone finds no way in.
	p, err := NewProblem(parse(t, narrow))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.damp(context.Background(), near(t, p)); !errors.Is(err, ErrNoStart) {
		t.Errorf("the damping: %v: the test is to do without it", err)
	}
	if w, _, err := p.stabilise(context.Background(), near(t, p)); err != nil || !p.stabilises(w) {
		t.Errorf("%v, %v", w, err)
	}
	if m := r.Baselines.ArgminMeanCost; m.Reason != "" || !(m.CostBefore > 0) {
		t.Errorf("argmin of the mean cost: %+v", m)
	}
}

// Points of the interval are inside it, the midpoint first, and spread.
func TestCommonGains(t *testing.T) {
	p, err := NewProblem(parse(t, "family: two\ndefaults: {Q: 1, R: 1, B: 1}\ntasks: [{A: 1}, {A: 2.5}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := p.commonGains(7)
	want := []float64{1.75, 1.625, 1.875, 1.5625, 1.8125, 1.6875, 1.9375}
	for i, w := range want {
		if len(got) != 7 || math.Abs(got[i]-w) > 1e-15 {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

// The mean of the optima is weighted, with weights that need not sum to 1.
func TestMeanOptimalIsWeighted(t *testing.T) {
	p, err := NewProblem(parse(t, "family: two\ndefaults: {Q: 1, R: 1, B: 1}\ntasks: [{A: 1, weight: 3}, {A: 1.2, weight: 1}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	w0, w1 := p.Family.Tasks[0].F.Optimum().Gain.Data[0], p.Family.Tasks[1].F.Optimum().Gain.Data[0]
	if got, want := near(t, p)[0], .75*w0+.25*w1; math.Abs(got-want) > 1e-15 {
		t.Errorf("%v, want %v", got, want)
	}
}

// A random start is drawn nearer and nearer to the mean of the optima until it
// is inside: at the k-th draw within 2⁻ᵏ, so that far more draws than one are
// needed where the domain is narrow, and few enough.
func TestRandomStartHalves(t *testing.T) {
	most := 0
	for seed := range 20 {
		// C″ is 6e3 at the optimum, so that the inner step leaves (0, 2)
		// but for gains within a thousandth of it.
		tr, err := newTrainer(t, strings.Replace("family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 1, R: 1}]\nmeta: {start: random, seed: SEED, inner: {rate: 150}}\n", "SEED", string(rune('0'+seed%10))+string(rune('0'+seed/10)), 1))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		most = max(most, tr.Start.Draws)
	}
	if most < 6 || most > 30 {
		t.Errorf("at most %d draws", most)
	}
}

// normalize: optimal-cost divides f and g by f's optimal cost.
func TestNormalizeDividesTheInnerTask(t *testing.T) {
	p, err := NewProblem(parse(t, "family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 3, R: 2, inner: {Q: 5}}]\nmeta: {normalize: optimal-cost}\n"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := NewProblem(parse(t, "family: one\ntasks: [{name: unit, A: 1, B: 1, Q: 3, R: 2, inner: {Q: 5}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	best := float64(minimum(plain.Tasks[0].Outer))
	for what, pair := range map[string][2]float64{
		"outer": {float64(minimum(p.Tasks[0].Outer)), 1},
		"inner": {float64(minimum(p.Tasks[0].Inner)), float64(minimum(plain.Tasks[0].Inner)) / best},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-14 {
			t.Errorf("%s: optimal cost %v, want %v", what, pair[0], pair[1])
		}
	}
}

// A minimisation of the mean cost that rounding ends before its tolerance says
// so: with A = 1e4 the gradient is a difference of numbers near 1e12.
func TestBaselineSaysHowItEnded(t *testing.T) {
	r := train(t, "family: steep\ntasks: [{name: steep, A: 10000.3, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 1e-12}}\n")
	if r.Baselines.ArgminMeanCost.Reason != "minimisation of the mean cost ended as stalled" {
		t.Errorf("%+v, the training %v", r.Baselines.ArgminMeanCost, r.Status)
	}
	if r := train(t, unit("inner: {rate: 0.05}, start: 0.7")); r.Baselines.ArgminMeanCost.Reason != "" {
		t.Errorf("%+v", r.Baselines.ArgminMeanCost)
	}
}
