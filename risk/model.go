package risk

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/objective"
)

// A Model becomes an objective over data. Regression, Logistic, Softmax and
// KMeans are models; so is anything of the user's with this method.
type Model interface {
	// On neither keeps nor modifies the data.
	On(Data) (objective.Objective, error)
}

// Bias says whether a linear model has a constant feature, and whether the
// penalty sees its parameter.
type Bias int

const (
	NoBias    Bias = iota // as many parameters as features
	Penalized             // one more, penalised like the others
	Free                  // one more, not penalised
)

func (b Bias) String() string {
	switch b {
	case NoBias:
		return "none"
	case Penalized:
		return "penalized"
	case Free:
		return "free"
	}
	return fmt.Sprintf("Bias(%d)", int(b))
}

// columns is how many columns X̃ has for p features.
func (b Bias) columns(p int) int {
	if b == NoBias {
		return p
	}
	return p + 1
}

// penalised is how many of them the penalty sees, the first ones.
func (b Bias) penalised(p int) int {
	if b == Penalized {
		return p + 1
	}
	return p
}

func checkLinear(of string, l2 float64, b Bias) error {
	if !(l2 >= 0) || math.IsInf(l2, 1) {
		return &ModelError{Of: of, Field: "L2", Value: l2, Want: "a finite number, 0 or more"}
	}
	if b < NoBias || b > Free {
		return &ModelError{Of: of, Field: "Bias", Value: b, Want: "NoBias, Penalized or Free"}
	}
	return nil
}

// checkLength compares the length of parameters.
func checkLength(theta []float64, dim int) error {
	if len(theta) != dim {
		return &objective.LengthError{Len: len(theta), Want: dim}
	}
	return nil
}

func isFinite(x float64) bool { return x-x == 0 }
