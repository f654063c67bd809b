// Package certificate is the file in which a proof about a family is kept: what
// is claimed, of which family, and the boxes by which it can be rechecked. It
// holds no mathematics: package landscape makes certificates, package check
// verifies them, and the two share nothing else but interval and the family
// reader.
//
// A certificate is one line of JSON in a canonical form: the bytes that [Encode]
// writes. [Decode] refuses every other byte sequence, so that together with the
// hash no byte can be altered unnoticed. Numbers are written in the shortest
// digits that read back to the same bits. docs/certificates.md describes every
// field and the meaning of each claim.
package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/metalqr/metalqr/interval"
)

// Format names the first version of the format.
const Format = "metalqr certificate 1"

// A Certificate is a claim about a family. Exactly one of Landscape, Point,
// Planar, Region and Radius is present.
type Certificate struct {
	Format       string     `json:"format"`
	Family       string     `json:"family"`        // the family file, with numbers for the inner rates
	FamilySHA256 string     `json:"family_sha256"` // of Family's bytes, in hexadecimal
	Landscape    *Landscape `json:"landscape,omitempty"`
	Point        *Point     `json:"point,omitempty"`
	Planar       *Planar    `json:"planar,omitempty"`
	Region       *Region    `json:"region,omitempty"`
	Radius       *Radius    `json:"radius,omitempty"`
	SHA256       string     `json:"sha256"` // of the canonical content with this field empty
}

// A Verdict says what is known of the local minimisers of a meta-objective.
type Verdict string

const (
	Global        Verdict = "global"         // one local minimiser, or all of one value: ε = 0
	NotGlobal     Verdict = "not-global"     // a local minimiser above the infimum: a spurious one
	EpsilonGlobal Verdict = "epsilon-global" // all found, values not told apart: ε is a bound
	Undecided     Verdict = "undecided"      // boxes are left of which nothing decisive is known
)

// A Landscape claims that the stationary points of h in its domain are those
// listed, and what follows for its local minimisers.
type Landscape struct {
	Mode        Mode                `json:"mode"`
	Domain      []Component         `json:"domain"`
	Stationary  []Stationary        `json:"stationary"` // ascending
	Unresolved  []interval.Interval `json:"unresolved"` // outside them, the claims below are complete
	Infimum     interval.Interval   `json:"infimum"`    // holds inf h
	Epsilon     *float64            `json:"epsilon"`    // every local minimum is at most this above inf h; null: not bounded
	EpsilonLow  float64             `json:"epsilon_lower"`
	Verdict     Verdict             `json:"verdict"`
	DomainCover []Piece             `json:"domain_cover"`
	Covers      []Cover             `json:"covers"`
}

// A Mode says which functions the covers are about.
type Mode string

const (
	Sum    Mode = "sum"     // h′ itself
	OneMap Mode = "one-map" // the factors of h′ of a family that comes to one task
)

// A Component is a maximal interval of the domain. Each end lies in the
// enclosure given for it.
type Component struct {
	Low  interval.Interval `json:"low"`
	High interval.Interval `json:"high"`
}

// A Kind says what a stationary point is.
type Kind string

const (
	Minimum Kind = "minimum" // h′ changes from − to +
	Maximum Kind = "maximum" // h′ changes from + to −
	Neither Kind = "neither" // h′ does not change sign
)

// A Stationary point: h′ has exactly one zero in Gain, of the kind given, and
// its value lies in Value.
type Stationary struct {
	Gain    interval.Interval `json:"gain"`
	Value   interval.Interval `json:"value"`
	Kind    Kind              `json:"kind"`
	Optimal bool              `json:"optimal"` // one-map only: the adapted gain is the task's optimum, so that the value is exactly its optimal cost
}

// A Piece of a cover is a closed interval of gains about which one thing is
// claimed. Task is the index of the task that a piece outside the domain is
// excluded by.
type Piece struct {
	Box  interval.Interval `json:"box"`
	Is   PieceKind         `json:"is"`
	Task int               `json:"task,omitempty"`
}

// A PieceKind is what is claimed of a piece.
type PieceKind string

const (
	Out     PieceKind = "out"     // domain: no gain of it is in the domain, because of Task
	In      PieceKind = "in"      // domain: every gain of it is
	End     PieceKind = "end"     // domain: exactly one end of the domain lies in it
	Free    PieceKind = "free"    // function: it has no zero at the gains of it in the domain
	Zero    PieceKind = "zero"    // function: it is monotone there and has exactly one zero
	Unknown PieceKind = "unknown" // nothing
)

// A Cover is a list of pieces, each beginning where the last ended, that covers
// every component of the domain.
type Cover struct {
	Of     Function `json:"of"`
	Step   int      `json:"step,omitempty"` // of Reach and Fold: the inner step k, from 1
	Pieces []Piece  `json:"pieces"`
}

// A Function is what a cover is about; x₀ = w, x_k = F_k(x_{k−1}).
type Function string

const (
	Slope  Function = "slope"  // h′(w), in mode sum
	Offset Function = "offset" // w − W*, in mode one-map with f = g
	Reach  Function = "reach"  // (F_k(x) − W*)/(x − W*) at x = x_{k−1}, f = g
	Arrive Function = "arrive" // x_K − W*_f, in mode one-map with f ≠ g
	Fold   Function = "fold"   // F_k′(x_{k−1})
)

// A Point claims something about one gain.
type Point struct {
	Gain [][]float64 `json:"gain"` // r rows of d numbers, exact
	// Gap: h(W) − Σ λᵢ Cᵢ* ≤ Gap, and so h(W) − inf h ≤ Gap.
	Gap *float64 `json:"gap,omitempty"`
	// Stationary: h′ has exactly one zero in this box, which holds the gain.
	// Scalar gains only.
	Stationary *interval.Interval `json:"stationary,omitempty"`
	// Box: ∇h has exactly one zero in this box, r rows of d intervals, which holds
	// the gain. In the place of Stationary for gains of more than one number.
	Box [][]interval.Interval `json:"box,omitempty"`
	// Minimum: ∇²h is positive definite at that zero, so that it is a strict local
	// minimiser. With Box only.
	Minimum bool `json:"minimum,omitempty"`
	// Theorem2: that zero is a global minimiser, by Theorem 2 of the paper.
	Theorem2 bool `json:"theorem_2,omitempty"`
	// Proposition1: that zero is a strict local minimiser and at most 0 above
	// inf h, by Proposition 1 with a cost that has no spurious minimum.
	Proposition1 bool `json:"proposition_1,omitempty"`
}

var (
	// ErrFormat is matched by the errors about a file that is no certificate in
	// canonical form.
	ErrFormat = errors.New("not a certificate in canonical form")
	// ErrHash is matched by the error about content that its hash does not
	// belong to.
	ErrHash = errors.New("the content does not belong to its hash")
)

// Encode returns the canonical bytes of a certificate, with its hashes
// computed; c itself is not modified.
func Encode(c Certificate) ([]byte, error) {
	c.Format = Format
	c.FamilySHA256 = hash([]byte(c.Family))
	c.SHA256 = ""
	b, err := canonical(&c)
	if err != nil {
		return nil, err
	}
	c.SHA256 = hash(b)
	return canonical(&c)
}

// Decode reads what [Encode] wrote. Other bytes are an error that matches
// [ErrFormat] or [ErrHash].
func Decode(data []byte) (*Certificate, error) {
	var c Certificate
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("certificate: %w: %w", ErrFormat, err)
	}
	if c.Format != Format {
		return nil, fmt.Errorf("certificate: %w: format %.40q, want %q", ErrFormat, c.Format, Format)
	}
	claims := 0
	for _, present := range []bool{c.Landscape != nil, c.Point != nil, c.Planar != nil, c.Region != nil, c.Radius != nil} {
		if present {
			claims++
		}
	}
	if claims != 1 {
		return nil, fmt.Errorf("certificate: %w: want one claim, about a landscape, a point, a plane, a region or a radius", ErrFormat)
	}
	again, err := canonical(&c)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w: %w", ErrFormat, err)
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("certificate: %w: the bytes are not those of its content", ErrFormat)
	}
	if got := hash([]byte(c.Family)); got != c.FamilySHA256 {
		return nil, fmt.Errorf("certificate: %w: the family's SHA-256 is %s, the certificate says %.64s", ErrHash, got, c.FamilySHA256)
	}
	stated := c.SHA256
	c.SHA256 = ""
	b, err := canonical(&c)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w: %w", ErrFormat, err)
	}
	c.SHA256 = stated
	if got := hash(b); got != stated {
		return nil, fmt.Errorf("certificate: %w: SHA-256 is %s, the certificate says %.64s", ErrHash, got, stated)
	}
	return &c, nil
}

func canonical(c *Certificate) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(c)
	return b.Bytes(), err
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
