package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/mat"
)

// The kinds of problem, and what their result is.
const (
	riccati = "riccati" // P = Q + AᵀPA − AᵀPB (R + BᵀPB)⁻¹ BᵀPA, stabilising
	stein   = "stein"   // X = A X Aᵀ + M
	meta    = "meta"    // the value of h at W, then its gradient, W row by row
)

// A problem is one case: tasks systems of n states and r inputs (one system
// but for meta). Matrices are row by row, those of several tasks one after the
// other; what a kind does not use is empty.
type problem struct {
	name        string
	kind        string
	n, r, tasks int
	a, b, q, rr []float64
	m           []float64 // right-hand side, or Σ₀
	w           []float64 // gain, r×n
	rate        float64   // of the one gradient step
}

// cases returns every case, the same bits each time: Gaussian A scaled to a
// given spectral radius, Gaussian B, and Q = R = Σ₀ = M = I, as in the
// published comparisons of Riccati solvers on random systems.
func cases() []problem {
	var all []problem
	sizes := []int{4, 20, 100, 200}
	for _, radius := range []float64{0.9, 1.1} {
		for _, n := range sizes {
			c := problem{kind: riccati, n: n, r: n / 2, tasks: 1}
			c.name = fmt.Sprintf("riccati-n%d-radius%.1f", n, radius)
			c.draw(radius)
			all = append(all, c)
		}
	}
	for _, n := range sizes {
		c := problem{kind: stein, n: n, tasks: 1}
		c.name = fmt.Sprintf("stein-n%d-radius0.9", n)
		c.draw(0.9)
		c.m = identity(n)
		all = append(all, c)
	}
	for _, tasks := range []int{1, 10} {
		c := problem{kind: meta, n: 4, r: 2, tasks: tasks, rate: 1e-3}
		c.name = fmt.Sprintf("meta-d4-r2-tasks%d", tasks)
		c.draw(1.1)
		// Away from every task's optimum, where all terms of the gradient count.
		c.w = valueIteration(c)
		for i := range c.w {
			c.w[i] *= 0.95
		}
		all = append(all, c)
	}
	return all
}

// draw fills a, b, q, rr and m. The second and later tasks are the first with
// every entry of A and B moved by up to 2 %.
func (c *problem) draw(radius float64) {
	rng := rand.New(rand.NewPCG(uint64(c.n), uint64(1000*radius)))
	a := make([]float64, c.n*c.n)
	for i := range a {
		a[i] = rng.NormFloat64()
	}
	var eigen mat.Eigen
	if !eigen.Factorize(mat.NewDense(c.n, c.n, append([]float64(nil), a...)), mat.EigenNone) {
		panic("bench: the eigenvalues of a Gaussian matrix did not converge")
	}
	largest := 0.0
	for _, z := range eigen.Values(nil) {
		largest = math.Max(largest, math.Hypot(real(z), imag(z)))
	}
	for i := range a {
		a[i] *= radius / largest
	}
	b := make([]float64, c.n*c.r)
	for i := range b {
		b[i] = rng.NormFloat64()
	}
	for task := range c.tasks {
		spread := 0.02
		if task == 0 {
			spread = 0
		}
		for _, x := range a {
			c.a = append(c.a, x*(1+spread*(2*rng.Float64()-1)))
		}
		for _, x := range b {
			c.b = append(c.b, x*(1+spread*(2*rng.Float64()-1)))
		}
		c.q = append(c.q, identity(c.n)...)
		c.rr = append(c.rr, identity(c.r)...)
		c.m = append(c.m, identity(c.n)...)
	}
}

func identity(n int) []float64 {
	x := make([]float64, n*n)
	for i := range n {
		x[i*n+i] = 1
	}
	return x
}

// valueIteration returns a stabilising gain for the first task: 200 steps of
// the Riccati recursion from P = Q. It shares no code with what is timed.
func valueIteration(c problem) []float64 {
	a := mat.NewDense(c.n, c.n, c.a[:c.n*c.n])
	b := mat.NewDense(c.n, c.r, c.b[:c.n*c.r])
	p := mat.DenseCopyOf(mat.NewDense(c.n, c.n, c.q[:c.n*c.n]))
	var w mat.Dense
	for range 200 {
		w.CloneFrom(gain(a, b, mat.NewDense(c.r, c.r, c.rr[:c.r*c.r]), p))
		var closed, next mat.Dense
		closed.Mul(b, &w)
		closed.Sub(a, &closed)
		next.Mul(a.T(), p)
		next.Mul(&next, &closed)
		p.Add(mat.NewDense(c.n, c.n, c.q[:c.n*c.n]), &next)
	}
	return w.RawMatrix().Data
}

// gain returns (R + BᵀPB)⁻¹ BᵀPA.
func gain(a, b, r, p *mat.Dense) *mat.Dense {
	var bp, s, bpa, k mat.Dense
	bp.Mul(b.T(), p)
	s.Mul(&bp, b)
	s.Add(r, &s)
	bpa.Mul(&bp, a)
	if err := k.Solve(&s, &bpa); err != nil {
		panic("bench: R + BᵀPB is singular: " + err.Error())
	}
	return &k
}

func (c problem) resultLen() int {
	if c.kind == meta {
		return 1 + c.r*c.n
	}
	return c.n * c.n
}

// write writes the case's matrices as files of dir.
func (c problem) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, x := range map[string][]float64{
		"a": c.a, "b": c.b, "q": c.q, "r": c.rr, "m": c.m, "w": c.w, "rate": {c.rate},
	} {
		if err := writeFloats(filepath.Join(dir, name+".f64"), x); err != nil {
			return err
		}
	}
	return nil
}

// read is the inverse of write, for a kind and shape given on the command.
func (c *problem) read(dir string) error {
	n, r, t := c.n, c.r, c.tasks
	rate := []float64{0}
	for _, f := range []struct {
		name string
		to   *[]float64
		n    int
	}{
		{"a", &c.a, t * n * n}, {"b", &c.b, t * n * r}, {"q", &c.q, t * n * n},
		{"r", &c.rr, t * r * r}, {"m", &c.m, t * n * n}, {"w", &c.w, -1}, {"rate", &rate, 1},
	} {
		x, err := readFloats(filepath.Join(dir, f.name+".f64"), f.n)
		if err != nil {
			return err
		}
		*f.to = x
	}
	c.rate = rate[0]
	return nil
}

func writeFloats(path string, x []float64) error {
	buf := make([]byte, 0, 8*len(x))
	for _, v := range x {
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
	}
	return os.WriteFile(path, buf, 0o644)
}

// readFloats reads n numbers, or as many as there are when n < 0.
func readFloats(path string, n int) ([]float64, error) {
	buf, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(buf)%8 != 0 || n >= 0 && len(buf) != 8*n {
		return nil, fmt.Errorf("%s has %d bytes, want %d numbers", path, len(buf), n)
	}
	x := make([]float64, len(buf)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(buf[8*i:]))
	}
	return x, nil
}
