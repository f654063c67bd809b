package fleet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

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
// near the optimum of the first.
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
	ρ, err := matrixeq.SpectralRadius(matrixeq.Matrix{Rows: n, Cols: n, Data: a0})
	if err != nil {
		t.Fatal(err)
	}
	dense.Scale(a0, (0.9+0.2*random.Float64())/ρ, a0)
	s := sample{arrays: Arrays{Tasks: tasks, States: n, Inputs: r}}
	f := &s.arrays
	for range tasks {
		for _, v := range a0 {
			f.A = append(f.A, v+spread*random.NormFloat64()/float64(n))
		}
		for _, v := range b0 {
			f.B = append(f.B, v+spread*random.NormFloat64()/float64(n))
		}
		f.Q = append(f.Q, definite(n)...)
		f.R = append(f.R, definite(r)...)
		if sigma {
			f.Sigma0 = append(f.Sigma0, definite(n)...)
		}
		f.Weights = append(f.Weights, 0.5+random.Float64())
	}
	first, err := lqr.New(specOf(f, 0))
	if err != nil {
		t.Fatal(err)
	}
	s.x = append([]float64(nil), first.Optimum().Gain.Data...)
	for i := range s.x {
		s.x[i] += 0.02 * random.NormFloat64()
	}
	return s
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
// by doubling, in different orders of summation, from closed loops with
// condition numbers below some 1e3 (times 1/(1 − ρ)): a few hundred units of
// 2⁻⁵³ for the derivatives is what rounding allows, 1e-11 with room. A wrong
// term shows at 1e-3 or so.
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
					for i, limit := range []float64{1e-12, 1e-9, 1e-11, 1e-11} {
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

var _ = errors.Is
