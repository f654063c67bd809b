package fleet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// forms are tasks of every form that lqr reduces, near one plant, in turn, and a
// gain that stabilises all of them.
func forms(t testing.TB, count int) (tasks []*lqr.Task, x []float64) {
	random := rand.New(rand.NewPCG(71, uint64(count)))
	for i := range count {
		s := lqr.Spec{
			Name: fmt.Sprintf("form-%d", i),
			A:    matrix(3, 3, []float64{0.95, 0.2, 0, -0.1, 0.9, 0.1, 0.05, 0, 0.8}), B: matrix(3, 2, []float64{0.1, 0, 0.5, 0.1, 0, 0.4}),
			Q: matrix(3, 3, []float64{1, 0.2, 0, 0.2, 2, 0, 0, 0, 1}), R: matrix(2, 2, []float64{1, 0.1, 0.1, 0.5}),
		}
		for j := range s.A.Data {
			s.A.Data[j] += 0.02 * random.NormFloat64()
		}
		if i%2 == 1 {
			s.N = matrix(3, 2, []float64{0.1, 0, -0.2, 0.1, 0, 0.05})
		}
		v := matrix(3, 3, []float64{1, 0.3, 0, 0.3, 0.5, 0, 0, 0, 0.2})
		switch i % 7 {
		case 1:
			s.Discount = 0.9
		case 2:
			s.Discount, s.Noise = 0.95, v
		case 3:
			s.AverageCost, s.Noise = true, v
		case 4:
			s.Sigma0 = v
		case 5:
			s.X0 = []float64{1, -1, 0.5}
		case 6:
			s.A, s.SampleTime = matrix(3, 3, []float64{-0.4, 1, 0, -1, -0.6, 0.2, 0.1, 0, -1}), 0.1
			s.AverageCost, s.Noise = true, v
		}
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	x = tasks[0].Minimizer()
	for i := range x {
		x[i] += 0.02 * random.NormFloat64()
	}
	return tasks, x
}

// Tasks of every form, mixed in one fleet, as others see them too: the same
// objective as maml.Meta, by every rule and for one to three steps, at the
// tolerances of TestAgreesWithMeta.
func TestFormsAgreeWithMeta(t *testing.T) {
	tasks, x := forms(t, 29)
	inner := append(append([]*lqr.Task(nil), tasks[3:]...), tasks[:3]...) // another task's
	weights := make([]float64, len(tasks))
	for i := range weights {
		weights[i] = 0.5 + 0.1*float64(i%9)
	}
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		for k := range 4 {
			for _, seen := range [][]*lqr.Task{nil, inner} {
				o := Options{Rule: rule, Rates: rates(t, tasks, x, rule, min(k, 3))[:k]}
				f, err := New(tasks, weights, seen, o)
				if err != nil {
					t.Fatal(err)
				}
				h := meta(t, tasks, seen, weights, o)
				d := compare(t, f, h, x)
				for i, limit := range []float64{1e-14, 1e-11, 2e-12, 1e-12} {
					if !(d[i] <= limit) {
						t.Errorf("%v K=%d: %v relative distance of %d", rule, k, d[i], i)
					}
				}
				if b := h.LowerBound(); math.Abs(f.LowerBound()-b) > 1e-13*b {
					t.Errorf("bound %v, want %v", f.LowerBound(), b)
				}
				p, _ := f.Evaluate(x)
				if p.Redone() != 0 {
					t.Errorf("%v K=%d: %d redone", rule, k, p.Redone())
				}
			}
		}
	}
	// A cross term left out, a constant, a shift of one task: all show.
	o := Options{Rates: rates(t, tasks, x, Gradient, 1)}
	h := meta(t, tasks, nil, nil, o)
	for name, plant := range map[string]func(f *Fleet){
		"shift":    func(f *Fleet) { f.outer.block(0)[f.outer.shift+2][3] = 0 },
		"constant": func(f *Fleet) { f.outer.block(0)[f.outer.constant][6] = 0 },
		"loop":     func(f *Fleet) { f.outer.block(0)[f.outer.a][1] = tasks[1].Standard().A.Data[0] },
	} {
		f, err := New(tasks, nil, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		plant(f)
		d := compare(t, f, h, x)
		if max(d[0], d[2]) < 1e-6 {
			t.Errorf("%s was not noticed", name)
		}
	}
}

// One by one at gains of their own, some of which do not stabilise: values,
// gaps, gains and gradients are those of package maml for each task alone, and so
// are the errors, with task, step and radius; neighbours are not touched. The
// bits are those of any path of the kernels and any number of workers.
func TestEach(t *testing.T) {
	tasks, x := forms(t, 29)
	dim := len(x)
	gains := make([]float64, 0, len(tasks)*dim)
	bad := map[int]int{3: 0, 8: 0, 17: 1, 28: 0} // task → step at which it fails
	for i := range tasks {
		y := append([]float64(nil), x...)
		y[i%dim] += 0.003 * float64(i)
		if step, ok := bad[i]; ok && step == 0 {
			y[0] -= 40
		}
		gains = append(gains, y...)
	}
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		o := Options{Rule: rule, Rates: rates(t, tasks, x, rule, 2)}
		if rule == Gradient {
			for j := range dim { // so near the border that the step leaves
				gains[17*dim+j] = borderGain(t, tasks[17], x, o.Rates[0])[j]
			}
		}
		f, err := New(tasks, nil, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		out := f.Each(gains, Want{Gains: true, Gradients: true, Radii: true})
		for i, task := range tasks {
			q, err := meta(t, []*lqr.Task{task}, nil, nil, o).Evaluate(gains[i*dim : (i+1)*dim])
			if (err != nil) != (out.Errs != nil && out.Errs[i] != nil) {
				t.Fatalf("%v, task %d: %v, want %v", rule, i, out.Errs, err)
			}
			if err != nil {
				var member *MemberError
				var u, v *lqr.UnstableError
				if !errors.As(out.Errs[i], &member) || member.Index != i || member.Member != task.Name() || !errors.As(err, &v) || !errors.As(out.Errs[i], &u) || u.Radius != v.Radius {
					t.Errorf("%v, task %d: %v, want %v", rule, i, out.Errs[i], err)
				}
				if !math.IsNaN(out.Values[i]) || !math.IsNaN(out.Gains[i*dim]) || !math.IsNaN(out.Radii[i]) {
					t.Errorf("task %d has numbers", i)
				}
				continue
			}
			if d := math.Abs(out.Values[i]-q.Value()) / q.Value(); !(d < 1e-13) {
				t.Errorf("%v, task %d: value %v, want %v", rule, i, out.Values[i], q.Value())
			}
			if d := distance(out.Gains[i*dim:(i+1)*dim], q.Adapted(0), 0); !(d < 1e-13) {
				t.Errorf("%v, task %d: gain off by %v", rule, i, d)
			}
			if d := distance(out.Gradients[i*dim:(i+1)*dim], q.MemberGrad(0), 0); !(d < 1e-11) {
				t.Errorf("%v, task %d: gradient off by %v", rule, i, d)
			}
			if ρ, err := task.Radius(q.Adapted(0)); err != nil || math.Abs(ρ-out.Radii[i]) > 1e-10 {
				t.Errorf("%v, task %d: radius %v, want %v", rule, i, out.Radii[i], ρ)
			}
		}
		if out.Errs == nil || out.Errs[3] == nil || out.Errs[28] == nil {
			t.Fatalf("%v: %v", rule, out.Errs)
		}
		if rule == Gradient {
			var member *MemberError
			if !errors.As(out.Errs[17], &member) || member.Step != 1 {
				t.Errorf("task 17: %v", out.Errs[17])
			}
		}
		for k := range kernel.Paths() {
			old := kernel.Use(k)
			for workers := 1; workers <= 3; workers++ {
				o.Workers = workers
				g, err := f.With(o)
				if err != nil {
					t.Fatal(err)
				}
				again := g.Each(gains, Want{Gradients: true})
				for j, v := range again.Gradients {
					if math.Float64bits(v) != math.Float64bits(out.Gradients[j]) {
						t.Fatalf("path %d, %d workers: other bits", k, workers)
					}
				}
			}
			kernel.Use(old)
		}
	}
}

// borderGain is on the line from x to the border of a task's domain, so near
// that a gradient step overshoots it.
func borderGain(t testing.TB, task *lqr.Task, x []float64, η float64) []float64 {
	at := func(s float64) []float64 {
		y := append([]float64(nil), x...)
		y[0] -= s
		return y
	}
	lo, hi := 0.0, 40.0
	for range 60 {
		mid := lo + (hi-lo)/2
		p, err := task.Evaluate(at(mid))
		if err == nil {
			g := make([]float64, len(x))
			p.Grad(g)
			y := at(mid)
			for i := range y {
				y[i] -= η * g[i]
			}
			if _, err := task.Evaluate(y); err != nil {
				return at(mid)
			}
			lo = mid
		} else {
			hi = mid
		}
	}
	t.Fatal("no such gain")
	return nil
}

// Jacobians and norms of the steps, against those of the steps of lqr and maml.
func TestJacobians(t *testing.T) {
	tasks, x := forms(t, 29)
	inner := append(append([]*lqr.Task(nil), tasks[3:]...), tasks[:3]...)
	dim := len(x)
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		for k := 1; k <= 3; k++ {
			o := Options{Rule: rule, Rates: rates(t, tasks, x, rule, k)}
			f, err := New(tasks, nil, inner, o)
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.Evaluate(x)
			if err != nil {
				t.Fatal(err)
			}
			q, err := meta(t, tasks, inner, nil, o).Evaluate(x)
			if err != nil {
				t.Fatal(err)
			}
			norms, err := f.StepNorms(x)
			if err != nil {
				t.Fatal(err)
			}
			const lo, hi = 3, 27
			all := make([]float64, (hi-lo)*k*dim*dim)
			if err := p.Jacobians(all, lo, hi); err != nil {
				t.Fatal(err)
			}
			for i := lo; i < hi; i++ {
				for j, s := range q.Path(i).Steps {
					want := objective.DenseJacobian(s, dim)
					got := all[((i-lo)*k+j)*dim*dim:][:dim*dim]
					if d := distance(got, want, 0); !(d < 1e-12) {
						t.Errorf("%v, task %d, step %d: J off by %v", rule, i, j, d)
					}
					for a := range dim {
						want[a*dim+a]--
					}
					// I − J is a difference here, and none in StepNorms.
					_, norm := objective.SingularValues(want, dim)
					if norm /= o.Rates[j]; !(math.Abs(norms[j].Norms[i]-norm) < 1e-10*norm) {
						t.Errorf("%v, task %d, step %d: norm %v, want %v", rule, i, j, norms[j].Norms[i], norm)
					}
				}
			}
		}
	}
	large := draw(t, 3, 9, 9, 8, 0.01, false)
	f, err := FromArrays(large.arrays, nil, Options{Rates: []float64{1e-4}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.StepNorms(large.x); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}
