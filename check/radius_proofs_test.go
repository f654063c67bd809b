package check_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
)

// nominals are tasks about which a radius is proved.
var nominals = map[string]string{
	"figure 3a":        "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.02}}\n",
	"two steps":        "tasks: [{A: 1.2, B: 0.7, Q: 1, R: 0.3, N: 0.1, discount: 0.9}]\nmeta: {inner: {rate: 0.01, steps: 2}}\n",
	"natural":          "tasks: [{A: 1.2, B: -0.7, Q: 1, R: 0.3, Sigma0: 2}]\nmeta: {inner: {rate: 0.05, rule: natural}}\n",
	"gauss-newton":     "tasks: [{A: 1.2, B: 0.7, Q: 1, R: 0.3}]\nmeta: {inner: {rate: 0.3, rule: gauss-newton}}\n",
	"policy iteration": "tasks: [{A: -0.4, B: 2, Q: 0.5, R: 1}]\nmeta: {inner: {rate: 0.5, rule: gauss-newton}}\n",
	"no state cost":    "tasks: [{A: 1.5, B: 1, Q: 0, R: 1}]\nmeta: {inner: {rate: 0.02}}\n",
	"spurious":         "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.2}}\n",
}

func nominalOf(t *testing.T, text string) *landscape.Nominal {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	rates := make([]float64, f.Meta.Inner.Steps)
	for k := range rates {
		rates[k] = f.Meta.Inner.Rate.At(k)
	}
	n, err := landscape.NewNominal(f, rates)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// radiusOf proves a radius.
func radiusOf(t *testing.T, text string, ε float64) (*landscape.Radius, certificate.Certificate) {
	t.Helper()
	n := nominalOf(t, text)
	r, err := n.Radius(context.Background(), ε, landscape.RadiusOptions{Rounds: -1})
	if err != nil {
		t.Fatal(err)
	}
	c, ok := r.Certificate()
	if !ok {
		t.Fatalf("nothing proved: %s", r.Why)
	}
	return r, c
}

// Every radius that is proved is verified, with enclosures of the checker's own.
func TestRadiiAreAccepted(t *testing.T) {
	t.Parallel()
	for name, text := range nominals {
		for _, ε := range []float64{0.1, 1e-3, 1e-5} {
			if name == "spurious" && ε < 1e-3 {
				continue // no radius
			}
			_, c := radiusOf(t, text, ε)
			data, err := certificate.Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			r, err := check.Check(data)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Valid {
				t.Errorf("%s, ε = %v: %s\n%s", name, ε, r.Reason, data)
				continue
			}
			t.Logf("%s: %d bytes: %s", name, len(data), r.Claim)
		}
	}
}

// smaller is a radius with room, of which every alteration can be tried.
func smaller(t *testing.T) certificate.Certificate {
	text := "tasks:\n  - {name: nominal, A: 1, B: 1, Q: 1, R: 1}\n  - {name: near, A: 1.001, B: 0.999, Q: 1, R: 1.001, weight: 3}\nmeta: {inner: {rate: 0.02}}\n"
	_, c := radiusOf(t, text, 0.1)
	if !c.Radius.Family || len(c.Radius.Cover) < 8 {
		t.Fatalf("%+v", c.Radius)
	}
	return c
}

func encoded(t *testing.T, c certificate.Certificate) []byte {
	t.Helper()
	data, err := certificate.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever byte of a radius is altered, it is refused.
func TestEveryByteOfARadiusCounts(t *testing.T) {
	t.Parallel()
	data := encoded(t, smaller(t))
	if r, err := check.Check(data); err != nil || !r.Valid {
		t.Fatal(r, err)
	}
	for i, was := range data {
		for _, b := range []byte{was ^ 1, was ^ 0x20, was + 1, '0', '9', ' ', '"', 0, 0xff} {
			if b == was {
				continue
			}
			data[i] = b
			if r, err := check.Check(data); err != nil || r.Valid {
				t.Errorf("byte %d altered from %q to %q: %v, %v", i, was, b, r, err)
			}
		}
		data[i] = was
	}
}

// Whatever digit of a radius is altered, and the hashes computed again, it is
// refused, or no family is found that refutes it: those nearer than the δ searched
// for the altered task and ε.
func TestEveryDigitOfARadiusIsTrueOrRefused(t *testing.T) {
	t.Parallel()
	data := encoded(t, smaller(t))
	searched := map[string]float64{}
	tried, valid := 0, 0
	for i, was := range data {
		if was < '0' || was > '9' {
			continue
		}
		altered := slices.Clone(data)
		altered[i] = '0' + (was-'0'+byte(1+i%9))%10
		var c certificate.Certificate
		if json.Unmarshal(altered, &c) != nil {
			continue
		}
		c.Format = certificate.Format
		again, err := certificate.Encode(c)
		if err != nil {
			continue
		}
		if _, err := certificate.Decode(again); err != nil {
			continue
		}
		tried++
		r, err := check.Check(again)
		if err != nil && !errors.Is(err, check.ErrUnsupported) {
			t.Errorf("digit %d: %v", i, err)
		}
		if err != nil || !r.Valid {
			continue
		}
		valid++
		key := fmt.Sprint(c.Radius.Epsilon, c.Family)
		if _, known := searched[key]; !known {
			searched[key] = searchedOf(t, c.Family, c.Radius.Epsilon)
		}
		if !(c.Radius.Delta < searched[key]) {
			t.Errorf("digit %d, after %.30q: δ = %v passes, and a family within %v is not ε-global", i, data[max(0, i-30):i], c.Radius.Delta, searched[key])
		}
	}
	t.Logf("%d altered digits, %d of them leave a certificate that is not refuted", tried, valid)
	if tried < 300 || valid == tried {
		t.Errorf("%d alterations were tried, %d passed", tried, valid)
	}
}

// searchedOf is a δ within which a family is proved not to be ε-global.
func searchedOf(t *testing.T, text string, ε float64) float64 {
	t.Helper()
	n := nominalOf(t, text)
	r, err := n.Radius(context.Background(), ε, landscape.RadiusOptions{Rounds: 30})
	if err != nil {
		t.Fatal(err)
	}
	return r.Searched
}

// A planted falsehood is refused, and for the reason expected.
func TestFalseRadiiAreRefused(t *testing.T) {
	t.Parallel()
	good := smaller(t)
	for _, tt := range []struct {
		name  string
		plant func(c *certificate.Certificate, r *certificate.Radius)
		want  string
	}{
		{"a larger δ", func(_ *certificate.Certificate, r *certificate.Radius) { r.Delta *= 1.5 }, "not found to hold"},
		{"δ of a family that is not ε-global", func(_ *certificate.Certificate, r *certificate.Radius) { r.Delta = 0.01 }, ""},
		{"a smaller ε", func(_ *certificate.Certificate, r *certificate.Radius) { r.Epsilon *= 0.3 }, "not found to hold"},
		{"ε = 0", func(_ *certificate.Certificate, r *certificate.Radius) { r.Epsilon = 0 }, "must be positive"},
		{"δ = 0", func(_ *certificate.Certificate, r *certificate.Radius) { r.Delta = 0 }, "must be positive"},
		{"another nominal task", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "A: [[1]]", "A: [[1.01]]", 1)
		}, ""},
		{"another nominal task, the second", func(c *certificate.Certificate, r *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "A: [[1]]", "A: [[1.2]]", 1)
			r.Family = false
		}, ""},
		{"another rate", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "0.02", "0.03", 1)
		}, ""},
		{"another rule", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "rule: gradient", "rule: natural", 1)
		}, ""},
		{"a task that is not near", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "0.999", "0.99", 1)
		}, "more than δ"},
		{"a task with another discount", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "R: [[1.001]]", "R: [[1.001]]\n    discount: 0.99", 1)
		}, "discount"},
		{"a task with a cross term", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "R: [[1.001]]", "R: [[1.001]]\n    N: [[0.0001]]", 1)
		}, "its N"},
		{"a task with another initial state", func(c *certificate.Certificate, _ *certificate.Radius) {
			c.Family = strings.Replace(c.Family, "R: [[1.001]]", "R: [[1.001]]\n    Sigma0: [[1.1]]", 1)
		}, "initial state"},
		{"no cover", func(_ *certificate.Certificate, r *certificate.Radius) { r.Cover = nil }, "empty"},
		{"the first piece missing", func(_ *certificate.Certificate, r *certificate.Radius) {
			r.Cover = r.Cover[2:]
		}, "may be in the domain"},
		{"the last pieces missing", func(_ *certificate.Certificate, r *certificate.Radius) {
			r.Cover = r.Cover[:len(r.Cover)-2]
		}, "may be in the domain"},
		{"a hole", func(_ *certificate.Certificate, r *certificate.Radius) {
			r.Cover = slices.Delete(r.Cover, 3, 4)
		}, "the one before ends"},
		{"a hole of one rounding", func(_ *certificate.Certificate, r *certificate.Radius) {
			b := &r.Cover[3].Box
			*b = interval.New(math.Nextafter(b.Lo(), 9), b.Hi())
		}, "the one before ends"},
		{"a mixture called slope", func(_ *certificate.Certificate, r *certificate.Radius) {
			for i := range r.Cover {
				if r.Cover[i].Is == certificate.Mixed {
					r.Cover[i].Is = certificate.Sloping
				}
			}
		}, `"slope" is not found`},
		{"a slope called outside", func(_ *certificate.Certificate, r *certificate.Radius) {
			i := slices.IndexFunc(r.Cover, func(p certificate.RadiusPiece) bool { return p.Is == certificate.Sloping })
			r.Cover[i].Is = certificate.Outside
		}, `"outside" is not found`},
		{"a slope called bend", func(_ *certificate.Certificate, r *certificate.Radius) {
			for i := range r.Cover {
				if r.Cover[i].Is == certificate.Sloping {
					r.Cover[i].Is = certificate.Bending
				}
			}
		}, `"bend" is not found`},
		{"all of it slope", func(_ *certificate.Certificate, r *certificate.Radius) {
			for i := range r.Cover {
				r.Cover[i].Is = certificate.Sloping
			}
		}, `"slope" is not found`},
		{"all of it gap", func(_ *certificate.Certificate, r *certificate.Radius) {
			for i := range r.Cover {
				r.Cover[i].Is = certificate.Near
			}
		}, `"gap" is not found`},
		{"an unknown reason", func(_ *certificate.Certificate, r *certificate.Radius) { r.Cover[0].Is = "good" }, "unknown reason"},
		{"an unbounded piece", func(_ *certificate.Certificate, r *certificate.Radius) {
			r.Cover[0].Box = interval.New(math.Inf(-1), r.Cover[0].Box.Hi())
		}, "not bounded"},
		{"an empty piece", func(_ *certificate.Certificate, r *certificate.Radius) { r.Cover[1].Box = interval.Empty() }, "no interior"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, r := good, *good.Radius
			r.Cover = slices.Clone(r.Cover)
			c.Radius = &r
			tt.plant(&c, &r)
			got, err := check.Check(encoded(t, c))
			if err != nil {
				t.Fatal(err)
			}
			if got.Valid {
				t.Fatalf("accepted: %s", got.Claim)
			}
			if !strings.Contains(got.Reason, tt.want) {
				t.Errorf("refused because %s; want %q in it", got.Reason, tt.want)
			}
		})
	}
}

// With a bowl the claim rests on where inf h is attained.
func TestFalseBowlsAreRefused(t *testing.T) {
	t.Parallel()
	_, good := radiusOf(t, nominals["gauss-newton"], 1e-5)
	if good.Radius.Bowl == nil {
		t.Fatalf("no bowl: %+v", good.Radius)
	}
	for _, tt := range []struct {
		name  string
		plant func(r *certificate.Radius)
		want  string
	}{
		{"no bowl", func(r *certificate.Radius) { r.Bowl = nil }, "not in the bowl"},
		{"no bowl, and its gains called a mixture", func(r *certificate.Radius) {
			for i := range r.Cover {
				if r.Cover[i].Is == certificate.Bowled {
					r.Cover[i].Is = certificate.Mixed
				}
			}
			r.Bowl = nil
		}, `"mixture" is not found`},
		{"all of it a bowl", func(r *certificate.Radius) {
			r.Cover = []certificate.RadiusPiece{{Box: r.Cover[0].Box.Hull(r.Cover[len(r.Cover)-1].Box), Is: certificate.Bowled}}
			r.Bowl.Box = r.Cover[0].Box
		}, "finite and convex"},
		{"a bowl that is not convex", func(r *certificate.Radius) {
			r.Bowl.Box = interval.New(0.5, r.Bowl.Box.Hi())
		}, "finite and convex"},
		{"a bowl beyond its border", func(r *certificate.Radius) {
			r.Bowl.Box = interval.New(r.Bowl.Box.Lo(), 3.3)
		}, "finite and convex"},
		{"a bowl too narrow", func(r *certificate.Radius) {
			r.Bowl.Box = interval.New(r.Bowl.At-1e-3, r.Bowl.At+1e-3)
		}, "not in the bowl"},
		{"a gain with larger gaps", func(r *certificate.Radius) { r.Bowl.At = r.Bowl.Box.Lo() }, "less than at the gain"},
		{"a gain outside", func(r *certificate.Radius) { r.Bowl.At = 0.9 * r.Bowl.Box.Lo() }, "does not hold the gain"},
		{"a larger δ", func(r *certificate.Radius) { r.Delta *= 4 }, "not found"},
	} {
		c, r := good, *good.Radius
		b := *r.Bowl
		r.Cover, r.Bowl, c.Radius = slices.Clone(r.Cover), &b, &r
		tt.plant(&r)
		got, err := check.Check(encoded(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if got.Valid || !strings.Contains(got.Reason, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
	}
}

// Radii of what no radius is defined for cannot be judged.
func TestUnsupportedRadii(t *testing.T) {
	for _, text := range []string{
		"tasks: [{A: 1, B: 1, Q: 1, R: 1, sample_time: 0.1}]\nmeta: {inner: {rate: 0.02}}\n",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1, inner: {Q: 2}}]\nmeta: {inner: {rate: 0.02}}\n",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.02}}\n",
		"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {algorithm: moreau, inner: {strength: 10}}\n",
		"tasks: [{A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.1}}\n",
	} {
		c := certificate.Certificate{Family: text, Radius: &certificate.Radius{Epsilon: 1, Delta: 1e-9, Cover: []certificate.RadiusPiece{{Box: interval.New(-9, 9), Is: certificate.Near}}}}
		if r, err := check.Check(encoded(t, c)); !errors.Is(err, check.ErrUnsupported) || r != nil {
			t.Errorf("%v, %v\n%s", r, err, text)
		}
	}
}
