// Package npy reads and writes NumPy's file format for one array: a magic
// string, a version, the length of a header, the header (a Python dictionary),
// the numbers. The header is read here, with every length checked against what
// is there, because a file comes from anywhere.
// https://numpy.org/neps/nep-0001-npy-format.html
package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Magic is how every file begins.
const Magic = "\x93NUMPY"

// maxSize bounds one dimension, so that products with the width of a number
// can be compared without overflow.
const maxSize = 1 << 40

var (
	descrRE   = regexp.MustCompile(`'descr':\s*'([<>|=]?)([fiu])([1248])'`)
	fortranRE = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	shapeRE   = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// An Array is numbers in C order: the last index runs fastest. A scalar has
// the empty shape. No dimension is 0.
type Array struct {
	Shape []int
	Data  []float64
}

// Is says whether data begins as NPY does.
func Is(data []byte) bool { return bytes.HasPrefix(data, []byte(Magic)) }

// Parse reads an array of any integer or real type of up to 64 bits, either
// byte order, C or Fortran order, converted to float64. Integers above 2⁵³ are
// rounded. data begins with Magic. The error says in a phrase what is wrong.
func Parse(data []byte) (Array, error) {
	bad := func(format string, args ...any) (Array, error) {
		return Array{}, fmt.Errorf("NPY: "+format, args...)
	}
	rest := data[len(Magic):]
	if len(rest) < 4 {
		return bad("the header is cut short")
	}
	version, size := rest[0], int(binary.LittleEndian.Uint16(rest[2:]))
	rest = rest[2:]
	switch {
	case version == 1:
		rest = rest[2:]
	case (version == 2 || version == 3) && len(rest) >= 4:
		size = int(binary.LittleEndian.Uint32(rest))
		rest = rest[4:]
	default:
		return bad("unknown version %d", version)
	}
	if size > len(rest) {
		return bad("the header is cut short")
	}
	header, body := rest[:size], rest[size:]
	descr, fortran, shape := descrRE.FindSubmatch(header), fortranRE.FindSubmatch(header), shapeRE.FindSubmatch(header)
	if fortran == nil || shape == nil {
		return bad("the header is not understood: %q", clip(string(header)))
	}
	if descr == nil {
		return bad("only integers and reals of up to 64 bits can be read: %q", clip(string(header)))
	}
	width := int(descr[3][0] - '0')
	a := Array{Shape: []int{}}
	count := 1
	for _, s := range strings.FieldsFunc(string(shape[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(s)
		if err != nil || n <= 0 || n > maxSize || count > math.MaxInt/8/n {
			return bad("shape (%s)", clip(string(shape[1])))
		}
		a.Shape = append(a.Shape, n)
		count *= n
	}
	if len(body) != count*width {
		return bad("%d bytes of numbers, shape (%s) needs %d", len(body), clip(string(shape[1])), count*width)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.Equal(descr[1], []byte(">")) {
		order = binary.BigEndian
	}
	number := reader(descr[2][0], width, order)
	if number == nil {
		return bad("no type %s%s", descr[2], descr[3])
	}
	a.Data = make([]float64, count)
	if string(fortran[1]) == "True" {
		a.fromFortran(body, width, number)
		return a, nil
	}
	for k := range a.Data {
		a.Data[k] = number(body[k*width:])
	}
	return a, nil
}

// fromFortran reads numbers whose first index runs fastest.
func (a Array) fromFortran(body []byte, width int, number func([]byte) float64) {
	d := len(a.Shape)
	stride := make([]int, d) // of each index in C order
	for i, s := d-1, 1; i >= 0; i-- {
		stride[i] = s
		s *= a.Shape[i]
	}
	index, at := make([]int, d), 0
	for k := range a.Data {
		a.Data[at] = number(body[k*width:])
		for i := range index {
			index[i]++
			at += stride[i]
			if index[i] < a.Shape[i] {
				break
			}
			at -= index[i] * stride[i]
			index[i] = 0
		}
	}
}

// reader returns how to read one number, or nil.
func reader(kind byte, width int, order binary.ByteOrder) func([]byte) float64 {
	switch {
	case kind == 'f' && width == 8:
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	case kind == 'f' && width == 4:
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case kind == 'f':
		return nil
	}
	unsigned := func(b []byte) uint64 {
		switch width {
		case 1:
			return uint64(b[0])
		case 2:
			return uint64(order.Uint16(b))
		case 4:
			return uint64(order.Uint32(b))
		}
		return order.Uint64(b)
	}
	if kind == 'u' {
		return func(b []byte) float64 { return float64(unsigned(b)) }
	}
	shift := 64 - 8*width
	return func(b []byte) float64 { return float64(int64(unsigned(b)<<shift) >> shift) }
}

// Encode writes numbers as numpy.save writes an array of this shape: format
// 1.0, little-endian float64 in C order. The product of the shape is
// len(data).
func Encode(data []float64, shape ...int) []byte {
	dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }", dims)
	const prefix = len(Magic) + 4 // magic, version, length
	pad := 64 - (prefix+len(header)+1)%64
	header += strings.Repeat(" ", pad%64) + "\n"
	b := append([]byte(Magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	for _, x := range data {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// clip shortens s to at most 48 bytes, between characters.
func clip(s string) string {
	const n = 48
	if len(s) <= n {
		return s
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
