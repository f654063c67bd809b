package fleet

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/metalqr/metalqr/maml"
)

// chunked is a source over arrays, which fails where it is told to.
type chunked struct {
	next   func() (Arrays, error)
	closed *int
	fail   error
}

func (c *chunked) Next() (Arrays, error) {
	if c.fail != nil {
		return Arrays{}, c.fail
	}
	return c.next()
}

func (c *chunked) Close() error { *c.closed++; return nil }

// Passing over tasks is the fleet that holds them, to the bit, products
// included, by every rule; and training on it takes the same way. Every source
// that was opened is closed.
func TestStreamingIsHeld(t *testing.T) {
	s := draw(t, 53, 203, 3, 2, 0.02, true)
	tasks := s.tasks(t)[:20]
	for _, rule := range []Rule{Gradient, Natural, GaussNewton} {
		o := Options{Rule: rule, Rates: rates(t, tasks, s.x, rule, 2)}
		f, err := FromArrays(s.arrays, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		opened, closed := 0, 0
		var broken error
		h := Streaming{States: 3, Inputs: 2, Options: StreamOptions{Options: o, Bound: true}, Open: func() (Source, error) {
			opened++
			return &chunked{chunks(s.arrays, 37), &closed, broken}, nil
		}}
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		q, err := h.At(s.x)
		if err != nil {
			t.Fatal(err)
		}
		dim := f.Dim()
		g, gq, v, hv, hvq := make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim), make([]float64, dim)
		for i := range v {
			v[i] = math.Sin(float64(3*i + 1))
		}
		p.Grad(g)
		q.Grad(gq)
		p.HessVec(hv, v)
		q.HessVec(hvq, v)
		if p.Value() != q.Value() || p.Gap() != q.(interface{ Gap() float64 }).Gap() || distance(g, gq, 0) != 0 || distance(hv, hvq, 0) != 0 {
			t.Errorf("%v: %v %v, held %v %v", rule, q.Value(), hvq, p.Value(), hv)
		}
		broken = errors.New("the file is gone")
		q.HessVec(hvq, v)
		if !math.IsNaN(hvq[0]) {
			t.Errorf("a product without a file: %v", hvq)
		}
		if _, err := h.At(s.x); !errors.Is(err, broken) {
			t.Error(err)
		}
		broken = nil
		if opened != closed || opened == 0 {
			t.Errorf("%d sources opened, %d closed", opened, closed)
		}
		if rule != Gradient {
			continue
		}
		a, b := maml.NewState(s.x), maml.NewState(s.x)
		held, err := maml.Minimize(context.Background(), f, maml.LBFGS{}, a, maml.Stop{Iterations: 5}, nil)
		if err != nil {
			t.Fatal(err)
		}
		passed, err := maml.Minimize(context.Background(), h, maml.LBFGS{}, b, maml.Stop{Iterations: 5}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if distance(a.X, b.X, 0) != 0 || held.Status != passed.Status || a.Evaluations != b.Evaluations {
			t.Errorf("%v after %d, held %v after %d", b.X, b.Evaluations, a.X, a.Evaluations)
		}
	}
	if _, err := (Streaming{States: 3, Inputs: 2}).At(s.x[:2]); !errors.Is(err, ErrArrays) {
		t.Error(err)
	}
}
