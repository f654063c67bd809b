// Package lqr is one linear-quadratic task: its optimum, and its cost at any
// gain with three exact derivatives.
//
// A task is a plant, a quadratic cost and an initial covariance,
//
//	s⁺ = A s + B a,   C(W) = E Σₜ (sₜᵀ Q sₜ + aₜᵀ R aₜ),   a = −W s,   Σ₀ = E[s₀ s₀ᵀ],
//
// and its cost as a function of the gain W is an [objective.Objective] whose
// domain is the open set of stabilising gains. Outside, the cost is +∞ and the
// error is an [*UnstableError] with the spectral radius.
//
// Symbols, signs and factors, here and in everything above this package:
//
//	d, r     number of states and of inputs
//	A, B     d×d and d×r
//	Q, R     d×d, Q ⪰ 0, and r×r, R ≻ 0; there is no ½ in the cost
//	Σ₀       d×d initial covariance, Σ₀ ⪰ 0
//	W        r×d gain, a = −W s, stored row by row
//	A_W      A − B W, the closed loop; ρ(A_W) its spectral radius
//	P        P = Q + WᵀRW + A_Wᵀ P A_W            cost to go
//	Σ        Σ = Σ₀ + A_W Σ A_Wᵀ                  state correlation
//	S        R + BᵀPB
//	E        R W − Bᵀ P A_W = S W − BᵀPA
//	C, ∇C    tr(P Σ₀) = tr((Q + WᵀRW) Σ), and 2 E Σ
//	U        S⁻¹E
//	W*, P*   the optimum, W* = S*⁻¹ BᵀP*A with P* the stabilising Riccati solution
//
// Discount, process noise, average cost, a cross term and continuous time are
// reduced to this form once, by [New]; the documentation of [Spec] gives each
// substitution. Gains are always in the caller's coordinates.
//
// [Horizon] is a task of finitely many steps, on a plant and a cost that may
// vary with time, under a gain for each time; [Tied] is the same where times
// share gains, one for all of them at the simplest. They have no stabilising
// set: their cost is finite at every gain. The documentation of [HorizonSpec]
// and [Horizon] has their symbols, the ones above with a time.
//
// The cost of an evaluation of a [Task] is about log₂(1/(1−ρ)) + 6 products of d×d
// matrices for the powers of A_W, and as many again, with one and a half
// products each, for every matrix equation solved with them: two for the value
// and the gradient together, two for a Hessian-vector product, six for the
// third derivative.
//
// M. Fazel, R. Ge, S. Kakade, M. Mesbahi, ICML 2018 (gradient, natural and
// Gauss–Newton directions); J. Bu, A. Mesbahi, M. Fazel, M. Mesbahi,
// arXiv:1907.08921 (the Hessian; the operator printed there is right as a
// quadratic form only).
package lqr
