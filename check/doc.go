// Package check verifies certificates ([github.com/metalqr/metalqr/certificate])
// without trusting the program that made them. It shares with that program the
// interval arithmetic, the file format, and the family reader with the types it
// returns, and nothing else:
// the formulas below were derived for this package and are evaluated here.
//
// # One task with one state and one input
//
// The task has the plant a, b, the cost q s² + 2 n s a + r a², the discount γ
// and the second moment s of its initial state, noise included. With
//
//	N(w) = q − 2nw + rw²     D(w) = 1 − γ(a − bw)²     β = γb²
//	T(w) = rD + βN = T₀ + T₁w,   T₀ = r(1 − γa²) + βq,   T₁ = 2γb(ra − bn)
//	M(w) = N′D − ND′ = M₀ + 2T₀w + T₁w²,   M₀ = −2(n(1 − γa²) + γabq)
//
// the cost is C = sN/D where D > 0 and infinite elsewhere, and C′ = sM/D². Where
// D = 0 at an end of {D > 0}, M = −ND′: M changes from − to + between the ends,
// and being quadratic has exactly one zero W* there, the optimum. M′ = 2T, so
// T(W*) = T* = +√(T₀² − M₀T₁). With z = w − W*, D* = D(W*) and m = T + T*,
//
//	M = z m                                  P* = N(W*)/D*
//	C = s (P* + (T*/D*) z²/D)                the gap without cancellation
//	C′ = s M/D²
//	C″ = s L/D³,  L = 2(T*D* + βz²(T + 2T*)), L′ = 6βM
//
// by expanding in powers of z, where T₁D* = T*D′(W*). In the domain D and T are
// positive, so that the cost of a single task is convex.
//
// # Inner steps
//
// A step with rate η is F(w) = w − eM/Θ. It fixes W*, and away from it
// (F(w) − W*)/(w − W*) = κ(w) = 1 − em/Θ:
//
//	rule           Θ    e     F′                          F″
//	gradient       D²   ηs    1 − eL/D³                   −3e(2βMD − LD′)/D⁴
//	natural        D    η     1 − e(TD + L/2)/D²          −e(U′D − 2UD′)/D³
//	Gauss–Newton   T    η     (1 − η) − η(T*/T)²          2ηT₁(T*/T)²/T
//
// with U = TD + L/2, U′ = 2T₁D + 2βM. A normalised task has its q, r, n, and with
// them N, M, T, L, divided by its optimal cost; that is one factor of s, and of
// the e of the natural rule.
//
// A continuous plant is sampled first. Its numbers are then enclosures, and its cost
// is sN/D and a constant, what noise costs between samples (hold.go).
//
// # The method
//
// Every claim of a certificate is decided by enclosures over boxes, of a
// quantity and of its derivative in w, with mean-value forms where the box lies
// in the domain; a box on which they do not decide is cut, up to a bounded
// number of times. Over a box across an end of the domain every D is cut down to
// [0, ∞) before anything is divided by it: what is enclosed then holds for the
// gains of the box in the domain, and those are all that is claimed about. What
// float64 intervals leave open at a single gain is decided in 256-bit ones.
//
// # Gains of several numbers
//
// Of these, gaps ([gap]), boxes with one stationary point ([gainProblem]), the minimisers in a
// region ([regionChecker]) and the landscapes of [planarProblem] are verified, in float64 intervals, by the matrices
// P, Σ, E and S of package lqr's comment and their derivatives, enclosed by
// [lyapunov] for all gains of a box at once.
package check
