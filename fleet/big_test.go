package fleet

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestMillion(t *testing.T) {
	if os.Getenv("BEST") == "" {
		t.Skip()
	}
	s := draw(t, 3, 1000, 4, 2, 0.02, false)
	η := rates(t, s.tasks(t)[:3], s.x, Gradient, 1)
	const N = 1000000
	a := Arrays{Tasks: N, States: 4, Inputs: 2, A: make([]float64, 0, 16*N), B: make([]float64, 0, 8*N), Q: make([]float64, 0, 16*N), R: make([]float64, 0, 4*N)}
	for range N / 1000 {
		a.A = append(a.A, s.arrays.A...)
		a.B = append(a.B, s.arrays.B...)
		a.Q = append(a.Q, s.arrays.Q...)
		a.R = append(a.R, s.arrays.R...)
	}
	b := time.Now()
	f, err := FromArrays(a, nil, Options{Rates: η})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made in %v, redone %d, %d MB", time.Since(b), f.Redone(), f.Bytes()>>20)
	for range 5 {
		b = time.Now()
		p, err := f.Evaluate(s.x)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("evaluated in %v: %v, redone %d", time.Since(b), p.Value(), p.Redone())
	}
	p, _ := f.Evaluate(s.x)
	v := make([]float64, 8)
	v[0] = 1
	b = time.Now()
	p.HessVec(v, v)
	t.Logf("product in %v", time.Since(b))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("sys %d MB, heap %d MB", m.Sys>>20, m.HeapAlloc>>20)
}
