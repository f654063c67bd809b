package family

import (
	"fmt"
	"strings"
)

// The words of a file become values here, once. Nothing below compares
// strings.

// A Kind says what the tasks of a family are.
type Kind uint8

const (
	LQR        Kind = iota // linear-quadratic regulation
	Regression             // least squares over data
	Ridge                  // the same with a penalty
	Logistic               // classification of two classes
	Softmax                // classification of several
	KMeans                 // soft clustering
)

// Gains say which times of a horizon share a gain.
type Gains uint8

const (
	GainsOne     Gains = iota // all
	GainsPerTime              // none
)

// A Bias says whether a model over data has a constant feature, and whether
// the penalty sees its parameter.
type Bias uint8

const (
	BiasNone Bias = iota
	BiasPenalized
	BiasFree
)

// An Algorithm says which meta-objective is minimised.
type Algorithm uint8

const (
	MAML    Algorithm = iota // Σᵢ λᵢ fᵢ(Fᵢ(W)), differentiated exactly
	FOMAML                   // the same, the Jacobian of the inner steps left out
	HFMAML                   // the same, products with ∇²g by differences of gradients
	IMAML                    // Σᵢ λᵢ fᵢ(φᵢ), φᵢ the proximal point of gᵢ at W
	Moreau                   // Σᵢ λᵢ min gᵢ(φ) + (κ/2)‖φ − W‖²
	Reptile                  // steps towards the adapted gains
	FTML                     // tasks arrive one a round
)

// Directed reports whether the algorithm's steps are along no gradient, so
// that only Algorithm 1 can take them.
func (a Algorithm) Directed() bool { return a == FOMAML || a == HFMAML || a == Reptile }

// Proximal reports whether the inner problem is a proximal one in place of
// steps of a rule.
func (a Algorithm) Proximal() bool { return a == IMAML || a == Moreau }

// Learning says which inner rates are learned with the gain.
type Learning uint8

const (
	LearnNone  Learning = iota // none
	LearnRate                  // one, for all entries of the gain
	LearnRates                 // one for each entry: Meta-SGD
)

// A Normalization says what costs are divided by.
type Normalization uint8

const (
	NormalizeNone        Normalization = iota // nothing
	NormalizeOptimalCost                      // each task's optimal cost
)

// A Rule is an inner adaptation step.
type Rule uint8

const (
	RuleGradient    Rule = iota // W − η ∇g(W)
	RuleNatural                 // W − 2η E
	RuleGaussNewton             // W − 2η S⁻¹E
)

// A Method is an outer method.
type Method uint8

const (
	MethodNewtonCG   Method = iota // exact Hessian, conjugate gradients
	MethodLBFGS                    // limited-memory BFGS
	MethodGradient                 // gradient descent, safeguarded
	MethodAlgorithm1               // the paper's Algorithm 1, constant rate
)

// A Reduction says how Algorithm 1 combines the tasks of a batch.
type Reduction uint8

const (
	ReduceMean Reduction = iota
	ReduceSum
)

// A Sampling says how Algorithm 1 draws its batches.
type Sampling uint8

const (
	SampleReplacing Sampling = iota // with replacement, by weight
	SampleEpochs                    // without replacement, in epochs
	SampleFresh                     // new tasks from the generator at every iteration
)

// A StartKind says where training starts.
type StartKind uint8

const (
	StartAuto        StartKind = iota // the mean of the optima, else a bounded search
	StartMeanOptimal                  // the mean of the optima
	StartZero                         // W = 0
	StartRandom                       // drawn from the seed
	StartGain                         // the gain in the file
)

var (
	kindWords          = []string{"lqr", "regression", "ridge", "logistic", "softmax", "kmeans"}
	gainsWords         = []string{"one", "per-time"}
	biasWords          = []string{"none", "penalized", "free"}
	algorithmWords     = []string{"maml", "fo-maml", "hf-maml", "imaml", "moreau", "reptile", "ftml"}
	learningWords      = []string{"none", "rate", "rates"}
	normalizationWords = []string{"none", "optimal-cost"}
	ruleWords          = []string{"gradient", "natural", "gauss-newton"}
	methodWords        = []string{"newton-cg", "lbfgs", "gradient", "algorithm-1"}
	reductionWords     = []string{"mean", "sum"}
	samplingWords      = []string{"with-replacement", "epochs", "fresh"}
	startWords         = []string{"auto", "mean-optimal", "zero", "random"}
)

func word[T ~uint8](v T, words []string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("%T(%d)", v, uint8(v))
}

func parseWord[T ~uint8](v *T, what, s string, words []string) error {
	for i, w := range words {
		if w == s {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("unknown %s %s: expected %s%s", what, quote(s), alternatives(words), suggest(s, words))
}

func (k Kind) String() string          { return word(k, kindWords) }
func (g Gains) String() string         { return word(g, gainsWords) }
func (b Bias) String() string          { return word(b, biasWords) }
func (a Algorithm) String() string     { return word(a, algorithmWords) }
func (l Learning) String() string      { return word(l, learningWords) }
func (n Normalization) String() string { return word(n, normalizationWords) }
func (r Rule) String() string          { return word(r, ruleWords) }
func (m Method) String() string        { return word(m, methodWords) }
func (r Reduction) String() string     { return word(r, reductionWords) }
func (s Sampling) String() string      { return word(s, samplingWords) }
func (s StartKind) String() string {
	return word(s, append(startWords[:len(startWords):len(startWords)], "gain"))
}

func (k Kind) MarshalText() ([]byte, error)          { return []byte(k.String()), nil }
func (g Gains) MarshalText() ([]byte, error)         { return []byte(g.String()), nil }
func (b Bias) MarshalText() ([]byte, error)          { return []byte(b.String()), nil }
func (a Algorithm) MarshalText() ([]byte, error)     { return []byte(a.String()), nil }
func (l Learning) MarshalText() ([]byte, error)      { return []byte(l.String()), nil }
func (n Normalization) MarshalText() ([]byte, error) { return []byte(n.String()), nil }
func (r Rule) MarshalText() ([]byte, error)          { return []byte(r.String()), nil }
func (m Method) MarshalText() ([]byte, error)        { return []byte(m.String()), nil }
func (r Reduction) MarshalText() ([]byte, error)     { return []byte(r.String()), nil }
func (s Sampling) MarshalText() ([]byte, error)      { return []byte(s.String()), nil }
func (s StartKind) MarshalText() ([]byte, error)     { return []byte(s.String()), nil }

func (k *Kind) UnmarshalText(b []byte) error  { return parseWord(k, "kind", string(b), kindWords) }
func (g *Gains) UnmarshalText(b []byte) error { return parseWord(g, "gains", string(b), gainsWords) }
func (b *Bias) UnmarshalText(text []byte) error {
	return parseWord(b, "bias", string(text), biasWords)
}
func (a *Algorithm) UnmarshalText(b []byte) error {
	return parseWord(a, "algorithm", string(b), algorithmWords)
}
func (l *Learning) UnmarshalText(b []byte) error {
	return parseWord(l, "what to learn", string(b), learningWords)
}
func (n *Normalization) UnmarshalText(b []byte) error {
	return parseWord(n, "normalization", string(b), normalizationWords)
}
func (r *Rule) UnmarshalText(b []byte) error { return parseWord(r, "rule", string(b), ruleWords) }
func (m *Method) UnmarshalText(b []byte) error {
	return parseWord(m, "method", string(b), methodWords)
}
func (r *Reduction) UnmarshalText(b []byte) error {
	return parseWord(r, "reduction", string(b), reductionWords)
}

func (s *Sampling) UnmarshalText(b []byte) error {
	return parseWord(s, "sampling", string(b), samplingWords)
}

// alternatives joins words as "a, b or c".
func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// suggest names the word closest to s, if one is close.
func suggest(s string, words []string) string {
	if len(s) > 40 {
		return ""
	}
	best, at := len(s)/3+2, ""
	for _, w := range words {
		if len(s) > 1 && strings.HasPrefix(w, s) {
			return "; did you mean " + w + "?"
		}
		if d := editDistance(strings.ToLower(s), strings.ToLower(w)); d < best {
			best, at = d, w
		}
	}
	if at == "" {
		return ""
	}
	return "; did you mean " + at + "?"
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func editDistance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := old[j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, old[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, older[j-2]+1)
			}
			row[j] = d
		}
	}
	return row[len(b)]
}
