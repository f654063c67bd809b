package main

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// The kinds of problem that are about many tasks, with all cores, and their
// results.
const (
	fleetValue    = "fleet-value"    // h(W)
	fleetGradient = "fleet-gradient" // h(W), ∇h(W)
	fleetProduct  = "fleet-product"  // ∇²h(W) V, at a W not seen before
	fleetTrain    = "fleet-train"    // every 20th of 200 iterates W ← W − step ∇h(W)
	fleetOptima   = "fleet-optima"   // W* of every task
	fleetStream   = "fleet-stream"   // h(W), ∇h(W) of the tasks of an NPZ file, not held
	fleetConverge = "fleet-converge" // iterations, ‖∇h‖ relative, and W where Newton's method ends
)

const (
	trainingSteps = 200
	keptEvery     = 20
)

// inputs is the r of these cases.
func inputs(n int) int { return max(1, n/2) }

// tasksName writes a power of ten as 1e5.
func tasksName(tasks int) string {
	name := fmt.Sprintf("%.0e", float64(tasks))
	return strings.Replace(name, "e+0", "e", 1)
}

// fleets returns the cases about many tasks, not yet drawn: the headline first,
// then every size, few tasks before many, so that the time of many can be
// foretold.
func fleets() []problem {
	all := []problem{{name: headline, kind: fleetGradient, n: 4, r: 2, tasks: 100_000}}
	for _, n := range []int{1, 2, 4, 8, 12, 24} {
		for _, tasks := range []int{100, 10_000, 1_000_000} {
			for _, kind := range []string{fleetValue, fleetGradient, fleetProduct, fleetTrain} {
				all = append(all, problem{kind: kind, n: n, r: inputs(n), tasks: tasks})
			}
		}
	}
	all = append(all, problem{kind: fleetOptima, n: 4, r: 2, tasks: 1000})
	for i, c := range all {
		if c.name == "" {
			all[i].name = fmt.Sprintf("%s-d%d-n%s", c.kind, c.n, tasksName(c.tasks))
		}
	}
	return all
}

// headline is the case that the fleet's targets are about.
const headline = "fleet-headline"

// drawFleet fills a fleet: a first task as those of draw, of spectral radius 1.1, and
// the others with every entry of A and B moved by up to 2 %, and Q and R by one
// factor each of up to 20 %. W is 0.95 of the first task's optimum. With
// L = max ‖∇²C(W)‖ of the first tasks the inner rates are 1/4L, the outer 1/2L.
func (c *problem) drawFleet(steps int) error {
	rng := rand.New(rand.NewPCG(uint64(c.n), 1100))
	a, b := c.nominal(rng, 1.1)
	size := func(k int) []float64 { return make([]float64, 0, c.tasks*k) }
	c.a, c.b, c.q, c.rr = size(len(a)), size(len(b)), size(c.n*c.n), size(c.r*c.r)
	scaled := func(to []float64, n int, s float64) []float64 {
		for i := range n * n {
			x := 0.0
			if i%(n+1) == 0 {
				x = s
			}
			to = append(to, x)
		}
		return to
	}
	for range c.tasks {
		c.a = appendAround(c.a, a, 0.02, rng)
		c.b = appendAround(c.b, b, 0.02, rng)
		c.q = scaled(c.q, c.n, 0.8+0.4*rng.Float64())
		c.rr = scaled(c.rr, c.r, 0.8+0.4*rng.Float64())
	}
	c.m = identity(c.n)
	c.w = valueIteration(*c)
	for i := range c.w {
		c.w[i] *= 0.95
		c.v = append(c.v, rng.NormFloat64())
	}
	first := *c
	first.tasks = min(c.tasks, 100)
	f, err := first.fleet(fleet.Options{})
	if err != nil {
		return err
	}
	norms, err := f.HessianNorms(c.w)
	if err != nil {
		return err
	}
	c.rates = slices.Repeat([]float64{0.25 / norms.Max}, steps)
	c.step = 0.5 / norms.Max
	return nil
}

func (c problem) isFleet() bool { return strings.HasPrefix(c.kind, "fleet") }

// numbers is how many numbers the tasks are.
func (c problem) numbers() int { return c.tasks * (2*c.n*c.n + c.n*c.r + c.r*c.r) }

func (c problem) fleet(o fleet.Options) (*fleet.Fleet, error) {
	t, n, r := c.tasks, c.n, c.r
	return fleet.FromArrays(fleet.Arrays{
		Tasks: t, States: n, Inputs: r,
		A: c.a[:t*n*n], B: c.b[:t*n*r], Q: c.q[:t*n*n], R: c.rr[:t*r*r],
	}, nil, o)
}

// prepareFleet returns the call that is timed, for the kinds of this file. The
// fleet is made once, as the peers' tensors are; the call evaluates it anew.
func (c *problem) prepareFleet(dir string) (call func(dst []float64) error, note string, err error) {
	o := fleet.Options{Rates: c.rates}
	if c.kind == fleetStream {
		return func(dst []float64) error {
			z, err := fleet.OpenNPZ(filepath.Join(dir, archiveName), 0)
			if err != nil {
				return err
			}
			defer z.Close()
			s, err := fleet.Stream(c.w, z.Next, fleet.StreamOptions{Options: o})
			if err != nil {
				return err
			}
			dst[0] = s.Value
			copy(dst[1:], s.Grad)
			return nil
		}, "fleet.Stream, fleet.OpenNPZ", nil
	}
	if c.kind == fleetOptima {
		return func(dst []float64) error {
			f, err := c.fleet(o)
			if err != nil {
				return err
			}
			for i := range f.Len() {
				gain, _ := f.Optimum(i)
				copy(dst[i*len(gain):], gain)
			}
			return nil
		}, "fleet.FromArrays, Optimum", nil
	}
	f, err := c.fleet(o)
	if err != nil {
		return nil, "", err
	}
	c.a, c.b, c.q, c.rr = nil, nil, nil, nil // the fleet holds them
	switch c.kind {
	case fleetValue:
		return func(dst []float64) error {
			p, err := f.Evaluate(c.w)
			if err == nil {
				dst[0] = p.Value()
			}
			return err
		}, "Evaluate, gradient included", nil
	case fleetGradient:
		return func(dst []float64) error {
			p, err := f.Evaluate(c.w)
			if err != nil {
				return err
			}
			dst[0] = p.Value()
			p.Grad(dst[1:])
			return nil
		}, "Evaluate", nil
	case fleetProduct:
		return func(dst []float64) error {
			p, err := f.Evaluate(c.w)
			if err == nil {
				p.HessVec(dst, c.v)
			}
			return err
		}, "Evaluate, HessVec", nil
	case fleetTrain:
		return func(dst []float64) error {
			x, g := slices.Clone(c.w), make([]float64, len(c.w))
			for k := range trainingSteps {
				p, err := f.Evaluate(x)
				if err != nil {
					return err
				}
				p.Grad(g)
				for i := range x {
					x[i] -= c.step * g[i]
				}
				if (k+1)%keptEvery == 0 {
					copy(dst[k/keptEvery*len(x):], x)
				}
			}
			return nil
		}, "200 × Evaluate", nil
	case fleetConverge:
		return func(dst []float64) error { return converge(f, c.w, dst) }, "maml.NewtonCG", nil
	}
	return nil, "", fmt.Errorf("unknown kind %q", c.kind)
}

// relativeNorm is where a training to convergence ends: ‖∇h‖ relative to that of
// the start.
const relativeNorm = 1e-8

// converge trains by Newton's method and writes the iterations, the gradient's norm
// relative to the start's, and the gain to dst.
func converge(h objective.Objective, start, dst []float64) error {
	p, err := h.At(start)
	if err != nil {
		return err
	}
	g := make([]float64, len(start))
	p.Grad(g)
	first := euclidean(g)
	iterations := -1.0
	state := &maml.State{X: slices.Clone(start)}
	result, err := maml.Minimize(context.Background(), h, maml.NewtonCG{}, state,
		maml.Stop{Tolerance: relativeNorm}, func(maml.Record) error {
			iterations++
			return nil
		})
	if err != nil {
		return err
	}
	if result.Status != maml.Converged {
		return fmt.Errorf("training ended with %v", result.Status)
	}
	if p, err = h.At(state.X); err != nil {
		return err
	}
	p.Grad(g)
	dst[0], dst[1] = iterations, euclidean(g)/first
	copy(dst[2:], state.X)
	return nil
}

func euclidean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s = math.Hypot(s, v)
	}
	return s
}

// archiveName is the file of a stream within the folder of its case.
const archiveName = "tasks.npz"

// writeArchive writes the tasks of the case, again and again until there are
// count, as numpy.savez would. The sum of the archive's members is what a stream
// has to read.
func (c problem) writeArchive(path string, count int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	for _, t := range []struct {
		name       string
		rows, cols int
		data       []float64
	}{{"A", c.n, c.n, c.a}, {"B", c.n, c.r, c.b}, {"Q", c.n, c.n, c.q}, {"R", c.r, c.r, c.rr}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: t.name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		out := bufio.NewWriterSize(w, 1<<20)
		if err := npyHeader(out, count, t.rows, t.cols); err != nil {
			return err
		}
		raw := make([]byte, 0, 8*len(t.data))
		for _, v := range t.data {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		for left := 8 * count * t.rows * t.cols; left > 0; left -= len(raw) {
			raw = raw[:min(left, len(raw))]
			if _, err := out.Write(raw); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return z.Close()
}

// npyHeader writes the header of version 1.0 of NumPy's format.
func npyHeader(w io.Writer, shape ...int) error {
	dims := make([]string, len(shape))
	for i, n := range shape {
		dims[i] = fmt.Sprint(n)
	}
	text := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }", strings.Join(dims, ", "))
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	_, err := w.Write(append(head, text...))
	return err
}
