package fleet

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A sample is a random family around one plant, with a gain that stabilises all
// of it, as tasks and as arrays.
type sample struct {
	arrays Arrays
	x      []float64
}

// draw makes tasks whose A is a matrix of spectral radius about 0.9 to 1.1
// perturbed by spread, general Q ≻ 0, R ≻ 0 and, if asked, Σ₀ ≻ 0, and a gain
// near the optimum of the first at which all loops have radius 0.97 at most.
func draw(t testing.TB, seed uint64, tasks, n, r int, spread float64, sigma bool) sample {
	random := rand.New(rand.NewPCG(seed, uint64(100*n+r)))
	normal := func(k int) []float64 {
		x := make([]float64, k)
		for i := range x {
			x[i] = random.NormFloat64()
		}
		return x
	}
	definite := func(n int) []float64 {
		x, y := normal(n*n), make([]float64, n*n)
		dense.MulNT(y, x, x, n, n, n)
		dense.Scale(y, 0.3/float64(n), y)
		for i := range n {
			y[i*n+i] += 0.7
		}
		return y
	}
	a0, b0 := normal(n*n), normal(n*r)
	ρ, err := matrixeq.SpectralRadius(matrix(n, n, a0))
	if err != nil {
		t.Fatal(err)
	}
	dense.Scale(a0, (0.9+0.2*random.Float64())/ρ, a0)
	s := sample{arrays: Arrays{Tasks: tasks, States: n, Inputs: r}}
	f := &s.arrays
	around := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = v + spread*random.NormFloat64()/float64(n)
		}
		return y
	}
	for len(f.Weights) < tasks {
		a, b := around(a0), around(b0)
		if s.x != nil && loopRadius(t, a, b, s.x, n, r) > 0.97 {
			continue
		}
		f.A, f.B = append(f.A, a...), append(f.B, b...)
		f.Q = append(f.Q, definite(n)...)
		f.R = append(f.R, definite(r)...)
		if sigma {
			f.Sigma0 = append(f.Sigma0, definite(n)...)
		}
		f.Weights = append(f.Weights, 0.5+random.Float64())
		if s.x == nil {
			first, err := lqr.New(lqr.Spec{A: matrix(n, n, a), B: matrix(n, r, b), Q: matrix(n, n, f.Q), R: matrix(r, r, f.R)})
			if err != nil {
				t.Fatal(err)
			}
			s.x = append([]float64(nil), first.Optimum().Gain.Data...)
			for i := range s.x {
				s.x[i] += 0.02 * random.NormFloat64()
			}
		}
	}
	return s
}

func matrix(rows, cols int, data []float64) matrixeq.Matrix {
	return matrixeq.Matrix{Rows: rows, Cols: cols, Data: data}
}

// loopRadius is ρ(A − B W).
func loopRadius(t testing.TB, a, b, w []float64, n, r int) float64 {
	c := make([]float64, n*n)
	dense.Mul(c, b, w, n, r, n)
	dense.Sub(c, a, c)
	ρ, err := matrixeq.SpectralRadius(matrix(n, n, c))
	if err != nil {
		t.Fatal(err)
	}
	return ρ
}

func (s *sample) tasks(t testing.TB) (tasks []*lqr.Task) {
	for i := range s.arrays.Tasks {
		task, err := lqr.New(specOf(&s.arrays, i))
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	return tasks
}

// meta is the same objective by package maml.
func meta(t testing.TB, tasks, inner []*lqr.Task, weights []float64, o Options) *maml.Meta {
	if inner == nil {
		inner = tasks
	}
	var members []maml.Member
	for i, task := range tasks {
		m := maml.Member{Weight: 1, Outer: task}
		if weights != nil {
			m.Weight = weights[i]
		}
		for _, η := range o.Rates {
			var r objective.Rule
			switch o.Rule {
			case Gradient:
				r = maml.Gradient{Objective: inner[i], Rate: η}
			case Natural:
				r = lqr.Natural{Task: inner[i], Rate: η}
			case GaussNewton:
				r = lqr.GaussNewton{Task: inner[i], Rate: η}
			}
			if o.FirstOrder {
				r = maml.FirstOrder{Rule: r}
			}
			m.Inner = append(m.Inner, r)
		}
		members = append(members, m)
	}
	h, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rates is K rates for which the steps of the samples stay in the domain: a
// tenth or less of 1/‖∇²C‖, or of 1/‖S‖, over all tasks.
func rates(t testing.TB, tasks []*lqr.Task, x []float64, rule Rule, k int) []float64 {
	η := []float64{0.2, 0.5, 0.1}[:k:k]
	if rule == GaussNewton {
		return η
	}
	top := 0.0
	for _, task := range tasks {
		p, err := task.Evaluate(x)
		if err != nil {
			t.Fatal(err)
		}
		if rule == Gradient {
			top = max(top, objective.Spectrum(p, task.Dim(), 0).Norm)
			continue
		}
		_, b := task.Plant()
		top = max(top, dense.Norm(task.Spec().R.Data)+dense.Norm(p.P().Data)*dense.Norm(b.Data)*dense.Norm(b.Data))
	}
	η = append([]float64(nil), η...)
	dense.Scale(η, 0.2/top, η)
	return η
}

// distance is ‖a − b‖ / (‖b‖ + floor).
func distance(a, b []float64, floor float64) float64 {
	d := make([]float64, len(a))
	dense.Sub(d, a, b)
	return dense.Norm(d) / (dense.Norm(b) + floor)
}

// compare returns the relative distances of value, gap, gradient and
// Hessian-vector product.
func compare(t testing.TB, f *Fleet, h *maml.Meta, x []float64) [4]float64 {
	p, err := f.Evaluate(x)
	q, errq := h.Evaluate(x)
	if err != nil || errq != nil {
		t.Fatalf("%v; %v", err, errq)
	}
	dim := f.Dim()
	g, gq, v, hv, hvq := make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim)
	p.Grad(g)
	q.Grad(gq)
	for i := range v {
		v[i] = math.Sin(float64(3*i + 1))
	}
	p.HessVec(hv, v)
	q.HessVec(hvq, v)
	one := func(a, b float64) float64 { return math.Abs(a-b) / math.Abs(b) }
	return [4]float64{one(p.Value(), q.Value()), one(p.Gap(), q.Gap()), distance(g, gq, 0), distance(hv, hvq, 0)}
}

// The fleet is maml.Meta over the same tasks. Both compute the same equations
// by doubling, in different orders of summation. Measured over all of these:
// 4e-16 for the value, a sum of positive terms; 3e-13, 1e-13 and 2e-14 for gap,
// gradient and product, which near an optimum are small differences of large
// terms. The limits leave a factor of ten or more. A wrong term shows at 1e-3 or
// so.
func TestAgreesWithMeta(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for r := 1; r <= n; r++ {
			if n > 4 && r != 1 && r != n/2 && r != n {
				continue
			}
			for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
				k := 1 + (n+r+int(rule))%3
				sigma := (n+r)%2 == 0
				s := draw(t, 1, 11, n, r, 0.02, sigma)
				tasks := s.tasks(t)
				o := Options{Rule: rule, Rates: rates(t, tasks, s.x, rule, k)}
				f, err := FromArrays(s.arrays, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				g, err := New(tasks, s.arrays.Weights, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				h := meta(t, tasks, nil, s.arrays.Weights, o)
				name := fmt.Sprintf("d=%d r=%d %v K=%d", n, r, rule, k)
				for _, fleet := range []*Fleet{f, g} {
					d := compare(t, fleet, h, s.x)
					for i, limit := range []float64{1e-14, 1e-11, 2e-12, 1e-12} {
						if !(d[i] <= limit) {
							t.Errorf("%s: %v relative distance of %s", name, d[i], []string{"value", "gap", "gradient", "product"}[i])
						}
					}
					if b := h.LowerBound(); math.Abs(fleet.LowerBound()-b) > 1e-12*b {
						t.Errorf("%s: bound %v, want %v", name, fleet.LowerBound(), b)
					}
				}
				if f.Redone() != 0 {
					t.Errorf("%s: %d Riccati equations redone", name, f.Redone())
				}
			}
		}
	}
}

// The sizes at which matrices leave the cache, with more than one tile.
func TestAgreesWithMetaLarge(t *testing.T) {
	for i, c := range [][2]int{{12, 6}, {17, 5}, {32, 3}} {
		s := draw(t, 1, 9, c[0], c[1], 0.02, i == 1)
		tasks := s.tasks(t)
		o := Options{Rule: Rule(i), Rates: rates(t, tasks, s.x, Rule(i), 1)}
		f, err := FromArrays(s.arrays, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for j, d := range compare(t, f, meta(t, tasks, nil, s.arrays.Weights, o), s.x) {
			if !(d < 1e-10) {
				t.Errorf("d=%d r=%d: distance %v of %d", c[0], c[1], d, j)
			}
		}
		if f.Redone() != 0 {
			t.Errorf("d=%d: %d redone", c[0], f.Redone())
		}
	}
}

// Different inner tasks, no adaptation at all, and first-order methods.
func TestVariants(t *testing.T) {
	s := draw(t, 5, 13, 3, 2, 0.02, true)
	u := draw(t, 5, 13, 3, 2, 0.02, false)
	// The inner tasks are the same plants under other costs.
	u.arrays.A, u.arrays.B = s.arrays.A, s.arrays.B
	tasks, inner := s.tasks(t), u.tasks(t)
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		η := rates(t, inner, s.x, rule, 2)
		for _, o := range []Options{{Rule: rule, Rates: η}, {Rule: rule, Rates: η, FirstOrder: true}, {Rule: rule}} {
			f, err := FromArrays(s.arrays, &u.arrays, o)
			if err != nil {
				t.Fatal(err)
			}
			g, err := New(tasks, s.arrays.Weights, inner, o)
			if err != nil {
				t.Fatal(err)
			}
			h := meta(t, tasks, inner, s.arrays.Weights, o)
			for _, fleet := range []*Fleet{f, g} {
				for i, d := range compare(t, fleet, h, s.x) {
					if !(d < 1e-11) && i != 1 {
						t.Errorf("%v %v: distance %v of %d", rule, o, d, i)
					}
				}
			}
			p, err := f.Evaluate(s.x)
			if err != nil {
				t.Fatal(err)
			}
			if (p.Direction() != "") != (o.FirstOrder && len(o.Rates) > 0) {
				t.Errorf("direction %q", p.Direction())
			}
		}
	}
}

// The same bits whatever the number of workers, the path and the lengths of the
// runs that workers take.
func TestSameBits(t *testing.T) {
	for _, c := range []struct{ tasks, n, r int }{{1500, 2, 1}, {701, 3, 2}, {300, 1, 1}, {90, 5, 3}, {1, 4, 2}} {
		s := draw(t, 7, c.tasks, c.n, c.r, 0.02, true)
		rule := Rule(c.n % 3)
		η := rates(t, s.tasks(t)[:min(c.tasks, 20)], s.x, rule, 1)
		var want []float64
		for k := range kernel.Paths() {
			for workers := 1; workers <= 16; workers++ {
				if k != len(kernel.Paths())-1 && workers > 2 {
					continue
				}
				old := kernel.Use(k)
				f, err := FromArrays(s.arrays, nil, Options{Rule: rule, Rates: η, Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				p, err := f.Evaluate(s.x)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]float64, 2*f.Dim(), 2*f.Dim()+3)
				p.Grad(got[:f.Dim()])
				p.HessVec(got[f.Dim():], s.x)
				got = append(got, p.Value(), p.Gap(), f.LowerBound())
				kernel.Use(old)
				if want == nil {
					want = got
				}
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("d=%d path %d, %d workers: %v, want %v", c.n, k, workers, got[i], want[i])
					}
				}
			}
		}
	}
}

// What a task gives does not depend on which tasks share its block, wherever
// they stand: permuted tasks give permuted bits.
func TestNeighboursDoNotMatter(t *testing.T) {
	s := draw(t, 11, 40, 3, 1, 0.05, true)
	// Some tasks whose powers end early, some late.
	for i := range 40 {
		if i%5 == 0 {
			dense.Scale(s.arrays.A[9*i:9*i+9], 0.1, s.arrays.A[9*i:9*i+9])
			dense.Scale(s.arrays.B[3*i:3*i+3], 0.1, s.arrays.B[3*i:3*i+3])
		}
	}
	tasks := func(a Arrays) (*Tasks, *Fleet) {
		f, err := FromArrays(a, nil, Options{Rates: []float64{1e-4}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Tasks(Want{Gains: true, Gradients: true, Radii: true})
		if err != nil {
			t.Fatal(err)
		}
		return out, f
	}
	want, f := tasks(s.arrays)
	order := rand.New(rand.NewPCG(1, 1)).Perm(40)
	b := Arrays{Tasks: 40, States: 3, Inputs: 1}
	for _, i := range order {
		b.A = append(b.A, of(s.arrays.A, i, 9)...)
		b.B = append(b.B, of(s.arrays.B, i, 3)...)
		b.Q = append(b.Q, of(s.arrays.Q, i, 9)...)
		b.R = append(b.R, of(s.arrays.R, i, 1)...)
		b.Sigma0 = append(b.Sigma0, of(s.arrays.Sigma0, i, 9)...)
	}
	got, g := tasks(b)
	for k, i := range order {
		gainK, costK := g.Optimum(k)
		gainI, costI := f.Optimum(i)
		if got.Values[k] != want.Values[i] || got.Gaps[k] != want.Gaps[i] || got.Radii[k] != want.Radii[i] || costK != costI {
			t.Errorf("task %d differs", i)
		}
		for j := range 3 {
			if got.Gains[3*k+j] != want.Gains[3*i+j] || got.Gradients[3*k+j] != want.Gradients[3*i+j] || gainK[j] != gainI[j] {
				t.Errorf("task %d differs in entry %d", i, j)
			}
		}
	}
}

// Tasks one by one are those of lqr.
func TestTasks(t *testing.T) {
	s := draw(t, 13, 19, 4, 2, 0.02, true)
	tasks := s.tasks(t)
	for _, η := range [][]float64{nil, rates(t, tasks, s.x, Gradient, 2)} {
		f, err := FromArrays(s.arrays, nil, Options{Rates: η})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Tasks(Want{Gains: true, Gradients: true, Radii: true})
		if err != nil {
			t.Fatal(err)
		}
		h, err := meta(t, tasks, nil, nil, Options{Rates: η}).Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		for i, task := range tasks {
			q := h.Path(i).Outer.(*lqr.Point)
			ρ, err := q.Radius()
			if err != nil {
				t.Fatal(err)
			}
			o := task.Optimum()
			gain, cost := f.Optimum(i)
			for _, c := range []struct {
				what          string
				got, want, by float64
			}{
				{"value", out.Values[i], q.Value(), 1e-12}, {"gap", out.Gaps[i], q.Gap(), 1e-10}, {"radius", out.Radii[i], ρ, 1e-12},
				{"cost", cost, o.Cost, 1e-12}, {"weight", f.Weight(i), s.arrays.Weights[i] / math.Ldexp(f.total, f.outer.unit), 0},
				{"W_K", distance(out.Gains[8*i:8*i+8], h.Adapted(i), 0), 0, 1e-12},
				{"gradient", distance(out.Gradients[8*i:8*i+8], h.MemberGrad(i), 0), 0, 1e-11},
				{"W*", distance(gain, o.Gain.Data, 0), 0, 1e-12},
			} {
				if !(math.Abs(c.got-c.want) <= c.by*max(1, math.Abs(c.want))) {
					t.Errorf("task %d: %s is %v, want %v", i, c.what, c.got, c.want)
				}
			}
		}
	}
}

// ‖∇²C‖ is that of the dense Hessian where Exact, and below it elsewhere.
func TestHessianNorms(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {2, 1}, {3, 2}, {4, 2}, {8, 8}, {9, 8}} {
		s := draw(t, 17, 11, c[0], c[1], 0.02, true)
		f, err := FromArrays(s.arrays, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		norms, err := f.HessianNorms(s.x)
		if err != nil {
			t.Fatal(err)
		}
		if norms.Exact != (c[0]*c[1] <= ExactNorms) || norms.Redone != 0 {
			t.Errorf("%v: exact %v, redone %d", c, norms.Exact, norms.Redone)
		}
		top := 0.0
		for i, task := range s.tasks(t) {
			p, err := task.Evaluate(s.x)
			if err != nil {
				t.Fatal(err)
			}
			want := objective.Spectrum(p, task.Dim(), 0).Norm
			top = max(top, norms.Norms[i])
			ratio := norms.Norms[i] / want
			if norms.Exact && !(math.Abs(ratio-1) < 2e-11) || !norms.Exact && !(ratio < 1+1e-12 && ratio > 0.9) {
				t.Errorf("%v: task %d: %v, want %v", c, i, norms.Norms[i], want)
			}
		}
		if norms.Max != top || norms.Norms[norms.At] != top {
			t.Errorf("%v: max %v at %d, want %v", c, norms.Max, norms.At, top)
		}
	}
}

// The derivatives agree with differences, and a planted error is noticed: by
// the differences, and by the comparison with maml.Meta.
func TestPlantedErrorsAreCaught(t *testing.T) {
	s := draw(t, 19, 9, 2, 1, 0.02, true)
	tasks := s.tasks(t)
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		o := Options{Rule: rule, Rates: rates(t, tasks, s.x, rule, 2)}
		f, err := FromArrays(s.arrays, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		found, err := objective.CheckPoint(f, s.x, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < 1e-8) {
				t.Errorf("%v: %s off by %v", rule, d.Derivative, d.Relative)
			}
		}
		h := meta(t, tasks, nil, s.arrays.Weights, o)
		for name, plant := range map[string]func(f *Fleet){
			"one entry of one A":     func(f *Fleet) { f.outer.block(1)[f.outer.a+1][0] += 1e-6 },
			"one weight":             func(f *Fleet) { f.outer.block(0)[f.outer.weight][3] *= 1 + 1e-6 },
			"one entry of one Q":     func(f *Fleet) { f.outer.block(0)[f.outer.q+1][7] += 1e-6 },
			"the rate":               func(f *Fleet) { f.options.Rates[0] *= 1 + 1e-5; f.prepare() },
			"one entry of one Σ₀":    func(f *Fleet) { f.outer.block(0)[f.outer.s0][2] += 1e-6 },
			"one optimal gain":       func(f *Fleet) { f.outer.block(0)[f.outer.gain][2] += 1e-4 },
			"the sum leaves one out": func(f *Fleet) { f.outer.tasks--; f.outer.seal(1, 0); f.outer.tasks++ },
		} {
			g, err := FromArrays(s.arrays, nil, o)
			if err != nil {
				t.Fatal(err)
			}
			plant(g)
			worst := 0.0
			for _, d := range compare(t, g, h, s.x) {
				worst = max(worst, d)
			}
			if worst < 1e-9 {
				t.Errorf("%v: %s was not noticed", rule, name)
			}
		}
	}
}

// The fleet trains like the mixture of its tasks: same method, same gain.
func TestTrainsLikeMeta(t *testing.T) {
	s := draw(t, 23, 50, 3, 1, 0.03, false)
	tasks := s.tasks(t)
	o := Options{Rates: rates(t, tasks, s.x, Gradient, 1)}
	f, err := FromArrays(s.arrays, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	var gains [2][]float64
	for i, h := range []objective.Objective{f, meta(t, tasks, nil, s.arrays.Weights, o)} {
		state := &maml.State{X: append([]float64(nil), s.x...)}
		result, err := maml.Minimize(context.Background(), h, maml.NewtonCG{}, state, maml.Stop{}, nil)
		if err != nil || result.Status != maml.Converged {
			t.Fatalf("%v %v", result.Status, err)
		}
		gains[i] = state.X
	}
	if d := distance(gains[0], gains[1], 0); !(d < 1e-10) {
		t.Errorf("gains %v and %v are %v apart", gains[0], gains[1], d)
	}
}
