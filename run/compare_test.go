package run

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/family"
)

func problemOf(t *testing.T, text string) *Problem {
	t.Helper()
	f, err := family.Parse("family.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each algorithm's cost for an outer step along its direction, in linear matrix
// equations a task: K inner evaluations and the outer one at 2 each, and what
// it pulls back by.
func TestSolvesOfAnOuterStep(t *testing.T) {
	const steps = 30
	for _, k := range []int64{1, 2, 3} {
		p := problemOf(t, fmt.Sprintf("tasks: [{A: 1, B: 1, Q: 1, R: 0.5}, {A: 1.1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.02, steps: %d}}\n", k))
		c, err := p.Compare(context.Background(), nil, Budget{Iterations: steps}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, a := range c.Algorithms {
			want, ok := map[string]int64{
				"maml":    2*(k+1) + 2*k, // exact products with ∇²g
				"fo-maml": 2 * (k + 1),
				"hf-maml": 2*(k+1) + 4*k, // two gradients for each product
				"reptile": 2 * (k + 1),
			}[a.Algorithm]
			if !ok || a.Method != "algorithm-1" {
				continue
			}
			checked++
			if len(a.Trace) < 3 {
				t.Fatalf("%s: %d iterations", a.Algorithm, len(a.Trace))
			}
			for i := range a.Trace[1:] {
				if got := a.Trace[i+1].Solves - a.Trace[i].Solves; got != 2*want {
					t.Fatalf("K = %d, %s: %d equations for a step of two tasks, want %d", k, a.Algorithm, got, 2*want)
				}
			}
		}
		if checked != 4 {
			t.Errorf("K = %d: %d algorithms looked at", k, checked)
		}
	}
}

// FO-MAML stops where its direction vanishes, which is no stationary point of h
// (Fallah, Mokhtari, Ozdaglar, AISTATS 2020); exact and Hessian-free MAML from
// the same start, with the same outer rate, reach one.
func TestFirstOrderCannotReachArbitraryAccuracy(t *testing.T) {
	p := problemOf(t, "tasks: [{A: 1, B: 1, Q: 1, R: 0.1}, {A: 1, B: 1, Q: 0.1, R: 1}]\nmeta: {inner: {rate: 0.05}}\n")
	c, err := p.Compare(context.Background(), []family.Algorithm{family.MAML, family.FOMAML, family.HFMAML}, Budget{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Algorithms {
		if a.Status != "converged" {
			t.Errorf("%s by %s: %s", a.Algorithm, a.Method, a.Status)
		}
		// The rates of convergence leave 1e-10; what FO-MAML misses is 1.6e-3.
		if missed := float64(a.Excess); a.Algorithm == "fo-maml" && !(missed > 1e-3) || a.Algorithm != "fo-maml" && !(missed < 1e-9) {
			t.Errorf("%s by %s ends %.3g above the best", a.Algorithm, a.Method, missed)
		}
		if want := "spurious minimum at 0.543406"; a.Algorithm != "fo-maml" && a.Reached != want {
			t.Errorf("%s reached %q, want %q", a.Algorithm, a.Reached, want)
		}
	}
}

// Every algorithm trains, ends with numbers, and is a minimiser of what it says
// it minimises.
func TestEveryAlgorithmTrains(t *testing.T) {
	for _, meta := range []string{
		"algorithm: maml", "algorithm: fo-maml", "algorithm: hf-maml, outer: {rate: 0.02}", "algorithm: imaml", "algorithm: moreau",
		"algorithm: reptile", "algorithm: ftml", "inner: {rate: 0.05, learn: rate}", "inner: {rate: 0.05, learn: rates, steps: 2}",
	} {
		t.Run(meta, func(t *testing.T) {
			p := problemOf(t, "tasks: [{A: [[1, 0.1], [0, 1]], B: [[0], [0.1]], Q: [[1, 0], [0, 1]], R: 1}, {A: [[1, 0.1], [0, 0.9]], B: [[0], [0.08]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {"+meta+"}\n")
			tr, err := NewTrainer(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			r, err := tr.Run(context.Background(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if math.IsInf(float64(r.Value), 0) || !(r.Gap >= 0) || len(r.Tasks) != 2 || r.Certificate == nil {
				t.Errorf("%+v", r)
			}
			directed := p.Family.Meta.Algorithm.Directed()
			if (r.Direction != "") != directed {
				t.Errorf("direction %q", r.Direction)
			}
			if !directed && r.Status.String() != "converged" {
				t.Errorf("%v", r.Status)
			}
			if p.Family.Meta.Algorithm == family.FTML {
				if len(r.Rounds) != 2 || r.Rounds[1].Regret < 0 {
					t.Errorf("rounds %+v", r.Rounds)
				}
			}
			if (r.LearnedRates != nil) != (p.Family.Meta.Inner.Learn != family.LearnNone) {
				t.Errorf("learned rates %v", r.LearnedRates)
			}
		})
	}
}

// A margin of stability is kept at every iterate, and said to act.
func TestRadiusLimit(t *testing.T) {
	const tasks = "tasks: [{A: 1, B: 1, Q: 1, R: 0.1}, {A: 1, B: 1, Q: 0.1, R: 1}]\n"
	for _, method := range []string{"newton-cg", "lbfgs", "gradient"} {
		p := problemOf(t, tasks+"meta: {radius_limit: 0.3, inner: {rate: 0.05}, outer: {method: "+method+"}}\n")
		tr, err := NewTrainer(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if ρ := math.Abs(1 - r.Gain.Data[0]); !(ρ < 0.3) || ρ < 0.29 || r.Reason == "" {
			t.Errorf("%s: radius %v, reason %q", method, ρ, r.Reason)
		}
	}
}

// Fresh tasks are drawn anew at every iteration, and the same in a run again.
func TestFreshTasks(t *testing.T) {
	p := problemOf(t, "generate: {nominal: {A: 1, B: 1, Q: 1, R: 1}, count: 3, within: 0.2}\nmeta: {inner: {rate: 0.05}, outer: {method: algorithm-1, rate: 0.05, sampling: fresh, batch: 3, iterations: 40}}\n")
	var gains [2]float64
	for i := range gains {
		tr, err := NewTrainer(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		gains[i] = r.Gain.Data[0]
	}
	if gains[0] != gains[1] {
		t.Errorf("%v and %v", gains[0], gains[1])
	}
	d := drawing{p, []float64{0.05}}
	g := make([]float64, 1)
	var last float64
	for i := range 5 {
		o, err := d.Draw(i, 3)
		if err != nil {
			t.Fatal(err)
		}
		at, err := o.At([]float64{0.6})
		if err != nil {
			t.Fatal(err)
		}
		if at.Grad(g); i > 0 && g[0] == last {
			t.Errorf("iterations %d and %d draw the same", i-1, i)
		}
		last = g[0]
	}
}

// A trained gain has the value that it was trained to.
func TestEvalOfATrainedGain(t *testing.T) {
	for _, algorithm := range []string{"maml", "imaml", "moreau", "reptile", "ftml"} {
		p := problemOf(t, "tasks: [{A: 1.2, B: 1, Q: 1, R: 1}, {A: 0.7, B: 0.8, Q: 2, R: 0.5, weight: 2}]\nmeta: {algorithm: "+algorithm+", inner: {rate: 0.05}}\n")
		tr, err := NewTrainer(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.Evaluate(context.Background(), r.Gain, true)
		if err != nil {
			t.Fatal(err)
		}
		if e.Meta == nil || e.Meta.Value != r.Value {
			t.Errorf("%s: trained to %v, evaluated as %+v", algorithm, r.Value, e.Meta)
		}
		for _, c := range e.GradCheck {
			if c.Of == "meta" && !(c.Relative < 1e-7) {
				t.Errorf("%s: %+v", algorithm, c)
			}
		}
	}
}
