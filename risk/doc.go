// Package risk holds objectives over data: least squares, logistic and softmax
// classification, soft clustering. Each is an objective.Objective whose points
// are objective.Point3, so that a gradient step on it has an exact Jacobian
// and an exact meta-Hessian. Package maml meta-learns over them as over any
// other objective.
//
// A model is a small value, as Regression{L2: 0.1}; over a Data it becomes an
// objective. A Split gives the pair that meta-learning wants: f over the large
// set, g, what an inner step sees, over the small one.
//
// Symbols and factors, the same throughout the package:
//
//	n, p       rows of data, and features of a row
//	xᵢ, yᵢ     the features and the target of row i
//	θ          the parameters
//	λ          the weight of the penalty, λ ≥ 0
//	x̃ᵢ         xᵢ, followed by 1 where the model has a bias
//	D          diag: 1 for a penalised parameter, 0 for a bias that is not
//
//	regression   f(θ) = 1/n Σ (x̃ᵢᵀθ − yᵢ)²              + λ ‖Dθ‖²
//	logistic     f(θ) = 1/n Σ log(1 + exp(∓ x̃ᵢᵀθ))       + λ ‖Dθ‖²,  − where yᵢ = 1, + where yᵢ = 0
//	softmax      f(θ) = 1/n Σ (log Σ_c exp uᵢc − uᵢ,yᵢ)   + λ ‖Dθ‖²,  uᵢ = x̃ᵢᵀ Θ
//	clusters     f(θ) = −τ/n Σ log( 1/K Σ_k exp(−‖xᵢ − c_k‖²/τ) )
//
// There is no ½ anywhere, as in the cost of a linear-quadratic task: the
// gradient of the penalty is 2λDθ. Losses are means, so that λ means the same
// on a large set and on a small one. Θ is stored row by row: a row for each
// feature, the bias last, a column for each class; it has one column per class,
// none of them a reference. The centres of clusters are stored one after the
// other.
//
// Values are never negative. Sums over rows are taken in blocks, in an order
// fixed by the sizes alone, on one goroutine: maml runs members in parallel.
package risk
