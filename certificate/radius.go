package certificate

import "github.com/metalqr/metalqr/interval"

// A Radius claims that every family of tasks within Delta of the family's first
// task, the nominal one, of any size and with any positive weights, has no local
// minimum of h more than Epsilon above inf h. Tasks have one state and one input,
// the rule and the rates of the family, and what the nominal task has but its A, B,
// Q and R; their distance is |ΔA| + |ΔB| + |ΔQ| + |ΔR|.
type Radius struct {
	Epsilon float64       `json:"epsilon"`
	Delta   float64       `json:"delta"`
	Family  bool          `json:"family"` // the family itself is one of those
	Bowl    *RadiusBowl   `json:"bowl,omitempty"`
	Cover   []RadiusPiece `json:"cover"` // of the gains that any such task has in its domain
}

// A RadiusBowl says where inf h is attained: every gain of Box is in the domain of
// every such task, h″ > 0 there, and C(x_K) − C* is nowhere else less for one task than
// at the gain At of Box for another. So no local minimiser in Box is above inf h.
type RadiusBowl struct {
	Box interval.Interval `json:"box"`
	At  float64           `json:"at"`
}

// A RadiusPiece is a closed interval of gains at none of which a family as in
// [Radius] has a local minimiser more than Epsilon above inf h.
type RadiusPiece struct {
	Box interval.Interval `json:"box"`
	Is  RadiusReason      `json:"is"`
}

// A RadiusReason is why. Each holds gain by gain, for the tasks in whose domain the
// gain is. docs/certificates.md has the formulas.
type RadiusReason string

const (
	Outside RadiusReason = "outside" // there is no such task
	Sloping RadiusReason = "slope"   // h′ has one sign for all of them
	Bending RadiusReason = "bend"    // h″ < 0 for all of them
	Near    RadiusReason = "gap"     // C(x_K) − C* ≤ Epsilon for all of them
	Bowled  RadiusReason = "bowl"    // it lies in the bowl
	Mixed   RadiusReason = "mixture" // at a stationary point the mean of C(x_K) − C* is at most Epsilon
)
