package certificate

import "github.com/metalqr/metalqr/interval"

// A Region claims that the local minimisers of h with h ≤ Level in a box of gains
// are those listed, for gains of any shape. What each letter of the cover says is
// described in docs/certificates.md.
type Region struct {
	Level  float64      `json:"level"`
	Box    interval.Box `json:"box"`     // of gains, row by row
	OneMap bool         `json:"one_map"` // all tasks have one map F and one optimum

	Minima     []RegionMinimum   `json:"minima"`
	Left       int               `json:"left"`              // boxes of the cover about which nothing is claimed
	Infimum    interval.Interval `json:"infimum"`           // holds inf h over the whole domain
	Witness    []float64         `json:"witness,omitempty"` // a gain, where h is at most the upper end of Infimum
	Epsilon    *float64          `json:"epsilon"`           // minima with h ≤ Level in the box are at most this above inf h; null: not bounded
	EpsilonLow float64           `json:"epsilon_lower"`
	Verdict    Verdict           `json:"verdict"`

	Cover string `json:"cover"` // the bisection tree, depth first, a letter a box
	Meets []int  `json:"meets"` // for each m of the cover in turn, the index of its minimiser
}

// A RegionMinimum is a strict local minimiser; Gain meets the box.
type RegionMinimum struct {
	Gain    interval.Box      `json:"gain"` // holds it and no other stationary point
	Value   interval.Interval `json:"value"`
	Optimal bool              `json:"optimal"` // the adapted gain is the one task's optimum
}
