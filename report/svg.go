package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
)

// svg writes the page in points. Each glyph is defined once, under an identifier made
// of its face and index, and used where it stands; so two figures in one HTML page
// that define the same identifier mean the same outline. Every text is spelled out in
// its group's aria-label.
func (s *scene) svg() []byte {
	var b bytes.Buffer
	w, h := num(s.width), num(s.height)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="%spt" height="%spt" viewBox="0 0 %s %s" role="img">`+"\n", w, h, w, h)
	if s.title != "" {
		fmt.Fprintf(&b, "<title>%s</title>\n", escape(s.title))
	}
	if s.desc != "" {
		fmt.Fprintf(&b, "<desc>%s</desc>\n", escape(s.desc))
	}
	s.svgGlyphs(&b)
	fmt.Fprintf(&b, `<rect width="%s" height="%s" fill="#fff"/>`+"\n", w, h)
	for _, it := range s.items {
		if it.text != nil {
			it.text.svg(&b)
			continue
		}
		b.WriteString(`<path d="`)
		svgPath(&b, it.path)
		b.WriteByte('"')
		svgPaint(&b, "fill", it.fill)
		if it.stroke.width > 0 {
			svgPaint(&b, "stroke", it.stroke.color)
			fmt.Fprintf(&b, ` stroke-width="%s"`, num(it.stroke.width))
			if len(it.stroke.dash) > 0 {
				b.WriteString(` stroke-dasharray="`)
				for i, d := range it.stroke.dash {
					if i > 0 {
						b.WriteByte(' ')
					}
					b.WriteString(num(d))
				}
				b.WriteByte('"')
			}
		}
		b.WriteString("/>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (s *scene) svgGlyphs(b *bytes.Buffer) {
	seen := map[string]bool{}
	b.WriteString("<defs>\n")
	for _, it := range s.items {
		if it.text == nil {
			continue
		}
		for _, g := range it.text.line.glyphs {
			id := glyphID(g)
			if seen[id] {
				continue
			}
			seen[id] = true
			if p := outline(g.face, g.id); len(p) > 0 {
				fmt.Fprintf(b, `<path id="%s" d="`, id)
				svgPath(b, p)
				b.WriteString("\"/>\n")
			}
		}
	}
	b.WriteString("</defs>\n")
}

func glyphID(g glyph) string { return fmt.Sprintf("liberation-%d-%d", g.face, g.id) }

func (t *textAt) svg(b *bytes.Buffer) {
	if len(t.line.glyphs) == 0 {
		return
	}
	fmt.Fprintf(b, `<g role="img" aria-label="%s"`, escape(t.line.source))
	svgPaint(b, "fill", t.color)
	b.WriteByte('>')
	for _, g := range t.line.glyphs {
		if g.char == ' ' {
			continue
		}
		m := t.place(g)
		fmt.Fprintf(b, `<use xlink:href="#%s" transform="matrix(%s %s %s %s %s %s)"/>`, glyphID(g),
			small(m.a), small(m.b), small(m.c), small(m.d), num(m.e), num(m.f))
	}
	b.WriteString("</g>\n")
}

func svgPath(b *bytes.Buffer, p path) {
	for _, s := range p {
		b.WriteByte(s.op)
		for i := range s.points() {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(num(s.p[i].x))
			b.WriteByte(' ')
			b.WriteString(num(s.p[i].y))
		}
	}
}

func svgPaint(b *bytes.Buffer, what string, c color.NRGBA) {
	if c.A == 0 {
		fmt.Fprintf(b, ` %s="none"`, what)
		return
	}
	fmt.Fprintf(b, ` %s="#%02x%02x%02x"`, what, c.R, c.G, c.B)
	if c.A < 255 {
		fmt.Fprintf(b, ` %s-opacity="%s"`, what, small(float64(c.A)/255))
	}
}

// num writes a coordinate to a hundredth of a point, a third of a dot at 2400 dpi.
func num(x float64) string { return decimal(x, 2) }

// small writes a factor: a millionth of a font unit's scale is below num's step over
// a whole em.
func small(x float64) string { return decimal(x, 6) }

// decimal writes x with at most n decimals and no trailing zeros, never −0.
func decimal(x float64, n int) string {
	s := strconv.FormatFloat(x, 'f', n, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" || s == "" || math.IsNaN(x) {
		return "0"
	}
	return s
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // writing to a buffer does not fail
	return b.String()
}
