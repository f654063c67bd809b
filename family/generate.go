package family

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

const (
	maxCount  = 1_000_000 // tasks of one generate
	maxDraws  = 1000      // draws for one task, or in pairwise for one matrix of one task, before giving up
	firstSeed = 1         // of a file that names none
)

// Drawn says how the drawn tasks of a family came about.
type Drawn struct {
	Generator string   // within, pairwise, masks, ranges or factors
	Seed      uint64   // task i of the generator used the stream (Seed, i)
	Count     int      // tasks, the nominal one included; they are the last of the family
	Redraws   int      // draws thrown away
	Failed    []Failed // why, in a fixed order; the counts add up to Redraws
}

// Failed counts the draws thrown away because a condition did not hold.
type Failed struct {
	Condition string
	Count     int
}

// The conditions of a valid draw.
const (
	conditionBall        = "within the ball"
	conditionPair        = "every pair within the bound"
	conditionQ           = "Q positive semidefinite"
	conditionR           = "R positive definite"
	conditionStabilise   = "(A, B) stabilisable"
	conditionAttained    = "optimum attained by a stabilising gain"
	conditionComputation = "optimum computable in float64"
)

var conditions = []string{conditionBall, conditionPair, conditionQ, conditionR, conditionStabilise, conditionAttained, conditionComputation}

// A DrawError says that no valid task was found in the draws allowed, and
// which conditions failed. It matches [ErrDraw].
type DrawError struct {
	Task   string
	Draws  int
	Failed []Failed
	Last   error // why the last draw was refused by package lqr, or nil
}

func (e *DrawError) Error() string {
	var failed []string
	for _, r := range e.Failed {
		failed = append(failed, fmt.Sprintf("not %s (%d)", r.Condition, r.Count))
	}
	s := fmt.Sprintf("no valid draw for %s in %d: %s", quote(e.Task), e.Draws, strings.Join(failed, ", "))
	if e.Last != nil {
		s += "; the last: " + strings.TrimPrefix(e.Last.Error(), "matrixeq: ")
	}
	return s
}

func (e *DrawError) Unwrap() error { return ErrDraw }

// A generator draws the matrices of one task around the nominal ones. It
// returns false when the draws allowed are used up.
type generator interface {
	draw(d *drawing) (four, bool)
}

// A drawing is one task being drawn.
type drawing struct {
	rng     *rand.Rand
	nominal four
	earlier []four // the tasks there are, the nominal one first
	draws   int
	refused map[string]int
}

// refuse counts a draw thrown away, and reports whether another is allowed.
func (d *drawing) refuse(condition string) bool {
	d.draws++
	d.refused[condition]++
	return d.draws < maxDraws
}

// counts lists refusals in the fixed order.
func counts(refused map[string]int) (list []Failed) {
	for _, c := range conditions {
		if n := refused[c]; n > 0 {
			list = append(list, Failed{c, n})
		}
	}
	return list
}

// gaussian draws P with independent standard normal entries, P ← (P + Pᵀ)/2
// for the symmetric matrices, and returns P/‖P‖₂.
func (d *drawing) gaussian(i int) matrixeq.Matrix {
	p := matrixeq.New(d.nominal[i].Rows, d.nominal[i].Cols)
	for {
		for k := range p.Data {
			p.Data[k] = d.rng.NormFloat64()
		}
		if symmetric(i) {
			for r := range p.Rows {
				for c := range r {
					x := (p.At(r, c) + p.At(c, r)) / 2
					p.Set(r, c, x)
					p.Set(c, r, x)
				}
			}
		}
		norm := norm2(p)
		if norm == 0 {
			continue
		}
		for k := range p.Data {
			p.Data[k] /= norm
		}
		return p
	}
}

// symmetric reports whether matrix i of four is: Q and R.
func symmetric(i int) bool { return i >= 2 }

// add returns x + c y.
func add(x matrixeq.Matrix, c float64, y matrixeq.Matrix) matrixeq.Matrix {
	z := matrixeq.New(x.Rows, x.Cols)
	for i := range z.Data {
		z.Data[i] = x.Data[i] + float64(c*y.Data[i])
	}
	return z
}

// within draws in the ball of radius δ of [Distance]. The four norms are
// distributed as for the uniform distribution: with n_X free entries in X,
//
//	(‖ΔA‖, ‖ΔB‖, ‖ΔQ‖, ‖ΔR‖, rest)/δ ~ Dirichlet(n_A, n_B, n_Q, n_R, 1),
//
// sampled as sums of exponentials. The directions are normalised Gaussian
// matrices: they reach all of the ball, but not uniformly.
type within struct{ radius float64 }

func (g within) draw(d *drawing) (four, bool) {
	for {
		var share [5]float64
		total := 0.0
		for i := range share {
			n := 1
			if i < 4 {
				m := d.nominal[i]
				if n = m.Rows * m.Cols; symmetric(i) {
					n = m.Rows * (m.Rows + 1) / 2
				}
			}
			for range n {
				share[i] += d.rng.ExpFloat64()
			}
			total += share[i]
		}
		var m four
		for i := range m {
			m[i] = add(d.nominal[i], g.radius*(share[i]/total), d.gaussian(i))
		}
		// Adding to the nominal matrices rounds.
		if m.distance(d.nominal) <= g.radius {
			return m, true
		}
		if !d.refuse(conditionBall) {
			return four{}, false
		}
	}
}

// pairwise is the generator of the code that accompanies L. F. Toso, D. Zhan,
// J. Anderson, H. Wang, "Meta-learning linear quadratic regulators" (2024):
//
//	X = X₀ + 0.6 ε P/‖P‖₂,   P Gaussian (symmetrised for Q and R),
//
// each matrix drawn again until it is nearer than ε to that of every earlier
// task. A matrix with ε = 0 stays as it is.
type pairwise struct{ bound [4]float64 }

func (g pairwise) draw(d *drawing) (four, bool) {
	m := d.nominal
	for i, ε := range g.bound {
		if ε == 0 {
			continue
		}
	again:
		m[i] = add(d.nominal[i], 0.6*ε, d.gaussian(i))
		for _, e := range d.earlier {
			// The Frobenius norm is never below the 2-norm.
			if frobeniusOfDifference(m[i], e[i])*(1+1e-12) < ε || normOfDifference(m[i], e[i]) < ε {
				continue
			}
			if !d.refuse(conditionPair) {
				return four{}, false
			}
			goto again
		}
	}
	return m, true
}

// masks draws X = X₀ + s u_X Z_X with u_X uniform in [0, 1), one for each matrix
// of each task. An absent mask leaves its matrix alone. H. Wang, L. F. Toso, A.
// Mitra, J. Anderson, "Model-free learning with heterogeneous dynamical
// systems: a federated LQR approach" (2023); L. F. Toso, H. Wang, J. Anderson,
// "Asynchronous heterogeneous linear quadratic regulator design" (2024), which
// gives each matrix its own s: here a factor of its mask.
type masks struct {
	mask  four
	scale float64
}

func (g masks) draw(d *drawing) (four, bool) {
	m := d.nominal
	for i, z := range g.mask {
		if !z.IsZero() {
			m[i] = add(m[i], g.scale*d.rng.Float64(), z)
		}
	}
	return m, true
}

// ranges draws each entry uniformly between its bounds; those of Q and R once
// for both mirrored places. An absent matrix stays nominal.
type ranges struct{ bounds [4]boundsDoc }

func (g ranges) draw(d *drawing) (four, bool) {
	m := d.nominal
	for i, b := range g.bounds {
		if b.IsZero() {
			continue
		}
		x := matrixeq.New(b.lo.Rows, b.lo.Cols)
		for r := range x.Rows {
			for c := range x.Cols {
				if symmetric(i) && c < r {
					x.Set(r, c, x.At(c, r))
					continue
				}
				x.Set(r, c, d.between(interval{b.lo.At(r, c), b.hi.At(r, c)}))
			}
		}
		m[i] = x
	}
	return m, true
}

// between draws uniformly; fixed entries use no random numbers.
func (d *drawing) between(b interval) float64 {
	if b.Lo == b.Hi {
		return b.Lo
	}
	u := d.rng.Float64()
	return min(max(float64((1-u)*b.Lo)+float64(u*b.Hi), b.Lo), b.Hi)
}

// factors multiplies whole matrices.
type factors struct{ bounds [4]*interval }

func (g factors) draw(d *drawing) (four, bool) {
	m := d.nominal
	for i, b := range g.bounds {
		if b == nil {
			continue
		}
		c := d.between(*b)
		x := m[i].Clone()
		for k := range x.Data {
			x.Data[k] *= c
		}
		m[i] = x
	}
	return m, true
}

// generate appends the tasks of a generate mapping: the nominal one, and count
// − 1 drawn around it. Task i is drawn from the random stream keyed by (seed,
// i), so it does not depend on how often the others were redrawn, except in
// pairwise, where it must fit them.
func (f *Family) generate(t *tree, doc *document, named map[string]bool, solve solver) error {
	d := doc.Generate
	for _, key := range []string{"sinusoids", "lines", "blobs"} {
		if at := t.find(d.node, key); at >= 0 {
			return t.failAt(at, ErrKey, "contradicts kind lqr: it draws data, for the other kinds")
		}
	}
	if t.find(d.node, "nominal") < 0 {
		return t.failAt(d.node, ErrKey, "generate needs nominal, the task to draw around")
	}
	at := t.find(d.node, "count")
	if at < 0 {
		return t.failAt(d.node, ErrKey, "generate needs count, the number of tasks with the nominal one")
	}
	if d.Count < 1 || d.Count > maxCount {
		return t.failAt(at, ErrLimit, "count must be from 1 to %d", maxCount)
	}
	if err := f.checkKeys(t, d.Nominal.node); err != nil {
		return err
	}
	if d.Nominal.Name == "" {
		d.Nominal.Name = "nominal"
	}
	name := func(i int) string {
		if i == 0 {
			return d.Nominal.Name
		}
		return fmt.Sprintf("task-%0*d", max(3, len(fmt.Sprint(d.Count-1))), i)
	}
	for i := range d.Count {
		if named[name(i)] {
			return t.failAt(d.node, ErrKey, "a drawn task would be the second named %s", quote(name(i)))
		}
		named[name(i)] = true
	}
	nominal, err := f.task(t, &d.Nominal, doc.Defaults)
	if err != nil {
		return err
	}
	if nominal.Finite == nil {
		if err := solve.solveAll([]*Task{&nominal})[0]; err != nil {
			return f.taskError(t, &d.Nominal, doc.Defaults, err)
		}
	}
	if len(f.Tasks) > 0 {
		if err := f.fits(t, &d.Nominal, &nominal); err != nil {
			return err
		}
	}
	if nominal.Finite != nil {
		return t.failAt(d.node, ErrValue, "contradicts horizon: tasks are drawn on an infinite horizon; list those on a finite one")
	}
	f.Tasks = append(f.Tasks, nominal)
	base := fourOf(&nominal.Outer)
	gen, word, err := d.generator(t, base)
	if err != nil {
		return err
	}

	seed := uint64(firstSeed)
	if d.Seed != nil {
		seed = *d.Seed
	}
	f.more = &stream{gen: gen, seed: seed, nominal: nominal, inner: merge(d.Nominal, doc.Defaults).Inner, earlier: []four{base}}
	refused := map[string]int{}
	drafts := make([]*draft, d.Count-1)
	_, fitting := gen.(pairwise)
	batch := 64 // grows: where no draw is valid, that many are tried in vain
	for lo := 0; lo < len(drafts); {
		if fitting { // each has to fit those before it
			batch = 1
		}
		some := drafts[lo:min(len(drafts), lo+batch)]
		for i := range some {
			some[i] = f.more.draft(lo+i+1, name(lo+i+1))
		}
		if err := settleDrafts(some, solve); err != nil {
			e := t.failAt(t.find(d.node, word), ErrDraw, "%v", err)
			e.Err = err
			return e
		}
		for _, w := range some {
			for c, n := range w.refused {
				refused[c] += n
			}
			if fitting {
				f.more.earlier = append(f.more.earlier, w.matrices)
			}
			f.Tasks = append(f.Tasks, w.task)
		}
		clear(some) // they are long, and done
		lo += len(some)
		batch = min(2*batch, together)
	}
	f.Drawn = &Drawn{Generator: word, Seed: seed, Count: d.Count, Failed: counts(refused)}
	for _, c := range f.Drawn.Failed {
		f.Drawn.Redraws += c.Count
	}
	return nil
}

// A stream draws tasks without end.
type stream struct {
	gen     generator
	seed    uint64
	nominal Task
	inner   *innerDoc
	earlier []four
}

// Draw draws task i of the family's generator, from the random stream keyed by
// (seed, i): the same task as Parse lists where i is below Drawn.Count, and a
// fresh one from there on. It is solved by lqr.New. With pairwise it is near every
// task listed. The error is a *DrawError; it must not be called without Drawn.
func (f *Family) Draw(i int) (Task, error) {
	if i == 0 {
		return f.more.nominal, nil
	}
	w := f.more.draft(i, fmt.Sprintf("draw-%d", i))
	if err := settleDrafts([]*draft{w}, oneByOne); err != nil {
		return Task{}, err
	}
	return w.task, nil
}

// A draft is a task being drawn until it is valid: as it counts, and as its inner
// step sees it.
type draft struct {
	drawing
	of       *stream
	task     Task
	matrices four
	last     error // of the last draw that was refused, if lqr refused it
	failed   error
}

func (s *stream) draft(i int, name string) *draft {
	w := &draft{of: s, task: s.nominal, drawing: drawing{
		rng:     rand.New(rand.NewPCG(s.seed, uint64(i))),
		nominal: s.earlier[0], earlier: s.earlier[:min(i, len(s.earlier))], refused: map[string]int{},
	}}
	w.task.Name, w.task.Outer.Name = name, name
	return w
}

// draw draws the task once more, unsolved, unless no more draws are allowed.
func (w *draft) draw() {
	m, ok := w.of.gen.draw(&w.drawing)
	if !ok {
		w.fail()
		return
	}
	for i, x := range specMatrices(&w.task.Outer)[:4] {
		*x = m[i]
	}
	w.task.Inner = w.of.inner.seenBy(w.task.Outer)
	w.matrices = m
}

func (w *draft) fail() {
	last := w.last
	if e := (*lqr.TaskError)(nil); errors.As(last, &e) {
		last = e.Err
	}
	w.failed = &DrawError{Task: w.task.Name, Draws: w.draws, Failed: counts(w.refused), Last: last}
}

// settleDrafts draws and solves, together, until every draft is valid. The error
// is that of the first that cannot be.
func settleDrafts(drafts []*draft, solve solver) error {
	for open := drafts; len(open) > 0; {
		parallel.Each(len(open), runtime.GOMAXPROCS(0), func(_, i int) bool {
			open[i].draw()
			return true
		})
		var drawn []*draft
		var tasks []*Task
		for _, w := range open {
			if w.failed == nil {
				drawn, tasks = append(drawn, w), append(tasks, &w.task)
			}
		}
		open = nil
		for i, err := range solve.solveAll(tasks) {
			w := drawn[i]
			if err == nil {
				continue
			}
			w.last = err
			if w.refuse(conditionOf(err)) {
				open = append(open, w)
			} else {
				w.fail()
			}
		}
	}
	for _, w := range drafts {
		if w.failed != nil {
			return w.failed
		}
	}
	return nil
}

// conditionOf names what an error of lqr.New about a perturbed task means. The
// nominal task passed, so shapes, symmetry and settings are right.
func conditionOf(err error) string {
	switch {
	case errors.Is(err, matrixeq.ErrNotPositiveSemidefinite):
		return conditionQ
	case errors.Is(err, matrixeq.ErrNotPositiveDefinite):
		return conditionR
	case errors.Is(err, matrixeq.ErrNotStabilizable):
		return conditionStabilise
	case errors.Is(err, matrixeq.ErrUnitCircle):
		return conditionAttained
	}
	return conditionComputation
}

// generator checks the one generator that is asked for.
func (d *generateDoc) generator(t *tree, nominal four) (gen generator, word string, err error) {
	words := []string{"within", "pairwise", "masks", "ranges", "factors"}
	for i, written := range []bool{d.Within != nil, d.Pairwise != nil, d.Masks != nil, d.Ranges != nil, d.Factors != nil} {
		switch {
		case written && word != "":
			return nil, "", t.failAt(t.find(d.node, words[i]), ErrKey, "there is %s already: exactly one of %s", word, alternatives(words))
		case written:
			word = words[i]
		}
	}
	at := t.find(d.node, word)
	switch word {
	case "within":
		if *d.Within < 0 {
			return nil, "", t.failAt(at, ErrValue, "a radius must not be negative, got %v", *d.Within)
		}
		return within{*d.Within}, word, nil
	case "pairwise":
		g := pairwise{}
		for i, ε := range []*float64{d.Pairwise.A, d.Pairwise.B, d.Pairwise.Q, d.Pairwise.R} {
			if g.bound[i] = value(ε); g.bound[i] < 0 {
				return nil, "", t.failAt(at, ErrValue, "a distance must not be negative, got %v", g.bound[i])
			}
		}
		return g, word, nil
	case "masks":
		g := masks{four{d.Masks.A, d.Masks.B, d.Masks.Q, d.Masks.R}, 1}
		if d.Masks.Scale != nil {
			g.scale = *d.Masks.Scale
		}
		for i, z := range g.mask {
			if err := t.checkLike(at, i, z, z, nominal); err != nil {
				return nil, "", err
			}
		}
		return g, word, nil
	case "ranges":
		g := ranges{[4]boundsDoc{d.Ranges.A, d.Ranges.B, d.Ranges.Q, d.Ranges.R}}
		for i, b := range g.bounds {
			if err := t.checkLike(at, i, b.lo, b.hi, nominal); err != nil {
				return nil, "", err
			}
		}
		return g, word, nil
	case "factors":
		return factors{[4]*interval{d.Factors.A, d.Factors.B, d.Factors.Q, d.Factors.R}}, word, nil
	}
	return nil, "", t.failAt(d.node, ErrKey, "generate needs one of %s", alternatives(words))
}

// checkLike checks that bounds for matrix i, written in the mapping at, have
// its shape and symmetry.
func (t *tree) checkLike(at, i int, lo, hi matrixeq.Matrix, nominal four) error {
	if lo.IsZero() {
		return nil
	}
	at = t.find(at, matrixNames[i])
	if want := nominal[i]; lo.Rows != want.Rows || lo.Cols != want.Cols {
		return t.failAt(at, ErrValue, "is %d×%d, but the nominal %s is %d×%d", lo.Rows, lo.Cols, matrixNames[i], want.Rows, want.Cols)
	}
	if symmetric(i) && !(slices.Equal(lo.T().Data, lo.Data) && slices.Equal(hi.T().Data, hi.Data)) {
		return t.failAt(at, ErrValue, "must be symmetric, as %s is", matrixNames[i])
	}
	for k := range lo.Data {
		if math.IsInf(hi.Data[k]-lo.Data[k], 0) {
			return t.failAt(at, ErrValue, "bounds as far apart as [%v, %v] overflow", lo.Data[k], hi.Data[k])
		}
	}
	return nil
}
