// Gen writes the assembly of package dense, with AVX-512 and with AVX2. tile.go
// says what each function does, rounding by rounding.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// How a product enters C: as in tile.go.
const (
	modeSet, modeAdd, modeSub = 0, 1, 2
)

var (
	ax, bx, cx, dx   = reg.RAX, reg.RBX, reg.RCX, reg.RDX
	si, di           = reg.RSI, reg.RDI
	r8, r9, r10, r11 = reg.R8, reg.R9, reg.R10, reg.R11
	r12, r13, r14    = reg.R12, reg.R13, reg.R14
	r15              = reg.R15
	ys               = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	xs               = []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7}
	zs               = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15}
)

// A row of a tile is one or more vectors of an instruction set.
type row struct {
	v     []reg.VecPhysical
	bytes int // of a vector
	parts int // vectors in a row
}

func main() {
	ConstraintExpr("!purego")
	wide := row{zs, 64, 1}
	pair := row{ys, 32, 2}
	half := row{ys, 32, 1}
	panel("panel8avx512", wide)
	panel("panel8avx2", pair)
	panel("panel4avx2", half)
	triangle("triangle8avx512", wide)
	triangle("triangle8avx2", pair)
	eliminate("eliminate8avx512", wide)
	eliminate("eliminate8avx2", pair)
	pack()
	move()
	Generate()
}

func at(base reg.Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// cell is base + index·scale + disp.
func cell(base, index reg.Register, scale uint8, disp int) Mem {
	return Mem{Base: base, Index: index, Scale: scale, Disp: disp}
}

// nth is the place i·stride after base, for i < 4; triple holds 3·stride.
func nth(base, stride, triple reg.Register, i, disp int) Mem {
	switch i {
	case 0:
		return at(base, disp)
	case 3:
		return cell(base, triple, 1, disp)
	}
	return cell(base, stride, uint8(i), disp)
}

func (t row) wide() bool { return t.bytes == 64 }

// acc is part q of row i of the tile.
func (t row) acc(i, q int) reg.VecPhysical { return t.v[i*t.parts+q] }

func (t row) zero(v reg.VecPhysical) {
	if t.wide() {
		VPXORQ(v, v, v)
		return
	}
	VXORPD(v, v, v)
}

// fma adds (or subtracts) a times the row in v[from…] to row i; spare is free.
func (t row) fma(i int, a Mem, from int, spare reg.VecPhysical, sub bool) {
	if t.wide() {
		if sub {
			VFNMADD231PD_BCST(a, t.v[from], t.acc(i, 0))
		} else {
			VFMADD231PD_BCST(a, t.v[from], t.acc(i, 0))
		}
		return
	}
	VBROADCASTSD(a, spare)
	for q := range t.parts {
		if sub {
			VFNMADD231PD(t.v[from+q], spare, t.acc(i, q))
		} else {
			VFMADD231PD(t.v[from+q], spare, t.acc(i, q))
		}
	}
}

// panel: see panelTwin. Strides are in bytes. Where a row is one vector, two tiles
// of four rows at a time keep enough chains going.
func panel(name string, t row) {
	TEXT(name, NOSPLIT, "func(c *float64, ldc int, a *float64, ai, ap int, b *float64, ldb, k, tiles, mode int)")
	Doc(fmt.Sprintf("%s computes 4·tiles rows and %d columns of C.", name, t.parts*t.bytes/8))
	for _, p := range []struct {
		name string
		r    reg.Register
	}{{"c", di}, {"ldc", si}, {"a", ax}, {"ai", r9}, {"ap", r10}, {"b", bx}, {"ldb", r12}, {"tiles", dx}} {
		Load(Param(p.name), p.r)
	}
	LEAQ(cell(r9, r9, 2, 0), r13)
	LEAQ(cell(si, si, 2, 0), r14)
	if t.parts == 1 {
		Label("pairs")
		CMPQ(dx, U8(2))
		JLT(LabelRef("rows"))
		t.tile(8)
		SUBQ(U8(2), dx)
		JMP(LabelRef("pairs"))
	}
	Label("rows")
	TESTQ(dx, dx)
	JEQ(LabelRef("end"))
	t.tile(4)
	DECQ(dx)
	JMP(LabelRef("rows"))
	Label("end")
	VZEROUPPER()
	RET()
}

// tile computes the next 4 or 8 rows and moves on.
func (t row) tile(rows int) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
	a := func(i int) Mem {
		if i >= 4 {
			return nth(r15, r9, r13, i-4, 0)
		}
		return nth(r8, r9, r13, i, 0)
	}
	c := func(i, q int) Mem {
		if i >= 4 {
			return nth(r11, si, r14, i-4, q*t.bytes)
		}
		return nth(di, si, r14, i, q*t.bytes)
	}
	lower := func() { // r11: the fifth row of C
		if rows > 4 {
			LEAQ(cell(di, si, 4, 0), r11)
		}
	}
	Load(Param("mode"), cx)
	TESTQ(cx, cx)
	JNE(LabelRef(label("from")))
	for i := range rows {
		for q := range t.parts {
			t.zero(t.acc(i, q))
		}
	}
	JMP(LabelRef(label("begin")))
	Label(label("from"))
	lower()
	for i := range rows {
		for q := range t.parts {
			VMOVUPD(c(i, q), t.acc(i, q))
		}
	}
	Label(label("begin"))
	MOVQ(ax, r8)
	if rows > 4 {
		LEAQ(cell(ax, r9, 4, 0), r15)
	}
	MOVQ(bx, r11)
	CMPQ(cx, U8(modeSub))
	Load(Param("k"), cx)
	JEQ(LabelRef(label("sub")))
	for _, sub := range []bool{false, true} {
		loop := label("add")
		if sub {
			loop = label("sub")
		}
		Label(loop)
		b := rows * t.parts
		for q := range t.parts {
			VMOVUPD(at(r11, q*t.bytes), t.v[b+q])
		}
		for i := range rows {
			t.fma(i, a(i), b, t.v[b+t.parts+i%4], sub)
		}
		ADDQ(r10, r8)
		if rows > 4 {
			ADDQ(r10, r15)
		}
		ADDQ(r12, r11)
		DECQ(cx)
		JNE(LabelRef(loop))
		if !sub {
			JMP(LabelRef(label("store")))
		}
	}
	Label(label("store"))
	lower()
	for i := range rows {
		for q := range t.parts {
			VMOVUPD(t.acc(i, q), c(i, q))
		}
	}
	if rows > 4 {
		LEAQ(cell(r11, si, 4, 0), di)
		LEAQ(cell(ax, r9, 8, 0), ax)
		return
	}
	LEAQ(cell(di, si, 4, 0), di)
	LEAQ(cell(ax, r9, 4, 0), ax)
}

// triangle: see triangleTwin. Four rows at a time: what the rows before them
// contribute in a loop, what they contribute to each other after it.
func triangle(name string, t row) {
	TEXT(name, NOSPLIT, "func(x *float64, xs int, l *float64, li, lp int, d *float64, ds, n int)")
	Doc(name + " solves with a triangle for eight columns.")
	x0, done := bx, dx // the first row of X; the number of rows done
	for _, p := range []struct {
		name string
		r    reg.Register
	}{{"x", x0}, {"xs", si}, {"l", ax}, {"li", r9}, {"lp", r10}, {"d", r12}} {
		Load(Param(p.name), p.r)
	}
	LEAQ(cell(r9, r9, 2, 0), r13)
	LEAQ(cell(si, si, 2, 0), r14)
	MOVQ(x0, di)
	XORQ(done, done)
	for _, rows := range []int{4, 1} {
		label := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
		x := func(i, q int) Mem { return nth(di, si, r14, i, q*t.bytes) }
		from := rows * t.parts
		spare := t.v[from+t.parts]
		Label(label("rows"))
		Load(Param("n"), cx)
		SUBQ(done, cx)
		CMPQ(cx, U8(rows))
		if rows > 1 {
			JLT(LabelRef("rows1"))
		} else {
			JLT(LabelRef("end"))
		}
		for i := range rows {
			for q := range t.parts {
				VMOVUPD(x(i, q), t.acc(i, q))
			}
		}
		MOVQ(ax, r8) // along the rows of L
		MOVQ(x0, r11)
		MOVQ(done, cx)
		TESTQ(cx, cx)
		JEQ(LabelRef(label("corner")))
		Label(label("before"))
		for q := range t.parts {
			VMOVUPD(at(r11, q*t.bytes), t.v[from+q])
		}
		for i := range rows {
			t.fma(i, nth(r8, r9, r13, i, 0), from, spare, true)
		}
		ADDQ(r10, r8)
		ADDQ(si, r11)
		DECQ(cx)
		JNE(LabelRef(label("before")))
		Label(label("corner"))
		for p := range rows {
			VBROADCASTSD(at(r12, 0), spare)
			for q := range t.parts {
				VMULPD(spare, t.acc(p, q), t.acc(p, q))
				VMOVUPD(t.acc(p, q), x(p, q))
			}
			Load(Param("ds"), r11)
			ADDQ(r11, r12)
			for i := p + 1; i < rows; i++ {
				t.fma(i, nth(r8, r9, r13, i, 0), p*t.parts, spare, true)
			}
			ADDQ(r10, r8)
		}
		if rows > 1 {
			LEAQ(cell(di, si, 4, 0), di)
			LEAQ(cell(ax, r9, 4, 0), ax)
		} else {
			ADDQ(si, di)
			ADDQ(r9, ax)
		}
		ADDQ(U8(rows), done)
		JMP(LabelRef(label("rows")))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

// eliminate: see eliminateTwin.
func eliminate(name string, t row) {
	TEXT(name, NOSPLIT, "func(x *float64, rows int, u *float64, r float64, col int)")
	Doc(name + " eliminates one column of eight.")
	Load(Param("x"), di)
	Load(Param("rows"), cx)
	Load(Param("u"), si)
	Load(Param("col"), r8)
	u, x, f, r := 0, t.parts, 2*t.parts, 2*t.parts+1
	for q := range t.parts {
		VMOVUPD(at(si, q*t.bytes), t.v[u+q])
	}
	VBROADCASTSD(NewParamAddr("r", 24), t.v[r])
	LEAQ(cell(di, r8, 8, 0), r8)
	Label("row")
	VBROADCASTSD(at(r8, 0), t.v[f])
	VMULPD(t.v[r], t.v[f], t.v[f])
	for q := range t.parts {
		VMOVUPD(at(di, q*t.bytes), t.v[x+q])
		VFNMADD231PD(t.v[u+q], t.v[f], t.v[x+q])
		VMOVUPD(t.v[x+q], at(di, q*t.bytes))
	}
	VMOVSD(xs[f], at(r8, 0))
	ADDQ(U8(64), di)
	ADDQ(U8(64), r8)
	DECQ(cx)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// pack transposes 4×4 blocks: four rows of src, 4·blocks long, become 4·blocks
// rows of four in dst.
func pack() {
	TEXT("pack4avx2", NOSPLIT, "func(dst *float64, ldd int, src *float64, lds int, blocks int)")
	Doc("pack4avx2 transposes 4×4 blocks.")
	for _, p := range []struct {
		name string
		r    reg.Register
	}{{"dst", di}, {"ldd", si}, {"src", ax}, {"lds", r9}, {"blocks", cx}} {
		Load(Param(p.name), p.r)
	}
	LEAQ(cell(r9, r9, 2, 0), r13)
	LEAQ(cell(si, si, 2, 0), r14)
	Label("block")
	y := ys
	for i := range 4 {
		VMOVUPD(nth(ax, r9, r13, i, 0), y[i])
	}
	VUNPCKLPD(y[1], y[0], y[4])
	VUNPCKHPD(y[1], y[0], y[5])
	VUNPCKLPD(y[3], y[2], y[6])
	VUNPCKHPD(y[3], y[2], y[7])
	VPERM2F128(U8(0x20), y[6], y[4], y[0])
	VPERM2F128(U8(0x20), y[7], y[5], y[1])
	VPERM2F128(U8(0x31), y[6], y[4], y[2])
	VPERM2F128(U8(0x31), y[7], y[5], y[3])
	for i := range 4 {
		VMOVUPD(y[i], nth(di, si, r14, i, 0))
	}
	ADDQ(U8(32), ax)
	LEAQ(cell(di, si, 4, 0), di)
	DECQ(cx)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// move copies rows of eight.
func move() {
	TEXT("move8avx2", NOSPLIT, "func(dst *float64, ldd int, src *float64, lds int, rows int)")
	Doc("move8avx2 copies rows of eight.")
	for _, p := range []struct {
		name string
		r    reg.Register
	}{{"dst", di}, {"ldd", si}, {"src", ax}, {"lds", r9}, {"rows", cx}} {
		Load(Param(p.name), p.r)
	}
	Label("row")
	VMOVUPD(at(ax, 0), ys[0])
	VMOVUPD(at(ax, 32), ys[1])
	VMOVUPD(ys[0], at(di, 0))
	VMOVUPD(ys[1], at(di, 32))
	ADDQ(r9, ax)
	ADDQ(si, di)
	DECQ(cx)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}
