package fleet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/fleet/internal/kernel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// join appends tasks of equal dimensions.
func join(list ...Arrays) Arrays {
	a := Arrays{States: list[0].States, Inputs: list[0].Inputs}
	for _, b := range list {
		a.Tasks += b.Tasks
		for i := range b.Tasks {
			n, r := b.States, b.Inputs
			a.A = append(a.A, of(b.A, i, n*n)...)
			a.B = append(a.B, of(b.B, i, n*r)...)
			a.Q = append(a.Q, of(b.Q, i, n*n)...)
			a.R = append(a.R, of(b.R, i, r*r)...)
			s0 := of(b.Sigma0, i, n*n)
			if s0 == nil {
				s0 = identity[n]
			}
			a.Sigma0 = append(a.Sigma0, s0...)
		}
	}
	return a
}

// one is a single task of two states and one input, Q = R = I.
func one(a, b, s0 []float64) Arrays {
	return Arrays{Tasks: 1, States: 2, Inputs: 1, A: a, B: b, Q: identity[2], R: identity[1], Sigma0: s0}
}

// Lanes of every kind beside each other, at W = 0: the loops are the A
// themselves. Where lqr is accurate the fleet is, too: the tolerance is its
// residual, some units, times the condition 1/(1 − ρ) or the growth of the
// powers, which is up to 1e8 here.
func TestHardLanes(t *testing.T) {
	b := []float64{0.3, 1}
	kinds := map[string]Arrays{
		"easy":              one([]float64{0.5, 0.2, 0, 0.4}, b, nil),
		"defective":         one([]float64{0.9, 1e3, 0, 0.9}, b, nil),
		"nilpotent":         one([]float64{0, 1e4, 0, 0}, b, nil),
		"nearly unstable":   one([]float64{1 - 1e-7, 0, 0.1, 0.2}, b, nil),
		"unstable in 1e-3":  one([]float64{0.999, 0.5, 0, -0.999}, b, nil),
		"singular Σ₀":       one([]float64{0.7, 0.1, 0.2, 0.6}, b, []float64{1, 2, 2, 4}),
		"badly scaled Σ₀":   one([]float64{0.7, 1e-3, 1, 0.6}, b, []float64{1e-12, 0, 0, 1}),
		"rotation":          one([]float64{0.6, -0.79, 0.79, 0.6}, b, nil),
		"zero":              one([]float64{0, 0, 0, 0}, b, nil),
		"units far apart":   one([]float64{0.5, 1e9, 1e-10, 0.5}, b, nil),
		"very far from 1":   one([]float64{1e-170, 0, 0, 1e-170}, b, nil),
		"singular and slow": one([]float64{0.9999, 0.1, 0, 0.3}, b, []float64{0, 0, 0, 1}),
	}
	var names []string
	var all []Arrays
	for range 3 {
		for name, a := range kinds { // any order, and different blocks
			names = append(names, name)
			all = append(all, a)
		}
	}
	x := []float64{0, 0}
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		o := Options{Rule: rule, Rates: []float64{0}}
		f, err := FromArrays(join(all...), nil, o)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Evaluate(x)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Tasks(Want{Gradients: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			task, err := lqr.New(specOf(&all[i], 0))
			if err != nil {
				t.Fatal(name, err)
			}
			h := meta(t, []*lqr.Task{task}, nil, nil, o)
			q, err := h.Evaluate(x)
			if err != nil {
				t.Fatal(name, err)
			}
			limit := 1e-12
			switch name {
			case "nearly unstable", "defective", "nilpotent", "units far apart", "unstable in 1e-3", "singular and slow":
				limit = 1e-8
			}
			if d := math.Abs(out.Values[i]-q.Value()) / q.Value(); !(d <= limit) {
				t.Errorf("%v, %s: value %v, want %v", rule, name, out.Values[i], q.Value())
			}
			if d := distance(out.Gradients[2*i:2*i+2], q.MemberGrad(0), 1e-300); !(d <= limit) {
				t.Errorf("%v, %s: gradient %v, want %v", rule, name, out.Gradients[2*i:2*i+2], q.MemberGrad(0))
			}
		}
		// Some of these lanes cannot vouch for themselves, and some can.
		if k := p.Redone(); k < 3 || k > 24 {
			t.Errorf("%v: %d of %d tasks redone", rule, k, len(names))
		}
	}
}

// Outside the domain the error is that of maml.Meta: the same task, the lowest
// index of several, the same step, the same radius; and from NaN too.
func TestOutsideTheDomain(t *testing.T) {
	s := draw(t, 29, 40, 3, 2, 0.02, true)
	good := Arrays{Tasks: 40, States: 3, Inputs: 2, A: s.arrays.A, B: s.arrays.B, Q: s.arrays.Q, R: s.arrays.R, Sigma0: s.arrays.Sigma0}
	tasks := s.tasks(t)
	η := rates(t, tasks, s.x, Gradient, 1)[0]
	for name, c := range map[string]struct {
		spoil []int
		rates []float64
		x     func(x []float64)
	}{
		"tasks 33, 18 and 21": {spoil: []int{33, 18, 21}, rates: []float64{η}},
		"the last task":       {spoil: []int{39}, rates: []float64{η}},
		"after a step":        {rates: []float64{η, 1e3 * η, η}},
		"at the end":          {rates: []float64{1e4 * η}},
		"all at once":         {rates: []float64{η}, x: func(x []float64) { x[0] = 1e6 }},
		"an overflow":         {rates: []float64{η}, x: func(x []float64) { x[0] = 1e300 }},
		"not a number":        {rates: []float64{η}, x: func(x []float64) { x[1] = math.NaN() }},
		"a huge rate":         {rates: []float64{1e300}},
	} {
		a := join(good)
		for _, i := range c.spoil {
			for j := range 9 {
				a.A[9*i+j] *= 5
			}
		}
		var list []*lqr.Task
		for i := range a.Tasks {
			task, err := lqr.New(specOf(&a, i))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, task)
		}
		x := append([]float64(nil), s.x...)
		if c.x != nil {
			c.x(x)
		}
		for k := range kernel.Paths() {
			old := kernel.Use(k)
			for workers := 1; workers <= 3; workers++ {
				o := Options{Rates: c.rates, Workers: workers}
				f, err := FromArrays(a, nil, o)
				if err != nil {
					t.Fatal(err)
				}
				_, err = f.Evaluate(x)
				_, want := meta(t, list, nil, nil, o).Evaluate(x)
				var got *MemberError
				var member *maml.MemberError
				if !errors.As(err, &got) || !errors.As(want, &member) {
					t.Fatalf("%s: %v, want %v", name, err, want)
				}
				if got.Index != member.Index || got.Step != member.Step || got.Error() != member.Error() {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
				if errors.Is(err, objective.ErrDomain) != errors.Is(want, objective.ErrDomain) {
					t.Errorf("%s: %v matches ErrDomain: %v", name, err, errors.Is(err, objective.ErrDomain))
				}
				var u, v *lqr.UnstableError
				if errors.As(want, &v) && (!errors.As(err, &u) || math.Abs(u.Radius-v.Radius) > 1e-12*v.Radius) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
				if _, err := f.HessianNorms(x); name == "all at once" && !errors.Is(err, objective.ErrDomain) {
					t.Errorf("norms: %v", err)
				}
			}
			kernel.Use(old)
		}
	}
}

// scalars are tasks of one state: A, B, Q, R of each.
func scalars(tasks ...[4]float64) Arrays {
	a := Arrays{Tasks: len(tasks), States: 1, Inputs: 1}
	for _, t := range tasks {
		a.A, a.B, a.Q, a.R = append(a.A, t[0]), append(a.B, t[1]), append(a.Q, t[2]), append(a.R, t[3])
	}
	return a
}

// Where Q does not see an unstable mode, doubling finds the minimal solution;
// the right one has these values (MATH.md, "Riccati trap"). The scalar P solves
// p = q + a² p r/(r + b² p): 3 for (2, 1, 0, 1) with W = 3/2, and the golden
// ratio for (1, 1, 1, 1) with W = 1/φ.
func TestRiccatiTraps(t *testing.T) {
	f, err := FromArrays(scalars([4]float64{2, 1, 0, 1}, [4]float64{1, 1, 1, 1}, [4]float64{0.5, 1, 0, 1}), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]float64{{1.5, 3}, {2 / (1 + math.Sqrt(5)), (1 + math.Sqrt(5)) / 2}, {0, 0}} {
		gain, cost := f.Optimum(i)
		if math.Abs(gain[0]-want[0]) > 1e-15 || math.Abs(cost-want[1]) > 1e-15 {
			t.Errorf("task %d: W* = %v, C* = %v, want %v", i, gain, cost, want)
		}
	}
	if f.Redone() != 1 {
		t.Errorf("%d redone", f.Redone())
	}
	trap := one([]float64{2, 0.3, 0, 0.5}, []float64{1, 1}, nil)
	trap.Q = []float64{0, 0, 0, 1}
	if f, err = FromArrays(trap, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	// tr P* to the digits that MATH.md prints.
	if _, cost := f.Optimum(0); math.Abs(cost-(6.15587653+1.13512395)) > 1e-7 {
		t.Errorf("C* = %v", cost)
	}
}

// What is no task is refused, with the task and what lqr.New says; held and
// streamed.
func TestRefusals(t *testing.T) {
	s := draw(t, 31, 21, 2, 1, 0.02, true)
	for name, c := range map[string]struct {
		plant func(a *Arrays)
		is    error
		index int
	}{
		"a mode on the unit circle":  {func(a *Arrays) { set(a, 17, []float64{1, 0, 0, 0.5}, []float64{1, 0}, []float64{0, 0, 0, 1}) }, matrixeq.ErrUnitCircle, 17},
		"an uncontrollable mode":     {func(a *Arrays) { set(a, 9, []float64{1.1, 0, 0, 0.5}, []float64{0, 1}, nil) }, matrixeq.ErrNotStabilizable, 9},
		"Q not symmetric":            {func(a *Arrays) { a.Q[4*20+1] += 1e-3 }, matrixeq.ErrNotSymmetric, 20},
		"Q not semidefinite":         {func(a *Arrays) { set(a, 3, nil, nil, []float64{1, 0, 0, -1e-3}) }, matrixeq.ErrNotPositiveSemidefinite, 3},
		"R zero":                     {func(a *Arrays) { a.R[11] = 0 }, matrixeq.ErrNotPositiveDefinite, 11},
		"NaN in A":                   {func(a *Arrays) { a.A[4*5+2] = math.NaN() }, matrixeq.ErrNotFinite, 5},
		"infinity in B":              {func(a *Arrays) { a.B[2*19] = math.Inf(-1) }, matrixeq.ErrNotFinite, 19},
		"Σ₀ zero":                    {func(a *Arrays) { clear(a.Sigma0[4*7 : 4*8]) }, lqr.ErrSpec, 7},
		"Σ₀ not semidefinite":        {func(a *Arrays) { a.Sigma0[4*8] = -1 }, matrixeq.ErrNotPositiveSemidefinite, 8},
		"the first of two":           {func(a *Arrays) { a.R[20], a.R[2] = -1, -1 }, matrixeq.ErrNotPositiveDefinite, 2},
		"a weight of zero":           {func(a *Arrays) { a.Weights[6] = 0 }, ErrArrays, 6},
		"a weight that is no number": {func(a *Arrays) { a.Weights[20] = math.NaN() }, ErrArrays, 20},
		"too few numbers":            {func(a *Arrays) { a.B = a.B[1:] }, ErrArrays, -1},
		"no tasks":                   {func(a *Arrays) { a.Tasks = 0 }, ErrArrays, -1},
		"more inputs than states":    {func(a *Arrays) { a.Inputs = 3 }, ErrArrays, -1},
	} {
		a := join(s.arrays)
		a.Weights = append([]float64(nil), s.arrays.Weights...)
		c.plant(&a)
		_, held := FromArrays(a, nil, Options{Rates: []float64{1e-3}})
		_, streamed := Stream(s.x, chunks(a, 5), StreamOptions{Options: Options{Rates: []float64{1e-3}}, Bound: true})
		for _, err := range []error{held, streamed} {
			if !errors.Is(err, c.is) {
				t.Errorf("%s: %v, want %v", name, err, c.is)
				continue
			}
			index := -1
			var task *TaskError
			var arrays *ArraysError
			if errors.As(err, &task) {
				index = task.Index
			} else if errors.As(err, &arrays) {
				index = arrays.Task
			}
			if index != c.index {
				t.Errorf("%s: %v, of task %d, want %d", name, err, index, c.index)
			}
		}
	}
	if _, err := FromArrays(s.arrays, &Arrays{Tasks: 1, States: 2, Inputs: 1, A: identity[2], B: []float64{1, 1}, Q: identity[2], R: identity[1]}, Options{}); !errors.Is(err, ErrArrays) {
		t.Errorf("inner of other dimensions: %v", err)
	}
	bad := s.arrays
	bad.Q = []float64{1, 0, 0, -1}
	if _, err := FromArrays(s.arrays, &bad, Options{}); !errors.Is(err, matrixeq.ErrNotPositiveSemidefinite) {
		t.Errorf("inner that is no task: %v", err)
	}
	for _, o := range []Options{{Rule: 3}, {Rates: []float64{1, math.NaN()}}, {Rates: []float64{math.Inf(1)}}} {
		if _, err := FromArrays(s.arrays, nil, o); !errors.Is(err, ErrSetting) {
			t.Errorf("%v: %v", o, err)
		}
	}
}

func set(a *Arrays, i int, m, b, q []float64) {
	copy(a.A[4*i:], m)
	copy(a.B[2*i:], b)
	copy(a.Q[4*i:], q)
}

// Tasks with discount, noise, average cost and known initial states, made by
// lqr; others do not fit.
func TestGivenTasks(t *testing.T) {
	random := rand.New(rand.NewPCG(37, 1))
	base := lqr.Spec{Name: "given", A: matrix(2, 2, []float64{1.02, 0.1, 0, 0.9}), B: matrix(2, 1, []float64{0.1, 1}), Q: matrix(2, 2, identity[2]), R: matrix(1, 1, []float64{1})}
	var tasks []*lqr.Task
	for i := range 20 {
		s := base
		s.A = s.A.Clone()
		s.A.Data[1] += 0.01 * random.NormFloat64()
		if i%3 == 2 {
			s.N = matrix(2, 1, []float64{0.1, -0.05})
		}
		switch i % 5 {
		case 1:
			s.Discount = 0.9
			s.Noise = matrix(2, 2, []float64{2, 1, 1, 2})
		case 2:
			s.AverageCost = true
			s.Noise = matrix(2, 2, []float64{1, 0, 0, 0})
		case 3:
			s.X0 = []float64{1, -1}
		case 4:
			s.A, s.SampleTime = matrix(2, 2, []float64{-0.5, 1, 0.2 + 0.01*float64(i), -1}), 0.3
			s.AverageCost, s.Noise = true, matrix(2, 2, []float64{1, 0, 0, 2})
		}
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	x := tasks[0].Optimum().Gain.Data
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		o := Options{Rule: rule, Rates: rates(t, tasks, x, rule, 2)}
		f, err := New(tasks, nil, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range compare(t, f, meta(t, tasks, nil, nil, o), x) {
			if !(d < 1e-11) {
				t.Errorf("%v: distance %v of %d", rule, d, i)
			}
		}
		p, err := f.Evaluate(x)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Tasks(Want{Gains: true, Radii: true})
		if err != nil {
			t.Fatal(err)
		}
		for i, task := range tasks {
			if ρ, err := task.Radius(out.Gains[2*i : 2*i+2]); err != nil || math.Abs(ρ-out.Radii[i]) > 1e-12 {
				t.Errorf("task %d: radius %v, want %v (%v)", i, out.Radii[i], ρ, err)
			}
		}
		if _, err = f.Evaluate([]float64{-5, 0}); err == nil || !strings.Contains(err.Error(), `"given"`) {
			t.Errorf("%v", err)
		}
	}
	wide := lqr.Spec{A: matrix(1, 1, []float64{1}), B: matrix(1, 2, []float64{1, 1}), Q: matrix(1, 1, []float64{1}), R: matrix(2, 2, identity[2])}
	for i, s := range []lqr.Spec{wide} {
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New([]*lqr.Task{task}, nil, nil, Options{}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%d: %v", i, err)
		}
		if _, err := New([]*lqr.Task{tasks[0], task}, nil, nil, Options{}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := New(nil, nil, nil, Options{}); !errors.Is(err, ErrArrays) {
		t.Errorf("none: %v", err)
	}
	if _, err := New(tasks, []float64{1}, nil, Options{}); !errors.Is(err, ErrArrays) {
		t.Errorf("one weight: %v", err)
	}
}

// Each of the tests that a lane has to pass refuses when what it looks at is
// wrong: nothing else is planted.
func TestEveryCheckIsNeeded(t *testing.T) {
	s := draw(t, 41, 8, 3, 1, 0.02, true)
	f, err := FromArrays(s.arrays, nil, Options{Rule: GaussNewton, Rates: []float64{0.1}})
	if err != nil {
		t.Fatal(err)
	}
	e := f.engine
	for k := range e.slots {
		slot := &e.slots[k]
		for name, plant := range map[string]func(slab []kernel.Vec){
			"nothing":          func([]kernel.Vec) {},
			"the residual":     func(slab []kernel.Vec) { slot.check.Of(slab)[0][5] = 1e-18 },
			"the size of X":    func(slab []kernel.Vec) { slot.check.Of(slab)[1][5] = 1e28 },
			"the gain":         func(slab []kernel.Vec) { slot.check.Of(slab)[2][5] = 1e32 },
			"the pivot":        func(slab []kernel.Vec) { slot.check.Of(slab)[3][5] = math.NaN() },
			"a pivot of −1":    func(slab []kernel.Vec) { slot.check.Of(slab)[3][5] = -1 },
			"an endless pivot": func(slab []kernel.Vec) { slot.check.Of(slab)[3][5] = math.Inf(1) },
			"the powers":       func(slab []kernel.Vec) { slot.pow.Bad.Of(slab)[0][5] = math.NaN() },
			"their size":       func(slab []kernel.Vec) { slot.pow.Sum.Of(slab)[0][5] = 1e20 },
			"Σ₀":               func(slab []kernel.Vec) { slot.known.Of(slab)[0][5] = 1e-14 },
			"the size of A":    func(slab []kernel.Vec) { slot.known.Of(slab)[1][5] = 1e16 },
			"the size of B":    func(slab []kernel.Vec) { slot.known.Of(slab)[2][5] = 1e17 },
			"the answer":       func(slab []kernel.Vec) { e.size.Of(slab)[0][5] = math.Inf(1) },
		} {
			w := f.worker()
			w.start(s.x, nil)
			w.load(0)
			kernel.Run(w.slab, e.evaluate[0])
			plant(w.slab)
			want := uint(1 << 5)
			if name == "nothing" {
				want = 0
			}
			if got := e.doubtful(w.slab, e.size); got != want {
				t.Errorf("slot %d, %s: lanes %b", k, name, got)
			}
		}
	}
}

func ExampleFleet() {
	// A million tasks would do, too: A differs, the rest is shared.
	f, err := FromArrays(Arrays{
		Tasks: 3, States: 1, Inputs: 1,
		A: []float64{0.9, 1, 1.1}, B: []float64{1}, Q: []float64{1}, R: []float64{1},
	}, nil, Options{Rates: []float64{0.01}})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := f.Evaluate([]float64{0.6})
	if err != nil {
		fmt.Println(err)
		return
	}
	g := make([]float64, 1)
	p.Grad(g)
	fmt.Printf("value %.6f, above the bound by at most %.1e, gradient %.4f\n", p.Value(), p.Gap(), g[0])
	_, err = f.Evaluate([]float64{2.05})
	fmt.Println(err)
	// Output:
	// value 1.639770, above the bound by at most 1.5e-02, gradient -0.1557
	// task number 1, before its inner steps: the gain does not stabilise: the spectral radius of A - B W is 1.15, not below 1
}
