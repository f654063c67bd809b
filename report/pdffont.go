package report

import (
	"bytes"
	"fmt"
	"sort"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// faceNames are the PostScript names of the faces. The tag before + marks a subset;
// it need only differ between the subsets in one file.
var faceNames = [faces]string{"METALA+LiberationSans", "METALB+LiberationSans-Italic", "METALC+LiberationSans-Bold"}

// font adds a face with only the glyphs used: a composite font whose codes are glyph
// indices (ISO 32000-1, 9.7), with a table of the characters they stand for.
func (d *document) font(f face, used map[glyph]bool) int {
	list := make([]glyph, 0, len(used))
	for g := range used {
		list = append(list, g)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].id != list[j].id {
			return list[i].id < list[j].id
		}
		return list[i].char < list[j].char
	})
	var widths, unicode bytes.Buffer
	keep := map[sfnt.GlyphIndex]bool{}
	var buf sfnt.Buffer
	reads := 0
	for _, g := range list {
		if keep[g.id] {
			continue // one reading a glyph: of ∇ and Δ, the first
		}
		keep[g.id] = true
		reads++
		a, _ := fonts()[f].GlyphAdvance(&buf, g.id, fixed.I(em), font.HintingNone)
		fmt.Fprintf(&widths, "%d [%s] ", g.id, num(float64(a)/64*1000/em))
		fmt.Fprintf(&unicode, "<%04x> <", uint16(g.id))
		for _, u := range utf16.Encode([]rune{g.char}) {
			fmt.Fprintf(&unicode, "%04x", u)
		}
		unicode.WriteString(">\n")
	}
	data := subset(ttf[f], keep)
	file := d.stream(fmt.Sprintf("/Length1 %d ", len(data)), data)
	angle, flags := 0, 4 // symbolic: codes are not those of a Latin alphabet
	if f == italic {
		angle, flags = -12, 4|64
	}
	descriptor := d.add(fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags %d /FontBBox [-544 -303 1302 980] /ItalicAngle %d /Ascent 905 /Descent -212 /CapHeight 688 /StemV 88 /FontFile2 %d 0 R >>",
		faceNames[f], flags, angle, file))
	descendant := d.add(fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 1000 /W [%s] >>",
		faceNames[f], descriptor, widths.String()))
	cmap := d.stream("", fmt.Appendf(nil, `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
%sendcmap
CMapName currentdict /CMap defineresource pop
end
end
`, blocks(unicode.Bytes())))
	return d.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>",
		faceNames[f], descendant, cmap))
}

// blocks wraps lines of a character map in sections of at most 100.
func blocks(lines []byte) []byte {
	var out bytes.Buffer
	all := bytes.SplitAfter(bytes.TrimSuffix(lines, []byte("\n")), []byte("\n"))
	for len(all) > 0 {
		n := min(len(all), 100)
		fmt.Fprintf(&out, "%d beginbfchar\n%s", n, bytes.Join(all[:n], nil))
		if !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
			out.WriteByte('\n')
		}
		out.WriteString("endbfchar\n")
		all = all[n:]
	}
	return out.Bytes()
}
