package maml

// A State is everything that the rest of a run depends on, beside the
// objective, the method and the stopping rule. Encoded as JSON and decoded, it
// has the same bits. It belongs to one run. Slices in it are replaced, never
// written to.
type State struct {
	Iteration   int       `json:"iteration"`
	X           []float64 `json:"x"`
	Evaluations int       `json:"evaluations"` // of the objective, refused ones and fresh tasks' included
	Products    int       `json:"products"`    // with its Hessian

	Clipped int `json:"clipped,omitempty"` // steps that Algorithm1.Clip shortened

	Length float64 `json:"length,omitempty"` // of the last step; 0 for Algorithm1
	Radius float64 `json:"radius,omitempty"` // of the trust region: NewtonCG
	Pairs  []Pair  `json:"pairs,omitempty"`  // oldest first: LBFGS

	Best *Best `json:"best,omitempty"` // lowest value met
}

// A Pair is a step s and the change y of the gradient along it.
type Pair struct {
	S []float64 `json:"s"`
	Y []float64 `json:"y"`
}

// A Best is where the lowest value was met, first if more than once.
type Best struct {
	Iteration int       `json:"iteration"`
	X         []float64 `json:"x"`
	Value     float64   `json:"value"`
}

// NewState is the state of a run that starts at x, which is copied.
func NewState(x []float64) *State {
	return &State{X: append([]float64(nil), x...)}
}
