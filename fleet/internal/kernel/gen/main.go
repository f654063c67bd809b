// Gen writes the assembly of package kernel: the interpreter of its programs,
// once for AVX-512 and once for AVX2, where it does every operation twice, for
// the lower and the upper four lanes.
//
// kernel.go says what the operations do and twin.go how, rounding by rounding.
// A product keeps a tile of up to rows×cols entries in registers.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Fields of op, its size, and the numbers of kinds, modes and flags: as in
// kernel.go.
const (
	fKind, fMode, fM, fK, fN             = 0, 4, 8, 12, 16
	fC, fC0, fA, fB                      = 20, 24, 28, 32
	fCi, fCj, fAi, fAp, fBp, fBj         = 36, 40, 44, 48, 52, 56
	fFlags, fS                           = 60, 64
	opSize                               = 72
	vec                                  = 64
	modeSet, modeAdd, modeSub            = 0, 1, 2
	modeFMA, modeScale, modeLanes        = 3, 4, 5
	flagSym, flagA, flagB, flagC         = 1, 2, 4, 8
	powersEnd, powersMax          uint64 = (1023 - 31) << 52, (1023 + 200) << 52
	one                           uint64 = 1023 << 52
)

var kinds = []string{"end", "mul", "dot", "lin", "cholesky", "solve", "loop", "next", "reset", "keep", "mask", "twosum", "squares", "double", "tile"}

var (
	ax, bx, cx, dx = reg.RAX, reg.RBX, reg.RCX, reg.RDX
	base, ip       = reg.RSI, reg.RDI // the slab (the half of it) and the operation
	r8, r9, r10    = reg.R8, reg.R9, reg.R10
	r11, r12, r13  = reg.R11, reg.R12, reg.R13
)

// A target is an instruction set.
type target struct {
	name       string
	rows, cols int // of a tile
	v          []reg.VecPhysical
	x          []reg.VecPhysical // the lowest part of each
	wide       bool              // 512 bits

	// Locals.
	idx, count, alive, half             Mem
	arow, bbase, crow, c0row, mrow      Mem
	bcol, ccol, c0col, mcol, mrem, nrem Mem
	i0                                  Mem
}

func main() {
	z := &target{name: "run512", rows: 4, cols: 4, wide: true}
	y := &target{name: "run256", rows: 2, cols: 4}
	zs := []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ys := []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
	xs := []reg.VecPhysical{reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15}
	z.v, z.x, y.v, y.x = zs, xs, ys, xs
	ConstraintExpr("!purego")
	z.emit()
	y.emit()
	Generate()
}

func (t *target) emit() {
	TEXT(t.name, NOSPLIT, "func(slab *[8]float64, ops *byte)")
	Doc(t.name + " runs the program that begins at ops.")
	for _, m := range []*Mem{&t.idx, &t.count, &t.alive, &t.half, &t.arow, &t.bbase, &t.crow, &t.c0row, &t.mrow,
		&t.bcol, &t.ccol, &t.c0col, &t.mcol, &t.mrem, &t.nrem, &t.i0} {
		*m = AllocLocal(8)
	}
	Load(Param("slab"), base)
	Load(Param("ops"), ip)
	if !t.wide {
		MOVQ(U32(0), t.half)
	}

	Label("dispatch")
	MOVL(at(ip, fKind), reg.EAX)
	for _, k := range []int{14, 1, 2, 3, 13, 12, 7, 6, 10, 9, 8, 4, 5, 11} {
		CMPL(reg.EAX, U8(k))
		JEQ(LabelRef(kinds[k]))
	}
	VZEROUPPER()
	RET()

	// A vector operation is done: the other half, or the next one.
	Label("done")
	if !t.wide {
		XORQ(U8(1), t.half)
		JEQ(LabelRef("both"))
		ADDQ(U8(32), base)
		JMP(LabelRef("dispatch"))
		Label("both")
		SUBQ(U8(32), base)
	}
	Label("advance")
	ADDQ(U8(opSize), ip)
	JMP(LabelRef("dispatch"))

	t.single()
	t.mul()
	t.dot()
	t.lin()
	t.cholesky()
	t.solve()
	t.control()
	t.twoSum()
	t.squares()
	t.double()
}

func at(base reg.Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// cell is base + index·scale.
func cell(base, index reg.Register, scale uint8) Mem {
	return Mem{Base: base, Index: index, Scale: scale}
}

// field loads a field of the operation.
func field(f int, r reg.Register) { MOVLQSX(at(ip, f), r) }

// operand loads the address of an operand, which moves with the loop where the
// operation has the flag.
func (t *target) operand(f, flag int, r reg.Register) {
	field(f, r)
	ADDQ(base, r)
	if flag == 0 {
		return
	}
	label := fmt.Sprintf("still%d_%d", f, unique())
	TESTL(U32(flag), at(ip, fFlags))
	JEQ(LabelRef(label))
	ADDQ(t.idx, r)
	Label(label)
}

var serial int

func unique() int { serial++; return serial }

// jump moves ip by the m of the operation.
func jump() {
	field(fM, ax)
	IMUL3Q(U8(opSize), ax, ax)
	ADDQ(ax, ip)
	JMP(LabelRef("dispatch"))
}

// constant broadcasts a float64 given by its bits; it spoils ax and v[i mod 16].
func (t *target) constant(bits uint64, i int) {
	MOVQ(U64(bits), ax)
	low := t.x[i%len(t.x)]
	MOVQ(ax, low)
	VBROADCASTSD(low, t.v[i])
}

func (t *target) zero(i int) {
	if t.wide {
		VPXORQ(t.v[i], t.v[i], t.v[i])
		return
	}
	VXORPD(t.v[i], t.v[i], t.v[i])
}

// mul: see kindMul. The tile of C at (i0, j0) is the sum over p of the products
// of the columns of A at arow and the rows of B at bcol.
func (t *target) mul() {
	Label("mul")
	t.operand(fA, flagA, ax)
	MOVQ(ax, t.arow)
	t.operand(fB, flagB, ax)
	MOVQ(ax, t.bbase)
	t.operand(fC, flagC, ax)
	MOVQ(ax, t.crow)
	MOVQ(ax, t.mrow)
	t.operand(fC0, 0, ax)
	MOVQ(ax, t.c0row)
	field(fM, ax)
	MOVQ(ax, t.mrem)
	MOVQ(U32(0), t.i0)

	Label("rows")
	MOVQ(t.bbase, ax)
	MOVQ(ax, t.bcol)
	MOVQ(t.crow, ax)
	MOVQ(ax, t.ccol)
	MOVQ(t.c0row, ax)
	MOVQ(ax, t.c0col)
	MOVQ(t.mrow, ax)
	MOVQ(ax, t.mcol)
	field(fN, ax)
	TESTL(U32(flagSym), at(ip, fFlags))
	JEQ(LabelRef("width"))
	// Up to the diagonal: i0 + min(rows, mrem).
	MOVQ(t.mrem, ax)
	MOVQ(U32(t.rows), bx)
	CMPQ(ax, bx)
	CMOVQGT(bx, ax)
	ADDQ(t.i0, ax)
	Label("width")
	MOVQ(ax, t.nrem)

	Label("cols")
	MOVQ(t.arow, ax)
	MOVQ(t.bcol, bx)
	field(fK, cx)
	field(fAi, r8)
	field(fAp, r9)
	LEAQ(cell(r8, r8, 2), r10)
	field(fBp, r11)
	field(fBj, r12)
	LEAQ(cell(r12, r12, 2), r13)
	// The shape.
	TESTL(U32(flagSym), at(ip, fFlags))
	JNE(LabelRef("symmetric"))
	MOVQ(t.mrem, dx)
	for mr := t.rows; mr > 0; mr-- {
		if mr > 1 {
			CMPQ(dx, U8(mr))
			JLT(LabelRef(fmt.Sprintf("below%d", mr)))
		}
		t.widths(fmt.Sprintf("tile%d", mr), t.cols)
		if mr > 1 {
			Label(fmt.Sprintf("below%d", mr))
		}
	}
	Label("symmetric")
	MOVQ(t.mrem, dx)
	CMPQ(t.nrem, U8(t.cols))
	JGT(LabelRef("under"))
	// The last tile of a row ends at the diagonal.
	for mr := t.rows; mr > 0; mr-- {
		if mr > 1 {
			CMPQ(dx, U8(mr))
			JLT(LabelRef(fmt.Sprintf("corner%d", mr)))
		}
		for off := 0; off+mr <= t.cols; off += t.rows {
			if off+t.rows+mr <= t.cols {
				CMPQ(t.nrem, U8(off+mr))
				JEQ(LabelRef(fmt.Sprintf("diagonal%d_%d", mr, off)))
				continue
			}
			JMP(LabelRef(fmt.Sprintf("diagonal%d_%d", mr, off)))
		}
		if mr > 1 {
			Label(fmt.Sprintf("corner%d", mr))
		}
	}
	Label("under")
	for mr := t.rows; mr > 0; mr-- {
		if mr > 1 {
			CMPQ(dx, U8(mr))
			JGE(LabelRef(fmt.Sprintf("mirrored%d", mr)))
			continue
		}
		JMP(LabelRef("mirrored1"))
	}

	for mr := 1; mr <= t.rows; mr++ {
		for nr := 1; nr <= t.cols; nr++ {
			t.tile(fmt.Sprintf("tile%d_%d", mr, nr), mr, nr, nr, false, false)
		}
		t.tile(fmt.Sprintf("mirrored%d", mr), mr, t.cols, t.cols, true, false)
		for off := 0; off+mr <= t.cols; off += t.rows {
			t.tile(fmt.Sprintf("diagonal%d_%d", mr, off), mr, off+mr, off, true, false)
		}
	}

	Label("tiled")
	MOVQ(t.nrem, ax)
	SUBQ(U8(t.cols), ax)
	JLE(LabelRef("rowdone"))
	MOVQ(ax, t.nrem)
	field(fBj, ax)
	SHLQ(U8(2), ax)
	ADDQ(ax, t.bcol)
	field(fCj, ax)
	SHLQ(U8(2), ax)
	ADDQ(ax, t.ccol)
	ADDQ(ax, t.c0col)
	field(fCi, ax)
	SHLQ(U8(2), ax)
	ADDQ(ax, t.mcol)
	JMP(LabelRef("cols"))

	Label("rowdone")
	MOVQ(t.mrem, ax)
	SUBQ(U8(t.rows), ax)
	JLE(LabelRef("done"))
	MOVQ(ax, t.mrem)
	shift := U8(1)
	if t.rows == 4 {
		shift = 2
	}
	ADDQ(U8(t.rows), t.i0)
	field(fAi, ax)
	SHLQ(shift, ax)
	ADDQ(ax, t.arow)
	field(fCi, ax)
	SHLQ(shift, ax)
	ADDQ(ax, t.crow)
	ADDQ(ax, t.c0row)
	field(fCj, ax)
	SHLQ(shift, ax)
	ADDQ(ax, t.mrow)
	JMP(LabelRef("rows"))
}

// widths jumps to the tile for the columns that remain.
func (t *target) widths(prefix string, cols int) {
	for nr := cols; nr > 1; nr-- {
		CMPQ(t.nrem, U8(nr))
		JGE(LabelRef(fmt.Sprintf("%s_%d", prefix, nr)))
	}
	JMP(LabelRef(prefix + "_1"))
}

// tile computes mr×nr entries, of row i those up to column i + off, and mirrors
// them where asked; a tile alone is all of C.
func (t *target) tile(label string, mr, nr, off int, mirror, alone bool) {
	Label(label)
	wanted := func(i, j int) bool { return j <= i+off }
	acc := func(i, j int) reg.VecPhysical { return t.v[i*t.cols+j] }
	b := func(j int) reg.VecPhysical { return t.v[t.rows*t.cols+j] }
	a := func(i int) reg.VecPhysical { return t.v[t.rows*t.cols+t.cols+i] }
	entry := func(p, stride, triple reg.Register, i int) Mem {
		switch i {
		case 0:
			return at(p, 0)
		case 3:
			return cell(p, triple, 1)
		}
		return cell(p, stride, uint8(i))
	}
	step := func(first bool) {
		for j := range nr {
			VMOVUPD(entry(bx, r12, r13, j), b(j))
		}
		for i := range mr {
			VMOVUPD(entry(ax, r8, r10, i), a(i))
			for j := range nr {
				switch {
				case !wanted(i, j):
				case first:
					VMULPD(b(j), a(i), acc(i, j))
				default:
					VFMADD231PD(b(j), a(i), acc(i, j))
				}
			}
		}
	}
	if alone && nr == 4 {
		LEAQ(cell(r12, r12, 2), r13)
	}
	step(true)
	DECQ(cx)
	JEQ(LabelRef(label + "_out"))
	Label(label + "_k")
	ADDQ(r9, ax)
	ADDQ(r11, bx)
	step(false)
	DECQ(cx)
	JNE(LabelRef(label + "_k"))

	Label(label + "_out")
	field(fCi, r9)
	field(fCj, r8)
	LEAQ(cell(r8, r8, 2), r10)
	if alone {
		t.operand(fC, 0, dx)
	} else {
		MOVQ(t.ccol, dx)
	}
	if mirror {
		LEAQ(cell(r9, r9, 2), r12)
		if alone {
			MOVQ(dx, ax)
		} else {
			MOVQ(t.mcol, ax)
		}
	}
	MOVL(at(ip, fMode), reg.ECX)
	TESTL(reg.ECX, reg.ECX)
	JEQ(LabelRef(label + "_store"))
	if alone {
		t.operand(fC0, 0, bx)
	} else {
		MOVQ(t.c0col, bx)
	}
	CMPL(reg.ECX, U8(modeAdd))
	JEQ(LabelRef(label + "_add"))
	CMPL(reg.ECX, U8(modeSub))
	JEQ(LabelRef(label + "_sub"))
	scalar := b(0) // free by now
	tmp := b(1)
	VBROADCASTSD(at(ip, fS), scalar)
	CMPL(reg.ECX, U8(modeFMA))
	JEQ(LabelRef(label + "_fma"))
	for i := range mr {
		for j := range nr {
			if wanted(i, j) {
				VMULPD(scalar, acc(i, j), acc(i, j))
			}
		}
	}
	JMP(LabelRef(label + "_store"))
	for _, mode := range []string{"_add", "_sub", "_fma"} {
		Label(label + mode)
		for i := range mr {
			if i > 0 {
				ADDQ(r9, bx)
			}
			for j := range nr {
				if !wanted(i, j) {
					continue
				}
				from := entry(bx, r8, r10, j)
				switch mode {
				case "_add":
					VADDPD(from, acc(i, j), acc(i, j))
				case "_sub":
					VMOVUPD(from, tmp)
					VSUBPD(acc(i, j), tmp, acc(i, j))
				case "_fma":
					VFMADD213PD(from, scalar, acc(i, j))
				}
			}
		}
		if mode != "_fma" {
			JMP(LabelRef(label + "_store"))
		}
	}
	Label(label + "_store")
	for i := range mr {
		if i > 0 {
			ADDQ(r9, dx)
			if mirror {
				ADDQ(r8, ax)
			}
		}
		for j := range nr {
			if !wanted(i, j) {
				continue
			}
			VMOVUPD(acc(i, j), entry(dx, r8, r10, j))
			if mirror && !(nr == off+mr && j == i+off) {
				VMOVUPD(acc(i, j), entry(ax, r9, r12, j))
			}
		}
	}
	if alone {
		JMP(LabelRef("done"))
	} else {
		JMP(LabelRef("tiled"))
	}
}

// single: see kindTile; what is more than one tile here goes to mul.
func (t *target) single() {
	Label("tile")
	field(fM, dx)
	if t.rows < straightMax {
		CMPQ(dx, U8(t.rows))
		JGT(LabelRef("mul"))
	}
	t.operand(fA, 0, ax)
	t.operand(fB, 0, bx)
	field(fN, r13)
	field(fK, cx)
	field(fAi, r8)
	field(fAp, r9)
	LEAQ(cell(r8, r8, 2), r10)
	field(fBp, r11)
	field(fBj, r12)
	TESTL(U32(flagSym), at(ip, fFlags))
	JNE(LabelRef("triangle"))
	for mr := 1; mr <= t.rows; mr++ {
		if mr < t.rows {
			CMPQ(dx, U8(mr))
			JNE(LabelRef(fmt.Sprintf("above%d", mr)))
		}
		for nr := 1; nr < t.cols; nr++ {
			CMPQ(r13, U8(nr))
			JEQ(LabelRef(fmt.Sprintf("alone%d_%d", mr, nr)))
		}
		JMP(LabelRef(fmt.Sprintf("alone%d_%d", mr, t.cols)))
		if mr < t.rows {
			Label(fmt.Sprintf("above%d", mr))
		}
	}
	Label("triangle")
	for mr := 1; mr < t.rows; mr++ {
		CMPQ(dx, U8(mr))
		JEQ(LabelRef(fmt.Sprintf("triangle%d", mr)))
	}
	JMP(LabelRef(fmt.Sprintf("triangle%d", t.rows)))
	for mr := 1; mr <= t.rows; mr++ {
		for nr := 1; nr <= t.cols; nr++ {
			t.tile(fmt.Sprintf("alone%d_%d", mr, nr), mr, nr, nr, false, true)
		}
		t.tile(fmt.Sprintf("triangle%d", mr), mr, mr, 0, true, true)
	}
}

// dot: see kindDot.
func (t *target) dot() {
	Label("dot")
	t.operand(fA, flagA, ax)
	t.operand(fB, flagB, bx)
	field(fN, cx)
	for i := range 4 {
		t.zero(i)
	}
	Label("dot4")
	SUBQ(U8(4), cx)
	JLT(LabelRef("dotrest"))
	for i := range 4 {
		VMOVUPD(at(ax, vec*i), t.v[4+i])
	}
	for i := range 4 {
		VFMADD231PD(at(bx, vec*i), t.v[4+i], t.v[i])
	}
	ADDQ(U32(4*vec), ax)
	ADDQ(U32(4*vec), bx)
	JMP(LabelRef("dot4"))
	Label("dotrest")
	ADDQ(U8(4), cx)
	for i := range 3 {
		JEQ(LabelRef("dotsum"))
		VMOVUPD(at(ax, vec*i), t.v[4])
		VFMADD231PD(at(bx, vec*i), t.v[4], t.v[i])
		if i < 2 {
			DECQ(cx)
		}
	}
	Label("dotsum")
	VADDPD(t.v[1], t.v[0], t.v[0])
	VADDPD(t.v[3], t.v[2], t.v[2])
	VADDPD(t.v[2], t.v[0], t.v[0])
	field(fC, dx)
	VMOVUPD(t.v[0], cell(dx, base, 1))
	JMP(LabelRef("done"))
}

// lin: see kindLin.
func (t *target) lin() {
	Label("lin")
	t.operand(fA, 0, ax)
	t.operand(fC0, 0, bx)
	t.operand(fC, 0, dx)
	field(fN, cx)
	MOVL(at(ip, fMode), reg.R8L)
	v, w := t.v[0], t.v[1]
	VBROADCASTSD(at(ip, fS), w)
	for mode, name := range []string{"set", "add", "sub", "fma", "scale", "lanes"} {
		if mode < modeLanes {
			CMPL(reg.R8L, U8(mode))
			JNE(LabelRef(fmt.Sprintf("lin%d", mode+1)))
		} else {
			t.operand(fB, 0, r9)
			VMOVUPD(at(r9, 0), w)
		}
		Label("lin" + name)
		VMOVUPD(at(ax, 0), v)
		switch mode {
		case modeAdd:
			VADDPD(at(bx, 0), v, v)
		case modeSub:
			VMOVUPD(at(bx, 0), t.v[2])
			VSUBPD(v, t.v[2], v)
		case modeFMA:
			VFMADD213PD(at(bx, 0), w, v)
		case modeScale, modeLanes:
			VMULPD(w, v, v)
		}
		VMOVUPD(v, at(dx, 0))
		ADDQ(U8(vec), ax)
		ADDQ(U8(vec), dx)
		if mode == modeAdd || mode == modeSub || mode == modeFMA {
			ADDQ(U8(vec), bx)
		}
		DECQ(cx)
		JNE(LabelRef("lin" + name))
		JMP(LabelRef("done"))
		if mode < modeLanes {
			Label(fmt.Sprintf("lin%d", mode+1))
		}
	}
}

// cholesky: see kindCholesky.
func (t *target) cholesky() {
	Label("cholesky")
	t.operand(fC, 0, r8)  // row i of L
	t.operand(fA, 0, r10) // row i of A
	field(fCi, r13)
	v, ones, scale := t.v[0], t.v[1], t.v[2]
	t.constant(one, 1)
	VBROADCASTSD(at(ip, fS), scale)
	XORQ(r11, r11) // 64 i
	Label("chrow")
	t.operand(fC, 0, r9) // row j of L
	XORQ(r12, r12)       // 64 j
	Label("chcol")
	VMOVUPD(cell(r10, r12, 1), v)
	CMPQ(r12, r11)
	JNE(LabelRef("chinner"))
	VMULPD(scale, v, v)
	Label("chinner")
	XORQ(ax, ax)
	Label("chp")
	CMPQ(ax, r12)
	JEQ(LabelRef("chend"))
	VMOVUPD(cell(r8, ax, 1), t.v[3])
	VFNMADD231PD(cell(r9, ax, 1), t.v[3], v)
	ADDQ(U8(vec), ax)
	JMP(LabelRef("chp"))
	Label("chend")
	CMPQ(r12, r11)
	JEQ(LabelRef("chpivot"))
	VMULPD(cell(r9, r12, 1), v, v)
	VMOVUPD(v, cell(r8, r12, 1))
	ADDQ(U8(vec), r12)
	ADDQ(r13, r9)
	JMP(LabelRef("chcol"))
	Label("chpivot")
	VSQRTPD(v, v)
	VDIVPD(v, ones, v)
	VMOVUPD(v, cell(r8, r12, 1))
	ADDQ(r13, r8)
	ADDQ(r13, r10)
	ADDQ(U8(vec), r11)
	CMPQ(r11, r13)
	JNE(LabelRef("chrow"))
	JMP(LabelRef("done"))
}

// solve: see kindSolve. Offsets: r11 = 64 i, r12 = 64 j.
func (t *target) solve() {
	Label("solve")
	t.operand(fA, 0, r8) // row i of L
	t.operand(fC, 0, r9) // row i of B
	field(fCi, r10)
	field(fAi, r13)
	v := t.v[0]
	XORQ(r11, r11)
	Label("fwrow")
	XORQ(r12, r12)
	Label("fwcol")
	VMOVUPD(cell(r9, r12, 1), v)
	t.operand(fC, 0, bx) // B[p][j]
	ADDQ(r12, bx)
	XORQ(ax, ax)
	Label("fwp")
	CMPQ(ax, r11)
	JEQ(LabelRef("fwend"))
	VMOVUPD(cell(r8, ax, 1), t.v[1])
	VFNMADD231PD(at(bx, 0), t.v[1], v)
	ADDQ(U8(vec), ax)
	ADDQ(r10, bx)
	JMP(LabelRef("fwp"))
	Label("fwend")
	VMULPD(cell(r8, r11, 1), v, v)
	VMOVUPD(v, cell(r9, r12, 1))
	ADDQ(U8(vec), r12)
	CMPQ(r12, r10)
	JNE(LabelRef("fwcol"))
	ADDQ(r13, r8)
	ADDQ(r10, r9)
	ADDQ(U8(vec), r11)
	CMPQ(r11, r13)
	JNE(LabelRef("fwrow"))

	Label("bwrow")
	SUBQ(r13, r8)
	SUBQ(r10, r9)
	SUBQ(U8(vec), r11)
	XORQ(r12, r12)
	Label("bwcol")
	VMOVUPD(cell(r9, r12, 1), v)
	// Below row i: ax runs along column i of L, bx along column j of B.
	LEAQ(cell(r8, r13, 1), ax)
	ADDQ(r11, ax)
	LEAQ(cell(r9, r10, 1), bx)
	ADDQ(r12, bx)
	LEAQ(Mem{Base: r11, Disp: vec}, cx)
	Label("bwp")
	CMPQ(cx, r13)
	JEQ(LabelRef("bwend"))
	VMOVUPD(at(ax, 0), t.v[1])
	VFNMADD231PD(at(bx, 0), t.v[1], v)
	ADDQ(r13, ax)
	ADDQ(r10, bx)
	ADDQ(U8(vec), cx)
	JMP(LabelRef("bwp"))
	Label("bwend")
	VMULPD(cell(r8, r11, 1), v, v)
	VMOVUPD(v, cell(r9, r12, 1))
	ADDQ(U8(vec), r12)
	CMPQ(r12, r10)
	JNE(LabelRef("bwcol"))
	TESTQ(r11, r11)
	JNE(LabelRef("bwrow"))
	JMP(LabelRef("done"))
}

// control: the loops. They see both halves at once.
func (t *target) control() {
	Label("loop")
	MOVQ(U32(0), t.idx)
	field(fC, ax)
	MOVQ(cell(ax, base, 1), bx)
	MOVQ(bx, t.count)
	TESTQ(bx, bx)
	JNE(LabelRef("advance"))
	jump()

	Label("next")
	field(fCi, ax)
	ADDQ(ax, t.idx)
	DECQ(t.count)
	JEQ(LabelRef("advance"))
	jump()

	halves := []int{0, 32}
	if t.wide {
		halves = []int{0}
	}
	Label("reset")
	MOVQ(U32(0), t.idx)
	MOVQ(U32(1), t.count)
	t.zero(0)
	t.operand(fC, 0, ax)
	t.operand(fC0, 0, bx)
	for _, h := range halves {
		VMOVUPD(t.v[0], at(ax, h))
		VMOVUPD(t.v[0], at(bx, h))
	}
	JMP(LabelRef("advance"))

	Label("keep")
	const gt, le = 0x1e, 0x12 // ordered, quiet
	t.constant(powersEnd, 1)
	t.constant(powersMax, 2)
	t.operand(fA, 0, r8)  // norms
	t.operand(fB, 0, r9)  // their sums
	t.operand(fC, 0, r10) // mask
	t.operand(fC0, 0, r11)
	field(fK, r12)
	XORQ(cx, cx) // lanes to keep
	if t.wide {
		VPTERNLOGQ(U8(255), t.v[3], t.v[3], t.v[3])
		VMOVUPD(at(r8, 0), t.v[0])
		VADDPD(at(r9, 0), t.v[0], t.v[4])
		VMOVUPD(t.v[4], at(r9, 0))
		VCMPPD(U8(gt), t.v[1], t.v[0], reg.K1)
		VCMPPD(U8(le), t.v[2], t.v[0], reg.K2)
		KANDW(reg.K1, reg.K2, reg.K1)
		KNOTW(reg.K2, reg.K2)
		KMOVW(reg.K1, reg.ECX)
		ANDL(U32(255), reg.ECX)
		VMOVAPD_Z(t.v[3], reg.K1, t.v[4])
		VMOVUPD(t.v[4], at(r10, 0))
		VMOVAPD_Z(t.v[3], reg.K2, t.v[5])
		VPORQ(at(r11, 0), t.v[5], t.v[5])
		CMPQ(r12, t.count)
		JNE(LabelRef("room"))
		VPORQ(t.v[4], t.v[5], t.v[5])
		Label("room")
		VMOVUPD(t.v[5], at(r11, 0))
	} else {
		VPCMPEQQ(t.v[3], t.v[3], t.v[3])
		for _, h := range halves {
			VMOVUPD(at(r8, h), t.v[0])
			VADDPD(at(r9, h), t.v[0], t.v[4])
			VMOVUPD(t.v[4], at(r9, h))
			VCMPPD(U8(gt), t.v[1], t.v[0], t.v[4])
			VCMPPD(U8(le), t.v[2], t.v[0], t.v[5])
			VANDPD(t.v[5], t.v[4], t.v[4])
			VXORPD(t.v[3], t.v[5], t.v[5])
			VMOVMSKPD(t.v[4], reg.EAX)
			if h > 0 {
				SHLL(U8(4), reg.EAX)
			}
			ORL(reg.EAX, reg.ECX)
			VMOVUPD(t.v[4], at(r10, h))
			VORPD(at(r11, h), t.v[5], t.v[5])
			room := fmt.Sprintf("room%d", h)
			CMPQ(r12, t.count)
			JNE(LabelRef(room))
			VORPD(t.v[4], t.v[5], t.v[5])
			Label(room)
			VMOVUPD(t.v[5], at(r11, h))
		}
	}
	MOVQ(cx, t.alive)
	TESTQ(cx, cx)
	JEQ(LabelRef("over"))
	CMPQ(r12, t.count)
	JNE(LabelRef("advance"))
	Label("over")
	t.operand(fAi, 0, ax)
	MOVQ(t.count, bx)
	MOVQ(bx, at(ax, 0))
	jump()

	Label("mask")
	CMPQ(t.alive, U32(255))
	JEQ(LabelRef("masked"))
	t.operand(fA, 0, ax)
	t.operand(fC, 0, bx)
	ADDQ(t.idx, bx)
	field(fN, cx)
	for i, h := range halves {
		VMOVUPD(at(ax, h), t.v[i])
	}
	Label("maskone")
	for i, h := range halves {
		if t.wide {
			VPANDQ(at(bx, h), t.v[i], t.v[4])
		} else {
			VANDPD(at(bx, h), t.v[i], t.v[4])
		}
		VMOVUPD(t.v[4], at(bx, h))
	}
	ADDQ(U8(vec), bx)
	DECQ(cx)
	JNE(LabelRef("maskone"))
	Label("masked")
	field(fCi, ax)
	ADDQ(ax, t.idx)
	INCQ(t.count)
	jump()
}

// twoSum: see kindTwoSum.
func (t *target) twoSum() {
	Label("twosum")
	t.operand(fA, 0, ax)
	t.operand(fB, 0, bx)
	t.operand(fC, 0, dx)
	field(fN, cx)
	field(fCi, r8)
	Label("twosumone")
	x, y, s, u, w := t.v[0], t.v[1], t.v[2], t.v[3], t.v[4]
	VMOVUPD(at(ax, 0), x)
	VMOVUPD(at(bx, 0), y)
	VADDPD(y, x, s)
	VSUBPD(x, s, u) // t = s − x
	VSUBPD(u, s, w)
	VSUBPD(w, x, w) // x − (s − t)
	VSUBPD(u, y, u) // y − t
	VADDPD(u, w, w)
	VMOVUPD(cell(ax, r8, 1), x)
	VADDPD(cell(bx, r8, 1), x, x)
	VADDPD(x, w, w)
	VMOVUPD(s, at(dx, 0))
	VMOVUPD(w, cell(dx, r8, 1))
	ADDQ(U8(vec), ax)
	ADDQ(U8(vec), bx)
	ADDQ(U8(vec), dx)
	DECQ(cx)
	JNE(LabelRef("twosumone"))
	JMP(LabelRef("done"))
}

// straightMax is that of kernel.go.
const straightMax = 4

// sizes dispatches on n to the straight code of an operation; without any, the
// operations that follow do the same.
func (t *target) sizes(name string, emit func(n int)) {
	Label(name)
	if !t.wide {
		JMP(LabelRef("advance"))
		return
	}
	field(fN, cx)
	for n := 2; n < straightMax; n++ {
		CMPQ(cx, U8(n))
		JEQ(LabelRef(fmt.Sprintf("%s%d", name, n)))
	}
	for n := straightMax; n >= 2; n-- {
		Label(fmt.Sprintf("%s%d", name, n))
		emit(n)
	}
}

// squares: see Program.Powers. The sum is in v[31], the limits in v[30] and
// v[29], the norm in v[28]; K1 is what to keep, K3 what is bad; bx counts.
func (t *target) squares() {
	t.sizes("squares", func(n int) {
		label := func(s string) string { return fmt.Sprintf("squares%d%s", n, s) }
		sum, end, most, norm := t.v[31], t.v[30], t.v[29], t.v[28]
		t.constant(powersEnd, 30)
		t.constant(powersMax, 29)
		t.zero(31)
		KXORW(reg.K3, reg.K3, reg.K3)
		t.operand(fA, 0, r8)
		field(fK, r12)
		MOVQ(U32(1), bx)
		entry := func(i int) Mem { return at(r8, vec*i) }
		acc := func(i int) reg.VecPhysical { return t.v[i] }
		// The norm of the n² numbers in acc, in the chains of dot.
		squared := func() {
			s := func(c int) reg.VecPhysical { return t.v[20+c] }
			for i := range n * n {
				if i < 4 {
					VMULPD(acc(i), acc(i), s(i))
				} else {
					VFMADD231PD(acc(i), acc(i), s(i%4))
				}
			}
			VADDPD(s(1), s(0), s(0))
			VADDPD(s(3), s(2), s(2))
			VADDPD(s(2), s(0), norm)
		}
		for i := range n * n {
			VMOVUPD(entry(i), acc(i))
		}
		squared()

		Label(label("keep"))
		const gt, le = 0x1e, 0x12
		VADDPD(norm, sum, sum)
		VCMPPD(U8(gt), end, norm, reg.K1)
		VCMPPD(U8(le), most, norm, reg.K2)
		KANDW(reg.K1, reg.K2, reg.K1)
		KNOTW(reg.K2, reg.K2)
		KORW(reg.K2, reg.K3, reg.K3)
		KMOVW(reg.K1, reg.ECX)
		ANDL(U32(255), reg.ECX)
		JEQ(LabelRef(label("over")))
		CMPQ(r12, bx)
		JEQ(LabelRef(label("full")))
		for p := range n {
			for j := range n {
				VMOVUPD(entry(p*n+j), t.v[16+j])
			}
			for i := range n {
				a := t.v[20+i]
				VMOVUPD(entry(i*n+p), a)
				for j := range n {
					if p == 0 {
						VMULPD(t.v[16+j], a, acc(i*n+j))
					} else {
						VFMADD231PD(t.v[16+j], a, acc(i*n+j))
					}
				}
			}
		}
		CMPL(reg.ECX, U32(255))
		JEQ(LabelRef(label("all")))
		for i := range n * n {
			VMOVAPD_Z(acc(i), reg.K1, acc(i))
		}
		Label(label("all"))
		ADDQ(U32(vec*n*n), r8)
		INCQ(bx)
		for i := range n * n {
			VMOVUPD(acc(i), entry(i))
		}
		squared()
		JMP(LabelRef(label("keep")))

		Label(label("full"))
		KORW(reg.K1, reg.K3, reg.K3)
		Label(label("over"))
		t.operand(fAi, 0, ax)
		MOVQ(bx, at(ax, 0))
		ones := t.v[0]
		VPTERNLOGQ(U8(255), ones, ones, ones)
		store := func(f int, v reg.VecPhysical) {
			field(f, ax)
			VMOVUPD(v, cell(ax, base, 1))
		}
		store(fB, norm)
		store(fCi, sum)
		VMOVAPD_Z(ones, reg.K1, t.v[1])
		store(fC, t.v[1])
		VMOVAPD_Z(ones, reg.K3, t.v[1])
		store(fC0, t.v[1])
		jump()
	})
}

// double: see Program.DoubleBoth. The lower triangles are in registers; up to
// n = 3 they stay there from one power to the next.
func (t *target) double() {
	t.sizes("double", func(n int) {
		size := n * (n + 1) / 2
		stay := n < 4
		for _, which := range []int{flagA | flagB, flagA, flagB} {
			next := fmt.Sprintf("double%d_not%d", n, which)
			if which != flagB {
				CMPL(at(ip, fFlags), U8(which))
				JNE(LabelRef(next))
			}
			label := fmt.Sprintf("double%d_%d", n, which)
			t.operand(fA, 0, r8)
			t.operand(fC, 0, r9)
			t.operand(fC0, 0, r10)
			field(fB, bx)
			MOVQ(cell(bx, base, 1), bx)
			both := which == flagA|flagB
			x := &lower{t: t, n: n, at: r9, from: 0, stay: stay}
			y := &lower{t: t, n: n, at: r9, from: 0, stay: stay, transpose: true}
			if both {
				y.at, y.from = r10, size
			}
			if both && !stay {
				y.from = 0
			}
			var all []*lower
			if which&flagA != 0 {
				all = append(all, x)
			}
			if which&flagB != 0 {
				all = append(all, y)
			}
			if stay {
				for _, m := range all {
					m.load()
				}
			}
			TESTQ(bx, bx)
			JEQ(LabelRef(label + "_end"))
			Label(label)
			for _, m := range all {
				m.double(r8)
			}
			ADDQ(U32(vec*n*n), r8)
			DECQ(bx)
			JNE(LabelRef(label))
			Label(label + "_end")
			for _, m := range all {
				m.mirror()
			}
			jump()
			if which != flagB {
				Label(next)
			}
		}
	})
}

// lower is the lower triangle of a symmetric n×n matrix, at an address and, from
// v[from] on, in registers.
type lower struct {
	t         *target
	n         int
	at        reg.Register
	from      int
	stay      bool // in registers
	transpose bool
}

func (m *lower) reg(i, j int) reg.VecPhysical {
	i, j = max(i, j), min(i, j)
	return m.t.v[m.from+i*(i+1)/2+j]
}

func (m *lower) load() {
	for i := range m.n {
		for j := range i + 1 {
			VMOVUPD(at(m.at, vec*(i*m.n+j)), m.reg(i, j))
		}
	}
}

// double: X ← X + (A X) Aᵀ, or X + (Aᵀ X) A, A at a.
func (m *lower) double(a reg.Register) {
	n := m.n
	left := func(i, p int) Mem { // of A or Aᵀ
		if m.transpose {
			i, p = p, i
		}
		return at(a, vec*(i*n+p))
	}
	if !m.stay {
		m.load()
	}
	free := 12
	take := func() reg.VecPhysical { free++; return m.t.v[free-1] }
	f := take()
	row := func(i int) (t []reg.VecPhysical) {
		for range n {
			t = append(t, take())
		}
		for p := range n {
			VMOVUPD(left(i, p), f)
			for j := range n {
				if p == 0 {
					VMULPD(m.reg(p, j), f, t[j])
				} else {
					VFMADD231PD(m.reg(p, j), f, t[j])
				}
			}
		}
		return t
	}
	// Columns of the right factor are rows of the left one.
	update := func(i int, t, acc []reg.VecPhysical) {
		for p := range n {
			for j := range i + 1 {
				if p == 0 {
					VMULPD(left(j, p), t[p], acc[j])
				} else {
					VFMADD231PD(left(j, p), t[p], acc[j])
				}
			}
		}
		for j := range i + 1 {
			if m.stay {
				VADDPD(m.reg(i, j), acc[j], m.reg(i, j))
				continue
			}
			VADDPD(m.reg(i, j), acc[j], acc[j])
			VMOVUPD(acc[j], at(m.at, vec*(i*n+j)))
		}
	}
	var acc []reg.VecPhysical
	for range n {
		acc = append(acc, take())
	}
	if m.stay {
		var t [][]reg.VecPhysical
		for i := range n {
			t = append(t, row(i))
		}
		for i := range n {
			update(i, t[i], acc)
		}
		return
	}
	mark := free
	for i := range n {
		free = mark
		update(i, row(i), acc)
	}
}

// mirror completes the matrix in memory.
func (m *lower) mirror() {
	for i := range m.n {
		for j := range i + 1 {
			v := m.reg(i, j)
			if !m.stay {
				if i == j {
					continue
				}
				VMOVUPD(at(m.at, vec*(i*m.n+j)), v)
			} else {
				VMOVUPD(v, at(m.at, vec*(i*m.n+j)))
			}
			if i != j {
				VMOVUPD(v, at(m.at, vec*(j*m.n+i)))
			}
		}
	}
}
