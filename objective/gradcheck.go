package objective

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/metalqr/metalqr/internal/dense"
)

// A Discrepancy is how far a stated derivative is from differences of what it
// is the derivative of.
type Discrepancy struct {
	Derivative string  // "gradient", "hessian", "third", "push", "pull", "pull derivative"
	Relative   float64 // ‖stated − differences‖ / scale, the largest over the directions
	Noise      float64 // the error that the differences estimate of themselves, in the same unit
}

// ErrNoDifference is matched by the error of a check at a point so close to
// the border of the domain that no difference could be formed.
var ErrNoDifference = errors.New("no difference quotient within the domain")

// A NoDifferenceError names the derivative that could not be checked.
type NoDifferenceError struct {
	Derivative string
	Step       float64 // shortest half-step tried
}

func (e *NoDifferenceError) Error() string {
	return fmt.Sprintf("objective: %s: %v, down to a half-step of %.3g", e.Derivative, ErrNoDifference, e.Step)
}

func (e *NoDifferenceError) Unwrap() error { return ErrNoDifference }

// CheckPoint compares, at x, the gradient of o with differences of its value,
// HessVec with differences of the gradient and, where the point is a Point3,
// Third with differences of HessVec.
//
// Differences are central, along directions random unit vectors (seed fixed),
// extrapolated by Ridders' table, whose own error estimate chooses the step;
// the stated derivative has no say in it. A derivative of order k is compared
// relative to the larger of its norm and that of the order below over 1 + ‖x‖.
// A right derivative of a well-conditioned objective agrees to 1e-9 or better;
// a wrong term shows at its own relative size.
//
// Cost: 16 evaluations per direction; near a border of the domain, where
// half-steps that leave it are tried in vain, at most 72.
// C. J. F. Ridders, Advances in Engineering Software 4 (1982), 75–76.
func CheckPoint(o Objective, x []float64, directions int) ([]Discrepancy, error) {
	n := o.Dim()
	p, err := o.At(x)
	if err != nil {
		return nil, err
	}
	p3, third := p.(Point3)
	reach := 1 + dense.Norm(x)

	names := []string{"gradient", "hessian"}
	if third {
		names = append(names, "third")
	}
	c := newCheck(names, x)
	grad := make([]float64, n)
	p.Grad(grad)
	hess, stated := make([]float64, n), make([]float64, n)
	for range directions {
		z, y := c.direction(), c.direction()
		p.HessVec(hess, y)

		// The three quotients share their evaluations: [f, ∇f, ∇²f y].
		quotient, err := c.ridders(z, 1+2*n, func(dst, at []float64) error {
			q, err := o.At(at)
			if err != nil {
				return err
			}
			dst[0] = q.Value()
			q.Grad(dst[1 : 1+n])
			q.HessVec(dst[1+n:], y)
			return nil
		}, []int{0, 1, 1 + n, 1 + 2*n})
		if err != nil {
			return nil, err
		}
		c.compare(0, []float64{dense.Dot(grad, z)}, quotient[0], math.Max(dense.Norm(grad), math.Abs(p.Value())/reach))
		p.HessVec(stated, z)
		c.compare(1, stated, quotient[1], math.Max(dense.Norm(stated), dense.Norm(grad)/reach))
		if third {
			p3.Third(stated, y, z)
			c.compare(2, stated, quotient[2], math.Max(dense.Norm(stated), dense.Norm(hess)/reach))
		}
	}
	return c.found, nil
}

// CheckRule compares, at x, Push with differences of To, the number vᵀJz from
// Pull with the same differences, and PullDeriv with differences of Pull, as
// CheckPoint does.
func CheckRule(r Rule, x []float64, directions int) ([]Discrepancy, error) {
	s, err := r.At(x)
	if err != nil {
		return nil, err
	}
	n := len(x)
	c := newCheck([]string{"push", "pull", "pull derivative"}, x)
	reach := 1 + dense.Norm(x)
	push, pull, deriv := make([]float64, n), make([]float64, n), make([]float64, n)
	for range directions {
		z, v := c.direction(), c.direction()
		quotient, err := c.ridders(z, 2*n, func(dst, at []float64) error {
			q, err := r.At(at)
			if err != nil {
				return err
			}
			copy(dst[:n], q.To())
			q.Pull(dst[n:], v)
			return nil
		}, []int{0, n, 2 * n})
		if err != nil {
			return nil, err
		}
		s.Push(push, z)
		c.compare(0, push, quotient[0], math.Max(dense.Norm(push), dense.Norm(s.To())/reach))
		s.Pull(pull, v)
		projected := estimate{value: []float64{dense.Dot(quotient[0].value, v)}, noise: quotient[0].noise}
		c.compare(1, []float64{dense.Dot(pull, z)}, projected, math.Max(dense.Norm(pull), dense.Norm(s.To())/reach))
		s.PullDeriv(deriv, z, v)
		c.compare(2, deriv, quotient[1], math.Max(dense.Norm(deriv), dense.Norm(pull)/reach))
	}
	return c.found, nil
}

// check gathers the worst discrepancy of each derivative over directions.
type check struct {
	x      []float64
	random *rand.Rand
	found  []Discrepancy
}

func newCheck(names []string, x []float64) *check {
	c := &check{x: x, random: rand.New(rand.NewPCG(1, 0x9e3779b97f4a7c15))}
	for _, n := range names {
		c.found = append(c.found, Discrepancy{Derivative: n})
	}
	return c
}

// direction draws a unit vector.
func (c *check) direction() []float64 {
	z := make([]float64, len(c.x))
	for dense.Norm(z) == 0 {
		for i := range z {
			z[i] = c.random.NormFloat64()
		}
	}
	dense.Scale(z, 1/dense.Norm(z), z)
	return z
}

func (c *check) compare(i int, stated []float64, e estimate, size float64) {
	diff := make([]float64, len(stated))
	for j := range diff {
		diff[j] = stated[j] - e.value[j]
	}
	relative, noise := dense.Norm(diff), e.noise
	if size > 0 {
		relative, noise = relative/size, noise/size
	}
	f := &c.found[i]
	if !(relative <= f.Relative) { // NaN is a discrepancy too
		f.Relative = relative
	}
	f.Noise = math.Max(f.Noise, noise)
}

// estimate is an extrapolated difference quotient with Ridders' own estimate
// of its error.
type estimate struct {
	value []float64
	noise float64
}

const (
	riddersRows   = 8   // half-steps tried, each 1/riddersFactor of the last
	riddersFactor = 1.8 // small enough not to skip the best one
	riddersReach  = 0.1 // first half-step, relative to 1 + ‖x‖
)

// ridders differentiates t ↦ f(x + t z) at 0. The result of f consists of
// blocks cut[k] ≤ j < cut[k+1], each with its own best entry of the table.
// Half-steps that leave the domain are shortened first.
func (c *check) ridders(z []float64, size int, f func(dst, at []float64) error, cut []int) ([]estimate, error) {
	at := make([]float64, len(c.x))
	plus, minus := make([]float64, size), make([]float64, size)
	difference := func(h float64) ([]float64, error) {
		for i, x := range c.x {
			at[i] = x + h*z[i]
		}
		if err := f(plus, at); err != nil {
			return nil, err
		}
		for i, x := range c.x {
			at[i] = x - h*z[i]
		}
		if err := f(minus, at); err != nil {
			return nil, err
		}
		d := make([]float64, size)
		for i := range d {
			d[i] = (plus[i] - minus[i]) / (2 * h)
		}
		return d, nil
	}

	best := make([]estimate, len(cut)-1)
	for k := range best {
		best[k].noise = math.Inf(1)
	}
	h := riddersReach * (1 + dense.Norm(c.x))
	floor := 1e-9 * h
	var above [][]float64 // previous row of the table
	for rows := 0; rows < riddersRows && h > floor; h /= riddersFactor {
		d, err := difference(h)
		if err != nil {
			if !errors.Is(err, ErrDomain) {
				return nil, err
			}
			above, rows = nil, 0
			continue
		}
		row := [][]float64{d}
		factor := riddersFactor * riddersFactor
		for j := range above {
			// The error of row[j] is O(h^(2j+2)).
			next := make([]float64, size)
			for i := range next {
				next[i] = row[j][i] + (row[j][i]-above[j][i])/(factor-1)
			}
			for k := range best {
				lo, hi := cut[k], cut[k+1]
				noise := math.Max(distance(next[lo:hi], row[j][lo:hi]), distance(next[lo:hi], above[j][lo:hi]))
				if noise < best[k].noise {
					best[k] = estimate{value: next[lo:hi], noise: noise}
				}
			}
			row = append(row, next)
			factor *= riddersFactor * riddersFactor
		}
		above = row
		rows++
	}
	for k := range best {
		if best[k].value == nil {
			return nil, &NoDifferenceError{Derivative: c.found[min(k, len(c.found)-1)].Derivative, Step: h}
		}
	}
	return best, nil
}

func distance(a, b []float64) float64 {
	var s float64
	for i := range a {
		s = math.Hypot(s, a[i]-b[i])
	}
	return s
}
