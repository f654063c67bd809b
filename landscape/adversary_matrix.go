package landscape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A MatrixRadius is what a search says about the radius of similarity of a task
// with a gain of any dimension. Nothing in it is proved: not that the excesses
// are those of local minima, and not that nearer families are ε-global.
type MatrixRadius struct {
	Epsilon  float64
	Rounding float64 // gaps of the nominal task's minima that differ by no more are equal as far as float64 tells; at ε up to this nothing is searched for
	Searched float64 // a family within this has a local minimum more than ε above the least found; +Inf: none was found, 0: the nominal task itself
	Nominal  float64 // the nominal task's own excess, as found
	Worst    *family.Family
	Excess   float64 // of that family, as found
	Minima   int     // local minimisers of the nominal task that were followed
	Tried    int     // families
}

// Told says whether float64 tells gaps apart that differ by ε, or those of the
// nominal task itself.
func (r *MatrixRadius) Told() bool { return max(r.Epsilon, r.Nominal) > r.Rounding }

// rounding is how far gaps at minimisers may be apart that are equal,
//
//	½ λ_max(∇²h) e² + ½ ‖∇h‖²/λ_min(∇²h) + 10⁻¹¹ gap,    e = 2⁻⁴² (1 + ‖W‖),
//
// at the worst of them: where the gap is 0, that of a gain rounded, through maps,
// optima and adaptation in 10³ ulp, and of the Newton step that the descent left;
// elsewhere, relative as in flatBetween.
func rounding(minima []Found) float64 {
	worst := 0.0
	for _, f := range minima {
		e := 0x1p-42 * (1 + dense.Norm(f.Gain))
		worst = max(worst, 0.5*f.Most*e*e+0.5*f.Norm*f.Norm/f.Least+1e-11*f.Gap)
	}
	return worst
}

// A Mixture makes the meta-objective of tasks.
type Mixture func(tasks []family.Task) (*maml.Meta, error)

// A pair is two tasks on either side of the nominal one, at ±Σ c_j U_j in its A,
// B, Q and R, ‖U_j‖₂ = 1 and Σ c_j = 1, with weights λ and 1 − λ.
type pair struct {
	left, right [4][]float64 // U = uvᵀ, of A and B; uuᵀ of Q and R
	part        [4]float64   // c
	λ           float64
}

// SearchRadius looks for the smallest δ at which a family of two tasks within δ
// of a nominal one is not ε-global, in gains of any dimension: the nominal
// task's minimisers are searched for ([Search]) and followed by Newton's method
// to the mixture, for pairs of tasks in opposite directions that are drawn from
// the seed and then changed a little while that helps. Excesses are close to
// proportional to δ², which gives the size to try. Where ε and the nominal task's
// own excess are no more than rounding there is nothing to look for: see Told.
//
// Errors are those of [Search] and of mix.
func SearchRadius(ctx context.Context, nominal family.Task, mix Mixture, ε float64, o SearchOptions, rounds int) (*MatrixRadius, error) {
	nominal.Weight = 1
	if rounds <= 0 {
		rounds = 200
	}
	m, err := mix([]family.Task{nominal})
	if err != nil {
		return nil, err
	}
	if o.Starts == 0 {
		o.Starts = 300
	}
	progress := o.Progress
	o.Progress = func(done, most int) {
		if progress != nil {
			progress(done, most+rounds)
		}
	}
	found, err := Search(ctx, m, o)
	if err != nil {
		return nil, err
	}
	r := &MatrixRadius{Epsilon: ε, Searched: math.Inf(1)}
	a := &matrixAdversary{nominal: nominal, mix: mix, workers: newMeter(ctx, Options{Workers: o.Workers})}
	least := math.Inf(1)
	var minima []Found
	for _, f := range found.Minima {
		if f.Kind == maml.Minimum {
			minima = append(minima, f)
			a.minima = append(a.minima, f.Gain)
			least = min(least, f.Gap)
			r.Nominal = max(r.Nominal, f.Gap-least)
		}
	}
	r.Rounding = rounding(minima)
	if !r.Told() {
		r.Minima = len(a.minima)
		return r, nil
	}
	if r.Nominal > ε {
		r.Searched, r.Excess, r.Minima = 0, r.Nominal, len(a.minima)
		r.Worst = &family.Family{Tasks: []family.Task{nominal}}
		return r, nil
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x6d6174726978))
	size := a.size()
	// The minimisers that move most, and the least: following all takes too long.
	if len(a.minima) > 1 {
		if err := a.sift(ctx, rng, 1e-3*size); err != nil {
			return nil, err
		}
	}
	r.Minima = len(a.minima)
	var best pair
	for k := range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(a.minima) < 2 {
			break // it takes two minima to differ
		}
		p := a.draw(rng)
		if k >= rounds/3 && r.Worst != nil {
			p = a.change(best, rng)
		}
		δ, excess, f, err := a.reach(ctx, p, ε, min(r.Searched, size))
		if err != nil {
			return nil, err
		}
		if f != nil && δ < r.Searched {
			r.Searched, r.Excess, r.Worst, best = δ, excess, f, p
		}
		if progress != nil {
			progress(o.Starts+k+1, o.Starts+rounds)
		}
	}
	r.Tried = a.tried
	return r, nil
}

type matrixAdversary struct {
	nominal family.Task
	mix     Mixture
	minima  [][]float64
	workers *meter
	tried   int
}

// size is ‖A‖ + ‖B‖ + ‖Q‖ + ‖R‖ of the nominal task.
func (a *matrixAdversary) size() float64 {
	s := a.nominal.Outer
	none := lqr.Spec{A: matrixeq.New(s.A.Rows, s.A.Cols), B: matrixeq.New(s.B.Rows, s.B.Cols), Q: matrixeq.New(s.Q.Rows, s.Q.Cols), R: matrixeq.New(s.R.Rows, s.R.Cols)}
	return family.Distance(s, none)
}

// followed is how many of the nominal task's minimisers are followed.
const followed = 8

// sift keeps the minimisers whose gaps grow most in a few pairs.
func (a *matrixAdversary) sift(ctx context.Context, rng *rand.Rand, δ float64) error {
	if len(a.minima) <= followed {
		return nil
	}
	grown := make([]float64, len(a.minima))
	for range 12 {
		p := a.draw(rng)
		_, gaps, _, err := a.excess(ctx, p, δ)
		if err != nil {
			return err
		}
		for i, g := range gaps {
			if !math.IsNaN(g) {
				grown[i] = max(grown[i], g)
			}
		}
	}
	order := make([]int, len(grown))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(grown[j], grown[i]) })
	kept := order[: followed-1 : followed-1]
	kept = append(kept, order[len(order)-1]) // the least: excesses are above it
	var list [][]float64
	for _, i := range kept {
		list = append(list, a.minima[i])
	}
	a.minima = list
	return nil
}

func unit(n int, rng *rand.Rand) []float64 {
	u := make([]float64, n)
	for i := range u {
		u[i] = rng.NormFloat64()
	}
	dense.Scale(u, 1/dense.Norm(u), u)
	return u
}

func (a *matrixAdversary) draw(rng *rand.Rand) pair {
	d, r := a.nominal.F.States(), a.nominal.F.Inputs()
	p := pair{λ: 0.5}
	for j, n := range [4][2]int{{d, d}, {d, r}, {d, d}, {r, r}} {
		p.left[j], p.right[j] = unit(n[0], rng), unit(n[1], rng)
	}
	// All of it in one of the four, where a norm on sums is worst, or spread.
	if j := rng.IntN(5); j < 4 {
		p.part[j] = 1
	} else {
		for j := range p.part {
			p.part[j] = rng.ExpFloat64()
		}
	}
	p.normalize()
	return p
}

func (p *pair) normalize() {
	total := 0.0
	for j := range p.part {
		total += p.part[j]
	}
	for j := range p.part {
		p.part[j] /= total
	}
}

// change moves a pair a little.
func (a *matrixAdversary) change(p pair, rng *rand.Rand) pair {
	step := math.Exp2(-float64(rng.IntN(6)))
	for j := range p.part {
		p.left[j], p.right[j] = slices.Clone(p.left[j]), slices.Clone(p.right[j])
		for _, u := range [][]float64{p.left[j], p.right[j]} {
			dense.AddScaled(u, step, unit(len(u), rng))
			dense.Scale(u, 1/dense.Norm(u), u)
		}
		if rng.IntN(4) == 0 {
			p.part[j] = max(0, p.part[j]+0.5*step*rng.NormFloat64())
		}
	}
	if p.part == [4]float64{} {
		p.part[rng.IntN(4)] = 1
	}
	p.normalize()
	if rng.IntN(3) == 0 {
		p.λ = min(max(p.λ+0.3*step*rng.NormFloat64(), 0.02), 0.98)
	}
	return p
}

// family is the pair at a size; nil where one of the two is no task.
func (a *matrixAdversary) family(p pair, δ float64) []family.Task {
	var tasks []family.Task
	for i, sign := range []float64{δ, -δ} {
		spec := a.nominal.Outer
		spec.Name = fmt.Sprintf("worst-%d", i+1)
		for j, entry := range []*matrixeq.Matrix{&spec.A, &spec.B, &spec.Q, &spec.R} {
			m := matrixeq.Matrix{Rows: entry.Rows, Cols: entry.Cols, Data: slices.Clone(entry.Data)}
			u, v := p.left[j], p.right[j]
			if j >= 2 {
				v = u
			}
			for k := range u {
				dense.AddScaled(m.Data[k*m.Cols:(k+1)*m.Cols], sign*p.part[j]*u[k], v)
			}
			if j >= 2 {
				dense.Symmetrize(m.Data, m.Rows)
			}
			*entry = m
		}
		t, err := lqr.New(spec)
		if err != nil {
			return nil
		}
		weight := p.λ
		if i == 1 {
			weight = 1 - p.λ
		}
		tasks = append(tasks, family.Task{Name: spec.Name, Weight: weight, Outer: spec, F: t, G: t})
	}
	return tasks
}

// excess follows the minimisers to a pair: the gap at each, NaN where it is lost,
// and the largest less the least.
func (a *matrixAdversary) excess(ctx context.Context, p pair, δ float64) (float64, []float64, []family.Task, error) {
	tasks := a.family(p, δ)
	if tasks == nil {
		return 0, nil, nil, nil
	}
	a.tried++
	m, err := a.mix(tasks)
	if err != nil {
		return 0, nil, nil, err
	}
	m.Workers = 1
	gaps := make([]float64, len(a.minima))
	errs := make([]error, len(a.minima))
	a.workers.each(len(a.minima), func(_, i int) {
		gaps[i] = math.NaN()
		s := maml.NewState(a.minima[i])
		r, err := maml.Minimize(ctx, m, maml.NewtonCG{}, s, maml.Stop{Tolerance: 1e-10, Iterations: 60}, nil)
		switch {
		case err != nil && !errors.Is(err, objective.ErrDomain):
			errs[i] = err
		case err == nil && r.Status == maml.Converged && r.Kind == maml.Minimum && r.Gap != nil:
			gaps[i] = *r.Gap
		}
	})
	if err := errors.Join(errs...); err != nil {
		return 0, nil, nil, err
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, g := range gaps {
		if !math.IsNaN(g) {
			low, high = min(low, g), max(high, g)
		}
	}
	return max(0, high-low), gaps, tasks, nil
}

// reach is a size below most at which a pair's excess is above ε, found from
// excess ∝ δ² and corrected; no family where there is none.
func (a *matrixAdversary) reach(ctx context.Context, p pair, ε, most float64) (float64, float64, *family.Family, error) {
	best, excess := math.Inf(1), 0.0
	var worst *family.Family
	δ := most * (1 - 1e-6)
	if worst == nil && most == a.size() {
		δ = 1e-2 * most // at first, nothing is known of the sizes
	}
	for range 8 {
		e, _, tasks, err := a.excess(ctx, p, δ)
		if err != nil {
			return 0, 0, nil, err
		}
		if tasks == nil {
			δ /= 4
			continue
		}
		if e > ε && δ < best {
			best, excess = δ, e
			worst = &family.Family{Tasks: tasks}
		}
		if e == 0 {
			δ *= 2
		} else {
			if e > ε && e < 1.002*ε {
				break
			}
			δ *= math.Sqrt(1.001 * ε / e)
		}
		if δ >= min(best, most) {
			break
		}
	}
	return best, excess, worst, nil
}
