package report

import (
	"encoding/binary"
	"sort"

	"golang.org/x/image/font/sfnt"
)

// subset returns a TrueType font with the outlines of the glyphs in keep, of those
// they are composed of, and of glyph 0. Indices stay what they were; the tables of
// what is left out are zeros, which compress to nothing. Instructions for screens of
// few dots go as well.
//
// The font is one of ours, so its tables are trusted to be sound. Table layouts are
// those of the OpenType specification, chapters glyf, loca and head.
func subset(data []byte, keep map[sfnt.GlyphIndex]bool) []byte {
	return assemble(cut(tablesOf(data), keep))
}

// tablesOf reads the directory of a font.
func tablesOf(data []byte) map[string][]byte {
	tables := map[string][]byte{}
	for i := range int(binary.BigEndian.Uint16(data[4:])) {
		e := data[12+16*i:]
		from, n := binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])
		tables[string(e[:4])] = data[from : from+n]
	}
	return tables
}

// cut returns the tables that drawing needs, reduced to keep.
func cut(tables map[string][]byte, keep map[sfnt.GlyphIndex]bool) map[string][]byte {
	count := int(binary.BigEndian.Uint16(tables["maxp"][4:]))
	long := binary.BigEndian.Uint16(tables["head"][50:]) == 1
	loca, glyf := tables["loca"], tables["glyf"]
	offset := func(i int) uint32 {
		if long {
			return binary.BigEndian.Uint32(loca[4*i:])
		}
		return 2 * uint32(binary.BigEndian.Uint16(loca[2*i:]))
	}

	want := map[int]bool{0: true}
	todo := []int{0}
	for id := range keep {
		if !want[int(id)] {
			want[int(id)] = true
			todo = append(todo, int(id))
		}
	}
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, part := range components(glyf[offset(id):offset(id+1)]) {
			if !want[part] {
				want[part] = true
				todo = append(todo, part)
			}
		}
	}

	var outGlyf, outLoca []byte
	hmtx := append([]byte{}, tables["hmtx"]...)
	metrics := int(binary.BigEndian.Uint16(tables["hhea"][34:]))
	for id := range count {
		outLoca = binary.BigEndian.AppendUint32(outLoca, uint32(len(outGlyf)))
		if want[id] {
			outGlyf = append(outGlyf, bare(glyf[offset(id):offset(id+1)])...)
			for len(outGlyf)%4 != 0 {
				outGlyf = append(outGlyf, 0)
			}
		} else if id < metrics-1 { // the last one's advance serves the rest
			clear(hmtx[4*id : 4*id+4])
		}
	}
	outLoca = binary.BigEndian.AppendUint32(outLoca, uint32(len(outGlyf)))

	head := append([]byte{}, tables["head"]...)
	binary.BigEndian.PutUint32(head[8:], 0)  // checksum of the whole, filled in below
	binary.BigEndian.PutUint16(head[50:], 1) // long offsets
	return map[string][]byte{
		"head": head, "hhea": tables["hhea"], "maxp": tables["maxp"],
		"hmtx": hmtx, "loca": outLoca, "glyf": outGlyf,
	}
}

// Flags of a component of a composite glyph.
const (
	wordArguments   = 0x0001
	hasScale        = 0x0008
	moreComponents  = 0x0020
	hasScaleXY      = 0x0040
	hasMatrix       = 0x0080
	hasInstructions = 0x0100
)

// walk visits the components of a composite glyph; it returns where they end. Simple
// and empty glyphs have none.
func walk(g []byte, visit func(flags []byte, part int)) int {
	if len(g) < 10 || int16(binary.BigEndian.Uint16(g)) >= 0 {
		return 0
	}
	at := 10
	for {
		flags := binary.BigEndian.Uint16(g[at:])
		visit(g[at:at+2], int(binary.BigEndian.Uint16(g[at+2:])))
		at += 6
		if flags&wordArguments != 0 {
			at += 2
		}
		switch {
		case flags&hasScale != 0:
			at += 2
		case flags&hasScaleXY != 0:
			at += 4
		case flags&hasMatrix != 0:
			at += 8
		}
		if flags&moreComponents == 0 {
			return at
		}
	}
}

func components(g []byte) (parts []int) {
	walk(g, func(_ []byte, part int) { parts = append(parts, part) })
	return parts
}

// bare is a glyph without instructions.
func bare(g []byte) []byte {
	if len(g) < 10 {
		return g
	}
	g = append([]byte{}, g...)
	contours := int16(binary.BigEndian.Uint16(g))
	if contours < 0 {
		end := walk(g, func(flags []byte, _ int) {
			binary.BigEndian.PutUint16(flags, binary.BigEndian.Uint16(flags)&^hasInstructions)
		})
		return g[:end]
	}
	at := 10 + 2*int(contours)
	n := int(binary.BigEndian.Uint16(g[at:]))
	binary.BigEndian.PutUint16(g[at:], 0)
	return append(g[:at+2], g[at+2+n:]...)
}

// assemble writes the tables behind a directory in order of their names, with sums.
func assemble(tables map[string][]byte) []byte {
	names := make([]string, 0, len(tables))
	for n := range tables {
		names = append(names, n)
	}
	sort.Strings(names)
	out := []byte{0, 1, 0, 0}
	power, log := 1, 0
	for 2*power <= len(names) {
		power, log = 2*power, log+1
	}
	for _, v := range []int{len(names), 16 * power, log, 16 * (len(names) - power)} {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	at := len(out) + 16*len(names)
	var body []byte
	headAt := 0
	for _, n := range names {
		t := tables[n]
		if n == "head" {
			headAt = at + len(body)
		}
		out = append(out, n...)
		out = binary.BigEndian.AppendUint32(out, checksum(t))
		out = binary.BigEndian.AppendUint32(out, uint32(at+len(body)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(t)))
		body = append(body, t...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	out = append(out, body...)
	binary.BigEndian.PutUint32(out[headAt+8:], 0xB1B0AFBA-checksum(out))
	return out
}

func checksum(t []byte) (sum uint32) {
	for len(t) >= 4 {
		sum += binary.BigEndian.Uint32(t)
		t = t[4:]
	}
	if len(t) > 0 {
		var last [4]byte
		copy(last[:], t)
		sum += binary.BigEndian.Uint32(last[:])
	}
	return sum
}
