package maml_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// labelled is n linear objectives of n parameters, the i-th with the gradient
// e_i: a step shows what it was made of.
func labelled(t testing.TB, weights []float64) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i, w := range weights {
		c := make([]float64, len(weights))
		c[i] = 1
		members = append(members, maml.Member{Weight: w, Outer: linear(c)})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// linear is 1 + cᵀx.
type linear []float64

func (c linear) Dim() int { return len(c) }
func (c linear) At(x []float64) (objective.Point, error) {
	p := linearPoint{c, 1}
	for i := range x {
		p.value += c[i] * x[i]
	}
	return p, nil
}

type linearPoint struct {
	c     linear
	value float64
}

func (p linearPoint) Value() float64           { return p.value }
func (p linearPoint) Grad(dst []float64)       { copy(dst, p.c) }
func (p linearPoint) HessVec(dst, _ []float64) { clear(dst) }

// steps runs a method on an objective and returns what it moved by in each
// iteration, divided by −1.
func steps(t testing.TB, o objective.Objective, m maml.Algorithm1, n int) ([][]float64, *maml.State) {
	t.Helper()
	s := maml.NewState(make([]float64, o.Dim()))
	var moves [][]float64
	last := make([]float64, o.Dim())
	_, err := maml.Minimize(t.Context(), o, m, s, maml.Stop{Iterations: n, Tolerance: 1e-300}, func(r maml.Record) error {
		if r.Iteration > 0 {
			d := make([]float64, len(last))
			for j := range d {
				d[j] = last[j] - s.X[j]
			}
			moves = append(moves, d)
		}
		copy(last, s.X)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return moves, s
}

// With replacement the share of each task over many draws is its weight: a
// binomial count of 60 000 draws is within 5 standard deviations for all but 6e-7
// of seeds, per task. Batches repeat tasks, and differ between iterations and
// seeds.
func TestBatchesAreUnbiased(t *testing.T) {
	weights := []float64{1, 2, 3, 6}
	meta := labelled(t, weights)
	const batch, seeds, iterations = 3, 200, 100
	counts := make([]float64, len(weights))
	repeats := 0
	for seed := range seeds {
		moves, _ := steps(t, meta, maml.Algorithm1{Rate: 1, Batch: batch, Seed: uint64(seed)}, iterations)
		for _, g := range moves {
			for i, share := range g {
				drawn := math.Round(share * batch)
				counts[i] += drawn
				if drawn > 1 {
					repeats++
				}
			}
		}
	}
	const draws = batch * seeds * iterations
	for i, w := range weights {
		p := w / 12
		if off := math.Abs(counts[i] - draws*p); off > 5*math.Sqrt(draws*p*(1-p)) {
			t.Errorf("task %d drawn %v times of %d, want %v", i, counts[i], draws, draws*p)
		}
	}
	if repeats == 0 {
		t.Error("no batch holds a task twice")
	}
}

// Without replacement every epoch holds each task once, in a new order; a batch
// counts a task N λᵢ times, so that an epoch of equal batches has the mean ∇h,
// exactly, and one batch over all seeds an unbiased estimate of it, a smaller
// last one too: within 5 standard deviations of a share, as above.
func TestEpochs(t *testing.T) {
	weights := []float64{1, 2, 3, 6, 4, 8}
	const n, total = 6, 24.0
	for _, batch := range []int{1, 2, 3, 4, 5, 6} {
		meta := labelled(t, weights)
		per := (n + batch - 1) / batch
		const epochs = 30
		moves, _ := steps(t, meta, maml.Algorithm1{Rate: 1, Batch: batch, Epochs: true, Seed: 7}, epochs*per)
		orders := map[string]bool{}
		for e := range epochs {
			seen := make([]int, n)
			mean := make([]float64, n)
			order := ""
			for b := range per {
				g := moves[e*per+b]
				size := batch
				if b == per-1 {
					size = n - b*batch
				}
				for i, share := range g {
					if math.Abs(share) < 1e-12 {
						continue
					}
					seen[i]++
					order += fmt.Sprint(i, ";")
					near(t, "share", share, n*weights[i]/total/float64(size), 1e-12)
					mean[i] += share / float64(per)
				}
				order += "|"
			}
			orders[order] = true
			for i, k := range seen {
				if k != 1 {
					t.Fatalf("batch %d, epoch %d: task %d %d times", batch, e, i, k)
				}
				if n%batch == 0 {
					near(t, "mean over an epoch", mean[i], weights[i]/total, 1e-12)
				}
			}
		}
		if batch < n && len(orders) < 3 {
			t.Errorf("batch %d: %d orders in %d epochs", batch, len(orders), epochs)
		}
	}
	// Iteration 1 of epochs of 6 = 4 + 2 has the smaller batch.
	meta := labelled(t, weights)
	const seeds = 10000
	counts := make([]float64, n)
	for seed := range seeds {
		moves, _ := steps(t, meta, maml.Algorithm1{Rate: 1, Batch: 4, Epochs: true, Seed: uint64(seed)}, 2)
		for i, share := range moves[1] {
			counts[i] += share
		}
	}
	for i, w := range weights {
		// A task is in it with probability 1/3, and then counts N λᵢ/2.
		want, deviation := w/total, n*w/total/2*math.Sqrt(1./3*2/3/seeds)
		if off := math.Abs(counts[i]/seeds - want); off > 5*deviation {
			t.Errorf("task %d: mean share %v, want %v ± %v", i, counts[i]/seeds, want, deviation)
		}
	}
}

// Sum adds up what the mean divides: N ∇h in full, b times it of a batch.
func TestSum(t *testing.T) {
	meta := labelled(t, []float64{1, 2, 3, 6})
	for _, m := range []maml.Algorithm1{{}, {Batch: 3}, {Batch: 3, Epochs: true}, {Batch: 2, Fresh: coins{4}}} {
		m.Rate, m.Seed = 1, 3
		means, _ := steps(t, meta, m, 6)
		m.Sum = true
		sums, _ := steps(t, meta, m, 6)
		for k := range means {
			for i := range means[k] {
				count := 4.0
				switch {
				case m.Fresh != nil:
					count = 2
				case m.Epochs && k%2 == 1:
					count = 1 // the rest of an epoch of four
				case m.Batch > 0:
					count = 3
				}
				near(t, fmt.Sprintf("%+v, iteration %d", m, k), sums[k][i], count*means[k][i], 1e-12)
			}
		}
	}
}

// coins draws, in an iteration, size labels of n at random: never the same batch,
// the same for the same iteration.
type coins struct{ n int }

func (c coins) Draw(iteration, size int) (objective.Objective, error) {
	random := rand.New(rand.NewPCG(99, uint64(iteration)))
	mean := make(linear, c.n)
	for range size {
		mean[random.IntN(c.n)] += 1 / float64(size)
	}
	return mean, nil
}

// Fresh tasks are drawn for each iteration, as many as a batch has; the mean over
// many iterations is theirs, within 5 standard deviations. What they cost is
// counted.
func TestFresh(t *testing.T) {
	meta := labelled(t, []float64{1, 1, 1, 1})
	const iterations, batch = 10000, 2
	moves, s := steps(t, meta, maml.Algorithm1{Rate: 1, Batch: batch, Fresh: coins{4}}, iterations)
	if s.Evaluations != 1+2*iterations {
		t.Errorf("%d evaluations", s.Evaluations)
	}
	var mean [4]float64
	for _, g := range moves {
		for i := range g {
			mean[i] += g[i] / iterations
		}
	}
	for i, m := range mean {
		if math.Abs(m-0.25) > 5*math.Sqrt(0.25*0.75/(batch*iterations)) {
			t.Errorf("label %d: mean %v", i, m)
		}
	}

	broken := errors.New("no more tasks")
	for _, tt := range []struct {
		name   string
		source maml.Source
		want   error
		status maml.Status
	}{
		{"an error", source(func() (objective.Objective, error) { return nil, broken }), broken, 0},
		{"another dimension", source(func() (objective.Objective, error) { return linear{1}, nil }), maml.ErrDimension, 0},
		{"outside its domain", source(func() (objective.Objective, error) { return outside(4), nil }), nil, maml.LeftDomain},
	} {
		s := maml.NewState(make([]float64, 4))
		r, err := maml.Minimize(t.Context(), meta, maml.Algorithm1{Rate: 1, Batch: 1, Fresh: tt.source}, s, maml.Stop{}, nil)
		if !errors.Is(err, tt.want) || r.Status != tt.status || (r.Cause != nil) != (tt.status == maml.LeftDomain) {
			t.Errorf("%s: %v, %v, %v", tt.name, err, r.Status, r.Cause)
		}
	}
}

type source func() (objective.Objective, error)

func (s source) Draw(int, int) (objective.Objective, error) { return s() }

// outside has no point in its domain.
type outside int

func (n outside) Dim() int                            { return int(n) }
func (outside) At([]float64) (objective.Point, error) { return nil, &outsideError{2} }

// β goes from Rate at iteration 0 to Last at iteration Over, linearly, either
// way, and stays: exactly at both ends.
func TestSchedule(t *testing.T) {
	meta := labelled(t, []float64{1})
	for _, ends := range [][2]float64{{0.7, 0.1}, {0.1, 0.7}, {1e-3, 1. / 3}} {
		moves, _ := steps(t, meta, maml.Algorithm1{Rate: ends[0], Last: ends[1], Over: 7}, 12)
		x := 0.0
		for k, g := range moves {
			want := ends[1]
			if k < 7 {
				want = ends[0] + (ends[1]-ends[0])*float64(k)/7
			}
			near(t, fmt.Sprintf("β at iteration %d", k), g[0], want, 1e-15)
			x -= want
		}
		if first := -moves[0][0]; first != -ends[0] {
			t.Errorf("first step %v", first)
		}
	}
}

// A gradient longer than Clip is shortened to it, with its direction, after Sum,
// and counted; a shorter one is not.
func TestClip(t *testing.T) {
	for _, tt := range []struct {
		m       maml.Algorithm1
		length  float64
		clipped int
	}{
		{maml.Algorithm1{}, 5, 0},
		{maml.Algorithm1{Clip: 10}, 5, 0},
		{maml.Algorithm1{Clip: 5}, 5, 0}, // as long as it may be
		{maml.Algorithm1{Clip: 2}, 2, 4},
		{maml.Algorithm1{Clip: 8, Sum: true}, 8, 4}, // 10 without
		{maml.Algorithm1{Clip: 2, Batch: 1}, 2, 4},
	} {
		tt.m.Rate = 1
		meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: linear{3, -4}}, {Weight: 1, Outer: linear{3, -4}}})
		if err != nil {
			t.Fatal(err)
		}
		moves, s := steps(t, meta, tt.m, 4)
		for _, g := range moves {
			near(t, fmt.Sprintf("%+v: length", tt.m), math.Hypot(g[0], g[1]), tt.length, 1e-15)
			near(t, "direction", g[1]/g[0], -4./3, 1e-15)
		}
		if s.Clipped != tt.clipped {
			t.Errorf("%+v: %d clipped, want %d", tt.m, s.Clipped, tt.clipped)
		}
	}
}

// Settings out of range, and those that contradict each other, are errors that
// name the field, and the other one.
func TestAlgorithm1Refuses(t *testing.T) {
	meta := labelled(t, []float64{1, 1, 1})
	alone := linear{1}
	for _, tt := range []struct {
		name  string
		o     objective.Objective
		m     maml.Algorithm1
		field string
		other string
	}{
		{"no rate", meta, maml.Algorithm1{}, "rate", ""},
		{"negative rate", meta, maml.Algorithm1{Rate: -1}, "rate", ""},
		{"infinite rate", meta, maml.Algorithm1{Rate: math.Inf(1)}, "rate", ""},
		{"NaN rate", meta, maml.Algorithm1{Rate: math.NaN()}, "rate", ""},
		{"negative batch", meta, maml.Algorithm1{Rate: 1, Batch: -1}, "batch", ""},
		{"negative schedule", meta, maml.Algorithm1{Rate: 1, Over: -1, Last: 1}, "over", ""},
		{"negative clip", meta, maml.Algorithm1{Rate: 1, Clip: -1}, "clip", ""},
		{"NaN clip", meta, maml.Algorithm1{Rate: 1, Clip: math.NaN()}, "clip", ""},
		{"infinite clip", meta, maml.Algorithm1{Rate: 1, Clip: math.Inf(1)}, "clip", ""},
		{"a schedule to nowhere", meta, maml.Algorithm1{Rate: 1, Over: 10}, "last", "over"},
		{"a schedule to a negative rate", meta, maml.Algorithm1{Rate: 1, Over: 10, Last: -1}, "last", "over"},
		{"a last rate without a schedule", meta, maml.Algorithm1{Rate: 1, Last: 0.1}, "over", "last"},
		{"epochs of fresh tasks", meta, maml.Algorithm1{Rate: 1, Batch: 1, Epochs: true, Fresh: coins{3}}, "epochs", "fresh"},
		{"all fresh tasks", meta, maml.Algorithm1{Rate: 1, Fresh: coins{3}}, "batch", "fresh"},
		{"epochs without batches", meta, maml.Algorithm1{Rate: 1, Epochs: true}, "batch", "epochs"},
		{"more than there are", meta, maml.Algorithm1{Rate: 1, Batch: 4, Epochs: true}, "batch", "epochs"},
		{"a batch of no members", alone, maml.Algorithm1{Rate: 1, Batch: 1}, "batch", "members"},
		{"epochs of no members", alone, maml.Algorithm1{Rate: 1, Batch: 1, Epochs: true}, "batch", "members"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := maml.Minimize(t.Context(), tt.o, tt.m, maml.NewState(make([]float64, tt.o.Dim())), maml.Stop{}, nil)
			var s *maml.SettingError
			if !errors.As(err, &s) || s.Field != tt.field || !strings.Contains(s.Want, tt.other) {
				t.Fatalf("%v", err)
			}
			t.Log(err)
		})
	}
	// What only looks like a contradiction is none.
	for _, m := range []maml.Algorithm1{
		{Rate: 1, Batch: 5}, // with replacement
		{Rate: 1, Batch: 5, Fresh: coins{3}},
		{Rate: 1, Batch: 3, Epochs: true, Clip: 1, Over: 1, Last: 2, Sum: true},
	} {
		if _, err := maml.Minimize(t.Context(), meta, m, maml.NewState(make([]float64, 3)), maml.Stop{Iterations: 3}, nil); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// Whatever is set, a run stopped after any iteration continues with the same
// bits, what it clipped included.
func TestAlgorithm1Resumes(t *testing.T) {
	meta := coupled(t)
	reptile := maml.Reptile{Meta: meta}
	for name, run := range map[string]struct {
		o objective.Objective
		m maml.Algorithm1
	}{
		"epochs":      {meta, maml.Algorithm1{Rate: 0.02, Batch: 3, Epochs: true, Seed: 5}},
		"schedule":    {meta, maml.Algorithm1{Rate: 0.05, Last: 0.01, Over: 13, Batch: 2}},
		"clip":        {meta, maml.Algorithm1{Rate: 0.02, Clip: 3, Batch: 2, Seed: 8}},
		"fresh":       {meta, maml.Algorithm1{Rate: 0.02, Batch: 2, Fresh: coins{3}}},
		"reptile":     {reptile, maml.Algorithm1{Rate: 0.5, Batch: 2}},
		"first order": {firstOrder(t, meta), maml.Algorithm1{Rate: 0.02, Batch: 2, Epochs: true, Clip: 2}},
		"difference":  {hessianFree(t, meta, 0), maml.Algorithm1{Rate: 0.02}},
		"proximal":    {mixture(t, 3, 0), maml.Algorithm1{Rate: 0.05, Batch: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			start := []float64{1.3, -0.4, 0.9}
			stop := maml.Stop{Iterations: 20}
			whole := maml.NewState(start)
			if _, err := maml.Minimize(t.Context(), run.o, run.m, whole, stop, nil); err != nil {
				t.Fatal(err)
			}
			if clips := whole.Clipped > 0 && whole.Clipped < 20; clips != (run.m.Clip > 0) {
				t.Errorf("%d clipped", whole.Clipped)
			}
			want, _ := json.Marshal(whole)
			for cut := range whole.Iteration {
				s := maml.NewState(start)
				if _, err := maml.Minimize(t.Context(), run.o, run.m, s, maml.Stop{Iterations: max(cut, 1)}, nil); err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(s)
				second := new(maml.State)
				if err := json.Unmarshal(text, second); err != nil {
					t.Fatal(err)
				}
				if _, err := maml.Minimize(t.Context(), run.o, run.m, second, stop, nil); err != nil {
					t.Fatal(err)
				}
				if got, _ := json.Marshal(second); !slices.Equal(got, want) {
					t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
				}
			}
		})
	}
}

// Directed points are Algorithm 1's alone: every other method refuses before it
// evaluates anything else, and says why; converged, such a run has no kind.
func TestOnlyAlgorithm1FollowsDirections(t *testing.T) {
	exact := family(t, 0.01, 1, spread(3)...)
	nested, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: firstOrder(t, exact)}})
	if err != nil {
		t.Fatal(err)
	}
	padded, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: maml.WithRates{Objective: firstOrder(t, exact), Single: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var tally maml.Tally
	for name, tt := range map[string]struct {
		o      objective.Objective
		reason string
	}{
		"first order":  {firstOrder(t, exact), "the Jacobian of the inner steps is left out"},
		"Hessian free": {hessianFree(t, exact, 0), "differences of its gradients"},
		"Reptile":      {maml.Reptile{Meta: exact}, "from the adapted parameters to the start"},
		"nested":       {nested, "left out"},
		"padded":       {padded, "left out"},
		"counted":      {tally.Of(firstOrder(t, exact)), "left out"},
	} {
		start := make([]float64, tt.o.Dim())
		start[0] = 0.7
		for method, m := range map[string]maml.Method{"GradientDescent": maml.GradientDescent{}, "LBFGS": maml.LBFGS{}, "NewtonCG": maml.NewtonCG{}} {
			s := maml.NewState(start)
			_, err := maml.Minimize(t.Context(), tt.o, m, s, maml.Stop{}, nil)
			var e *maml.SettingError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.reason) || !strings.Contains(err.Error(), method) || !strings.Contains(err.Error(), "Algorithm1") {
				t.Errorf("%s, %s: %v", name, method, err)
			}
			if s.Evaluations != 0 || s.Iteration != 0 {
				t.Errorf("%s, %s: went on: %+v", name, method, s)
			}
		}
		s := maml.NewState(start)
		r, err := maml.Minimize(t.Context(), tt.o, maml.Algorithm1{Rate: 0.005}, s, maml.Stop{Tolerance: 1e-4, Iterations: 10000}, nil)
		if err != nil || r.Status != maml.Converged || r.Kind != maml.Unclassified || r.Curvature.Exact {
			t.Errorf("%s: %v, %v, %v", name, err, r.Status, r.Kind)
		}
	}
	for name, m := range methods(0.01) {
		if r, err := maml.Minimize(t.Context(), exact, m, maml.NewState([]float64{0.7}), maml.Stop{Iterations: 3}, nil); err != nil {
			t.Errorf("%s refuses a gradient: %v, %v", name, err, r.Status)
		}
	}
}
