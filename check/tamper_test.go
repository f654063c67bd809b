package check

import (
	"errors"
	"go/build"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/interval"
)

// Whatever byte of a file is altered, it is refused.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	c := landscapeOf(t, scalar("rate: 0.2", unit4), certificate.OneMap)
	data, err := certificate.Encode(*c)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Check(data); err != nil || !r.Valid {
		t.Fatal(r, err)
	}
	tried := 0
	for i := range data {
		was := data[i]
		for _, b := range []byte{was ^ 1, was ^ 0x20, was + 1, '0', '9', ' ', '"', 0, 0xff} {
			if b == was {
				continue
			}
			data[i] = b
			tried++
			if r, err := Check(data); err != nil || r.Valid {
				t.Errorf("byte %d altered from %q to %q: %v, %v", i, was, b, r, err)
			}
		}
		data[i] = was
		if r, err := Check(append(append([]byte{}, data[:i]...), data[i+1:]...)); err != nil || r.Valid {
			t.Errorf("byte %d left out: %v, %v", i, r, err)
		}
	}
	t.Logf("%d alterations of %d bytes", tried, len(data))
}

// Whatever digit of the content is altered, and the hashes computed again, the
// certificate is refused, or what it then claims is true in the eyes of the judge.
func TestEveryDigitIsTrueOrRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*certificate.Certificate{
		"one-map": landscapeOf(t, scalar("rate: 0.2", unit4), certificate.OneMap),
		"sum":     landscapeOf(t, scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), certificate.Sum),
	} {
		t.Run(name, func(t *testing.T) {
			data, err := certificate.Encode(*c)
			if err != nil {
				t.Fatal(err)
			}
			tried, valid := 0, 0
			for i, was := range data {
				if was < '0' || was > '9' {
					continue
				}
				b := '0' + (was-'0'+byte(1+i%9))%10
				data[i] = b
				altered := again(data)
				data[i] = was
				if altered == nil {
					continue
				}
				tried++
				r, err := Check(altered)
				if err != nil {
					t.Errorf("digit %d altered to %q: %v", i, b, err)
				}
				if r == nil || !r.Valid {
					continue
				}
				valid++
				d, err := certificate.Decode(altered)
				if err != nil {
					t.Fatal(err)
				}
				j, err := newJudge(parse(t, d.Family))
				if err != nil {
					t.Fatal(err)
				}
				if err := j.believes(d.Landscape, 150); err != nil {
					t.Errorf("digit %d, after %.30q, altered from %q to %q: passes, but %v", i, data[max(0, i-30):i], was, b, err)
				}
			}
			t.Logf("%d altered digits, %d of them leave a true certificate", tried, valid)
			if tried < 500 {
				t.Errorf("only %d alterations were tried", tried)
			}
		})
	}
}

// again is altered content with its hashes; nil if it has no canonical form.
func again(data []byte) []byte {
	c, err := decodeAnyway(data)
	if err != nil {
		return nil
	}
	out, err := certificate.Encode(*c)
	if err != nil {
		return nil
	}
	return out
}

// A planted falsehood is refused, and for the reason expected.
func TestFalsehoodsAreRefused(t *testing.T) {
	one := func() *certificate.Certificate {
		return landscapeOf(t, scalar("rate: 0.2", unit4), certificate.OneMap)
	}
	flat := func() *certificate.Certificate {
		return landscapeOf(t, scalar("rate: 0.05", unit4), certificate.OneMap)
	}
	two := func() *certificate.Certificate {
		return landscapeOf(t, scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}), certificate.Sum)
	}
	islands := func() *certificate.Certificate {
		return landscapeOf(t, scalar("rate: 0.01", [4]float64{1, 1, 1e-6, 1}), certificate.OneMap)
	}
	cut := func(s []certificate.Stationary, i int) []certificate.Stationary {
		return append(s[:i:i], s[i+1:]...)
	}
	shift := func(b interval.Interval, by float64) interval.Interval {
		return interval.New(b.Lo()+by, b.Hi()+by)
	}
	up := func(x float64) *float64 { return &x }
	for _, tt := range []struct {
		name  string
		from  func() *certificate.Certificate
		plant func(c *certificate.Certificate, l *certificate.Landscape)
		want  string
	}{
		{"a minimiser removed", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary = cut(l.Stationary, 0)
		}, "no stationary point is found to be the zero of slope"},
		{"a minimiser removed, one-map", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary = cut(l.Stationary, 2)
		}, "no stationary point is found to be the zero of offset"},
		{"a minimiser added", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			s := l.Stationary[0]
			s.Gain = shift(s.Gain, 1e-9)
			l.Stationary = append([]certificate.Stationary{l.Stationary[0], s}, l.Stationary[1:]...)
		}, "is not the zero of any Zero piece"},
		{"a box moved off its zero", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[2].Gain = shift(l.Stationary[2].Gain, 1e-12)
		}, "no stationary point is found"},
		{"ε below the true value", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Epsilon = up(*l.Epsilon - 1e-15)
		}, "at most"},
		{"lower ε above the true value", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.EpsilonLow += 1e-13
			l.Epsilon = up(*l.Epsilon + 1)
		}, "at least"},
		{"negative lower ε", two, func(_ *certificate.Certificate, l *certificate.Landscape) { l.EpsilonLow = -1 }, "at least"},
		{"ε not stated", two, func(_ *certificate.Certificate, l *certificate.Landscape) { l.Epsilon = nil }, "ε is not stated"},
		{"a hole in a cover", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers[0].Pieces = append(l.Covers[0].Pieces[:2:2], l.Covers[0].Pieces[3:]...)
		}, "it has a hole"},
		{"a narrow hole in a cover", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			p := &l.Covers[0].Pieces[2]
			p.Box = interval.New(p.Box.Lo()+1e-15, p.Box.Hi())
		}, "it has a hole"},
		{"a cover left out", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers = l.Covers[:2]
		}, "fold 1 has no cover"},
		{"a cover twice", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers = append(l.Covers, l.Covers[0])
		}, "a second cover of offset"},
		{"a cover of another step", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers[1].Step = 2
		}, "reach 1 has no cover"},
		{"zero called free", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			for i := range l.Covers[0].Pieces {
				if l.Covers[0].Pieces[i].Is == certificate.Zero {
					l.Covers[0].Pieces[i].Is = certificate.Free
					l.Stationary = l.Stationary[1:]
					return
				}
			}
		}, "slope is not 0"},
		{"free called zero", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers[0].Pieces[2].Is = certificate.Zero
		}, "piece"},
		{"a task changed", two, func(c *certificate.Certificate, _ *certificate.Landscape) {
			c.Family = strings.Replace(c.Family, "Q: 0.1", "Q: 0.11", 1)
		}, ""},
		{"a task added", two, func(c *certificate.Certificate, _ *certificate.Landscape) {
			c.Family = strings.Replace(c.Family, "meta:", "  - {A: 1, B: 1, Q: 1, R: 1}\nmeta:", 1)
		}, ""},
		{"a weight changed", two, func(c *certificate.Certificate, _ *certificate.Landscape) {
			c.Family = strings.Replace(c.Family, "Q: 0.1", "weight: 1.0001, Q: 0.1", 1)
		}, ""},
		{"the rate changed", two, func(c *certificate.Certificate, _ *certificate.Landscape) {
			c.Family = strings.Replace(c.Family, "0.05", "0.0501", 1)
		}, ""},
		{"the rate open", two, func(c *certificate.Certificate, _ *certificate.Landscape) {
			c.Family = strings.Replace(c.Family, "0.05", "auto", 1)
		}, "auto"},
		{"the start of a domain dropped", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.DomainCover = l.DomainCover[2:]
		}, "gains left of"},
		{"an end layer dropped", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			for i, p := range l.DomainCover {
				if p.Is == certificate.End {
					l.DomainCover[i-1].Box = l.DomainCover[i-1].Box.Hull(p.Box)
					l.DomainCover = append(l.DomainCover[:i:i], l.DomainCover[i+1:]...)
					return
				}
			}
		}, "outside because of task"},
		{"an end called inside", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			for i, p := range l.DomainCover {
				if p.Is == certificate.End {
					l.DomainCover[i].Is = certificate.In
					return
				}
			}
		}, "in the domain: not found"},
		{"another end of the domain", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Domain[0].Low = shift(l.Domain[0].Low, 1e-3)
		}, "lower end"},
		{"the wrong task excludes", islands, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.DomainCover[0].Task = 1
		}, "there is no task 1"},
		{"a component dropped", islands, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Domain = l.Domain[1:]
		}, "lower end"},
		{"the last component dropped", islands, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Domain = l.Domain[:1]
		}, "is not listed"},
		{"the cover of a component dropped", islands, func(_ *certificate.Certificate, l *certificate.Landscape) {
			for i := range l.Covers {
				var keep []certificate.Piece
				for _, p := range l.Covers[i].Pieces {
					if p.Box.Lo() > 0.003 {
						keep = append(keep, p)
					}
				}
				l.Covers[i].Pieces = keep
			}
		}, "it has a hole"},
		{"components made one", islands, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Domain = []certificate.Component{{Low: l.Domain[0].Low, High: l.Domain[1].High}}
		}, "upper end"},
		{"kind flipped", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[1].Kind = certificate.Minimum
		}, "it is a maximum"},
		{"kind flipped, one-map", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[0].Kind = certificate.Neither
		}, "it is a minimum"},
		{"optimal without one map", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[0].Optimal = true
		}, "optimal is true"},
		{"a spurious minimum called optimal", one, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[2].Optimal = true
		}, "optimal is true"},
		{"a value moved", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Stationary[0].Value = shift(l.Stationary[0].Value, 1e-13)
		}, "does not hold"},
		{"an infimum too high", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Infimum = interval.New(l.Infimum.Hi()+1e-15, 2)
		}, "inf h lies in"},
		{"an infimum too low", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Infimum = interval.New(0, l.Infimum.Lo()-1e-15)
		}, "inf h lies in"},
		{"one map for two tasks", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Mode = certificate.OneMap
		}, "family that comes to one task"},
		{"verdict upgraded to global", one, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Verdict = certificate.Global
		}, `"global" is not verified`},
		{"verdict global of equal values", func() *certificate.Certificate {
			return landscapeOf(t, scalar("rate: 0.05", unit4), certificate.Sum)
		}, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Verdict = certificate.Global
		}, `"global" is not verified`},
		{"verdict not-global", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Verdict = certificate.NotGlobal
		}, `"not-global" is not verified`},
		{"unknown verdict", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Verdict = "good"
		}, "unknown verdict"},
		{"unknown mode", flat, func(_ *certificate.Certificate, l *certificate.Landscape) { l.Mode = "none" }, "unknown mode"},
		{"an unknown piece not listed", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers[0].Pieces[2].Is = certificate.Unknown
		}, "not in the unresolved boxes"},
		{"global with something unresolved", flat, func(_ *certificate.Certificate, l *certificate.Landscape) {
			b := l.Covers[1].Pieces[0].Box
			l.Unresolved = append(l.Unresolved, interval.New(b.Lo(), b.Lo()+1e-6))
		}, "not verified"},
		{"an empty piece", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.DomainCover[1].Box = interval.Empty()
		}, "no interior"},
		{"an unbounded end piece", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.DomainCover = []certificate.Piece{{Box: interval.Entire(), Is: certificate.End}}
		}, "not bounded"},
		{"an unbounded zero piece", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Covers[0].Pieces = []certificate.Piece{{Box: interval.Entire(), Is: certificate.Zero}}
		}, ""},
		{"an unbounded component", two, func(_ *certificate.Certificate, l *certificate.Landscape) {
			l.Domain[0].Low = interval.New(interval.Entire().Lo(), 0.1)
		}, "lower end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.from()
			if r := report(t, c); !r.Valid {
				t.Fatal(r.Reason)
			}
			tt.plant(c, c.Landscape)
			r := report(t, c)
			if r.Valid {
				t.Fatalf("accepted: %s", r.Claim)
			}
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("refused because %s; want %q in it", r.Reason, tt.want)
			}
		})
	}
}

// The checker must not rest on the program whose certificates it verifies.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	var follow func(path string)
	follow = func(path string) {
		if seen[path] || !strings.HasPrefix(path, "github.com/metalqr/metalqr") {
			return
		}
		seen[path] = true
		dir := "../" + strings.TrimPrefix(strings.TrimPrefix(path, "github.com/metalqr/metalqr"), "/")
		p, err := build.ImportDir(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range p.Imports {
			follow(i)
		}
	}
	follow("github.com/metalqr/metalqr/check")
	for _, bad := range []string{"landscape", "maml", "run", "report"} {
		if seen["github.com/metalqr/metalqr/"+bad] {
			t.Errorf("package check rests on package %s", bad)
		}
	}
	if !seen["github.com/metalqr/metalqr/interval"] || !seen["github.com/metalqr/metalqr/family"] {
		t.Errorf("imports were not followed: %v", seen)
	}
}

func TestUnsupported(t *testing.T) {
	landscape := &certificate.Landscape{Mode: certificate.Sum}
	gap := 1e9
	point := &certificate.Point{Gain: [][]float64{{0.5}}, Gap: &gap}
	for name, text := range map[string]string{
		"matrix":       "tasks: [{A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}]\nmeta: {inner: {rate: 0.1}}\n",
		"imaml":        "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {algorithm: imaml, inner: {rate: 0.1}}\n",
		"moreau":       "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {algorithm: moreau, inner: {strength: 10}}\n",
		"learned rate": scalar("rate: 0.1, learn: rate", unit4),
	} {
		for _, c := range []certificate.Certificate{{Family: text, Landscape: landscape}, {Family: text, Point: point}} {
			if name == "matrix" && c.Point != nil {
				continue // a gap can be checked
			}
			data, err := certificate.Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := Check(data); !errors.Is(err, ErrUnsupported) || r != nil {
				t.Errorf("%s: %v, %v", name, r, err)
			}
		}
	}
}

// Algorithms that descend the objective of MAML, or try to.
func TestAlgorithmsWithTheObjectiveOfMAML(t *testing.T) {
	for _, a := range []string{"fo-maml", "hf-maml", "reptile", "ftml"} {
		r := report(t, landscapeOf(t, strings.Replace(scalar("rate: 0.05", unit4), "meta: {", "meta: {algorithm: "+a+", ", 1), certificate.OneMap))
		if !r.Valid || !strings.HasSuffix(r.Claim, " (the algorithm, "+a+", has the h of maml)") {
			t.Errorf("%s: %+v", a, r)
		}
	}
}
