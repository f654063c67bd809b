// Package kernel runs short programs of matrix operations on eight tasks at
// once.
//
// A Vec holds one number of each of eight tasks, its lanes; a matrix is Vecs
// with a stride between rows and one between columns, so that a transpose is a
// view. All operands of a program lie in one slab of Vecs, which stays in the
// cache while the program runs; the operations are data, so that nothing but
// arithmetic happens between the first and the last.
//
// Lanes never mix: what is in one, NaN included, does not reach another. Every
// entry of a product is the chain
//
//	fma(a_{k−1}, b_{k−1}, … fma(a₁, b₁, a₀ b₀)),
//
// whatever the tiling, so that the three implementations (AVX-512, AVX2, and
// plain Go with math.FMA) give the same bits. The assembly is chosen once, at
// the start, by what the processor has; the build tag purego leaves it out. It
// is generated, by go generate, and committed:
//
//	go generate ./fleet/internal/kernel && git diff --exit-code fleet/internal/kernel
package kernel

//go:generate sh -c "cd gen && go run . -out ../run_amd64.s"

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/simd"
)

// Lanes is the number of tasks in a Vec.
const Lanes = 8

// A Vec is one number of each lane.
type Vec = [Lanes]float64

const (
	vecBytes = 8 * Lanes

	// PowersEnd ends the powers of a lane: with ‖A^(2^k)‖²_F at or below it,
	// what the rest would add to X is below 2⁻⁶² of X, as in matrixeq.
	PowersEnd = 0x1p-31
	// PowersMax is a ‖A^(2^k)‖²_F at which a lane is given up.
	PowersMax = 0x1p200
)

type kind int32

// The operations; their fields are in the constructors below. The generator of
// the assembly has the same numbers.
const (
	kindEnd kind = iota
	kindMul
	kindDot
	kindLin
	kindCholesky
	kindSolve
	kindLoop
	kindNext
	kindReset
	kindKeep
	kindMask
	kindTwoSum
	kindSquares
	kindDouble
	kindTile
)

// What becomes of a product or of an element: mode.
const (
	modeSet   = iota // x
	modeAdd          // c0 + x
	modeSub          // c0 − x
	modeFMA          // fma(s, x, c0)
	modeScale        // s x
	modeLanes        // x times the Vec b (kindLin only)
)

// What an operation does beside: flags.
const (
	flagSym = 1 << iota // compute the lower triangle and mirror it
	flagA               // a, b, c move with the loop
	flagB
	flagC
)

// op is one operation. Offsets and strides are in bytes. The generator of the
// assembly has the same layout.
type op struct {
	kind, mode             int32
	m, k, n                int32
	c, c0, a, b            int32
	ci, cj, ai, ap, bp, bj int32
	flags                  int32
	s                      float64
}

// A Mat is a matrix within a slab.
type Mat struct {
	Rows, Cols int
	at, ri, ci int // offset and strides, in Vecs
	moves      bool
}

// T is the transpose, a view.
func (m Mat) T() Mat {
	m.Rows, m.Cols, m.ri, m.ci = m.Cols, m.Rows, m.ci, m.ri
	return m
}

// Len is the number of entries.
func (m Mat) Len() int { return m.Rows * m.Cols }

// At is the offset of the first entry in the slab; the entries follow row by
// row unless the matrix is a transpose.
func (m Mat) At() int { return m.at }

// Of returns the entries in a slab, row by row.
func (m Mat) Of(slab []Vec) []Vec { return slab[m.at : m.at+m.Len() : m.at+m.Len()] }

// Row is row i as a 1×Cols matrix.
func (m Mat) Row(i int) Mat {
	m.at += i * m.ri
	m.Rows = 1
	return m
}

// Entry is the entry (i, j) as a 1×1 matrix.
func (m Mat) Entry(i, j int) Mat {
	m.at += i*m.ri + j*m.ci
	m.Rows, m.Cols = 1, 1
	return m
}

// Tail is the entries from number from on, as a rows×cols matrix.
func (m Mat) Tail(from, rows, cols int) Mat {
	if !m.contiguous() || from+rows*cols > m.Len() {
		panic("kernel: no such tail")
	}
	return Mat{Rows: rows, Cols: cols, at: m.at + from, ri: cols, ci: 1}
}

func (m Mat) end() int { return m.at + (m.Rows-1)*m.ri + (m.Cols-1)*m.ci + 1 }

func (m Mat) contiguous() bool {
	return (m.Cols == 1 || m.ci == 1) && (m.Rows == 1 || m.ri == m.Cols)
}

// A Layout hands out places in a slab.
type Layout struct{ size int }

// Size is the number of Vecs handed out.
func (l *Layout) Size() int { return l.size }

// Mat is a place for a matrix.
func (l *Layout) Mat(rows, cols int) Mat {
	m := Mat{Rows: rows, Cols: cols, at: l.size, ri: cols, ci: 1}
	l.size += rows * cols
	return m
}

// Powers is a place for A and its powers A^(2^k), and for what their
// computation finds.
type Powers struct {
	First Mat // A
	Sum   Mat // Σ ‖A^(2^k)‖²_F over the powers formed, 1×1
	Bad   Mat // zero where they ended, not where they grew or were too many, 1×1
	norm  Mat
	mask  Mat
	count Mat // its first lane holds an int64
	max   int
}

// Powers is a place for up to limit powers of an n×n matrix.
func (l *Layout) Powers(n, limit int) Powers {
	w := Powers{
		Sum: l.Mat(1, 1), Bad: l.Mat(1, 1), norm: l.Mat(1, 1), mask: l.Mat(1, 1), count: l.Mat(1, 1),
		First: l.Mat(n, n), max: limit,
	}
	l.size += (limit - 1) * n * n
	return w
}

// Count is the number of powers that a program formed.
func (w Powers) Count(slab []Vec) int { return int(math.Float64bits(slab[w.count.at][0])) }

// A Program is a sequence of operations. Building it checks shapes, and a
// mistake in them panics.
type Program struct {
	ops    []op
	extent int // Vecs it touches
}

func (p *Program) touch(m Mat) Mat {
	p.extent = max(p.extent, m.end())
	return m
}

// tileMax: a product of at most as many rows and columns, with nothing that
// moves, is one tile of the AVX-512 code, and done without the loops over tiles.
const tileMax = 4

func (p *Program) mul(mode, flags int, c, c0, a, b Mat, s float64) {
	if a.Cols != b.Rows || c.Rows != a.Rows || c.Cols != b.Cols || a.Cols == 0 ||
		c0.Rows != c.Rows || c0.Cols != c.Cols || flags&flagSym != 0 && c.Rows != c.Cols {
		panic(fmt.Sprintf("kernel: %d×%d from %d×%d times %d×%d", c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	if c0.ri != c.ri || c0.ci != c.ci {
		panic("kernel: c0 and c are laid out differently")
	}
	for _, m := range []Mat{c, c0, a, b} {
		p.touch(m)
	}
	if a.moves {
		flags |= flagA
	}
	if b.moves {
		flags |= flagB
	}
	if c.moves {
		flags |= flagC
	}
	what := kindMul
	if c.Rows <= tileMax && c.Cols <= tileMax && flags&(flagA|flagB|flagC) == 0 {
		what = kindTile
	}
	p.ops = append(p.ops, op{
		kind: int32(what), mode: int32(mode), flags: int32(flags),
		m: int32(c.Rows), k: int32(a.Cols), n: int32(c.Cols),
		c: bytes(c.at), c0: bytes(c0.at), a: bytes(a.at), b: bytes(b.at),
		ci: bytes(c.ri), cj: bytes(c.ci), ai: bytes(a.ri), ap: bytes(a.ci), bp: bytes(b.ri), bj: bytes(b.ci),
		s: s,
	})
}

func bytes(vecs int) int32 { return int32(vecs * vecBytes) }

// Mul: C ← A B. C overlaps neither factor, here and below.
func (p *Program) Mul(c, a, b Mat) { p.mul(modeSet, 0, c, c, a, b, 0) }

// MulAdd: C ← C₀ + A B; C₀ may be C, here and below.
func (p *Program) MulAdd(c, c0, a, b Mat) { p.mul(modeAdd, 0, c, c0, a, b, 0) }

// MulSub: C ← C₀ − A B.
func (p *Program) MulSub(c, c0, a, b Mat) { p.mul(modeSub, 0, c, c0, a, b, 0) }

// MulFMA: C ← C₀ + s A B.
func (p *Program) MulFMA(c, c0 Mat, s float64, a, b Mat) { p.mul(modeFMA, 0, c, c0, a, b, s) }

// MulScale: C ← s A B.
func (p *Program) MulScale(c Mat, s float64, a, b Mat) { p.mul(modeScale, 0, c, c, a, b, s) }

// SymMul and its like compute the lower triangle and mirror it. Where A B is
// not symmetric, SymMul followed by SymAdd of Bᵀ Aᵀ forms A B + (A B)ᵀ.
func (p *Program) SymMul(c, a, b Mat)                    { p.mul(modeSet, flagSym, c, c, a, b, 0) }
func (p *Program) SymAdd(c, c0, a, b Mat)                { p.mul(modeAdd, flagSym, c, c0, a, b, 0) }
func (p *Program) SymSub(c, c0, a, b Mat)                { p.mul(modeSub, flagSym, c, c0, a, b, 0) }
func (p *Program) SymFMA(c, c0 Mat, s float64, a, b Mat) { p.mul(modeFMA, flagSym, c, c0, a, b, s) }
func (p *Program) SymScale(c Mat, s float64, a, b Mat)   { p.mul(modeScale, flagSym, c, c, a, b, s) }
func (p *Program) lin(mode int, c, c0, a, b Mat, s float64) {
	for _, m := range []Mat{c, c0, a} {
		if !m.contiguous() || m.Len() != c.Len() || m.moves {
			panic("kernel: elements in different order")
		}
		p.touch(m)
	}
	p.ops = append(p.ops, op{
		kind: int32(kindLin), mode: int32(mode), n: int32(c.Len()),
		c: bytes(c.at), c0: bytes(c0.at), a: bytes(a.at), b: bytes(p.touch(b).at), s: s,
	})
}

// Copy: C ← A, entry by entry, here and below; all may overlap if they are the
// same.
func (p *Program) Copy(c, a Mat) { p.lin(modeSet, c, c, a, a, 0) }

// Add: C ← C₀ + A.
func (p *Program) Add(c, c0, a Mat) { p.lin(modeAdd, c, c0, a, a, 0) }

// Sub: C ← C₀ − A.
func (p *Program) Sub(c, c0, a Mat) { p.lin(modeSub, c, c0, a, a, 0) }

// FMA: C ← C₀ + s A.
func (p *Program) FMA(c, c0 Mat, s float64, a Mat) { p.lin(modeFMA, c, c0, a, a, s) }

// Scale: C ← s A.
func (p *Program) Scale(c Mat, s float64, a Mat) { p.lin(modeScale, c, c, a, a, s) }

// Times: C ← A, each lane times that of the 1×1 w.
func (p *Program) Times(c, a, w Mat) { p.lin(modeLanes, c, c, a, w, 0) }

// Dot: the 1×1 C ← Σ Aᵢⱼ Bᵢⱼ, in four interleaved chains.
func (p *Program) Dot(c, a, b Mat) { p.dot(c, a, b, 0) }

func (p *Program) dot(c, a, b Mat, flags int) {
	if !a.contiguous() || !b.contiguous() || a.Len() != b.Len() {
		panic("kernel: elements in different order")
	}
	p.ops = append(p.ops, op{
		kind: int32(kindDot), n: int32(a.Len()), flags: int32(flags),
		c: bytes(p.touch(c).at), a: bytes(p.touch(a).at), b: bytes(p.touch(b).at),
	})
}

// Cholesky: L Lᵀ = A with its diagonal multiplied by s, from the lower triangle
// of A. The diagonal of L holds the reciprocals 1/lᵢᵢ; above it nothing is
// written. The factorisation succeeded in a lane where the last of them is
// positive and finite: a pivot that is not makes all later ones NaN. L may be A.
func (p *Program) Cholesky(l, a Mat, s float64) {
	if !l.contiguous() || !a.contiguous() || a.Rows != a.Cols || l.Rows != a.Rows || l.Cols != a.Cols {
		panic("kernel: not a square")
	}
	p.ops = append(p.ops, op{
		kind: int32(kindCholesky), n: int32(a.Rows), ci: bytes(a.Cols),
		c: bytes(p.touch(l).at), a: bytes(p.touch(a).at), s: s,
	})
}

// Solve: B ← (L Lᵀ)⁻¹ B, with L as Cholesky leaves it.
func (p *Program) Solve(l, b Mat) {
	if !l.contiguous() || !b.contiguous() || l.Rows != b.Rows {
		panic("kernel: shapes do not match")
	}
	p.ops = append(p.ops, op{
		kind: int32(kindSolve), m: int32(l.Rows), n: int32(b.Cols), ci: bytes(b.Cols), ai: bytes(l.Cols),
		c: bytes(p.touch(b).at), a: bytes(p.touch(l).at),
	})
}

// Powers: from A in w.First, its powers A^(2^k) until every lane has ended (see
// PowersEnd), is given up (see PowersMax), or there is no more room. A lane
// that is done has zeros for the powers that others still need, so that no
// lane's results depend on its neighbours.
func (p *Program) Powers(w Powers) {
	n := w.First.Rows
	at, next := w.First, w.First
	at.moves, next.moves = true, true
	next.at += n * n
	p.extent = max(p.extent, w.First.at+w.max*n*n)
	p.touch(w.count)
	p.ops = append(p.ops, op{kind: int32(kindReset), c: bytes(p.touch(w.Sum).at), c0: bytes(p.touch(w.Bad).at)})
	straight := p.straight(op{
		kind: int32(kindSquares), k: int32(w.max), n: int32(n), ai: bytes(w.count.at),
		a: bytes(w.First.at), b: bytes(w.norm.at), c: bytes(w.mask.at), c0: bytes(w.Bad.at), ci: bytes(w.Sum.at),
	})
	head := len(p.ops)
	p.dot(w.norm, w.First, w.First, flagA|flagB)
	keep := len(p.ops)
	p.ops = append(p.ops, op{
		kind: int32(kindKeep), k: int32(w.max), ai: bytes(w.count.at),
		a: bytes(p.touch(w.norm).at), b: bytes(w.Sum.at), c: bytes(p.touch(w.mask).at), c0: bytes(w.Bad.at),
	})
	p.mul(modeSet, 0, next, next, at, at, 0)
	p.ops = append(p.ops, op{
		kind: int32(kindMask), n: int32(n * n), c: bytes(next.at), a: bytes(w.mask.at), ci: bytes(n * n),
		m: int32(head - len(p.ops)),
	})
	p.ops[keep].m = int32(len(p.ops) - keep)
	straight()
}

// straightMax is the largest n for which a loop over powers has straight code.
const straightMax = 4

// straight begins operations that o does by itself where there is code for it,
// all of its n×n matrices in registers, and returns what ends them. The bits are
// the same; temporaries are not written.
func (p *Program) straight(o op) (end func()) {
	if o.n < 2 || o.n > straightMax {
		return func() {}
	}
	begin := len(p.ops)
	p.ops = append(p.ops, o)
	return func() { p.ops[begin].m = int32(len(p.ops) - begin) }
}

// Double: X ← Σ AʲXA′ʲ over j < 2^count, the solution of X = A X Aᵀ + (the X
// given), symmetric. t is a temporary.
//
// R. A. Smith, SIAM J. Appl. Math. 16 (1968), 198–201.
func (p *Program) Double(w Powers, x, t Mat) {
	a := w.First
	a.moves = true
	end := p.loop(w, flagA, x, x)
	p.Mul(t, a, x)
	p.SymAdd(x, x, t, a.T())
	end()
}

// DoubleT: the same for X = Aᵀ X A + (the X given).
func (p *Program) DoubleT(w Powers, x, t Mat) {
	a := w.First
	a.moves = true
	end := p.loop(w, flagB, x, x)
	p.Mul(t, a.T(), x)
	p.SymAdd(x, x, t, a)
	end()
}

// DoubleBoth is Double on x and DoubleT on y. Every product of one waits for the
// one before; those of the other fill the time.
func (p *Program) DoubleBoth(w Powers, x, t, y, u Mat) {
	a := w.First
	a.moves = true
	end := p.loop(w, flagA|flagB, x, y)
	p.Mul(t, a, x)
	p.Mul(u, a.T(), y)
	p.SymAdd(x, x, t, a.T())
	p.SymAdd(y, y, u, a)
	end()
}

// loop begins a loop over the powers that doubles x (flagA), and y with the
// transposes (flagB), and returns what ends it.
func (p *Program) loop(w Powers, flags int, x, y Mat) (end func()) {
	n := w.First.Rows
	straight := p.straight(op{
		kind: int32(kindDouble), n: int32(n), flags: int32(flags),
		a: bytes(w.First.at), b: bytes(w.count.at), c: bytes(p.touch(x).at), c0: bytes(p.touch(y).at),
	})
	begin := len(p.ops)
	p.ops = append(p.ops, op{kind: int32(kindLoop), c: bytes(w.count.at)})
	return func() {
		p.ops = append(p.ops, op{kind: int32(kindNext), ci: bytes(n * n), m: int32(begin + 1 - len(p.ops))})
		p.ops[begin].m = int32(len(p.ops) - begin)
		straight()
	}
}

// TwoSum adds two sums with the errors they carry: S ← Sₐ + S_b, with the
// rounding error of that (Knuth) and the errors of both in E. Each argument is
// 2×n, the sums in the first row, the errors in the second; C may be A or B.
func (p *Program) TwoSum(c, a, b Mat) {
	if c.Rows != 2 || !c.contiguous() || !a.contiguous() || !b.contiguous() || a.Cols != c.Cols || b.Cols != c.Cols {
		panic("kernel: shapes do not match")
	}
	p.ops = append(p.ops, op{
		kind: int32(kindTwoSum), n: int32(c.Cols), ci: bytes(c.Cols),
		c: bytes(p.touch(c).at), a: bytes(p.touch(a).at), b: bytes(p.touch(b).at),
	})
}

// Done closes a program, before it is run for the first time.
func (p *Program) Done() *Program {
	p.ops = append(p.ops, op{})
	return p
}

// Run runs a program on a slab.
func Run(slab []Vec, p *Program) {
	if len(slab) < p.extent || len(p.ops) == 0 || p.ops[len(p.ops)-1].kind != int32(kindEnd) {
		panic("kernel: the slab is too short, or the program not closed")
	}
	run(slab, p.ops)
}

// Paths are the names of the implementations that this processor has, and Use
// chooses one by its number: for tests, while nothing runs.
func Paths() []string {
	var names []string
	for _, p := range simd.Paths() {
		names = append(names, p.String())
	}
	return names
}

// Count runs a program in plain Go and returns the number of floating-point
// operations of its products, two for each fused multiply-add and lane.
func Count(slab []Vec, p *Program) int64 {
	if len(slab) < p.extent {
		panic("kernel: the slab is too short")
	}
	return twin(slab, p.ops)
}
