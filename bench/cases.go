package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"gonum.org/v1/gonum/mat"
)

// The kinds of problem, and what their result is. Those of one system or a few,
// a thread each:
const (
	riccati = "riccati" // P = Q + AᵀPA − AᵀPB (R + BᵀPB)⁻¹ BᵀPA, stabilising
	stein   = "stein"   // X = A X Aᵀ + M
	meta    = "meta"    // the value of h at W, then its gradient, W row by row
)

// A problem is one case: tasks systems of n states and r inputs (one system for
// an equation). Matrices are row by row, those of several tasks one after the
// other; what a kind does not use is empty.
type problem struct {
	name        string
	kind        string
	n, r, tasks int
	radius      float64 // spectral radius of the first A
	a, b, q, rr []float64
	m           []float64 // right-hand side, or the Σ₀ of all tasks
	w           []float64 // gain, r×n
	rates       []float64 // of the gradient steps
	v           []float64 // direction, r×n; fleets only
	step        float64   // outer rate of a training; fleets only
}

// cases returns every case, not yet drawn.
func cases() []problem {
	var all []problem
	sizes := []int{4, 20, 50, 100, 200}
	for _, radius := range []float64{0.9, 1.1} {
		for _, n := range sizes {
			all = append(all, problem{
				name: fmt.Sprintf("riccati-n%d-radius%.1f", n, radius),
				kind: riccati, n: n, r: n / 2, tasks: 1, radius: radius,
			})
		}
	}
	for _, n := range sizes {
		all = append(all, problem{
			name: fmt.Sprintf("stein-n%d-radius0.9", n),
			kind: stein, n: n, tasks: 1, radius: 0.9,
		})
	}
	for _, size := range []struct{ n, tasks int }{{4, 1}, {4, 10}, {50, 1}, {100, 1}, {200, 1}} {
		all = append(all, problem{
			name: fmt.Sprintf("meta-d%d-r%d-tasks%d", size.n, size.n/2, size.tasks),
			kind: meta, n: size.n, r: size.n / 2, tasks: size.tasks, radius: 1.1,
		})
	}
	return all
}

// fill draws the case, the same bits each time: Gaussian A scaled to a given
// spectral radius, Gaussian B, and Q = R = Σ₀ = M = I, as in the published
// comparisons of Riccati solvers on random systems.
func (c *problem) fill() {
	c.draw(c.radius)
	if c.kind != meta {
		return
	}
	c.rates = []float64{1e-3}
	if c.n > 4 {
		c.rates = []float64{1e-5} // the curvature grows with d
	}
	// Away from every task's optimum, where all terms of the gradient count.
	c.w = valueIteration(*c)
	for i := range c.w {
		c.w[i] *= 0.95
	}
}

// draw fills a, b, q, rr and m. The second and later tasks are the first with
// every entry of A and B moved by up to 2 %.
func (c *problem) draw(radius float64) {
	rng := rand.New(rand.NewPCG(uint64(c.n), uint64(1000*radius)))
	a, b := c.nominal(rng, radius)
	for task := range c.tasks {
		spread := 0.02
		if task == 0 {
			spread = 0
		}
		c.a = appendAround(c.a, a, spread, rng)
		c.b = appendAround(c.b, b, spread, rng)
		c.q = append(c.q, identity(c.n)...)
		c.rr = append(c.rr, identity(c.r)...)
	}
	c.m = identity(c.n)
}

// appendAround appends x with every entry moved by up to spread of itself.
func appendAround(to, x []float64, spread float64, rng *rand.Rand) []float64 {
	for _, v := range x {
		to = append(to, v*(1+spread*(2*rng.Float64()-1)))
	}
	return to
}

// nominal draws the first task: a Gaussian A scaled to a radius, a Gaussian B.
func (c *problem) nominal(rng *rand.Rand, radius float64) (a, b []float64) {
	a = make([]float64, c.n*c.n)
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
	b = make([]float64, c.n*c.r)
	for i := range b {
		b[i] = rng.NormFloat64()
	}
	return a, b
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
	size := c.r * c.n
	switch c.kind {
	case meta, fleetGradient, fleetStream:
		return 1 + size
	case fleetValue:
		return 1
	case fleetProduct:
		return size
	case fleetTrain:
		return trainingSteps / keptEvery * size
	case fleetOptima:
		return c.tasks * size
	case fleetConverge:
		return 2 + size
	}
	return c.n * c.n
}

// write writes the case's matrices as files of dir.
func (c problem) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, x := range map[string][]float64{
		"a": c.a, "b": c.b, "q": c.q, "r": c.rr, "m": c.m, "w": c.w, "rate": c.rates, "v": c.v, "step": {c.step},
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
	if c.kind == fleetStream {
		t = 0 // the tasks are in an archive
	}
	step := []float64{0}
	for _, f := range []struct {
		name string
		to   *[]float64
		n    int
	}{
		{"a", &c.a, t * n * n}, {"b", &c.b, t * n * r}, {"q", &c.q, t * n * n}, {"r", &c.rr, t * r * r},
		{"m", &c.m, n * n}, {"w", &c.w, -1}, {"rate", &c.rates, -1}, {"v", &c.v, -1}, {"step", &step, 1},
	} {
		x, err := readFloats(filepath.Join(dir, f.name+".f64"), f.n)
		if err != nil {
			return err
		}
		*f.to = x
	}
	c.step = step[0]
	return nil
}

func writeFloats(path string, x []float64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	var word [8]byte
	for _, v := range x {
		binary.LittleEndian.PutUint64(word[:], math.Float64bits(v))
		out.Write(word[:]) // an error stays until Flush
	}
	return errors.Join(out.Flush(), f.Close())
}

// readFloats reads n numbers, or as many as there are when n < 0. It holds them
// once: a million tasks are as large as the memory they are said to take.
func readFloats(path string, n int) ([]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); size%8 != 0 || n >= 0 && size != 8*int64(n) {
		return nil, fmt.Errorf("%s has %d bytes, want %d numbers", path, size, n)
	}
	x := make([]float64, info.Size()/8)
	in := bufio.NewReaderSize(f, 1<<20)
	var word [8]byte
	for i := range x {
		if _, err := io.ReadFull(in, word[:]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(word[:]))
	}
	return x, nil
}
