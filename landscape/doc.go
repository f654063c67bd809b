// Package landscape proves where the stationary points of a meta-objective
// are: every local minimiser, whether any is spurious, and the least ε for
// which the objective is ε-global, with a certificate that another program can
// recheck. It is about families with one scalar gain (r·d = 1), and with two gains
// where [Planar] says so, with symbols of its own.
//
//	h(w) = Σᵢ λᵢ Cᵢ(x_K),   x₀ = w,   x_k = F_k(x_{k−1})
//
// Symbols, on top of those of packages lqr and maml. A plant is kept in the
// caller's coordinates; no substitution is needed for a discount or for a cross
// term, so that parameters of a file enter exactly.
//
//	a, b, q, n, r   the entries of A, B, Q, N and R
//	γ, s, c         discount; second moment of the initial state, noise
//	                included; what no gain changes
//	N(w)            q − 2nw + rw²
//	D(w)            1 − γ(a − bw)²                  C = s N/D + c where D > 0
//	T(w)            t₁w + t₀ = rD + γb²N            t₁ = 2γb(ra − bn),
//	                                                t₀ = r(1 − γa²) + γb²q
//	M(w)            t₁w² + 2t₀w + m₀ = N′D − ND′    m₀ = −2(n(1 − γa²) + γabq)
//	W*, T*          the root of M where D > 0, and T there
//
// M′ = 2T, and T > 0 where D > 0, so that M is monotone there and
//
//	M(w) = (w − W*)(T(w) + T*),   C′ = sM/D²,   C″ = 2s(TD − MD′)/D³.
//
// All three inner rules are w − ηM/Θ with Θ = D²/s (gradient), D (natural) or T
// (Gauss–Newton), the last of which at η = ½ is Newton's method for M.
//
// What is computed here in intervals is an enclosure; a float64 is an estimate
// or an exactly given number, and its name says which.
//
// Three things are here beside the proofs. [Nominal.Radius] proves how similar tasks
// must be for every family of them to be ε-global, over a ball of tasks at once.
// [Search] looks for minimisers of gains of any dimension, and proves nothing.
// [Gains] encloses h and its derivatives over boxes of gains of any shape;
// [Gains.Prove] enumerates the minimisers in a box of two to four.
package landscape
