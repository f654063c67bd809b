package maml

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/metalqr/metalqr/objective"
)

// Algorithm1 is the method as the paper prints it: sample a batch of tasks
// from p(T), the weights, with replacement, and step by a constant rate,
//
//	x ← x − β G,   G = (1/b) Σ_{i ∈ batch} ∇hᵢ(x)   or, with Sum, b times that,
//
// where hᵢ = fᵢ ∘ Fᵢ,K ∘ … ∘ Fᵢ,1 and b = Batch. The mean is an unbiased
// estimate of ∇h. Batch 0 takes every task: then G = ∇h = Σ λᵢ ∇hᵢ and, with
// Sum, N ∇h (which is Σ ∇hᵢ for equal weights).
//
// Nothing is enforced. A step that leaves the domain ends the run as
// LeftDomain, at the last iterate inside, with the error of the task it left;
// Result.Best is the best iterate. Every iterate is evaluated on all tasks, so
// that the trace is exact; the batch is a choice of method, not of cost.
//
// Draws are those of math/rand/v2's PCG at (Seed, iteration): they depend on
// nothing before.
//
// A batch needs a point with members, as that of a Meta has; on another
// objective, as for settings out of range, the error is a *SettingError.
//
// I. Molybog and J. Lavaei, arXiv 2006.00453, Algorithm 1.
type Algorithm1 struct {
	Rate  float64 // β, positive and finite
	Batch int     // tasks in a batch; 0 means all of them, unsampled
	Sum   bool    // add the gradients up instead of taking their mean
	Seed  uint64
}

// members is what a batch asks of a point.
type members interface {
	Len() int
	Weight(i int) float64
	MemberGrad(i int) []float64
}

// Advance makes one step.
func (m Algorithm1) Advance(_ context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	if !(m.Rate > 0) || math.IsInf(m.Rate, 1) {
		return Move{}, &SettingError{Of: "Algorithm 1", Field: "rate", Value: m.Rate, Want: "a positive number"}
	}
	if m.Batch < 0 {
		return Move{}, &SettingError{Of: "Algorithm 1", Field: "batch", Value: m.Batch, Want: "a number of tasks, or 0 for all"}
	}
	group, _ := from.Point.(members)
	g := from.Gradient
	count := 1.0
	switch {
	case m.Batch > 0 && group == nil:
		return Move{}, &SettingError{Of: "Algorithm 1", Field: "batch", Value: m.Batch, Want: "0, as the objective has no members to sample"}
	case m.Batch > 0:
		g, count = m.estimate(group, s.Iteration), float64(m.Batch)
	case group != nil:
		count = float64(group.Len())
	}
	beta := m.Rate
	if m.Sum {
		beta *= count
	}
	return plain(o, along(from.X, -beta, g), s)
}

// estimate is the mean gradient of the batch drawn at an iteration.
func (m Algorithm1) estimate(group members, iteration int) []float64 {
	batch := m.draw(group, iteration)
	g := make([]float64, len(group.MemberGrad(0)))
	for j := range g {
		g[j] = objective.Sum(len(batch), func(k int) float64 { return group.MemberGrad(batch[k])[j] }) / float64(len(batch))
	}
	return g
}

// draw samples the batch of an iteration, by inversion of the cumulative
// weights.
func (m Algorithm1) draw(group members, iteration int) []int {
	cumulative := make([]float64, group.Len())
	var total float64
	for i := range cumulative {
		total += group.Weight(i)
		cumulative[i] = total
	}
	random := rand.New(rand.NewPCG(m.Seed, uint64(iteration)))
	batch := make([]int, m.Batch)
	for k := range batch {
		u := random.Float64() * total
		batch[k] = min(sort.Search(len(cumulative), func(i int) bool { return cumulative[i] > u }), len(cumulative)-1)
	}
	return batch
}

// plain accepts x unless it is outside the domain.
func plain(o objective.Objective, x []float64, s *State) (Move, error) {
	to, left, err := try(o, x, s)
	if err != nil {
		return Move{}, err
	}
	if left != nil {
		return Move{Status: LeftDomain, Cause: left}, nil
	}
	return Move{To: to}, nil
}
