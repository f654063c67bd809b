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
// Its relatives differ from MAML in the rule, or in what is followed. The cost is
// that of a gradient, or of what stands for it, per member and K steps, in
// evaluations and products; an LQR task solves two matrix equations for either.
//
//	MAML             Gradient               K + 1, K
//	one rate each    Rates                  K + 1, K
//	Meta-SGD         LearnedRates           K + 1, K
//	FO-MAML          FirstOrder             K + 1, 0    no gradient
//	HF-MAML          HessianFree            3K + 1, 0   no gradient
//	iMAML            Proximal               see there
//	Moreau envelope  Moreau, as f, K = 0    as Proximal
//	Reptile          Reptile round a Meta   K + 1, 0    no gradient
//	FTML             FTML, on a stream      a run for each task
//
// What is no gradient only Algorithm1 follows. A Tally counts.
//
// Meta is an objective.Objective like any other, and the outer methods accept
// any other. A Method is a small value that never changes; what belongs to a
// run is its State, which round-trips through JSON bit for bit, so that a run
// stopped after any iteration continues as if it had not been.
package maml
