package certificate

import "github.com/metalqr/metalqr/interval"

// A Planar claims that the local minimisers of h with h ≤ Level in Region are
// those listed, for a family with two states and one input. The chart, and what
// each letter of the cover says, is described in docs/certificates.md.
type Planar struct {
	Level  float64      `json:"level"`
	Region interval.Box `json:"region,omitempty"` // of gains; absent: the whole domain
	OneMap bool         `json:"one_map"`          // all tasks have one map F and one optimum

	Minima     []PlanarMinimum   `json:"minima"`
	Left       int               `json:"left"`              // boxes of the cover about which nothing is claimed
	Infimum    interval.Interval `json:"infimum"`           // holds inf h
	Witness    []float64         `json:"witness,omitempty"` // a point of the chart in the domain, where h is at most the upper end of Infimum
	Epsilon    *float64          `json:"epsilon"`           // the listed minima are at most this above inf h, and those that hide in boxes left
	EpsilonLow float64           `json:"epsilon_lower"`
	Verdict    Verdict           `json:"verdict"`

	Cover string `json:"cover"` // the bisection tree, depth first, a letter a box
	Meets []int  `json:"meets"` // for each m of the cover in turn, the index of its minimiser

	Strips []PlanarStrip `json:"strips,omitempty"` // what v in the cover stands for
}

// A PlanarMinimum is a strict local minimiser.
type PlanarMinimum struct {
	Chart   interval.Box      `json:"chart"`          // of reflection coefficients: holds it and no other stationary point
	Gain    interval.Box      `json:"gain,omitempty"` // meets the region
	Value   interval.Interval `json:"value"`
	Optimal bool              `json:"optimal"` // the adapted gain is the one task's optimum
	Listed  bool              `json:"listed"`  // false: outside the region, part of the cover only
}

// A PlanarStrip is the rectangle −1 ≤ k₁ ≤ 1, −1 ≤ k₂ ≤ −1 + Width in the chart of
// another task, with a cover of its own.
type PlanarStrip struct {
	Task  int     `json:"task"`
	Width float64 `json:"width"`
	Cover string  `json:"cover"`
}
