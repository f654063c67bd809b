package lqr_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

func rows(t testing.TB, r ...[]float64) matrixeq.Matrix {
	t.Helper()
	m, err := matrixeq.FromRows(r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func dense(m matrixeq.Matrix) *mat.Dense { return mat.NewDense(m.Rows, m.Cols, m.Data) }

func random(rng *rand.Rand, rows, cols int) matrixeq.Matrix {
	m := matrixeq.New(rows, cols)
	for i := range m.Data {
		m.Data[i] = rng.NormFloat64()
	}
	return m
}

// gram is G Gᵀ/k + shift·I, of rank at most k.
func gram(rng *rand.Rand, n, k int, shift float64) matrixeq.Matrix {
	g := random(rng, n, k)
	m := matrixeq.New(n, n)
	dense(m).Mul(dense(g), dense(g).T())
	for i := range m.Data {
		m.Data[i] /= float64(k)
	}
	for i := range n {
		m.Data[i*n+i] += shift
	}
	return m
}

// summed is the cost of a gain by adding up the stages one after another,
// stage by stage, in the caller's own terms: nothing of the reduction to the
// standard form is used.
//
//	Σ γᵗ tr(L Xₜ),  L = Q − N W − WᵀNᵀ + WᵀRW,  Xₜ₊₁ = A_W Xₜ A_Wᵀ + V
//
// and, for average cost, tr(L X∞).
func summed(s lqr.Spec, gain []float64, stages int) float64 {
	n, r := s.A.Rows, s.B.Cols
	w := mat.NewDense(r, n, gain)
	var aw, l, t mat.Dense
	t.Mul(dense(s.B), w)
	aw.Sub(dense(s.A), &t)
	var rw, wrw mat.Dense
	rw.Mul(dense(s.R), w)
	wrw.Mul(w.T(), &rw)
	l.Add(dense(s.Q), &wrw)
	if !s.N.IsZero() {
		var nw mat.Dense
		nw.Mul(dense(s.N), w)
		l.Sub(&l, &nw)
		l.Sub(&l, nw.T())
	}
	x := mat.NewDense(n, n, nil)
	switch {
	case s.AverageCost:
	case !s.Sigma0.IsZero():
		x.Copy(dense(s.Sigma0))
	case s.X0 != nil:
		x.Outer(1, mat.NewVecDense(n, s.X0), mat.NewVecDense(n, s.X0))
	default:
		for i := range n {
			x.Set(i, i, 1)
		}
	}
	γ := s.Discount
	if γ == 0 {
		γ = 1
	}
	total, weight := 0.0, 1.0
	for range stages {
		var lx, ax, axa mat.Dense
		lx.Mul(&l, x)
		if s.AverageCost {
			total = mat.Trace(&lx)
		} else {
			total += weight * mat.Trace(&lx)
			weight *= γ
		}
		ax.Mul(&aw, x)
		axa.Mul(&ax, aw.T())
		x.Copy(&axa)
		if !s.Noise.IsZero() {
			x.Add(x, dense(s.Noise))
		}
	}
	return total
}

// Every substitution against the sum of stages, at a gain of radius at most
// 0.97: 4000 stages leave a tail below 1e-100, and the sum rounds to about
// 4000 ε.
func TestSubstitutionsAgainstSummedStages(t *testing.T) {
	const n, r = 3, 2
	base := func(rng *rand.Rand) lqr.Spec {
		s := lqr.Spec{A: random(rng, n, n), B: random(rng, n, r), Q: gram(rng, n, n, .1), R: gram(rng, r, r, .5)}
		for i := range s.A.Data {
			s.A.Data[i] *= 0.6
		}
		return s
	}
	cross := func(rng *rand.Rand, s lqr.Spec) lqr.Spec {
		s.N = random(rng, n, r)
		for i := range s.N.Data {
			s.N.Data[i] *= 0.03 // Q − N R⁻¹Nᵀ ⪰ 0.1 − 6·(0.03·3)²/0.5 > 0
		}
		return s
	}
	for k, tt := range []struct {
		name string
		spec func(rng *rand.Rand) lqr.Spec
	}{
		{"plain", base},
		{"Sigma0", func(rng *rand.Rand) lqr.Spec { s := base(rng); s.Sigma0 = gram(rng, n, n, .2); return s }},
		{"singular Sigma0", func(rng *rand.Rand) lqr.Spec { s := base(rng); s.Sigma0 = gram(rng, n, 1, 0); return s }},
		{"x0", func(rng *rand.Rand) lqr.Spec { s := base(rng); s.X0 = []float64{1, -2, .5}; return s }},
		{"cross term", func(rng *rand.Rand) lqr.Spec { return cross(rng, base(rng)) }},
		{"discount", func(rng *rand.Rand) lqr.Spec { s := base(rng); s.Discount = 0.9; return s }},
		{"discount, noise", func(rng *rand.Rand) lqr.Spec {
			s := base(rng)
			s.Discount, s.Noise = 0.9, gram(rng, n, 2, 0)
			return s
		}},
		{"average cost", func(rng *rand.Rand) lqr.Spec {
			s := base(rng)
			s.AverageCost, s.Noise = true, gram(rng, n, n, .1)
			return s
		}},
		{"all", func(rng *rand.Rand) lqr.Spec {
			s := cross(rng, base(rng))
			s.Discount, s.Noise, s.X0 = 0.8, gram(rng, n, n, 0), []float64{1, 0, 1}
			return s
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(k)))
			for checked := 0; checked < 5; {
				spec := tt.spec(rng)
				task, err := lqr.New(spec)
				if err != nil {
					t.Fatal(err)
				}
				gain := append([]float64(nil), task.Optimum().Gain.Data...)
				if task.Optimum().Radius > .97 {
					continue
				}
				near(t, "C*", []float64{task.Optimum().Cost}, []float64{summed(spec, gain, 4000)}, 1e-11)
				for i := range gain {
					gain[i] += 0.05 * rng.NormFloat64()
				}
				if ρ, err := task.Radius(gain); err != nil || ρ > .97 {
					continue
				}
				checked++
				p, err := task.Evaluate(gain)
				if err != nil {
					t.Fatal(err)
				}
				near(t, "C", []float64{p.Value()}, []float64{summed(spec, gain, 4000)}, 1e-11)
				near(t, "gap", []float64{p.Gap()}, []float64{p.Value() - task.Optimum().Cost}, 1e-9)
			}
		})
	}
}

// A discounted cost may be finite on an unstable plant, and the radius
// reported is that of the plant.
func TestDiscountOnUnstablePlant(t *testing.T) {
	task, err := lqr.New(lqr.Spec{Name: "u", A: matrixeq.Scalar(1.05), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1), Discount: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	p, err := task.Evaluate([]float64{0})
	if err != nil {
		t.Fatal(err)
	}
	// C(0) = 1/(1 − γ a²).
	near(t, "C(0)", []float64{p.Value()}, []float64{1 / (1 - 0.5*1.05*1.05)}, 1e-15)
	ρ, err := p.Radius()
	if err != nil || math.Abs(ρ-1.05) > 1e-15 {
		t.Errorf("radius %v, %v, want 1.05", ρ, err)
	}
	_, err = task.Evaluate([]float64{-0.5})
	var u *lqr.UnstableError
	if !errors.As(err, &u) || math.Abs(u.Radius-1.55) > 1e-14 || math.Abs(u.Limit-math.Sqrt2) > 1e-15 || u.Task != "u" {
		t.Errorf("error %v, want radius 1.55 against limit √2 of task u", err)
	}
	if want := "the gain does not stabilise: the spectral radius of A - B W is 1.55, not below 1.41421, 1/√discount"; err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	if !(u.Lower > u.Limit && u.Upper >= u.Radius) {
		t.Errorf("bounds %v, %v around %v", u.Lower, u.Upper, u.Radius)
	}
	// W* and its radius are the plant's: √γ(1.05 − W*) solves the discounted equation.
	opt := task.Optimum()
	if ρ, err := task.Radius(opt.Gain.Data); err != nil || math.Abs(ρ-opt.Radius) > 1e-15 || math.Abs(opt.Radius-math.Abs(1.05-opt.Gain.Data[0])) > 1e-15 {
		t.Errorf("radius at the optimum %v, by the task %v: %v", opt.Radius, ρ, err)
	}
	if a, b := task.Plant(); a.Data[0] != 1.05 || b.Data[0] != 1 || task.Discount() != .5 {
		t.Errorf("plant %v %v, discount %v", a, b, task.Discount())
	}
	if !errors.Is(err, objective.ErrDomain) || !errors.Is(err, lqr.ErrUnstable) {
		t.Errorf("error %v matches neither sentinel", err)
	}
}

// The double integrator has the exact zero-order hold A = [1 h; 0 1],
// B = [h²/2; h], and for Q = I, R = 1 the integrals of polynomials
//
//	Q: [ h          h²/2     ]   N: [ h³/6        ]   R: h + h⁵/20 + h³/3
//	   [ h²/2   h³/3 + h     ]      [ h⁴/8 + h²/2 ]
//
// so the continuous task equals a discrete one written out by hand.
func TestZeroOrderHoldDoubleIntegrator(t *testing.T) {
	const h = 0.3
	continuous := lqr.Spec{
		A: rows(t, []float64{0, 1}, []float64{0, 0}), B: rows(t, []float64{0}, []float64{1}),
		Q: matrixeq.Identity(2), R: matrixeq.Scalar(1), SampleTime: h,
	}
	discrete := lqr.Spec{
		A: rows(t, []float64{1, h}, []float64{0, 1}), B: rows(t, []float64{h * h / 2}, []float64{h}),
		Q: rows(t, []float64{h, h * h / 2}, []float64{h * h / 2, h*h*h/3 + h}),
		N: rows(t, []float64{h * h * h / 6}, []float64{h*h*h*h/8 + h*h/2}),
		R: matrixeq.Scalar(h + h*h*h*h*h/20 + h*h*h/3),
	}
	compare(t, continuous, discrete, 1e-13)
}

// A stiff plant: ‖M‖h = 2e4, where exponentials of −Mᵀ would overflow. With
// a = −λ, b = λ, q = r = 1 and e = exp(−λh):
//
//	A = e, B = 1 − e, Q = (1−e²)/2λ, N = (1−e)/λ − (1−e²)/2λ,
//	R = h + h − 2(1−e)/λ + (1−e²)/2λ.
func TestZeroOrderHoldStiff(t *testing.T) {
	const λ, h = 1e4, 2.0
	e := math.Exp(-λ * h)
	continuous := lqr.Spec{A: matrixeq.Scalar(-λ), B: matrixeq.Scalar(λ), Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1), SampleTime: h}
	discrete := lqr.Spec{
		A: matrixeq.Scalar(e), B: matrixeq.Scalar(1 - e), Q: matrixeq.Scalar((1 - e*e) / (2 * λ)),
		N: matrixeq.Scalar((1-e)/λ - (1-e*e)/(2*λ)),
		R: matrixeq.Scalar(2*h - 2*(1-e)/λ + (1-e*e)/(2*λ)),
	}
	compare(t, continuous, discrete, 1e-10) // squaring 16 times loses 16 bits at most
}

// Scalar plants held for long, A = a, B = Q = R = 1, against 80-digit values of
// the sampled Riccati equation; the ones that float64 cannot hold are refused.
func TestZeroOrderHoldUnstable(t *testing.T) {
	for _, tt := range []struct {
		a, h, cost float64 // 0: refused
	}{
		{5, 1, 26.0523676805711}, {1, 3, 5.0839774030803}, {1, 6, 10.5369867698905}, {2, 2.5, 11.9144534517269},
		{5, 4, 0}, {2, 100, 0}, {1, 20, 0}, {2, 10, 0},
	} {
		task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(tt.a), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1), SampleTime: tt.h})
		switch {
		case tt.cost == 0 && !errors.Is(err, lqr.ErrSpec):
			t.Errorf("a = %v, h = %v: %v, want a refusal", tt.a, tt.h, err)
		case tt.cost != 0 && err != nil:
			t.Errorf("a = %v, h = %v: %v", tt.a, tt.h, err)
		case tt.cost != 0: // as good as the limit of what is accepted
			near(t, "C*", []float64{task.Optimum().Cost}, []float64{tt.cost}, 1e-9)
		}
	}
}

// Units of the input must not make a plant look stiff, and one that is is
// refused.
func TestZeroOrderHoldUnits(t *testing.T) {
	base := lqr.Spec{A: matrixeq.Scalar(-1), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1), SampleTime: 1}
	plain, err := lqr.New(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []float64{0x1p-50, 0x1p53} {
		s := base
		s.B, s.R = matrixeq.Scalar(c), matrixeq.Scalar(c*c)
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "C*", []float64{task.Optimum().Cost}, []float64{plain.Optimum().Cost}, 0)
	}
	base.A, base.B = matrixeq.Diagonal(-1e16, -1), rows(t, []float64{0}, []float64{1})
	base.Q = matrixeq.Identity(2)
	if _, err := lqr.New(base); !errors.Is(err, lqr.ErrSpec) {
		t.Errorf("stiff plant: %v", err)
	}
}

// A gain so large that A − B W overflows does not stabilise.
func TestGainOverflows(t *testing.T) {
	task, err := lqr.New(lqr.Spec{A: matrixeq.Diagonal(.5, .5), B: rows(t, []float64{1}, []float64{5}), Q: matrixeq.Identity(2), R: matrixeq.Scalar(1)})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1e308, 1e308}
	if _, err := task.Evaluate(x); !errors.Is(err, lqr.ErrUnstable) {
		t.Errorf("Evaluate: %v", err)
	}
	if ρ, err := task.Radius(x); err != nil || !math.IsInf(ρ, 1) {
		t.Errorf("radius %v, %v", ρ, err)
	}
}

// Noise of intensity V through ṡ = a s + b u: variance V (e^{2ah} − 1)/2a per
// step, and between samples ∫₀ʰ q S(t) dt with S(t) = V (e^{2at} − 1)/2a, which is
// q V ((e^{2ah} − 1)/2a − h)/2a whatever the gain.
func TestZeroOrderHoldNoise(t *testing.T) {
	const a, h, v, q = -0.7, 0.5, 2.0, 3.0
	c := lqr.Spec{A: matrixeq.Scalar(a), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(q), R: matrixeq.Scalar(1), SampleTime: h}
	quiet, err := lqr.New(c)
	if err != nil {
		t.Fatal(err)
	}
	per := math.Expm1(2*a*h) / (2 * a)
	between := q * v * (per - h) / (2 * a)
	c.Noise = matrixeq.Scalar(v)
	c.AverageCost = true
	average, err := lqr.New(c)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "average cost", []float64{average.Optimum().Cost}, []float64{quiet.Optimum().Cost*v*per + between}, 1e-14)
	c.AverageCost = false
	c.Discount = 0.9
	discounted, err := lqr.New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Noise = matrixeq.Matrix{}
	if quiet, err = lqr.New(c); err != nil {
		t.Fatal(err)
	}
	near(t, "discounted cost", []float64{discounted.Optimum().Cost},
		[]float64{quiet.Optimum().Cost*(1+0.9/0.1*v*per) + between/0.1}, 1e-14)
}

// A plant of two states in small Euler–Maruyama moments: the covariance of the
// state under a held input, integrated by 2¹⁶ midpoint steps.
func TestNoiseBetweenSamples(t *testing.T) {
	const h, steps = 0.2, 1 << 16
	a := [2][2]float64{{0, 1}, {0, -1}}
	v := [2]float64{0.1, 0.3}
	// Ṡ = A S + S Aᵀ + V from S(0) = 0; for this A the entries follow one another.
	var s11, s12, s22, cost float64
	const dt = h / steps
	for range steps {
		rate := func(s11, s12, s22 float64) (float64, float64, float64) {
			return 2*a[0][1]*s12 + v[0], s22 + a[1][1]*s12, 2*a[1][1]*s22 + v[1]
		}
		d11, d12, d22 := rate(s11, s12, s22)
		m11, m12, m22 := s11+d11*dt/2, s12+d12*dt/2, s22+d22*dt/2
		cost += (m11 + m22) * dt // Q = I
		d11, d12, d22 = rate(m11, m12, m22)
		s11, s12, s22 = s11+d11*dt, s12+d12*dt, s22+d22*dt
	}
	spec := lqr.Spec{A: rows(t, a[0][:], a[1][:]), B: rows(t, []float64{0}, []float64{1}),
		Q: matrixeq.Identity(2), R: matrixeq.Scalar(1), SampleTime: h, Noise: matrixeq.Diagonal(v[:]...), AverageCost: true}
	task, err := lqr.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	// The rest of the cost is that of the same noise arriving at the samples.
	sigma := task.Sigma0()
	near(t, "S(h)", sigma.Data, []float64{s11, s12, s12, s22}, 1e-9) // midpoint rule: dt² = 1e-11
	rest := 0.0
	for i, p := range task.Optimum().P.Data {
		rest += p * sigma.Data[i]
	}
	near(t, "between samples", []float64{task.Optimum().Cost - rest}, []float64{cost}, 1e-9)
}

// A damped task is the task with its plant scaled by √γ.
func TestDamped(t *testing.T) {
	spec := boeing(t)
	task, err := lqr.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	damped, err := task.Damped(.25)
	if err != nil {
		t.Fatal(err)
	}
	spec.A, spec.B = spec.A.Clone(), spec.B.Clone()
	for _, m := range []matrixeq.Matrix{spec.A, spec.B} {
		for i := range m.Data {
			m.Data[i] /= 2
		}
	}
	half, err := lqr.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "W*", damped.Optimum().Gain.Data, half.Optimum().Gain.Data, 0)
	near(t, "C*", []float64{damped.Optimum().Cost}, []float64{half.Optimum().Cost}, 0)
	if a, _ := damped.Plant(); a.Data[0] != 1.22 || damped.Discount() != 1 {
		t.Errorf("plant %v, discount %v: not the task's own", a, damped.Discount())
	}
	for _, γ := range []float64{0, -1, 2, math.NaN()} {
		if _, err := task.Damped(γ); !errors.Is(err, lqr.ErrSpec) {
			t.Errorf("damping by %v: %v", γ, err)
		}
	}
}

// Tasks are the same when nothing that enters the cost differs, and a task
// does not change with the matrices it was made from.
func TestSame(t *testing.T) {
	make := func(change func(*lqr.Spec)) *lqr.Task {
		s := lqr.Spec{A: matrixeq.Scalar(1.1), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(2), R: matrixeq.Scalar(1)}
		change(&s)
		task, err := lqr.New(s)
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	base := make(func(*lqr.Spec) {})
	if !base.Same(make(func(s *lqr.Spec) { s.Name = "another" })) {
		t.Error("a name makes a difference")
	}
	for name, change := range map[string]func(*lqr.Spec){
		"A":        func(s *lqr.Spec) { s.A = matrixeq.Scalar(1.2) },
		"B":        func(s *lqr.Spec) { s.B = matrixeq.Scalar(2) },
		"Q":        func(s *lqr.Spec) { s.Q = matrixeq.Scalar(1) },
		"R":        func(s *lqr.Spec) { s.R = matrixeq.Scalar(2) },
		"Sigma0":   func(s *lqr.Spec) { s.Sigma0 = matrixeq.Scalar(2) },
		"discount": func(s *lqr.Spec) { s.Discount = .5 },
		// The same standard form but for the coordinates of the gain.
		"N": func(s *lqr.Spec) { s.N, s.A, s.Q = matrixeq.Scalar(1), matrixeq.Scalar(2.1), matrixeq.Scalar(3) },
	} {
		if base.Same(make(change)) {
			t.Errorf("%s makes no difference", name)
		}
	}
	a := matrixeq.Scalar(1.1)
	mine := make(func(s *lqr.Spec) { s.A = a })
	a.Data[0] = 7
	if mine.Spec().A.Data[0] != 1.1 || !mine.Same(base) {
		t.Error("the task changed with the caller's matrix")
	}
}

// A cross term that cancels Q leaves zero, not its rounding.
func TestCrossTermCancelsQ(t *testing.T) {
	// Q = N R⁻¹ Nᵀ with R = 3: 1/3 is not exact.
	n := rows(t, []float64{1}, []float64{.7})
	q := matrixeq.New(2, 2)
	for i := range 2 {
		for j := range 2 {
			q.Set(i, j, n.Data[i]*n.Data[j]/3)
		}
	}
	task, err := lqr.New(lqr.Spec{A: matrixeq.Diagonal(.5, .4), B: rows(t, []float64{1}, []float64{1}), Q: q, R: matrixeq.Scalar(3), N: n})
	if err != nil {
		t.Fatal(err)
	}
	if c := task.Optimum().Cost; c != 0 {
		t.Errorf("C* = %v, want 0", c)
	}
}

// What does not fit in float64 is an error, not an infinity.
func TestCostOverflow(t *testing.T) {
	task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(.5), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(1e307), R: matrixeq.Scalar(1e300)})
	if err != nil {
		t.Fatal(err)
	}
	var over *lqr.OverflowError
	if _, err := task.Evaluate([]float64{1.4999}); !errors.As(err, &over) || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("cost beyond 1e308: %v", err)
	}
}

// compare checks that two specs have the same optimum, cost and gradient.
func compare(t *testing.T, s1, s2 lqr.Spec, tol float64) {
	t.Helper()
	a, err := lqr.New(s1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := lqr.New(s2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "W*", a.Optimum().Gain.Data, b.Optimum().Gain.Data, tol)
	near(t, "C*", []float64{a.Optimum().Cost}, []float64{b.Optimum().Cost}, tol)
	x := append([]float64(nil), b.Optimum().Gain.Data...)
	for i := range x {
		x[i] *= 1.01
	}
	p, err := a.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	q, err := b.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "C", []float64{p.Value()}, []float64{q.Value()}, tol)
	g, h := poisoned(len(x)), poisoned(len(x))
	p.Grad(g)
	q.Grad(h)
	near(t, "∇C", g, h, 1e3*tol) // the gradient vanishes at the optimum nearby
}

// A Q of −1e-17 beside R = 1 is zero.
func TestRoundedQ(t *testing.T) {
	task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(2), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(-1e-17), R: matrixeq.Scalar(1)})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "W*", task.Optimum().Gain.Data, []float64{1.5}, 1e-15)
}

// A negative Q is refused in every unit of the input: B → c B, R → c² R.
func TestNegativeQInAnyUnit(t *testing.T) {
	for _, c := range []float64{1e-9, 1, 1e9} {
		_, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(.5), B: matrixeq.Scalar(c), Q: matrixeq.Scalar(-1e-4), R: matrixeq.Scalar(c * c)})
		if !errors.Is(err, matrixeq.ErrNotPositiveSemidefinite) {
			t.Errorf("units of %v: %v", c, err)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	one := matrixeq.Scalar(1)
	ok := lqr.Spec{Name: "t", A: one, B: one, Q: one, R: one}
	with := func(change func(*lqr.Spec)) lqr.Spec { s := ok; change(&s); return s }
	for name, tt := range map[string]struct {
		spec lqr.Spec
		want error
	}{
		"A missing":              {with(func(s *lqr.Spec) { s.A = matrixeq.Matrix{} }), lqr.ErrSpec},
		"B of another height":    {with(func(s *lqr.Spec) { s.B = matrixeq.New(2, 1) }), matrixeq.ErrShape},
		"A not square":           {with(func(s *lqr.Spec) { s.A = matrixeq.New(1, 2) }), matrixeq.ErrShape},
		"N of another shape":     {with(func(s *lqr.Spec) { s.N = matrixeq.New(1, 2) }), matrixeq.ErrShape},
		"x0 too long":            {with(func(s *lqr.Spec) { s.X0 = []float64{1, 2} }), matrixeq.ErrShape},
		"NaN":                    {with(func(s *lqr.Spec) { s.A = matrixeq.Scalar(math.NaN()) }), matrixeq.ErrNotFinite},
		"infinite x0":            {with(func(s *lqr.Spec) { s.X0 = []float64{math.Inf(1)} }), matrixeq.ErrNotFinite},
		"R zero":                 {with(func(s *lqr.Spec) { s.R = matrixeq.Scalar(0) }), matrixeq.ErrNotPositiveDefinite},
		"Q negative":             {with(func(s *lqr.Spec) { s.Q = matrixeq.Scalar(-1) }), matrixeq.ErrNotPositiveSemidefinite},
		"cross term too large":   {with(func(s *lqr.Spec) { s.N = matrixeq.Scalar(1.5) }), matrixeq.ErrNotPositiveSemidefinite},
		"Sigma0 negative":        {with(func(s *lqr.Spec) { s.Sigma0 = matrixeq.Scalar(-1) }), matrixeq.ErrNotPositiveSemidefinite},
		"Sigma0 zero":            {with(func(s *lqr.Spec) { s.Sigma0 = matrixeq.Scalar(0) }), lqr.ErrSpec},
		"x0 zero":                {with(func(s *lqr.Spec) { s.X0 = []float64{0} }), lqr.ErrSpec},
		"discount above 1":       {with(func(s *lqr.Spec) { s.Discount = 1.5 }), lqr.ErrSpec},
		"discount NaN":           {with(func(s *lqr.Spec) { s.Discount = math.NaN() }), lqr.ErrSpec},
		"negative sample time":   {with(func(s *lqr.Spec) { s.SampleTime = -1 }), lqr.ErrSpec},
		"sampled plant overflow": {with(func(s *lqr.Spec) { s.SampleTime = 1e4 }), lqr.ErrSpec},
		"Sigma0 and x0":          {with(func(s *lqr.Spec) { s.Sigma0, s.X0 = one, []float64{1} }), lqr.ErrSpec},
		"noise, undiscounted":    {with(func(s *lqr.Spec) { s.Noise = one }), lqr.ErrSpec},
		"average without noise":  {with(func(s *lqr.Spec) { s.AverageCost = true }), lqr.ErrSpec},
		"average and discount":   {with(func(s *lqr.Spec) { s.AverageCost, s.Noise, s.Discount = true, one, .5 }), lqr.ErrSpec},
		"average and Sigma0":     {with(func(s *lqr.Spec) { s.AverageCost, s.Noise, s.Sigma0 = true, one, one }), lqr.ErrSpec},
		"not stabilisable":       {with(func(s *lqr.Spec) { s.A, s.B = matrixeq.Scalar(2), matrixeq.Scalar(0) }), matrixeq.ErrNotStabilizable},
		"no minimiser":           {with(func(s *lqr.Spec) { s.Q = matrixeq.Scalar(0) }), matrixeq.ErrUnitCircle},
	} {
		t.Run(name, func(t *testing.T) {
			task, err := lqr.New(tt.spec)
			var named *lqr.TaskError
			if !errors.Is(err, tt.want) || !errors.As(err, &named) || named.Task != "t" || task != nil {
				t.Errorf("error %v, want one of task t matching %v", err, tt.want)
			}
		})
	}
}

// A sampled integrator has A − B R⁻¹Nᵀ = 0 exactly: nothing is lost.
func TestSampledIntegratorIsNotRefused(t *testing.T) {
	one := matrixeq.Scalar
	task, err := lqr.New(lqr.Spec{A: one(0), B: one(1), Q: one(3), R: one(0.5), SampleTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	// Held for 1: A = B = 1, Q = 3, N = 3/2, R = 3/2, of which P = Q − N²/R = 3/2
	// remains when the state is brought to zero in one step, W = A/B + 0.
	if w := task.Optimum().Gain.Data[0]; math.Abs(w-1) > 1e-14 || math.Abs(task.Optimum().Cost-1.5) > 1e-14 {
		t.Errorf("W = %v, C* = %v", w, task.Optimum().Cost)
	}
}
