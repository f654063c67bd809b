package family

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/metalqr/metalqr/matrixeq"
)

// NumPy's file format: a magic string, a version, the length of a header, the
// header (a Python dictionary), the numbers. The header is read here, with
// every length checked against what is there, because a gain file comes from
// anywhere. https://numpy.org/neps/nep-0001-npy-format.html

var (
	npyMagic   = []byte("\x93NUMPY")
	npyDescr   = regexp.MustCompile(`'descr':\s*'([<>|=]?)([fiu])([1248])'`)
	npyFortran = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// parseNPY reads a matrix; a vector is one row, or where inputs > 1 states
// that a gain has several rows, one column.
func parseNPY(data []byte, inputs int) (m matrixeq.Matrix, err *GainError) {
	bad := func(format string, args ...any) (matrixeq.Matrix, *GainError) {
		return matrixeq.Matrix{}, &GainError{Message: "NPY: " + fmt.Sprintf(format, args...)}
	}
	rest := data[len(npyMagic):]
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
	descr, fortran, shape := npyDescr.FindSubmatch(header), npyFortran.FindSubmatch(header), npyShape.FindSubmatch(header)
	if fortran == nil || shape == nil {
		return bad("the header is not understood: %s", quote(string(header)))
	}
	if descr == nil {
		return bad("only integers and reals of up to 64 bits can be read: %s", quote(string(header)))
	}
	dims := []int{}
	for _, s := range strings.FieldsFunc(string(shape[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.Atoi(s)
		if err != nil || n <= 0 || n > maxGainBytes {
			return bad("shape (%s)", clip(string(shape[1]), 48))
		}
		dims = append(dims, n)
	}
	switch {
	case len(dims) == 0:
		m.Rows, m.Cols = 1, 1
	case len(dims) == 1 && inputs > 1:
		m.Rows, m.Cols = dims[0], 1
	case len(dims) == 1:
		m.Rows, m.Cols = 1, dims[0]
	case len(dims) == 2:
		m.Rows, m.Cols = dims[0], dims[1]
	default:
		return bad("%d dimensions, want 2", len(dims))
	}
	width := int(descr[3][0] - '0')
	if len(body) != m.Rows*m.Cols*width {
		return bad("%d bytes of numbers, shape (%s) needs %d", len(body), clip(string(shape[1]), 48), m.Rows*m.Cols*width)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.Equal(descr[1], []byte(">")) {
		order = binary.BigEndian
	}
	number := npyNumber(descr[2][0], width, order)
	if number == nil {
		return bad("no type %s%s", descr[2], descr[3])
	}
	m.Data = make([]float64, m.Rows*m.Cols)
	for k := range m.Data {
		i := k
		if string(fortran[1]) == "True" {
			i = k%m.Rows*m.Cols + k/m.Rows
		}
		m.Data[i] = number(body[k*width:])
	}
	return m, nil
}

// npyNumber returns how to read one number, or nil.
func npyNumber(kind byte, width int, order binary.ByteOrder) func([]byte) float64 {
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

// GainNPY writes a gain as a NumPy array of shape (r, d).
func GainNPY(m matrixeq.Matrix) []byte { return NPY(m.Data, m.Rows, m.Cols) }

// NPY writes numbers as NumPy's numpy.save writes an array of this shape:
// format 1.0, little-endian float64 in C order. The shape has two dimensions or
// more, whose product is len(data).
func NPY(data []float64, shape ...int) []byte {
	dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }", dims)
	const prefix = 10 // magic, version, length
	pad := 64 - (prefix+len(header)+1)%64
	header += strings.Repeat(" ", pad%64) + "\n"
	b := append([]byte{}, npyMagic...)
	b = append(b, 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	b = append(b, header...)
	for _, x := range data {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}
