// Package matrixeq solves the two matrix equations of discrete linear systems,
// and says how well it did.
//
//	Stein     X = A X Aᵀ + M           (Stein, Operator.Solve)
//	          X = Aᵀ X A + M           (SteinT, Operator.SolveT)
//	Riccati   P = Q + Aᵀ P A − Aᵀ P B (R + Bᵀ P B)⁻¹ Bᵀ P A     (Riccati)
//
// Conventions, used by every function here:
//
//	A      n×n, the state matrix      s⁺ = A s + B a
//	B      n×r, the input matrix
//	Q, R   n×n and r×r, the cost Σ sᵀQs + aᵀRa (no ½)
//	W      r×n, the gain of a = −W s (Gain in results)
//	F      A − B W, the closed loop
//	ρ(A)   the spectral radius, max |λ|
//	ε      2⁻⁵³
//
// # What is proved and what is measured
//
// That ρ(A) < 1 is claimed only after ‖Aᵐ‖ < 1 for a power whose rounding errors
// are bounded, or after a Lyapunov inequality was checked in floating point with a
// margin above all of its own: an X with X ≻ 0 and X − A X Aᵀ ≻ 0. Eigenvalues are computed for error messages and reports,
// never to decide. Residuals are measured, after the fact, on what is returned.
//
// A matrix whose stability cannot be certified in double precision is refused,
// with the bounds that are known, rather than answered.
package matrixeq
