package landscape

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The quick plant against the same in 256 bits and by other formulas: the gap, its
// slope, and where there is neither.
func TestQuickPlant(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, x := range nominals {
		n := nominal(t, x.yaml)
		task := &n.one.tasks[0]
		q := quickOf(task.f)
		if !q.complete() {
			t.Fatalf("%s: no optimum", x.name)
		}
		p := oracleOf(n.family.Tasks[0].Outer)
		o := &oracle[digits]{rule: n.family.Meta.Inner.Rule, f: []*oraclePlant[digits]{p}, g: []*oraclePlant[digits]{p}}
		for _, s := range task.steps {
			o.rates = append(o.rates, exactly(s.η))
		}
		best, _ := p.at(p.optimum())
		inside := 0
		for range 200 {
			w := task.f.stable.Lo() + rng.Float64()*task.f.stable.Width()
			least := exactly(1)
			_, j, end, ok := o.follow(0, exactly(w), &least)
			gap, slope, in := q.after(w, task.steps)
			if in != ok {
				if math.Abs(least.float()) > 1e-12 {
					t.Errorf("%s, gain %v: inside %v, want %v", x.name, w, in, ok)
				}
				continue
			}
			if !ok {
				continue
			}
			inside++
			wantGap, wantSlope := end.cost.sub(best.cost).float(), end.c1.mul(j).float()
			// Near the border a rounding of x_k moves D by as much, relative to D.
			tol := 1e-11 / min(1, math.Pow(least.float(), 3))
			if math.Abs(gap-wantGap) > tol*(1e-3+wantGap) || math.Abs(slope-wantSlope) > tol*(1+math.Abs(wantSlope)) {
				t.Errorf("%s, gain %v: %v and %v, want %v and %v", x.name, w, gap, slope, wantGap, wantSlope)
			}
		}
		if inside < 50 {
			t.Errorf("%s: only %d gains inside", x.name, inside)
		}
	}
}

// An excess seen is that of the proof: on Figure 2, MATH.md's 0.42950.
func TestAdversarySeesExcess(t *testing.T) {
	f, rates := parse(t, "tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 2}]\nmeta: {inner: {rate: 0.01}}\n")
	p, err := New(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	var tasks []quick
	s := shape{{Weight: 0.5}, {Weight: 0.5}}
	for i := range p.tasks {
		q := quickOf(p.tasks[i].f)
		q.complete()
		tasks = append(tasks, q)
	}
	a := &adversary{steps: p.tasks[0].steps, grid: 600}
	if e := a.excess(tasks, s); math.Abs(e-0.42950) > 1e-5 {
		t.Errorf("excess %v", e)
	}
	if s := (shape{{[4]float64{2, -1, 0, 1}, 3}, {[4]float64{0.25, 0, 0, 0}, 1}}); true {
		s.normalize()
		if s[0].Weight != 0.75 || s[0].Shift != [4]float64{0.5, -0.25, 0, 0.25} || s[1].Shift[0] != 0.25 {
			t.Errorf("%v", s)
		}
	}
	if (&quick{a: 1, b: 1, q: 1, r: -1, γ: 1, s: 1}).complete() || (&quick{a: 1, b: 1, q: -1, r: 1, γ: 1, s: 1}).complete() ||
		(&quick{a: 1, b: 1, q: 0, r: 1, γ: 1, s: 1}).complete() { // MATH.md: (1, 1, 0, 1) has no minimiser
		t.Error("a task without an optimum passes")
	}
}
