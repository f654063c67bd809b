package report

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Every text of every figure lies on the page, and no two texts overlap. The boxes
// are those of the layout, which TestInkStaysInBoxes compares with the drawn pixels.
func TestTextsKeepApart(t *testing.T) {
	for name, f := range gallery(t) {
		s, err := f.layout()
		if err != nil {
			t.Fatal(err)
		}
		boxes, texts := textBoxes(s)
		if len(boxes) < 5 {
			t.Errorf("%s: only %d texts", name, len(boxes))
		}
		page := rect{0, 0, s.width, s.height}
		for i, b := range boxes {
			if !page.contains(b) {
				t.Errorf("%s: %q leaves the page: %v", name, texts[i], b)
			}
			for j := range i {
				if b.meets(boxes[j]) {
					t.Errorf("%s: %q overlaps %q", name, texts[i], texts[j])
				}
			}
		}
	}
}

// textBoxes are tight: height of capitals, no descenders, so that lines of one label
// may be set close.
func textBoxes(s *scene) (boxes []rect, texts []string) {
	for _, it := range s.items {
		if it.text == nil || len(it.text.line.glyphs) == 0 {
			continue
		}
		l, at := it.text.line, it.text.at
		b := rect{at.x, at.y - capHeight*l.size, at.x + l.width, at.y}
		if it.text.up {
			b = rect{at.x - capHeight*l.size, at.y - l.width, at.x, at.y}
		}
		boxes, texts = append(boxes, b), append(texts, l.source)
	}
	return boxes, texts
}

// Random marks: labels never overlap each other, a mark, the curve or the frame.
func TestPlaceProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	placed, wanted := 0, 0
	for trial := range 60 {
		area := rect{40, 10, 40 + 100 + 200*r.Float64(), 10 + 80 + 120*r.Float64()}
		ink := newOccupancy(area)
		var curve []pt
		for i := range 200 {
			x := area.x0 + area.width()*float64(i)/199
			curve = append(curve, pt{x, area.centre().y + .4*area.height()*math.Sin(float64(i)/float64(10+trial))})
		}
		ink.line(curve, true)
		ink.sum()
		var wants []want
		var marks []rect
		for range 1 + r.IntN(9) {
			c := curve[r.IntN(len(curve))]
			wants = append(wants, want{at: c, radius: 3, width: 15 + 30*r.Float64(), height: 8 + 9*r.Float64(), rank: r.IntN(3)})
			marks = append(marks, rect{c.x - 3, c.y - 3, c.x + 3, c.y + 3})
		}
		spots := place(wants, area, ink, marks)
		wanted += len(wants)
		for i, s := range spots {
			if !s.placed {
				continue
			}
			placed++
			if !area.contains(s.box) {
				t.Fatalf("trial %d: label %d leaves its area", trial, i)
			}
			for j, o := range spots[:i] {
				if o.placed && s.box.meets(o.box) {
					t.Fatalf("trial %d: labels %d and %d overlap", trial, i, j)
				}
			}
			for _, m := range marks {
				if s.box.meets(m) {
					t.Fatalf("trial %d: label %d covers a mark", trial, i)
				}
			}
			for k := 1; k < len(curve); k++ {
				if _, _, hit := s.box.clipSegment(curve[k-1], curve[k]); hit {
					t.Fatalf("trial %d: label %d covers the curve", trial, i)
				}
			}
			if math.Abs(s.box.width()-wants[i].width) > 1e-9 || math.Abs(s.box.height()-wants[i].height) > 1e-9 {
				t.Fatalf("trial %d: label %d changed size", trial, i)
			}
		}
		if again := place(wants, area, ink, marks); fmt.Sprint(again) != fmt.Sprint(spots) {
			t.Fatalf("trial %d: a second placement differs", trial)
		}
	}
	if placed*10 < wanted*9 {
		t.Errorf("%d of %d labels placed; want nine tenths", placed, wanted)
	}
}

// A label that cannot be placed is counted on the page.
func TestOmittedLabelsAreCounted(t *testing.T) {
	p := Panel{X: Axis{Max: 1, Min: .1}, Y: Axis{Min: .1, Max: 1}}
	for range 3 {
		p.Marks = append(p.Marks, Mark{X: .5, Y: .5, Text: strings.Repeat("too wide for any panel of this width ", 3)})
	}
	s, err := (&Figure{Panels: []Panel{p}}).layout()
	if err != nil {
		t.Fatal(err)
	}
	_, texts := textBoxes(s)
	if got := texts[len(texts)-1]; got != "3 labels had no room" {
		t.Errorf("last text %q", got)
	}
}

// Dark pixels of a text lie inside its box: the widths and heights by which layouts
// are judged are those of the outlines.
func TestInkStaysInBoxes(t *testing.T) {
	l := setLine("ℎ(𝑤) − 10⁻³ Σ𝜆ᵢ𝐶ᵢ⋆ 𝜂∇𝑀″ fjgy", 20, regular)
	s := &scene{width: l.width + 20, height: 40}
	s.write(l, pt{10, 28}, textColor)
	data, err := s.png(144)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	b := l.box(pt{10, 28}).grow(1.5) // italics overhang by up to a twelfth of the size
	dark := 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if g := color.GrayModel.Convert(img.At(x, y)).(color.Gray); g.Y < 128 {
				dark++
				if q := (rect{float64(x) / 2, float64(y) / 2, float64(x) / 2, float64(y) / 2}); !b.contains(q) {
					t.Fatalf("ink at (%g, %g), outside %v", q.x0, q.y0, b)
				}
			}
		}
	}
	if dark < 500 {
		t.Errorf("%d dark pixels: nothing was written", dark)
	}
}

// Every character of the house's vocabulary has a glyph.
func TestGlyphs(t *testing.T) {
	const all = "abcABC019 −×·≤≥≈→∞√′″Σ∑∂∇‖ηλεδρκ𝑤ℎ𝐶𝑊𝜂𝜆𝜀𝛿𝜅⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵀ⋆∗₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙ…–“”éö"
	for _, base := range []face{regular, bold} {
		for _, g := range setLine(all, 10, base).glyphs {
			if g.id == 0 {
				t.Errorf("face %d: no glyph for %q", base, g.char)
			}
		}
	}
}

// The same data give the same bytes, in every format.
func TestDeterministic(t *testing.T) {
	for _, format := range []Format{SVG, PNG, PDF} {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			f := gallery(t)["zoom"]
			f.DPI = 60
			if err := f.Write(w, format); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%v differs between two writes", format)
		}
		if a.Len() > 80_000 {
			t.Errorf("%v has %d bytes", format, a.Len())
		}
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	f := gallery(t)["two"]
	f.Title, f.Alt = `a < b & "c"`, "two tasks"
	var b bytes.Buffer
	if err := f.Write(&b, SVG); err != nil {
		t.Fatal(err)
	}
	defined, used := map[string]bool{}, 0
	var read string
	for d := xml.NewDecoder(&b); ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range e.Attr {
			switch {
			case a.Name.Local == "id":
				defined[a.Value] = true
			case a.Name.Local == "href":
				used++
				if !defined[strings.TrimPrefix(a.Value, "#")] {
					t.Errorf("%s is not defined", a.Value)
				}
			case a.Name.Local == "aria-label":
				read += a.Value + "\n"
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("attribute %s=%q", a.Name.Local, a.Value)
			}
		}
	}
	if used < 50 || !strings.Contains(read, "𝑤 = 0.1318") {
		t.Errorf("%d glyphs; texts:\n%s", used, read)
	}
}

func TestPNGHasItsSize(t *testing.T) {
	f := gallery(t)["one"]
	f.DPI = 150
	var b bytes.Buffer
	if err := f.Write(&b, PNG); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b.Bytes(), []byte("pHYs"))
	if i < 0 || binary.BigEndian.Uint32(b.Bytes()[i+4:]) != 5906 { // 150/0.0254
		t.Error("resolution is not 5906 dots a metre")
	}
	img, err := png.Decode(&b) // checks the sums of all chunks
	if err != nil {
		t.Fatal(err)
	}
	if w := img.Bounds().Dx(); w != 520 { // 88/25.4·150 = 519.7
		t.Errorf("%d dots wide, want 520", w)
	}
}

// Offsets in the cross-reference table are those of the objects, and the embedded
// fonts are fonts, whose glyphs have the outlines of the whole ones.
func TestPDFIsSound(t *testing.T) {
	var b bytes.Buffer
	if err := gallery(t)["two"].Write(&b, PDF); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	if !bytes.HasPrefix(data, []byte("%PDF-1.7\n")) || !bytes.HasSuffix(data, []byte("%%EOF\n")) {
		t.Fatal("no header or no end")
	}
	m := regexp.MustCompile(`startxref\n(\d+)\n`).FindSubmatch(data)
	at, _ := strconv.Atoi(string(m[1]))
	if !bytes.HasPrefix(data[at:], []byte("xref\n")) {
		t.Fatal("startxref does not point to the table")
	}
	for i, e := range regexp.MustCompile(`(?m)^(\d{10}) 00000 n `).FindAllSubmatch(data[at:], -1) {
		o, _ := strconv.Atoi(string(e[1]))
		if want := fmt.Sprintf("%d 0 obj\n", i+1); !bytes.HasPrefix(data[o:], []byte(want)) {
			t.Errorf("object %d is not at %d", i+1, o)
		}
	}
	if bytes.Contains(data, []byte("CreationDate")) || bytes.Contains(data, []byte("/ID")) {
		t.Error("the file holds a date or an identifier")
	}
}

func TestSubsetKeepsOutlines(t *testing.T) {
	for f := range faces {
		keep := map[sfnt.GlyphIndex]bool{}
		for _, g := range setLine("Aé½ΣÅ×ή", 10, f).glyphs { // é, Å, ή are composite
			keep[g.id] = true
		}
		// The parser insists on tables that PDF does not want: lend it the whole
		// font's.
		whole := tablesOf(ttf[f])
		tables := cut(whole, keep)
		for _, name := range []string{"cmap", "name", "OS/2", "post"} {
			tables[name] = whole[name]
		}
		font2, err := sfnt.Parse(assemble(tables))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(subset(ttf[f], keep)); n > 40_000 { // loca and hmtx, before compression
			t.Errorf("face %d: subset of %d bytes", f, n)
		}
		var buf, buf2 sfnt.Buffer
		for id := range keep {
			a, err := fonts()[f].LoadGlyph(&buf, id, fixed.I(em), nil)
			b, err2 := font2.LoadGlyph(&buf2, id, fixed.I(em), nil)
			if err != nil || err2 != nil || fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("face %d glyph %d differs: %v, %v", f, id, err, err2)
			}
			w, _ := fonts()[f].GlyphAdvance(&buf, id, fixed.I(em), font.HintingNone)
			w2, _ := font2.GlyphAdvance(&buf2, id, fixed.I(em), font.HintingNone)
			if w != w2 {
				t.Errorf("face %d glyph %d: advance %v, want %v", f, id, w2, w)
			}
		}
	}
}

// However far off its points are, what is drawn of a curve lies in the panel: beyond
// 10¹⁶ points, a coordinate computed from the far end has no digits left.
func TestClippingKeepsToThePanel(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	area := rect{10, 10, 200, 120}
	far := func() float64 {
		x := math.Pow(10, 40*r.Float64()) * r.NormFloat64()
		if r.IntN(3) == 0 {
			x = 10 + 100*r.Float64()
		}
		return x
	}
	drawn := 0
	for range 5000 {
		var in []pt
		for range 8 {
			in = append(in, pt{far(), far()})
		}
		var out []pt
		for _, piece := range area.clipLine(in) {
			out = append(out, piece...)
		}
		out = append(out, area.clipPolygon(in)...)
		drawn += len(out)
		for _, q := range out {
			if !area.grow(1e-6).contains(rect{q.x, q.y, q.x, q.y}) {
				t.Fatalf("%v has %v", in, q)
			}
		}
	}
	if drawn < 1000 {
		t.Errorf("only %d points drawn", drawn)
	}
	// A segment that enters far from below leaves where it should.
	got := area.clipLine([]pt{{100, 1e25}, {100, 50}, {150, -1e25}})
	if want := [][]pt{{{100, 120}, {100, 50}, {100, 10}}}; len(got) != 1 || len(got[0]) != 3 ||
		got[0][0].sub(want[0][0]).norm() > 1e-3 || got[0][2].sub(want[0][2]).norm() > 1e-3 {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Points that are not finite, or not positive on a logarithmic axis, break a curve.
func TestCurvesBreak(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name   string
		y      []float64
		log    bool
		pieces int
	}{
		{"whole", []float64{1, 2, 3, 2, 1, 2, 3}, false, 1},
		{"NaN", []float64{1, 2, nan, 2, 1, 2, 3}, false, 2},
		{"infinity", []float64{1, 2, inf, 2, -inf, 2, 3}, false, 2}, // a lone point is no piece
		{"zero on a logarithmic axis", []float64{1, 2, 0, 2, 1, 2, 3}, true, 2},
		{"out of the window and back", []float64{1, 2, 900, 2, 1, 2, 3}, false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Curve{Y: tt.y, Ink: Orange}
			for i := range tt.y {
				c.X = append(c.X, float64(i+1))
			}
			p := Panel{Y: Axis{Log: tt.log, Min: .5, Max: 4}, Curves: []Curve{c}}
			s, err := (&Figure{Panels: []Panel{p}}).layout()
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, it := range s.items {
				if it.stroke.width > 0 && it.stroke.color == Orange.color() {
					n++
				}
				for _, q := range it.path {
					if !q.p[0].finite() {
						t.Error("a coordinate is not finite")
					}
				}
			}
			if n != tt.pieces {
				t.Errorf("%d pieces, want %d", n, tt.pieces)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	good := Panel{Curves: []Curve{{X: []float64{1, 2}, Y: []float64{1, 2}}}}
	with := func(change func(*Panel)) Figure {
		p := good
		change(&p)
		return Figure{Panels: []Panel{good, p}}
	}
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		f    Figure
		want error
		says string
	}{
		{"no panels", Figure{}, ErrEmpty, "no panels"},
		{"empty panel", Figure{Panels: []Panel{{}}}, ErrEmpty, "panel 0"},
		{"only NaN", with(func(p *Panel) { p.Curves = []Curve{{X: []float64{nan}, Y: []float64{1}}} }), ErrEmpty, "panel 1"},
		{"negative on logarithmic", with(func(p *Panel) { p.Y.Log, p.Curves = true, []Curve{{X: []float64{1}, Y: []float64{-1}}} }), ErrEmpty, "panel 1"},
		{"unequal curve", with(func(p *Panel) { p.Curves = []Curve{{Label: "gap", X: []float64{1}}} }), ErrData, "curve 0 (gap)"},
		{"unequal band", with(func(p *Panel) { p.Bands = []Band{{X: []float64{1}}} }), ErrData, "band 0"},
		{"window backwards", with(func(p *Panel) { p.X.Min, p.X.Max = 2, 1 }), ErrData, "[2, 1]"},
		{"logarithmic window", with(func(p *Panel) { p.X.Log, p.X.Min, p.X.Max = true, -1, 1 }), ErrData, "begins at -1"},
		{"domain backwards", with(func(p *Panel) { p.Domain = []Interval{{1, 1}} }), ErrData, "domain interval 0"},
		{"slope on linear axes", with(func(p *Panel) { p.Slopes = []Slope{{Exponent: 2}} }), ErrData, "logarithmic"},
		{"unknown kind", with(func(p *Panel) { p.Marks = []Mark{{Kind: 99}} }), ErrData, "kind 99"},
		{"narrow", Figure{Width: 3, Panels: []Panel{good}}, ErrData, "40 to 1000"},
		{"resolution", Figure{DPI: 1e6, Panels: []Panel{good}}, ErrData, "30 to 2400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			err := tt.f.Write(&b, SVG)
			var de *DataError
			if !errors.Is(err, tt.want) || !errors.As(err, &de) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %v that says %q", err, tt.want, tt.says)
			}
			if b.Len() > 0 {
				t.Error("something was written")
			}
		})
	}
	if err := (Figure{Panels: []Panel{good}}).Write(io.Discard, 0); !errors.Is(err, ErrFormat) {
		t.Errorf("format 0: %v", err)
	}
	if _, err := (Landscape{}).Panel(); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty landscape: %v", err)
	}
	l := Landscape{Objective: func(float64) float64 { return nan }, Domain: []Interval{{0, 1}}}
	if _, err := l.Panel(); !errors.Is(err, ErrEmpty) {
		t.Errorf("undefined landscape: %v", err)
	}
}

func TestFormatOf(t *testing.T) {
	for path, want := range map[string]Format{"a.svg": SVG, "b/c.PNG": PNG, "x.y.pdf": PDF, "a.jpg": 0, "svg": 0, "": 0} {
		got, err := FormatOf(path)
		var fe *FormatError
		if got != want || (want == 0) != errors.Is(err, ErrFormat) || (want == 0) != errors.As(err, &fe) {
			t.Errorf("FormatOf(%q) = %v, %v", path, got, err)
		}
	}
}

// A figure that cannot be drawn leaves the file that was there.
func TestSaveKeepsWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.svg")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Figure{}).Save(path); !errors.Is(err, ErrEmpty) {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("file holds %q", got)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("%d files in the directory", len(left))
	}
}

func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		x      float64
		digits int
		want   string
	}{
		{.246234, 4, "0.2462"}, {-1.5, 3, "−1.50"}, {0, 3, "0"}, {1.5e-7, 2, "1.5×10⁻⁷"}, {9.9996, 4, "10.00"},
		{999999.9, 4, "1.000×10⁶"}, {math.Inf(-1), 3, "−∞"}, {math.Inf(1), 3, "∞"}, {math.NaN(), 3, "undefined"},
		{123456, 3, "123456"},
	} {
		if got := Number(tt.x, tt.digits); got != tt.want {
			t.Errorf("Number(%v, %d) = %q, want %q", tt.x, tt.digits, got, tt.want)
		}
	}
}

// Ticks lie in the window, increase and are told apart by their texts.
func TestTicks(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		s := scale{lo: r.NormFloat64() * math.Pow(10, 8*r.Float64()-4), log: r.IntN(2) == 0}
		s.hi = s.lo + math.Abs(s.lo)*math.Pow(10, 6*r.Float64()-3)
		if s.log {
			s.lo = math.Abs(s.lo)
			s.hi = s.lo * (1.5 + math.Pow(10, 9*r.Float64()))
		}
		ticks := Axis{Log: s.log}.ticks(s, 6)
		seen := map[string]bool{}
		numbered := 0
		for i, k := range ticks {
			slack := 1e-8 * (s.hi - s.lo)
			if k.value < s.lo-slack || k.value > s.hi+slack || (i > 0 && k.value <= ticks[i-1].value) {
				t.Fatalf("[%g, %g]: tick %v", s.lo, s.hi, k)
			}
			if k.text != "" {
				numbered++
				if seen[k.text] {
					t.Fatalf("[%g, %g] log %v: %q twice", s.lo, s.hi, s.log, k.text)
				}
				seen[k.text] = true
			}
		}
		if numbered == 0 || numbered > 12 {
			t.Fatalf("[%g, %g] log %v: %d numbers", s.lo, s.hi, s.log, numbered)
		}
	}
}

// The chord between sampled points is within the tolerance where the curve is seen,
// here near both poles of 1/(x(1 − x)).
func TestSample(t *testing.T) {
	f := func(x float64) float64 { return 1 / (x * (1 - x)) }
	const tol = .01
	x, y := Sample(f, 0, 1, tol, 50)
	for i := 1; i < len(x); i++ {
		m := (x[i-1] + x[i]) / 2
		if x[i] <= x[i-1] {
			t.Fatal("not increasing")
		}
		if finite(y[i-1]) && finite(y[i]) && f(m) < 50 && math.Abs(f(m)-(y[i-1]+y[i])/2) > 2*tol {
			t.Errorf("off by %g at %g", math.Abs(f(m)-(y[i-1]+y[i])/2), m)
		}
	}
	if len(x) > 2000 {
		t.Errorf("%d points", len(x))
	}
}
