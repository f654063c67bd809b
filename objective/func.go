package objective

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
)

// A Problem is an objective of the user's own, written as functions; New makes
// an Objective of it. It is to this module what optimize.Problem is to gonum.
//
// The functions must not modify x, v, y or z nor keep them, and must be safe
// for concurrent use. dst is overwritten. Where f is not defined, Value is
// +Inf or NaN: that is how the domain is known.
type Problem struct {
	Dim   int                       // number of parameters, positive
	Value func(x []float64) float64 // f(x)
	Grad  func(dst, x []float64)    // dst ← ∇f(x)
	Name  string                    // for errors; may be empty
	Bound *float64                  // f is never below it; nil: no bound is known
	// HessVec: dst ← ∇²f(x) v. If nil, differences of Grad stand in for it.
	HessVec func(dst, x, v []float64)
	// Third: dst ← ∇³f(x)[y, z]. If nil, differences stand in for it: of
	// HessVec where there is one, else mixed ones of Grad.
	Third func(dst, x, y, z []float64)
}

// Names of derivatives, as CheckPoint and Approximated use them.
const (
	Hessian = "hessian"
	Third   = "third"
)

// An Approximated objective or point says which of its derivatives are
// differences rather than exact: some of Hessian and Third, in this order.
type Approximated interface {
	Approximate() []string
}

// Approximations is what o says to be by differences, and nil for an objective
// that is not Approximated.
func Approximations(o any) []string {
	if a, ok := o.(Approximated); ok {
		return a.Approximate()
	}
	return nil
}

// ErrProblem is matched by the error about a Problem that lacks what cannot be
// replaced.
var ErrProblem = errors.New("incomplete problem")

// A ProblemError names the field of a Problem that is missing or makes no
// sense.
type ProblemError struct {
	Name, Field string
	Value       any
	Want        string
}

func (e *ProblemError) Error() string {
	return fmt.Sprintf("objective: problem%s: %s is %v, want %s", named(e.Name), e.Field, e.Value, e.Want)
}

func (e *ProblemError) Unwrap() error { return ErrProblem }

// ErrLength is matched by the error about a vector of parameters of the wrong
// length.
var ErrLength = errors.New("wrong number of parameters")

// A LengthError holds a number of parameters and the one that was expected.
type LengthError struct {
	Len, Want int
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("objective: %d parameters, want %d", e.Len, e.Want)
}

func (e *LengthError) Unwrap() error { return ErrLength }

// An UndefinedError holds a value or a norm that is not finite. It matches
// ErrDomain.
type UndefinedError struct {
	Name  string // of the objective; may be empty
	What  string // "value" or "gradient"
	Value float64
}

func (e *UndefinedError) Error() string {
	return fmt.Sprintf("objective%s: the %s is %v", named(e.Name), e.What, e.Value)
}

func (e *UndefinedError) Unwrap() error { return ErrDomain }

func named(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" %q", name)
}

// Func is a Problem as an Objective. Its points are Point3, always: a gradient
// step can be taken on it, and Approximate says how exact its curvature is.
//
// Differences are central, along the direction scaled to length one,
//
//	∇²f v    ≈ (∇f(x + h v) − ∇f(x − h v)) / 2h
//	∇³f[y,z] ≈ (∇²f(x + h z) y − ∇²f(x − h z) y) / 2h,   symmetric in y, z only to its accuracy
//	∇³f[y,z] ≈ (g₊₊ − g₊₋ − g₋₊ + g₋₋) / 4k²,           g±± = ∇f(x ± k y ± k z)
//
// with h = ε^{1/3}(1 + ‖x‖) and k = ε^{1/4}(1 + ‖x‖), ε = 2⁻⁵², which balance
// rounding against truncation for a function that varies on the scale
// 1 + ‖x‖: about ten, ten and seven digits. A step that would leave the domain
// is halved, up to 40 times; then the answer is NaN. The cost is two or four
// gradients (or products), and as many values to know the domain by.
type Func struct {
	p           Problem
	approximate []string
	bound       float64
}

// New checks a Problem. The error is a *ProblemError.
func New(p Problem) (*Func, error) {
	bad := func(field string, value any, want string) (*Func, error) {
		return nil, &ProblemError{Name: p.Name, Field: field, Value: value, Want: want}
	}
	switch {
	case p.Dim <= 0:
		return bad("Dim", p.Dim, "a positive number")
	case p.Value == nil:
		return bad("Value", "nil", "a function")
	case p.Grad == nil:
		return bad("Grad", "nil", "a function")
	}
	f := &Func{p: p, bound: math.Inf(-1)}
	if p.Bound != nil {
		if f.bound = *p.Bound; math.IsNaN(f.bound) || math.IsInf(f.bound, 1) {
			return bad("Bound", f.bound, "a number, or −Inf")
		}
	}
	if p.HessVec == nil {
		f.approximate = append(f.approximate, Hessian)
	}
	if p.Third == nil {
		f.approximate = append(f.approximate, Third)
	}
	return f, nil
}

// Dim is the number of parameters.
func (f *Func) Dim() int { return f.p.Dim }

// LowerBound is the bound of the Problem, −Inf if it has none.
func (f *Func) LowerBound() float64 { return f.bound }

// Approximate says which derivatives are differences; it is not to be
// modified.
func (f *Func) Approximate() []string { return f.approximate }

// At calls Value and Grad once. The error is a *LengthError, or an
// *UndefinedError where either is not finite.
func (f *Func) At(x []float64) (Point, error) {
	if len(x) != f.p.Dim {
		return nil, &LengthError{Len: len(x), Want: f.p.Dim}
	}
	p := &funcPoint{f: f, x: append([]float64(nil), x...), grad: make([]float64, len(x))}
	p.value = f.p.Value(p.x)
	if !finite(p.value) {
		return nil, &UndefinedError{Name: f.p.Name, What: "value", Value: p.value}
	}
	f.p.Grad(p.grad, p.x)
	if !dense.Finite(p.grad) {
		return nil, &UndefinedError{Name: f.p.Name, What: "gradient", Value: dense.Norm(p.grad)}
	}
	return p, nil
}

func finite(x float64) bool { return x-x == 0 }

// funcPoint is a Func at one x.
type funcPoint struct {
	f     *Func
	x     []float64
	value float64
	grad  []float64
}

func (p *funcPoint) Value() float64        { return p.value }
func (p *funcPoint) Grad(dst []float64)    { copy(dst, p.grad) }
func (p *funcPoint) Approximate() []string { return p.f.approximate }

// Steps of the differences, relative to 1 + ‖x‖, and how often one is halved
// to stay in the domain.
const (
	firstStep  = 6.0554544523933395e-6 // ε^{1/3}
	secondStep = 0x1p-13               // ε^{1/4}
	halvings   = 40
)

func (p *funcPoint) HessVec(dst, v []float64) {
	if p.f.p.HessVec != nil {
		p.f.p.HessVec(dst, p.x, v)
		return
	}
	p.along(dst, v, p.f.p.Grad)
}

func (p *funcPoint) Third(dst, y, z []float64) {
	switch q := &p.f.p; {
	case q.Third != nil:
		q.Third(dst, p.x, y, z)
	case q.HessVec != nil:
		p.along(dst, z, func(dst, at []float64) { q.HessVec(dst, at, y) })
	default:
		p.mixed(dst, y, z)
	}
}

// along sets dst to the derivative of g along v by a central difference.
func (p *funcPoint) along(dst, v []float64, g func(dst, at []float64)) {
	size := dense.Norm(v)
	if size == 0 {
		clear(dst)
		return
	}
	n := len(p.x)
	work := make([]float64, 2*n)
	at, minus := work[:n], work[n:]
	h := firstStep * (1 + dense.Norm(p.x))
	for range halvings {
		if p.eval(minus, at, -h/size, v, 0, nil, g) && p.eval(dst, at, h/size, v, 0, nil, g) {
			// size/2h, in an order that overflows only with the result.
			for i := range dst {
				dst[i] = (dst[i] - minus[i]) / (2 * h) * size
			}
			return
		}
		h /= 2
	}
	spoil(dst)
}

// mixed sets dst to the mixed second difference of the gradient.
func (p *funcPoint) mixed(dst, y, z []float64) {
	sy, sz := dense.Norm(y), dense.Norm(z)
	if sy == 0 || sz == 0 {
		clear(dst)
		return
	}
	n := len(p.x)
	work := make([]float64, 2*n)
	at, corner := work[:n], work[n:]
	k := secondStep * (1 + dense.Norm(p.x))
next:
	for range halvings {
		clear(dst)
		for _, s := range [4][3]float64{{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}} {
			if !p.eval(corner, at, s[0]*k/sy, y, s[1]*k/sz, z, p.f.p.Grad) {
				k /= 2
				continue next
			}
			dense.AddScaled(dst, s[2], corner)
		}
		for i := range dst {
			dst[i] = dst[i] / (2 * k) * sy / (2 * k) * sz
		}
		return
	}
	spoil(dst)
}

// eval sets dst ← g(x + a y + b z), by way of at; false where f or g is not
// finite there.
func (p *funcPoint) eval(dst, at []float64, a float64, y []float64, b float64, z []float64, g func(dst, at []float64)) bool {
	copy(at, p.x)
	dense.AddScaled(at, a, y)
	if z != nil {
		dense.AddScaled(at, b, z)
	}
	if !finite(p.f.p.Value(at)) {
		return false
	}
	g(dst, at)
	return dense.Finite(dst)
}

func spoil(dst []float64) {
	for i := range dst {
		dst[i] = math.NaN()
	}
}
