// Package fleet is the meta-objective of package maml for many small
// linear-quadratic tasks at once:
//
//	h(W) = Σᵢ λᵢ Cᵢ( Fᵢ,K ∘ … ∘ Fᵢ,1 (W) ),
//
// where every Fᵢ,k is the same kind of inner step (gradient, natural gradient or
// Gauss–Newton, as package lqr defines them) and all tasks have the same numbers
// of states d ≤ 32 and of inputs r ≤ d. A [Fleet] is an [objective.Objective]
// with value, gradient and Hessian-vector product, exact as those of maml.Meta
// over the same tasks are, and equal to them up to rounding.
//
// Tasks are held in blocks of eight, one in each lane of a vector register, and
// the whole algorithm of a block (closed loops, powers, matrix equations, steps,
// their transposes) runs while its numbers lie in the cache; see
// internal/kernel. Nothing of a block is kept between evaluations: a point
// knows its value and gradient, and a Hessian-vector product evaluates the path
// again, which is less than half of its cost.
//
// There are closed forms for d = 1 only. At d = 2 five or so doublings of 2×2
// matrices leave a solution by a 3×3 inverse little to gain, and the inverse loses
// digits where the loop is far from normal.
//
// The tasks are in the standard form of package lqr, [lqr.Standard], with a shift
// of the gain and a constant of the cost where there are any: every *lqr.Task is one
// that fits by its size.
//
// [Solve] makes tasks of many specs, as lqr.New does of one, with their Riccati
// equations solved in lanes.
//
// # More tasks than memory holds
//
// [Streaming] is an objective over tasks that come in chunks and are not kept,
// from an [NPZ] file or from a generator, such as maml.Minimize takes: an
// evaluation is a pass over all of them. Its example trains on one. [Stream] is one
// such pass.
//
// # Stability
//
// A task's lane is believed only where the Lyapunov inequality proves that
// every A′ within the rounding of A − B W is stable: with X = A X Aᵀ + M as
// computed, M = Σ₀ (or I where Σ₀ is not positive definite),
//
//	X ≻ 0                 by Cholesky, with the margin of matrixeq,
//	X − A X Aᵀ ≻ 0        because it differs from M by a measured residual, from
//	                      the true one by at most the rounding, and M ⪰ λ I was
//	                      shown by Cholesky when the fleet was made.
//
// A lane for which that fails, whose powers do not end, whose residual is what
// lqr would correct, or which overflows, is computed again by package lqr, which
// decides; Redone counts them. A lane that is done, unstable or NaN neither
// changes nor delays its neighbours, and the answer for a task does not depend
// on which tasks share its block.
//
// # Same input, same bits
//
// Sums over tasks run along one binary tree over the task index, the rounding
// error of every addition carried along (as in objective.Sum), whatever the
// number of workers, and whether the tasks are held or streamed. The bits do
// not depend on which assembly the processor allows, either.
package fleet
