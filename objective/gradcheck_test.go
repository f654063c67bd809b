package objective

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
)

// rational is f(x) = (1 + Σ i xᵢ²) / (4 − Σ xᵢ²) + ⅓ Πxᵢ on the ball of radius
// 2, in two parameters, with a factor on a term of each derivative: 1 is right.
type rational struct {
	grad, hess, third float64
	lame              bool // offers no third derivative
}

// ballError is by how much a point is outside.
type ballError struct{ square float64 }

func (e ballError) Error() string { return fmt.Sprintf("‖x‖² = %g is not below 4", e.square) }
func (e ballError) Unwrap() error { return ErrDomain }

func (f rational) Dim() int { return 2 }

func (f rational) At(x []float64) (Point, error) {
	if s := dense.Dot(x, x); !(s < 4) {
		return nil, ballError{s}
	}
	p := &rationalPoint{f: f, x: [2]float64{x[0], x[1]}}
	if f.lame {
		return struct{ Point }{p}, nil
	}
	return p, nil
}

// taylor is a truncated Taylor polynomial in three nilpotent directions a, b,
// c (a² = b² = c² = 0): index by the subset. Its top coefficients are the
// derivatives contracted with the directions.
type taylor [8]float64

func (s taylor) times(t taylor) (r taylor) {
	for i := range 8 {
		for j := range 8 {
			if i&j == 0 {
				r[i|j] += s[i] * t[j]
			}
		}
	}
	return r
}

func (s taylor) inverse() (r taylor) {
	r[0] = 1 / s[0]
	for i := 1; i < 8; i++ {
		var t float64
		for j := 1; j < 8; j++ {
			if i&j == j {
				t += s[j] * r[i^j]
			}
		}
		r[i] = -t / s[0]
	}
	return r
}

func (p *rationalPoint) along(a, b, c []float64) taylor {
	var x [2]taylor
	for i := range x {
		x[i] = taylor{p.x[i], a[i], b[i], 0, c[i]}
	}
	n, d := x[0].times(x[0]), x[0].times(x[0])
	y2 := x[1].times(x[1])
	for i := range n {
		n[i] += 2 * y2[i]
		d[i] = -d[i] - y2[i]
	}
	n[0]++
	d[0] += 4
	r := n.times(d.inverse())
	for i, v := range x[0].times(x[1]) {
		r[i] += v / 3
	}
	return r
}

type rationalPoint struct {
	f rational
	x [2]float64
}

var axes = [2][]float64{{1, 0}, {0, 1}}
var origin = []float64{0, 0}

func (p *rationalPoint) Value() float64 { return p.along(origin, origin, origin)[0] }

func (p *rationalPoint) Grad(dst []float64) {
	for i := range dst {
		dst[i] = p.along(axes[i], origin, origin)[1]
	}
	dst[0] += (p.f.grad - 1) * p.x[1] / 3 // the product's term
}

func (p *rationalPoint) HessVec(dst, v []float64) {
	for i := range dst {
		dst[i] = p.along(axes[i], v, origin)[3]
	}
	dst[1] += (p.f.hess - 1) * v[0] / 3
}

func (p *rationalPoint) Third(dst, y, z []float64) {
	for i := range dst {
		dst[i] = p.along(axes[i], y, z)[7]
	}
	dst[0] *= p.f.third
}

// The differences agree with right derivatives to 1e-9, and a wrong term is
// caught in the derivative that has it: a gradient whose term is 1e-6 too
// large, and so on.
func TestCheckPointCatchesPlantedErrors(t *testing.T) {
	right := rational{grad: 1, hess: 1, third: 1}
	for _, x := range [][]float64{{0.3, -0.7}, {0, 0}, {1.4, 1.4}, {-1.999, 0}} {
		found, err := CheckPoint(right, x, 4)
		if err != nil || len(found) != 3 {
			t.Fatalf("%v: %v %v", x, err, found)
		}
		for _, d := range found {
			if !(d.Relative < 1e-9) {
				t.Errorf("%v: %s off by %.2g (noise %.2g)", x, d.Derivative, d.Relative, d.Noise)
			}
			// The differences' own estimate of their error is of its size.
			if symmetric := x[0] == 0; !symmetric && !(d.Noise > 1e-17 && d.Noise < 1e-9 && d.Relative < 30*d.Noise) {
				t.Errorf("%v: %s has noise %.2g, error %.2g", x, d.Derivative, d.Noise, d.Relative)
			}
		}
	}
	for _, tt := range []struct {
		f    rational
		want string
	}{
		{rational{grad: 1 + 1e-6, hess: 1, third: 1}, "gradient"},
		{rational{grad: 1, hess: 1 + 1e-6, third: 1}, "hessian"},
		{rational{grad: 1, hess: 1, third: 1 + 1e-6}, "third"},
		{rational{grad: -1, hess: 1, third: 1}, "gradient"},
		{rational{grad: 1, hess: 0, third: 1}, "hessian"},
		{rational{grad: 1, hess: 1, third: -1}, "third"},
		{rational{grad: 1, hess: 1, third: math.NaN()}, "third"},
	} {
		found, err := CheckPoint(tt.f, []float64{0.3, -0.7}, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if bad := !(d.Relative < 1e-8); bad != (d.Derivative == tt.want) {
				// A constant error of the gradient along x shows in the
				// Hessian too, which is compared with its differences.
				if d.Derivative != "hessian" || tt.want != "gradient" {
					t.Errorf("%+v: %s off by %.2g", tt.f, d.Derivative, d.Relative)
				}
			}
		}
	}
	found, err := CheckPoint(rational{grad: 1, hess: 1, lame: true}, []float64{0.3, -0.7}, 2)
	if err != nil || len(found) != 2 {
		t.Errorf("without a third derivative: %v, %v", err, found)
	}
}

// bent is the step F(x) = (x₀² x₁, sin x₀ + x₁³), whose Jacobian is not
// symmetric, with a factor on a term of each part.
type bent struct{ push, pull, deriv float64 }

func (r bent) At(x []float64) (Step, error) {
	if s := dense.Dot(x, x); !(s < 4) {
		return nil, ballError{s}
	}
	return &bentStep{r, x[0], x[1]}, nil
}

type bentStep struct {
	r    bent
	a, b float64
}

func (s *bentStep) To() []float64 { return []float64{s.a * s.a * s.b, math.Sin(s.a) + s.b*s.b*s.b} }
func (s *bentStep) Push(dst, z []float64) {
	dst[0] = 2*s.a*s.b*z[0] + s.r.push*s.a*s.a*z[1]
	dst[1] = math.Cos(s.a)*z[0] + 3*s.b*s.b*z[1]
}
func (s *bentStep) Pull(dst, v []float64) {
	dst[0] = 2*s.a*s.b*v[0] + s.r.pull*math.Cos(s.a)*v[1]
	dst[1] = s.a*s.a*v[0] + 3*s.b*s.b*v[1]
}
func (s *bentStep) PullDeriv(dst, z, v []float64) {
	dst[0] = 2*(s.b*z[0]+s.a*z[1])*v[0] - s.r.pull*math.Sin(s.a)*z[0]*v[1]
	dst[1] = 2*s.a*z[0]*v[0] + s.r.deriv*6*s.b*z[1]*v[1]
}

func TestCheckRuleCatchesPlantedErrors(t *testing.T) {
	x := []float64{0.6, -1.1}
	for _, tt := range []struct {
		r    bent
		want string
	}{
		{bent{1, 1, 1}, ""},
		{bent{1 + 1e-6, 1, 1}, "push"},
		{bent{1, 1 + 1e-6, 1}, "pull"},
		{bent{1, 1, 1 + 1e-6}, "pull derivative"},
		{bent{-1, 1, 1}, "push"},
		{bent{1, 0, 1}, "pull"},
		{bent{1, 1, -1}, "pull derivative"},
	} {
		found, err := CheckRule(tt.r, x, 4)
		if err != nil || len(found) != 3 {
			t.Fatalf("%v %v", err, found)
		}
		for _, d := range found {
			if bad := !(d.Relative < 1e-9); bad != (d.Derivative == tt.want) {
				t.Errorf("%+v: %s off by %.2g", tt.r, d.Derivative, d.Relative)
			}
		}
	}
}

// spike is defined at 1 alone.
type spike struct{ rational }

func (s spike) At(x []float64) (Point, error) {
	if x[0] != 1 {
		return nil, ballError{4}
	}
	return s.rational.At(x)
}

var errOther = errors.New("other")

// failing breaks everywhere but at 1.
type failing struct{ rational }

func (s failing) At(x []float64) (Point, error) {
	if x[0] != 1 {
		return nil, errOther
	}
	return s.rational.At(x)
}

func TestCheckPointRefuses(t *testing.T) {
	f := rational{grad: 1, hess: 1, third: 1}
	if _, err := CheckPoint(f, []float64{2, 0}, 1); !errors.Is(err, ErrDomain) {
		t.Errorf("outside: %v", err)
	}
	if _, err := CheckRule(bent{1, 1, 1}, []float64{2, 0}, 1); !errors.Is(err, ErrDomain) {
		t.Errorf("outside: %v", err)
	}
	var e *NoDifferenceError
	if _, err := CheckPoint(spike{f}, []float64{1, 0}, 1); !errors.Is(err, ErrNoDifference) || !errors.As(err, &e) || e.Step <= 0 {
		t.Errorf("isolated: %v", err)
	}
	if _, err := CheckPoint(failing{f}, []float64{1, 0}, 1); !errors.Is(err, errOther) {
		t.Errorf("failing: %v", err)
	}
}
