package report

import (
	"math"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansitalic"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// face numbers the three faces in use.
type face int

const (
	regular face = iota
	italic
	bold
	faces // how many
)

var ttf = [faces][]byte{liberationsansregular.TTF, liberationsansitalic.TTF, liberationsansbold.TTF}

// fonts parses the faces once. They are constants of the program: failing to read
// them is a bug.
var fonts = sync.OnceValue(func() (f [faces]*sfnt.Font) {
	for i, data := range ttf {
		var err error
		if f[i], err = sfnt.Parse(data); err != nil {
			panic("report: embedded font: " + err.Error())
		}
	}
	return f
})

// Liberation Sans, in units of 1/2048 of its size: height of capitals and figures,
// depth of descenders.
const (
	em        = 2048.0
	capHeight = 1409 / em
	descent   = 431 / em
)

// A glyph is one outline on the baseline of its line: origin (x, y), y up from the
// baseline, at its own size.
type glyph struct {
	face face
	id   sfnt.GlyphIndex
	char rune // what it reads as
	x, y float64
	size float64
	flip bool // upside down between baseline and height of capitals: ∇ from Δ
}

// A line is text laid out on one baseline.
type line struct {
	source string
	size   float64
	glyphs []glyph
	width  float64
}

// box is where l is drawn with its baseline's left end at at. Capitals and descenders
// are allowed for whether or not there are any, so that boxes of one size align.
func (l line) box(at pt) rect {
	return rect{at.x, at.y - l.ascent(), at.x + l.width, at.y + descent*l.size}
}

// ascent is the height of l above its baseline, that of a superscript's figures.
func (l line) ascent() float64 { return (superRise + scriptSize*capHeight) * l.size }

// Scripts are set at 0.7 of the size. Superscripts are raised by 0.36 of it, which
// puts the top of their figures a little above that of capitals; subscripts are
// lowered by 0.16.
const (
	scriptSize = 0.7
	superRise  = 0.36
	subDrop    = -0.16
)

// setLine lays text out at size. Runes that the font lacks show its empty box.
func setLine(text string, size float64, base face) line {
	l := line{source: text, size: size}
	all := fonts()
	var buf sfnt.Buffer
	var x, scriptStart, widest float64
	level := 0
	var last *glyph
	for _, r := range text {
		c := typeset(r, base)
		if c.level != level {
			switch {
			case level == 0:
				scriptStart, widest = x, x
			case c.level != 0: // a superscript above a subscript, or the reverse
				widest = max(widest, x)
				x = scriptStart
			default:
				x = max(widest, x)
			}
			level, last = c.level, nil
		}
		g := glyph{face: c.face, char: c.char, size: size, flip: c.flip}
		switch {
		case level > 0:
			g.size, g.y = scriptSize*size, superRise*size
		case level < 0:
			g.size, g.y = scriptSize*size, subDrop*size
		}
		f := all[g.face]
		// The font's own tables, at one unit a pixel, cannot fail for valid indices.
		g.id, _ = f.GlyphIndex(&buf, c.shape)
		unit := g.size / em
		if last != nil && last.face == g.face && g.id != 0 {
			if k, err := f.Kern(&buf, last.id, g.id, fixed.I(em), font.HintingNone); err == nil {
				x += float64(k) / 64 * unit
			}
		}
		g.x = x
		if a, err := f.GlyphAdvance(&buf, g.id, fixed.I(em), font.HintingNone); err == nil {
			x += float64(a) / 64 * unit
		}
		l.glyphs = append(l.glyphs, g)
		last = &l.glyphs[len(l.glyphs)-1]
	}
	l.width = max(x, widest)
	return l
}

// A character is how one rune is set.
type character struct {
	face  face
	shape rune // looked up in the font
	char  rune // read aloud, copied
	level int  // 1 superscript, −1 subscript
	flip  bool
}

const (
	superscripts = "⁰0¹1²2³3⁴4⁵5⁶6⁷7⁸8⁹9⁺+⁻−⁼=⁽(⁾)ⁿnⁱiᵀT⋆*∗*"
	subscripts   = "₀0₁1₂2₃3₄4₅5₆6₇7₈8₉9₊+₋−₌=₍(₎)ₐaₑeₒoₓxₕhₖkₗlₘmₙnₚpₛsₜtᵢiⱼjᵣrᵤuᵥv"
)

func typeset(r rune, base face) character {
	script := func(pairs string) (rune, bool) {
		if i := strings.IndexRune(pairs, r); i >= 0 && r > 0x7f && r != '−' {
			rest := []rune(pairs[i:])
			return rest[1], true
		}
		return 0, false
	}
	slanted := func(c rune) face {
		if c >= 'a' && c <= 'z' {
			return italic // an index
		}
		return base
	}
	if c, ok := script(superscripts); ok {
		if c == '*' { // the font's asterisk is raised already
			return character{face: base, shape: '*', char: '*', level: 1}
		}
		return character{face: slanted(c), shape: c, char: c, level: 1}
	}
	if c, ok := script(subscripts); ok {
		return character{face: slanted(c), shape: c, char: c, level: -1}
	}
	if c, ok := mathItalic(r); ok {
		return character{face: italic, shape: c, char: c}
	}
	if r == '∇' {
		return character{face: base, shape: 'Δ', char: '∇', flip: true}
	}
	return character{face: base, shape: r, char: r}
}

// mathItalic returns the plain letter of a mathematical italic one (Unicode block
// 1D400–1D7FF; italic h is U+210E).
func mathItalic(r rune) (rune, bool) {
	switch {
	case r == 'ℎ':
		return 'h', true
	case r >= 0x1D434 && r <= 0x1D44D:
		return 'A' + r - 0x1D434, true
	case r >= 0x1D44E && r <= 0x1D467:
		return 'a' + r - 0x1D44E, true
	case r >= 0x1D6E2 && r <= 0x1D6FA:
		return 'Α' + r - 0x1D6E2, true
	case r >= 0x1D6FC && r <= 0x1D714:
		return 'α' + r - 0x1D6FC, true
	case r == 0x1D6FB:
		return '∇', false
	}
	return 0, false
}

// outline is the glyph as a path, in units of the font, y up.
func outline(f face, id sfnt.GlyphIndex) path {
	var buf sfnt.Buffer
	segs, err := fonts()[f].LoadGlyph(&buf, id, fixed.I(em), nil)
	if err != nil {
		return nil
	}
	at := func(q fixed.Point26_6) pt { return pt{float64(q.X) / 64, -float64(q.Y) / 64} }
	var p path
	for _, s := range segs {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if len(p) > 0 {
				p.close()
			}
			p.move(at(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			p.line(at(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			p.quad(at(s.Args[0]), at(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			p.cubic(at(s.Args[0]), at(s.Args[1]), at(s.Args[2]))
		}
	}
	if len(p) > 0 {
		p.close()
	}
	return p
}

// matrix takes (x, y) to (a x + c y + e, b x + d y + f), as in PDF and SVG.
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) apply(p pt) pt {
	return pt{m.a*p.x + m.c*p.y + m.e, m.b*p.x + m.d*p.y + m.f}
}

// place takes units of g's font, y up, to the page, y down.
func (t *textAt) place(g glyph) matrix {
	s := g.size / em
	sy, y := s, g.y
	if g.flip {
		sy, y = -s, g.y+capHeight*g.size
	}
	if t.up { // the line's x runs up the page, its y to the left
		return matrix{0, -s, -sy, 0, t.at.x - y, t.at.y - g.x}
	}
	return matrix{s, 0, 0, -sy, t.at.x + g.x, t.at.y - y}
}

var identity = matrix{a: 1, d: 1}

var emptyRect = rect{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

// hold extends r to the points of p, control points included, taken through m.
func (r rect) hold(p path, m matrix) rect {
	for _, s := range p {
		for i := range s.points() {
			q := m.apply(s.p[i])
			r = rect{min(r.x0, q.x), min(r.y0, q.y), max(r.x1, q.x), max(r.y1, q.y)}
		}
	}
	return r
}
