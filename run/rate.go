package run

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// The slope of an inner rule is how fast its landing point moves against its
// start, for each unit of rate: ‖(I − J)/η‖₂. For the gradient rule it is
// ‖∇²g(W)‖₂, and a step at a rate η with η·slope < 1 is locally a
// diffeomorphism.
type slope struct {
	norm  float64
	exact bool // false: known only from below
}

// slope evaluates task i's rule at x. Its errors name the task.
func (p *Problem) slope(i int, x []float64) (slope, error) {
	if p.Family.Meta.Inner.Rule == family.RuleGradient {
		at, err := p.Tasks[i].Inner.At(x)
		if err != nil {
			return slope{}, &lqr.TaskError{Task: p.Tasks[i].Name, Err: err}
		}
		s := objective.Spectrum(at, p.Dim(), 0)
		return slope{s.Norm, s.Exact}, nil
	}
	// In J = I − ηM the identity drowns ηM where that is small, as with costs in
	// large units: three digits less at most.
	for rate := 1.0; ; rate *= 0x1p40 {
		step, err := p.rule(i, rate).At(x)
		if err != nil {
			return slope{}, &lqr.TaskError{Task: p.Tasks[i].Name, Err: err}
		}
		s := slope{exact: p.Dim() <= objective.DenseLimit}
		if s.exact {
			_, s.norm = objective.SingularValues(objective.DenseJacobian(shift{step}, p.Dim()), p.Dim())
		} else {
			s.norm = shiftNorm(step, p.Dim())
		}
		if !(s.norm < 0x1p-10) || rate > 0x1p900 {
			s.norm /= rate
			return s, nil
		}
	}
}

// shift is a step's map subtracted from the identity: (I − J)z and (I − J)ᵀv.
type shift struct{ objective.Step }

func (s shift) Push(dst, z []float64) {
	s.Step.Push(dst, z)
	dense.Sub(dst, z, dst)
}

func (s shift) Pull(dst, v []float64) {
	s.Step.Pull(dst, v)
	dense.Sub(dst, v, dst)
}

// shiftNorm is ‖I − J‖₂ from below: ‖(I − J) z‖ after 40 steps of power iteration
// on (I − J)ᵀ(I − J), from a fixed start.
func shiftNorm(step objective.Step, dim int) float64 {
	s := shift{step}
	rng := rand.New(rand.NewPCG(1, uint64(dim)))
	z, y := make([]float64, dim), make([]float64, dim)
	for i := range z {
		z[i] = rng.NormFloat64()
	}
	norm := 0.0
	for range 40 {
		length := dense.Norm(z)
		if length == 0 {
			break // I − J = 0
		}
		dense.Scale(z, 1/length, z)
		s.Push(y, z)
		norm = max(norm, dense.Norm(y))
		s.Pull(z, y)
	}
	return norm
}

// slopesAlong are the slopes of every inner step of every task from x, by steps
// and then tasks: the first at x, the others where the steps before lead. The
// error is a *failedStep for the task of lowest index.
func (p *Problem) slopesAlong(x, rates []float64) ([][]slope, error) {
	out := make([][]slope, len(rates))
	for k := range out {
		out[k] = make([]slope, len(p.Tasks))
	}
	one := func(i int) error {
		return p.along(i, x, rates, func(k int, s slope) { out[k][i] = s })
	}
	f := p.fleetOf(rates, fleet.Options{})
	if f == nil || p.Dim() > fleet.ExactNorms {
		return out, everyTask(len(p.Tasks), one)
	}
	norms, err := f.StepNorms(x)
	if e := (*fleet.MemberError)(nil); errors.As(err, &e) {
		if err := one(e.Index); err != nil { // in the words of the task itself
			return out, err
		}
	}
	if err != nil {
		return out, err
	}
	// To 1e-11, and where that might decide, to the last digits.
	for k, n := range norms {
		for i, v := range n.Norms {
			out[k][i] = slope{v, n.Exact}
			if v >= n.Max*(1-1e-10) {
				err := p.along(i, x, rates[:k+1], func(at int, s slope) {
					if at == k {
						out[k][i] = s
					}
				})
				if err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

// along tells visit the slopes of task i at every step from x.
func (p *Problem) along(i int, x, rates []float64, visit func(k int, s slope)) error {
	for k, η := range rates {
		s, err := p.slope(i, x)
		if err != nil {
			return &failedStep{i, k, err}
		}
		visit(k, s)
		if k+1 == len(rates) {
			return nil
		}
		step, err := p.rule(i, η).At(x)
		if err != nil {
			return &failedStep{i, k, &lqr.TaskError{Task: p.Tasks[i].Name, Err: err}}
		}
		x = step.To()
	}
	return nil
}

// failedStep is an error of an inner step, which says the task itself.
type failedStep struct {
	task, step int
	err        error
}

func (e *failedStep) Error() string { return e.err.Error() }
func (e *failedStep) Unwrap() error { return e.err }

// autoRate is ½ / max ‖(I − Jᵢ)/η‖ over the tasks, at x; with the gradient rule
// ½ / max ‖∇²gᵢ(x)‖.
func (p *Problem) autoRate(x []float64) (float64, error) {
	all, err := p.slopesAlong(x, []float64{1})
	if err != nil {
		return 0, err
	}
	steepest := 0.0
	for _, s := range all[0] {
		steepest = max(steepest, s.norm)
	}
	if steepest == 0 {
		return 1, nil // flat to rounding: any rate keeps the condition
	}
	return 0.5 / steepest, nil
}

// A RateCheck says, for one task and inner step from the start, how the inner
// rate stands against the condition η_k‖∇²g(W_k)‖ < 1 of the theorems (for the
// natural and Gauss–Newton rules ‖I − J‖ < 1).
type RateCheck struct {
	Task  string `json:"task"`
	Step  int    `json:"step"`  // from 0, at the start itself
	Value Number `json:"value"` // η_k‖∇²g(W_k)‖₂
	Exact bool   `json:"exact"` // false: a lower bound
	Warn  bool   `json:"warn"`  // at least 1
}

// checkRates evaluates the condition at every step of every task from x.
func (p *Problem) checkRates(x, rates []float64) ([]RateCheck, error) {
	all, err := p.slopesAlong(x, rates)
	if err != nil {
		return nil, err
	}
	checks := make([]RateCheck, 0, len(p.Tasks)*len(rates))
	for i, t := range p.Tasks {
		for k, η := range rates {
			s := all[k][i]
			v := math.Abs(η) * s.norm
			checks = append(checks, RateCheck{Task: t.Name, Step: k, Value: Number(v), Exact: s.exact, Warn: v >= 1})
		}
	}
	return checks, nil
}

// LargestRate is the rate below which η‖∇²gᵢ(W_k)‖ < 1 would hold for every
// task at every inner step from the gain found, all steps taken at one rate.
type LargestRate struct {
	Rate  Number `json:"rate"`
	Task  string `json:"task"` // whose condition, or whose stability, is the first to fail
	Step  int    `json:"step"`
	Exact bool   `json:"exact"` // false: norms known only from below, so that the rate is an upper bound
	How   string `json:"how"`   // "closed form", or how its root was found when later steps depend on the rate
}

// largestRate: for one step 1/max‖·‖ at x. For several, W_k depends on the
// rate; the first crossing of max η‖∇²gᵢ(W_k(η))‖ = 1 among 8 equal steps up to
// the one-step bound is refined by regula falsi, bisecting where a step leaves
// the domain, to a relative 1e-12. How says so where 100 trials do not get there.
//
// M. Dowell, P. Jarratt, BIT 11 (1971), 168–174 (the Illinois form).
func (p *Problem) largestRate(x []float64, steps int) (LargestRate, error) {
	out := LargestRate{Rate: infinite, Exact: true, How: "closed form"}
	bound := 0.0
	all, err := p.slopesAlong(x, []float64{1})
	if err != nil {
		return out, err
	}
	for i, t := range p.Tasks {
		s := all[0][i]
		out.Exact = out.Exact && s.exact
		if s.norm > bound {
			bound = s.norm
			out.Rate, out.Task = Number(1/s.norm), t.Name
		}
	}
	if steps < 2 || bound == 0 {
		return out, nil
	}
	out.How = "root of the condition, to a relative 1e-12"
	const cells = 8
	lo, hi := 0.0, float64(out.Rate)
	below, above := -1.0, math.Inf(1)
	kept := 0 // trials in a row that kept lo (negative) or hi (positive)
	try := func(η float64) error {
		excess, task, step, err := p.excess(x, η, steps)
		if err != nil {
			return err
		}
		if excess < 0 {
			lo, below = η, excess
		} else {
			hi, above, out.Task, out.Step = η, excess, task, step
		}
		return nil
	}
	for k := 1; k <= cells && math.IsInf(above, 1) && hi > lo; k++ {
		if err := try(float64(out.Rate) * float64(k) / cells); err != nil {
			return out, err
		}
	}
	for range 100 {
		if hi-lo <= largestRateTolerance*hi {
			break
		}
		mid := lo + (hi-lo)/2
		if !math.IsInf(above, 1) {
			if m := lo - below*(hi-lo)/(above-below); m > lo && m < hi {
				mid = m
			}
		}
		oldLo := lo
		if err := try(mid); err != nil {
			return out, err
		}
		if lo != oldLo {
			if kept = max(kept, 0) + 1; kept > 1 {
				above /= 2
			}
		} else if kept = min(kept, 0) - 1; kept < -1 {
			below /= 2
		}
	}
	if hi-lo > largestRateTolerance*hi {
		out.How = fmt.Sprintf("root of the condition, not refined beyond a relative %.1g", (hi-lo)/hi)
	}
	out.Rate = Number(lo)
	return out, nil
}

// largestRateTolerance is the relative width at which the root is taken.
const largestRateTolerance = 1e-12

// excess is max η‖∇²gᵢ(W_k(η))‖ − 1 over tasks and steps, and where it is
// attained; +∞ at the first task that a step takes out of the domain.
func (p *Problem) excess(x []float64, η float64, steps int) (worst float64, task string, step int, err error) {
	all, err := p.slopesAlong(x, slices.Repeat([]float64{η}, steps))
	if e := (*failedStep)(nil); errors.As(err, &e) && isDomain(err) {
		return math.Inf(1), p.Tasks[e.task].Name, e.step, nil
	}
	if err != nil {
		return 0, "", 0, err
	}
	worst = math.Inf(-1)
	for i, t := range p.Tasks {
		for k := range steps {
			if e := η*all[k][i].norm - 1; e > worst {
				worst, task, step = e, t.Name, k
			}
		}
	}
	return worst, task, step, nil
}
