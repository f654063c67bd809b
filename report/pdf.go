package report

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image/color"
	"sort"
	"unicode/utf16"
)

// pdf writes one page of PDF 1.7 (ISO 32000-1). Text is text: set in the glyphs it
// uses, which are embedded, with a table of what they read as, so that it can be
// searched and copied. There is no date and no file identifier.
func (s *scene) pdf() []byte {
	d := &document{}
	var page bytes.Buffer
	fmt.Fprintf(&page, "1 0 0 -1 0 %s cm\n", num(s.height))
	used := [faces]map[glyph]bool{} // by id and char; the other fields are zero
	var opacity []int               // those in use, of 255
	gs := func(fill, stroke color.NRGBA) {
		for _, o := range []int{int(fill.A), int(stroke.A)} {
			if i := sort.SearchInts(opacity, o); i == len(opacity) || opacity[i] != o {
				opacity = append(opacity[:i], append([]int{o}, opacity[i:]...)...)
			}
		}
		fmt.Fprintf(&page, "/F%d gs /S%d gs\n", fill.A, stroke.A)
	}
	for _, it := range s.items {
		if it.text != nil {
			gs(it.text.color, it.text.color)
			it.text.pdf(&page, &used)
			continue
		}
		gs(it.fill, it.stroke.color)
		fill, stroke := it.fill.A > 0, it.stroke.width > 0
		if fill {
			fmt.Fprintf(&page, "%s rg\n", pdfColor(it.fill))
		}
		if stroke {
			fmt.Fprintf(&page, "%s RG %s w [", pdfColor(it.stroke.color), num(it.stroke.width))
			for _, l := range it.stroke.dash {
				page.WriteString(num(l) + " ")
			}
			page.WriteString("] 0 d\n")
		}
		pdfPath(&page, it.path)
		switch {
		case fill && stroke:
			page.WriteString("B\n")
		case fill:
			page.WriteString("f\n")
		case stroke:
			page.WriteString("S\n")
		default:
			page.WriteString("n\n")
		}
	}

	catalog, pages, leaf, info := d.reserve(), d.reserve(), d.reserve(), d.reserve()
	contents := d.stream("", page.Bytes())
	var font, ext bytes.Buffer
	for f := range faces {
		if len(used[f]) > 0 {
			fmt.Fprintf(&font, "/T%d %d 0 R ", f, d.font(f, used[f]))
		}
	}
	for _, o := range opacity {
		fmt.Fprintf(&ext, "/F%d << /ca %s >> /S%d << /CA %s >> ", o, small(float64(o)/255), o, small(float64(o)/255))
	}
	d.set(catalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R >>", pages))
	d.set(pages, fmt.Sprintf("<< /Type /Pages /Kids [%d 0 R] /Count 1 >>", leaf))
	d.set(leaf, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %s %s] /Contents %d 0 R /Resources << /Font << %s>> /ExtGState << %s>> >> /Group << /S /Transparency /CS /DeviceRGB >> >>",
		pages, num(s.width), num(s.height), contents, font.String(), ext.String()))
	d.set(info, fmt.Sprintf("<< /Title %s /Subject %s >>", pdfText(s.title), pdfText(s.desc)))
	return d.bytes(catalog, info)
}

// pdf shows t glyph by glyph where the layout put them.
func (t *textAt) pdf(b *bytes.Buffer, used *[faces]map[glyph]bool) {
	if len(t.line.glyphs) == 0 {
		return
	}
	fmt.Fprintf(b, "%s rg BT\n", pdfColor(t.color))
	f, size := face(-1), 0.0
	for _, g := range t.line.glyphs {
		if used[g.face] == nil {
			used[g.face] = map[glyph]bool{}
		}
		used[g.face][glyph{id: g.id, char: g.char}] = true
		if g.face != f || g.size != size {
			f, size = g.face, g.size
			fmt.Fprintf(b, "/T%d 1 Tf\n", f)
		}
		m := t.place(g) // of units; Tm is of ems
		fmt.Fprintf(b, "%s %s %s %s %s %s Tm <%04x> Tj\n", num(m.a*em), num(m.b*em), num(m.c*em), num(m.d*em),
			num(m.e), num(m.f), uint16(g.id))
	}
	b.WriteString("ET\n")
}

func pdfPath(b *bytes.Buffer, p path) {
	var last pt
	for _, s := range p {
		q := s.p
		if s.op == 'Q' { // PDF has cubics only
			q = [3]pt{last.add(s.p[0].sub(last).times(2. / 3)), s.p[1].add(s.p[0].sub(s.p[1]).times(2. / 3)), s.p[1]}
			s = segment{op: 'C', p: q}
		}
		n := s.points()
		for i := range n {
			b.WriteString(num(q[i].x) + " " + num(q[i].y) + " ")
		}
		if n > 0 {
			last = q[n-1]
		}
		b.WriteString(map[byte]string{'M': "m\n", 'L': "l\n", 'C': "c\n", 'Z': "h\n"}[s.op])
	}
}

func pdfColor(c color.NRGBA) string {
	return small(float64(c.R)/255) + " " + small(float64(c.G)/255) + " " + small(float64(c.B)/255)
}

// pdfText is a text string in UTF-16 with a byte order mark, in hexadecimal.
func pdfText(s string) string {
	var b bytes.Buffer
	b.WriteString("<feff")
	for _, u := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, "%04x", u)
	}
	b.WriteByte('>')
	return b.String()
}

// A document numbers objects from 1 in the order in which they are reserved.
type document struct{ objects [][]byte }

func (d *document) reserve() int {
	d.objects = append(d.objects, nil)
	return len(d.objects)
}

func (d *document) set(n int, body string) { d.objects[n-1] = []byte(body) }

func (d *document) add(body string) int {
	n := d.reserve()
	d.set(n, body)
	return n
}

// stream adds compressed data; dict holds further entries of its dictionary.
func (d *document) stream(dict string, data []byte) int {
	var z bytes.Buffer
	w, _ := zlib.NewWriterLevel(&z, zlib.BestCompression) // the level exists
	_, _ = w.Write(data)                                  // into a buffer: does not fail
	_ = w.Close()
	return d.add(fmt.Sprintf("<< %s/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", dict, z.Len(), z.String()))
}

func (d *document) bytes(catalog, info int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	at := make([]int, len(d.objects))
	for i, o := range d.objects {
		at[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, catalog, info, xref)
	return b.Bytes()
}
