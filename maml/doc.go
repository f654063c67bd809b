// Package maml is meta-learning over any objectives: the meta-objective, its
// exact derivatives, and the outer methods that minimise it. It knows nothing
// of what the objectives are.
//
//	h(x) = Σᵢ λᵢ fᵢ( Fᵢ,K ∘ … ∘ Fᵢ,1 (x) )        λᵢ > 0,  Σ λᵢ = 1
//
// Symbols, the same throughout the package:
//
//	x          the parameters, a flat vector
//	i, N       a member of the mixture (a task), and how many there are
//	λᵢ         its weight, after normalisation
//	fᵢ         its outer objective: what counts after adaptation
//	Fᵢ,k       its k-th inner step; K of them, K = 0 allowed
//	x_0 … x_K  x_0 = x,  x_k = F_k(x_{k−1}): a member's path
//	J_k        ∂F_k/∂x at x_{k−1}
//	η          an inner rate
//	β          a constant outer rate
//
// Meta is an objective.Objective like any other, and the outer methods accept
// any other. A Method is a small value that never changes; what belongs to a
// run is its State, which round-trips through JSON bit for bit, so that a run
// stopped after any iteration continues as if it had not been.
package maml
